#include "sequencer/stream/readers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/readers_internal.h"

#define LINK_DEPTH 64
#define LOOKED_MAX 64 /* readers in one turn, */
#define FED_MAX 4     /*   of which so many get something */

int readers_make(const struct readers_config *config, struct readers **readers_p,
	struct error *err)
{
	struct readers *readers = calloc(1, sizeof(*readers));

	if (!readers)
		return error_set(err, -ENOMEM,
			"stream: %s: no memory for its subscribers; free some",
			config->stream);
	PAWL_ASSERT(config->inbox->ops->len(config->inbox) >= STREAM_INBOX_RING);
	readers->config = *config;
	(void)snprintf(readers->stream, sizeof(readers->stream), "%s", config->stream);
	readers->config.stream = readers->stream;
	readers->hold = STREAM_HOLD_NONE;
	*readers_p = readers;
	return 0;
}

void readers_free(struct readers *readers)
{
	for (uint32_t i = 0; i < readers->top; i++)
		reader_unfeed(readers, &readers->at[i]);
	free(readers);
}

static uint64_t *line_of(const struct readers *readers, const struct reader *reader)
{
	const struct memory *inbox = readers->config.inbox;
	unsigned char *bytes = inbox->ops->base(inbox);

	return (uint64_t *)(void *)(bytes + stream_reader_offset(
						    reader_number(readers, reader) - 1));
}

void reader_look(
	struct readers *readers, struct reader *reader, const struct stream_log *log)
{
	uint64_t consumed = least(word_load(line_of(readers, reader)), log->commit);

	if (reader->state != READER_IN_PLACE) {
		stream_feed_consumed(&reader->feed, consumed);
		consumed = reader->feed.consumed;
	}
	if (consumed > reader->consumed)
		reader->consumed = consumed;
}

bool readers_have_archive(const struct readers *readers, const struct reader *reader)
{
	const struct readers_config *config = &readers->config;

	return config->keeper && config->feeder && !reader->no_archive &&
	       keeper_oldest(config->keeper) != 0;
}

void reader_unfeed(struct readers *readers, struct reader *reader)
{
	if (reader->lane)
		feeder_end(readers->config.feeder, reader->lane);
	if (reader->link)
		reader->link->ops->disconnect(reader->link);
	reader->lane = NULL;
	reader->link = NULL;
	reader->posted = 0;
}

static void reader_drop(struct readers *readers, struct reader *reader)
{
	reader_unfeed(readers, reader);
	memset(reader, 0, sizeof(*reader));
	while (readers->top > 0 && readers->at[readers->top - 1].state == READER_NONE)
		readers->top--;
}

/* One that does not know its number, for the answer was lost with a connection or an epoch. */
static struct reader *subscriber_find(
	struct readers *readers, uint64_t token, uint32_t subscriber)
{
	for (uint32_t i = 0; i < readers->top && subscriber > 0; i++) {
		struct reader *reader = &readers->at[i];

		if (reader->state != READER_NONE && reader->token == token &&
			reader->subscriber == subscriber)
			return reader;
	}
	return NULL;
}

/* The session's reader of that number, or that subscriber's; or NULL. */
static struct reader *reader_find(
	struct readers *readers, uint64_t token, uint32_t number, uint32_t subscriber)
{
	struct reader *reader;

	if (number == 0)
		return subscriber_find(readers, token, subscriber);
	if (number > readers->top)
		return NULL;
	reader = &readers->at[number - 1];
	return reader->state != READER_NONE && reader->token == token ? reader : NULL;
}

/* The one that feeds the archive of another replica, which asks until it is answered. */
static struct reader *replica_find(struct readers *readers, uint64_t token)
{
	for (uint32_t i = 0; i < readers->top; i++) {
		struct reader *reader = &readers->at[i];

		if (reader->state != READER_NONE && reader->replica &&
			reader->token == token)
			return reader;
	}
	return NULL;
}

/* A place that was free for long, lest a late write of its last owner be taken for a new one's. */
static struct reader *place_find(struct readers *readers)
{
	for (uint32_t i = 0; i < STREAM_READERS_MAX; i++) {
		uint32_t place = (readers->next + i) % STREAM_READERS_MAX;

		if (readers->at[place].state != READER_NONE)
			continue;
		readers->next = place + 1;
		if (place >= readers->top)
			readers->top = place + 1;
		return &readers->at[place];
	}
	return NULL;
}

/* What the reader wants next may be in the archive only. */
static bool needs_archive(
	const struct stream_log *log, const struct stream_reader_config *config)
{
	uint64_t oldest = stream_log_oldest(log);

	return oldest > 1 && (config->oldest || config->consumed + 1 < oldest);
}

static int config_check(const struct readers *readers, const struct stream_log *log,
	const struct stream_reader_config *config, struct error *err)
{
	uint32_t slots = config->inbox_slots;
	bool power = slots && (slots & (slots - 1)) == 0;

	if (log->phase != STREAM_OPEN)
		return error_set(err, -EAGAIN,
			"stream: %s: it is not served here now; try again",
			readers->stream);
	if (needs_archive(log, config) && readers->config.keeper &&
		keeper_is_opening(readers->config.keeper))
		return error_set(err, -EAGAIN,
			"stream: %s: its archive is being opened here; try again",
			readers->stream);
	if (config->inbox[0] &&
		(!power || slots < STREAM_SLOTS_MIN || slots > STREAM_SLOTS_MAX))
		return error_set(err, -EINVAL,
			"stream: %s: a subscriber's inbox of %" PRIu32
			" slots; it takes a power of two from %d to %" PRIu32,
			readers->stream, slots, STREAM_SLOTS_MIN, STREAM_SLOTS_MAX);
	return 0;
}

