/* Changes of the chain, as the loop tells them: the thread is held around every one. */
#include <errno.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/host_internal.h"

bool stream_host_seal(
	struct stream_host *host, uint32_t counter, uint64_t epoch, uint64_t *len_p)
{
	struct stream *s = host_stream(host, counter);
	bool has = false;

	*len_p = 0;
	if (!s)
		return false;
	host_hold(s);
	has = stream_seal(s, epoch, len_p);
	host_release(s);
	return has;
}

static bool change_same(const struct stream_change *a, const struct stream_change *b)
{
	return a->epoch == b->epoch && a->from == b->from && a->base == b->base;
}

/* It was asked for before, and is under way or done. */
static bool is_begun(const struct stream *s, const struct stream_change *change)
{
	if (s->wanted.kind == STREAM_WANTS_CHANGE)
		return change_same(&s->wanted.change, change);
	return change_same(&s->change, change) &&
	       (s->stage == STREAM_FILLING || s->stage == STREAM_READY ||
		       s->stage == STREAM_SERVED);
}

/* Ends a change of the stream; other members are asked for their places if that is necessary. */
static void release_and_ask(struct stream_host *host, struct stream *s)
{
	bool asks = stream_asks(s);

	host_release(s);
	if (asks && host->config.ask)
		host->config.ask(host->config.context);
}

/* All memory for what is wanted is there. */
static int wanted_begin(struct stream_host *host, struct stream *s, struct error *err)
{
	const struct stream_wanted *wanted = &s->wanted;
	int rc = 0;

	host_hold(s);
	if (wanted->kind == STREAM_WANTS_CHANGE)
		rc = stream_change_begin(s, &wanted->change, err);
	else
		stream_follow_set(s, wanted->followed, wanted->followed_epoch);
	if (!rc && host_attach(host, s))
		rc = error_set(err, -ENOMEM, "stream: %s: out of memory", s->name);
	if (rc)
		stream_change_drop(s);
	release_and_ask(host, s);
	if (rc)
		return rc;
	if (wanted->kind == STREAM_WANTS_FOLLOW)
		stream_spare_want(s);
	s->wanted.kind = STREAM_WANTS_NOTHING;
	return 0;
}

/* Begins it, or what has to be made before. */
static int wanted_go_on(struct stream_host *host, struct stream *s, struct error *err)
{
	if (s->wanted.kind == STREAM_WANTS_NOTHING)
		return 0;
	if (!stream_memory_is_there(s))
		return stream_memory_make(s, err);
	return wanted_begin(host, s, err);
}

/* What can not be done for a change is an error, and the rest goes on without. */
static int failed(struct stream_host *host, struct stream *s, int rc, struct error *err)
{
	bool changes = s->wanted.kind == STREAM_WANTS_CHANGE;

	s->wanted.kind = STREAM_WANTS_NOTHING;
	if (changes)
		return rc;
	if (host->config.tell) /* it is filled when it joins */
		host->config.tell(host->config.context, err->text);
	return 0;
}

static int made_take(struct stream_host *host, struct stream *s, struct error *err)
{
	int rc;

	host_hold(s);
	rc = stream_memory_take(s, err);
	host_release(s);
	if (!rc)
		rc = wanted_go_on(host, s, err);
	return rc ? failed(host, s, rc, err) : 0;
}

int host_made_look(struct stream_host *host, struct error *err)
{
	bool any = false;
	int rc = 0;

	for (uint32_t i = 0; i < host->streams_end && !rc; i++) {
		struct stream *s = host->streams[i];

		if (!s || !s->is_made || !making_end(host->ways.maker, &s->making))
			continue;
		any = true;
		rc = made_take(host, s, err);
	}
	if (any && host->config.made)
		host->config.made(host->config.context);
	return rc;
}

int stream_host_prepare(struct stream_host *host, uint32_t counter,
	const struct stream_change *change, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	PAWL_ASSERT(s && change->chain.place < change->chain.count);
	spare_maker_rest(host->ways.spares);
	host_hold(s);
	if (is_begun(s, change)) {
		host_release(s);
		return 0;
	}
	stream_change_drop(s);
	host_release(s);
	s->wanted = (struct stream_wanted){
		.kind = STREAM_WANTS_CHANGE, .change = *change};
	rc = wanted_go_on(host, s, err);
	return rc ? failed(host, s, rc, err) : 0;
}

static bool is_prepared(const struct stream *s, uint64_t epoch)
{
	if (s->wanted.kind == STREAM_WANTS_CHANGE && s->wanted.change.epoch == epoch)
		return false;
	/* The change is the loop's; its partner for ready is stream_ready_set. */
	return s->change.epoch != epoch || word_load(&s->ready) == epoch;
}

bool stream_host_prepared(const struct stream_host *host, uint64_t epoch)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		const struct stream *s = host->streams[i];

		if (s && !is_prepared(s, epoch))
			return false;
	}
	return true;
}

void stream_host_told(struct stream_host *host, uint32_t counter,
	struct stream_member member, const struct stream_addresses *addresses)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	if (!s || member.incarnation == host->config.incarnation ||
		!stream_told_is_news(s, member, addresses))
		return;
	host_hold(s);
	rc = stream_told(s, member, addresses);
	host_release(s);
	if (rc && host->config.tell) /* it is asked again */
		host->config.tell(host->config.context, "stream: out of memory");
}

bool stream_host_asks(const struct stream_host *host)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		struct stream *s = host->streams[i];
		bool asks;

		if (!s)
			continue;
		stream_thread_hold(s->thread);
		asks = stream_asks(s);
		stream_thread_release(s->thread);
		if (asks)
			return true;
	}
	return false;
}

