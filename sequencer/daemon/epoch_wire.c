#include "sequencer/daemon/epoch_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/control/stream_message.h"
#include "sequencer/core/panic.h"

/* A packed message and all that it points to. */
struct packed {
	Control__EpochMessage message; /* first: it is what the caller sees */
	Control__Member sender;
	char *sender_controls[RECORD_CONTROLS_MAX];
	Control__Member members[CHAIN_MAX];
	Control__Member *chain[CHAIN_MAX];
	char *controls[CHAIN_MAX][RECORD_CONTROLS_MAX];
	Control__EpochPast pasts[EPOCH_HISTORY];
	Control__EpochPast *history[EPOCH_HISTORY];
	Control__EpochCounter **counters;
	Control__StreamLimits streams[STREAMS_MAX];
	uint32_t streams_count;
	Control__EpochCounter counter[];
};

static struct packed *packed_alloc(uint32_t counters_count)
{
	struct packed *p = calloc(1, sizeof(*p) + counters_count * sizeof(p->counter[0]));

	if (!p || counters_count == 0)
		return p;
	p->counters = calloc(counters_count, sizeof(Control__EpochCounter *));
	if (p->counters)
		return p;
	free(p);
	return NULL;
}

static void members_pack(struct packed *p, const struct epoch_chain *chain,
	const struct epoch_wire_source *source)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		const struct roster_entry *entry = roster_find(
			source->roster, chain->at[i]);

		p->chain[i] = &p->members[i];
		if (entry) {
			roster_to_wire(entry, &p->members[i], p->controls[i]);
			continue;
		}
		p->members[i] = (Control__Member)CONTROL__MEMBER__INIT;
		p->members[i].replica = chain->at[i].id;
		p->members[i].incarnation = chain->at[i].incarnation;
	}
	p->message.chain = p->chain;
	p->message.n_chain = chain->count;
}

/* NULL: it is a counter. */
static Control__StreamLimits *stream_pack(
	struct packed *p, const struct epoch_wire_source *source, uint32_t index)
{
	const struct stream_limits *stream =
		source->stream ? source->stream(source->name_context, index) : NULL;

	if (!stream)
		return NULL;
	PAWL_ASSERT(p->streams_count < STREAMS_MAX);
	stream_limits_to_wire(stream, &p->streams[p->streams_count]);
	return &p->streams[p->streams_count++];
}

static void counters_pack(struct packed *p, const struct epoch_message *message,
	const struct epoch_wire_source *source)
{
	for (uint32_t i = 0; i < message->counters_count; i++) {
		const struct epoch_counter *from = &message->counters[i];
		Control__EpochCounter *to = &p->counter[i];

		*to = (Control__EpochCounter)CONTROL__EPOCH_COUNTER__INIT;
		to->name = (char *)source->name(source->name_context, i);
		to->epoch_base = from->base;
		to->stand = from->stand;
		to->ceiling = from->ceiling;
		to->reserve_max = from->reserve_max;
		to->stream = stream_pack(p, source, i);
		p->counters[i] = to;
	}
	p->message.counters = p->counters;
	p->message.n_counters = message->counters_count;
}

static void history_pack(
	struct packed *p, const struct epoch_history *history, uint32_t counters_count)
{
	PAWL_ASSERT(history->count <= EPOCH_HISTORY);
	for (uint32_t i = 0; i < history->count; i++) {
		Control__EpochPast *past = &p->pasts[i];

		*past = (Control__EpochPast)CONTROL__EPOCH_PAST__INIT;
		past->epoch = history->epochs[i];
		past->from = history->froms[i];
		past->stands = history->stands[i];
		past->n_stands = counters_count;
		p->history[i] = past;
	}
	p->message.history = p->history;
	p->message.n_history = history->count;
}

static void head_pack(Control__EpochMessage *to, const struct epoch_message *from)
{
	to->kind = from->kind;
	to->from = from->from.id;
	to->from_incarnation = from->from.incarnation;
	to->to = from->to.id;
	to->to_incarnation = from->to.incarnation;
	to->claim = from->claim;
	to->target = from->target;
	to->exact = from->exact;
	to->counters_count = from->counters_count;
}

int epoch_wire_pack(const struct epoch_message *message,
	const struct epoch_wire_source *source, Control__EpochMessage **packed_p)
{
	uint32_t named = message->counters ? message->counters_count : 0;
	struct packed *p = packed_alloc(named);

	PAWL_ASSERT(message->counters_count <= COUNTERS_MAX);
	if (!p)
		return -ENOMEM;
	p->message = (Control__EpochMessage)CONTROL__EPOCH_MESSAGE__INIT;
	head_pack(&p->message, message);
	p->message.instance = source->instance;
	roster_to_wire(roster_self(source->roster), &p->sender, p->sender_controls);
	p->message.sender = &p->sender;
	members_pack(p, &message->chain, source);
	if (named > 0)
		counters_pack(p, message, source);
	if (message->history)
		history_pack(p, message->history, message->counters_count);
	if (message->values) {
		p->message.values = (uint64_t *)(uintptr_t)message->values;
		p->message.n_values = message->counters_count;
	}
	*packed_p = &p->message;
	return 0;
}

void epoch_wire_packed_free(Control__EpochMessage *packed)
{
	struct packed *p = (struct packed *)packed;

	if (p)
		free(p->counters);
	free(p);
}

/* What a message that arrived points to, in one piece of memory. */
struct storage {
	struct epoch_counter *counters;
	struct stream_limits *streams;
	const char **names;
	uint64_t *words; /* values, or the stands of one past epoch after another */
	char *text;
};