static int connect_to(struct readers *readers, const struct stream_reader_config *config,
	struct link **link_p, struct error *err)
{
	struct device *device = readers->config.device;
	struct link_config link = {.depth = LINK_DEPTH, .token = config->token};

	*link_p = NULL;
	if (!config->inbox[0])
		return 0;
	return device->ops->connect(device, config->inbox, &link, link_p, err);
}

/* Where a reader begins: it needs nothing up to there. */
static uint64_t beginning(const struct readers *readers, const struct reader *reader,
	const struct stream_log *log, const struct stream_reader_config *config)
{
	bool archive = readers_have_archive(readers, reader);
	uint64_t oldest = stream_log_oldest(log);

	if (archive)
		oldest = least(oldest, keeper_oldest(readers->config.keeper));
	if (config->oldest)
		return oldest - 1;
	if (!archive && config->consumed + 1 < oldest)
		return oldest - 1; /* what is before is nowhere */
	return least(config->consumed, log->commit);
}

static void reader_begin(struct readers *readers, struct reader *reader,
	const struct stream_log *log, const struct stream_reader_config *config,
	struct link *link)
{
	reader_unfeed(readers, reader);
	memset(reader, 0, sizeof(*reader));
	reader->state = link ? READER_CONNECTING : READER_IN_PLACE;
	reader->token = config->token;
	reader->subscriber = config->subscriber;
	reader->replica = config->replica;
	reader->pid = config->pid;
	(void)snprintf(reader->program, sizeof(reader->program), "%s",
		config->program ? config->program : "");
	reader->consumed = beginning(readers, reader, log, config);
	reader->link = link;
	if (link)
		stream_feed_init(&reader->feed, config->inbox_slots, reader->consumed);
	reader->skipped = reader->consumed + 1;
	word_store(line_of(readers, reader), reader->consumed);
}

int readers_add(struct readers *readers, const struct stream_log *log,
	const struct stream_reader_config *config, struct stream_reader_answer *answer_p,
	struct error *err)
{
	struct keeper *keeper = readers->config.keeper;
	struct reader *reader;
	struct link *link;
	int rc = config_check(readers, log, config, err);

	if (rc == 0)
		rc = connect_to(readers, config, &link, err);
	if (rc)
		return rc;
	if (config->replica)
		reader = replica_find(readers, config->token);
	else
		reader = reader_find(
			readers, config->token, config->reader, config->subscriber);
	if (!reader)
		reader = place_find(readers);
	if (!reader) {
		if (link)
			link->ops->disconnect(link);
		return error_set(err, -EUSERS,
			"stream: %s: %d subscribers are here; use another replica, or "
			"end "
			"some",
			readers->stream, STREAM_READERS_MAX);
	}
	reader_begin(readers, reader, log, config, link);
	*answer_p = (struct stream_reader_answer){
		.reader = reader_number(readers, reader),
		.consumed = reader->consumed,
		.archive_oldest = keeper ? keeper_oldest(keeper) : 0};
	return 0;
}

void readers_remove(
	struct readers *readers, uint64_t token, uint32_t number, uint32_t subscriber)
{
	struct reader *reader = reader_find(readers, token, number, subscriber);

	if (reader)
		reader_drop(readers, reader);
}

void readers_evict(struct readers *readers, uint64_t token)
{
	for (uint32_t i = readers->top; i > 0; i--) {
		struct reader *reader = &readers->at[i - 1];

		if (reader->state != READER_NONE && reader->token == token)
			reader_drop(readers, reader);
	}
}

bool readers_turn(struct readers *readers, const struct stream_log *log, uint64_t now_ns)
{
	uint32_t looked = readers->top < LOOKED_MAX ? readers->top : LOOKED_MAX;
	uint32_t fed = 0;

	while (looked-- > 0 && fed < FED_MAX) {
		struct reader *reader;

		if (readers->turn >= readers->top)
			readers->turn = 0;
		reader = &readers->at[readers->turn++];
		if (reader_is_fed(reader) && reader_turn(readers, reader, log, now_ns))
			fed++;
		if (reader->state == READER_LOST && reader->replica)
			reader_drop(readers, reader); /* no session ends it */
	}
	return fed > 0;
}

/* @index counts readers, not places. */
static struct reader *reader_at(struct readers *readers, uint32_t index)
{
	for (uint32_t i = 0; i < readers->top; i++) {
		if (readers->at[i].state != READER_NONE && index-- == 0)
			return &readers->at[i];
	}
	return NULL;
}

bool readers_status(struct readers *readers, const struct stream_log *log, uint32_t index,
	struct stream_reader_status *status_p)
{
	struct reader *reader = reader_at(readers, index);

	if (!reader)
		return false;
	reader_look(readers, reader, log);
	*status_p = (struct stream_reader_status){
		.reader = reader_number(readers, reader),
		.pid = reader->pid,
		.consumed = reader->consumed,
		.lag = log->commit - least(log->commit, reader->consumed),
		.fed = reader->state != READER_IN_PLACE,
		.archive = reader->lane != NULL};
	status_p->slow = status_p->lag > stream_ring_slots(&log->ring) / 2;
	memcpy(status_p->program, reader->program, sizeof(status_p->program));
	return true;
}

bool readers_line(struct readers *readers, struct error *line_p)
{
	if (!readers->line_set)
		return false;
	*line_p = readers->line;
	readers->line_set = false;
	return true;
}