void stream_host_enter(struct stream_host *host, uint32_t counter, uint64_t epoch,
	const struct memory *region, uint64_t word_offset)
{
	struct stream *s = host_stream(host, counter);

	if (!s)
		return;
	host_hold(s);
	stream_enter(s, epoch, region, word_offset);
	release_and_ask(host, s);
	/* The words of the epoch before are gone (K2 of spare.h). */
	spare_maker_rest(host->ways.spares);
	if (s->change.chain.count > 1)
		stream_spare_want(s);
}

void stream_host_ceiling(struct stream_host *host, uint32_t counter, uint64_t ceiling)
{
	struct stream *s = host_stream(host, counter);

	if (!s)
		return;
	host_hold(s);
	s->change.ceiling = ceiling > s->change.ceiling ? ceiling : s->change.ceiling;
	if (s->stage == STREAM_SERVED)
		stream_log_ceiling_set(&s->log, ceiling);
	host_release(s);
}

void stream_host_finish(
	struct stream_host *host, uint32_t counter, uint64_t epoch, uint64_t base)
{
	struct stream *s = host_stream(host, counter);

	if (!s)
		return;
	host_hold(s);
	stream_finish(s, epoch, base);
	host_release(s);
}

void stream_host_retire(struct stream_host *host, uint64_t epoch)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		struct stream *s = host->streams[i];

		if (!s)
			continue;
		host_hold(s);
		stream_retire(s, epoch);
		host_release(s);
		if (s->wanted.kind == STREAM_WANTS_CHANGE &&
			s->wanted.change.epoch == epoch)
			s->wanted.kind = STREAM_WANTS_NOTHING;
	}
}

/* A newer change is under way, or the same is copied already. */
static bool follows(const struct stream *s, struct stream_member member, uint64_t epoch)
{
	bool changes = s->stage == STREAM_FILLING || s->stage == STREAM_READY;

	if (s->wanted.kind == STREAM_WANTS_CHANGE && s->wanted.change.epoch > epoch)
		return true;
	if (s->stage == STREAM_FOLLOWING && s->followed_epoch == epoch)
		return stream_member_same(s->followed, member);
	return changes && s->change.epoch > epoch;
}

static void follow(struct stream_host *host, struct stream *s,
	struct stream_member member, uint64_t epoch)
{
	struct error err;
	bool already;
	int rc;

	host_hold(s);
	already = follows(s, member, epoch);
	host_release(s);
	if (already)
		return;
	s->wanted = (struct stream_wanted){
		.kind = STREAM_WANTS_FOLLOW, .followed = member, .followed_epoch = epoch};
	rc = wanted_go_on(host, s, &err);
	if (rc)
		(void)failed(host, s, rc, &err);
}

void stream_host_follow(
	struct stream_host *host, struct stream_member member, uint64_t epoch)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		if (host->streams[i])
			follow(host, host->streams[i], member, epoch);
	}
}

static bool keeps_up(struct stream *s)
{
	bool behind;

	if (s->wanted.kind == STREAM_WANTS_FOLLOW ||
		spare_is_awaited(s->ways->spares, &s->spare))
		return false;
	host_hold(s);
	behind = s->stage != STREAM_FOLLOWING ||
		 (s->follow &&
			 stream_follow_status(s->follow).state == STREAM_FOLLOW_BEHIND);
	host_release(s);
	return behind;
}

bool stream_host_followed(const struct stream_host *host)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		if (host->streams[i] && !keeps_up(host->streams[i]))
			return false;
	}
	return true;
}

enum stream_copy_need stream_host_copy(struct stream_host *host, uint32_t counter,
	uint64_t now_ns, struct stream_copy_want *want_p)
{
	struct stream *s = host_stream(host, counter);
	enum stream_copy_need need;

	if (!s || (s->copy.state == STREAM_COPY_NONE && !s->copy.backlog))
		return STREAM_COPY_NEEDS_NOTHING;
	host_hold(s);
	need = stream_copy_look(s, now_ns, want_p);
	host_release(s);
	return need;
}

int stream_host_copy_begin(
	struct stream_host *host, uint32_t counter, uint64_t now_ns, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	PAWL_ASSERT(s);
	host_hold(s);
	rc = stream_copy_begin(s, now_ns, err);
	host_release(s);
	return rc;
}

int stream_host_copy_fed(struct stream_host *host, uint32_t counter, const char *inbox,
	uint32_t reader, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	if (!s)
		return 0;
	host_hold(s);
	rc = stream_copy_fed(s, inbox, reader, err);
	host_release(s);
	return rc;
}

static void path_of(const struct stretch *stretch, char *path)
{
	(void)strcpy(path, stretch->memory ? stretch->path : "");
}

bool stream_host_addresses(const struct stream_host *host, uint32_t counter,
	struct stream_addresses *addresses_p)
{
	const struct stream *s = host_stream(host, counter);
	const struct stretch *words;

	if (!s || !s->log_memory.memory)
		return false;
	words = s->words_next.memory ? &s->words_next : &s->words;
	memset(addresses_p, 0, sizeof(*addresses_p));
	addresses_p->epoch = words->memory ? words->epoch : 0;
	(void)strcpy(addresses_p->words, stretch_address(words));
	(void)strcpy(addresses_p->inbox, stretch_address(&s->inbox));
	(void)strcpy(addresses_p->log, stretch_address(&s->log_memory));
	path_of(words, addresses_p->words_path);
	path_of(&s->inbox, addresses_p->inbox_path);
	path_of(&s->log_memory, addresses_p->log_path);
	return true;
}