/* Bytes for @count counters with names; these come last, for they need no alignment. */
static size_t counters_len(const Control__EpochMessage *from)
{
	size_t len = 0;

	for (size_t i = 0; i < from->n_counters; i++)
		len += sizeof(struct epoch_counter) + sizeof(struct stream_limits) +
		       sizeof(char *) + strlen(from->counters[i]->name) + 1;
	return len;
}

static size_t words_count(const Control__EpochMessage *from)
{
	return from->n_values + from->n_history * (size_t)from->counters_count;
}

static int storage_make(const Control__EpochMessage *from, struct storage *s_p,
	struct epoch_wire_message *m)
{
	size_t words = words_count(from);
	uint8_t *bytes = malloc(
		words * sizeof(uint64_t) + counters_len(from) + sizeof(uint64_t));

	if (!bytes)
		return -ENOMEM;
	m->storage = bytes;
	s_p->words = (uint64_t *)(void *)bytes;
	bytes += words * sizeof(uint64_t);
	s_p->counters = (struct epoch_counter *)(void *)bytes;
	bytes += from->n_counters * sizeof(struct epoch_counter);
	s_p->streams = (struct stream_limits *)(void *)bytes;
	bytes += from->n_counters * sizeof(struct stream_limits);
	s_p->names = (const char **)(void *)bytes;
	bytes += from->n_counters * sizeof(char *);
	s_p->text = (char *)bytes;
	return 0;
}

/* What memory safety needs, whoever checked before. */
static bool lengths_fit(const Control__EpochMessage *from)
{
	bool reports = from->kind == EPOCH_SEALED;
	bool installs = from->kind == EPOCH_INSTALL;

	if (from->kind > EPOCH_JOIN || from->counters_count > COUNTERS_MAX ||
		from->n_chain > CHAIN_MAX || from->n_history > EPOCH_HISTORY)
		return false;
	if (from->n_values != (reports ? from->counters_count : 0) ||
		from->n_counters != (installs ? from->counters_count : 0))
		return false;
	for (size_t i = 0; i < from->n_history; i++) {
		if (from->history[i]->n_stands != from->counters_count)
			return false;
	}
	return true;
}

static void head_unpack(const Control__EpochMessage *from, struct epoch_message *to)
{
	to->kind = (enum epoch_message_kind)from->kind;
	to->from = (struct epoch_member){from->from, from->from_incarnation};
	to->to = (struct epoch_member){from->to, from->to_incarnation};
	to->claim = from->claim;
	to->target = from->target;
	to->exact = from->exact;
	to->counters_count = from->counters_count;
	to->chain.count = (uint32_t)from->n_chain;
	for (size_t i = 0; i < from->n_chain; i++)
		to->chain.at[i] = (struct epoch_member){
			from->chain[i]->replica, from->chain[i]->incarnation};
}

static void counters_unpack(const Control__EpochMessage *from, struct storage *s,
	struct epoch_wire_message *m)
{
	char *text = s->text;

	for (size_t i = 0; i < from->n_counters; i++) {
		const Control__EpochCounter *c = from->counters[i];
		size_t len = strlen(c->name) + 1;

		s->counters[i] = (struct epoch_counter){.base = c->epoch_base,
			.stand = c->stand,
			.ceiling = c->ceiling,
			.reserve_max = c->reserve_max};
		s->streams[i] = stream_limits_from_wire(c->stream);
		memcpy(text, c->name, len);
		s->names[i] = text;
		text += len;
	}
	m->message.counters = s->counters;
	m->names = s->names;
	m->streams = s->streams;
}

static void history_unpack(
	const Control__EpochMessage *from, uint64_t *words, struct epoch_history *to)
{
	to->count = (uint32_t)from->n_history;
	for (size_t i = 0; i < from->n_history; i++) {
		const Control__EpochPast *past = from->history[i];

		to->epochs[i] = past->epoch;
		to->froms[i] = past->from;
		to->stands[i] = words;
		if (past->n_stands > 0)
			memcpy(words, past->stands, past->n_stands * sizeof(words[0]));
		words += past->n_stands;
	}
}

int epoch_wire_unpack(
	const Control__EpochMessage *from, struct epoch_wire_message *message_p)
{
	struct epoch_wire_message *m = message_p;
	struct storage s;

	memset(m, 0, sizeof(*m));
	if (!lengths_fit(from))
		return -EBADMSG;
	if (storage_make(from, &s, m))
		return -ENOMEM;
	m->instance = from->instance;
	head_unpack(from, &m->message);
	if (from->kind == EPOCH_SEALED) {
		if (from->n_values > 0)
			memcpy(s.words, from->values, from->n_values * sizeof(uint64_t));
		m->message.values = s.words;
	}
	if (from->kind == EPOCH_INSTALL) {
		counters_unpack(from, &s, m);
		history_unpack(from, s.words, &m->history);
		m->message.history = &m->history;
	}
	return 0;
}

void epoch_wire_free(struct epoch_wire_message *message)
{
	free(message->storage);
	message->storage = NULL;
}

bool epoch_wire_learn(const Control__EpochMessage *from, struct roster *roster)
{
	struct roster_entry entry;
	bool learned = false;

	for (size_t i = 0; i < from->n_chain; i++) {
		roster_from_wire(from->chain[i], &entry);
		learned |= roster_learn(roster, &entry);
	}
	if (from->sender) { /* last: it knows best about itself */
		roster_from_wire(from->sender, &entry);
		learned |= roster_learn(roster, &entry);
	}
	return learned;
}
