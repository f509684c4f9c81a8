/* Publishing: messages submitted, in flight, and their results taken. */
#include <errno.h>
#include <string.h>

#include "client/lib/publish.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

_Static_assert(PAWL_SLOT_HEADER == STREAM_SLOT_HEADER, "public limit");
_Static_assert(PAWL_MESSAGE_MAX == STREAM_MESSAGE_MAX, "public limit");
_Static_assert(PAWL_PUBLISH_DEPTH_MAX == STREAM_PUBLISHER_DEPTH_MAX, "public limit");

/* ---- Moving on ---- */

/* The machine has nothing more to do in this epoch. */
static __attribute__((noinline)) void run_ended(struct publishing *p, bool well)
{
	if (!well)
		stream_link_failed(p->stream);
	else if (p->machine.phase == STREAM_PUBLISHER_SUSPENDED)
		session_over(p->stream->pawl);
	else if (p->machine.phase == STREAM_PUBLISHER_LOST)
		publishing_unknown(p);
}

static inline void run(struct publishing *p, bool looks)
{
	bool well = p->drawn ? publish_direct_run(p, looks)
			     : publish_posted_run(p, looks);

	if (unlikely(!well || p->machine.phase != STREAM_PUBLISHER_OPEN))
		run_ended(p, well);
}

/* Posts what the machine wants, but no look at the tail. */
static void post(struct publishing *p)
{
	if (likely(p->stage == PUBLISHING_IN))
		run(p, false);
}

/* The same, and looks at the tail once.  True: something was acknowledged. */
static bool post_and_look(struct publishing *p)
{
	uint64_t acked = p->machine.acked;

	if (likely(p->stage == PUBLISHING_IN))
		run(p, true);
	return p->machine.acked != acked;
}

/*
 * The handle and this stream are moved on.  True: it may be worth a pause.  What the handle can
 * not go on for, but for a chain that may come back, ends what is in flight.
 */
static bool turn(struct publishing *p)
{
	struct pawl_stream *stream = p->stream;
	int rc = stream_turn(stream);

	if (rc == 0) {
		if (!post_and_look(p))
			stream_idle(stream);
		return p->stage != PUBLISHING_IN;
	}
	if (rc != -EAGAIN && rc != -ETIMEDOUT && !p->failed) {
		stream_publisher_abandon(&p->machine);
		p->failed = rc;
		p->why = stream->pawl->err;
	}
	return true;
}

/* ---- Submitting ---- */

static int failed(const struct publishing *p)
{
	return error_set(&p->stream->pawl->err, p->failed, "%s", p->why.text);
}

/* What a failure left has been taken: but for a publisher that is lost, it can begin again. */
static int failure_pass(struct publishing *p)
{
	bool taken = p->machine.taken == p->machine.submitted;

	if (p->failed == -ESTALE || !taken)
		return failed(p);
	publishing_again(p);
	return 0;
}

/* 0, and everything is there to submit with. */
static int publishing_get(struct pawl_stream *stream, struct publishing **publishing_p)
{
	int rc = handle_check(stream->pawl);

	if (unlikely(rc))
		return rc;
	if (unlikely(!stream->publishing))
		rc = publishing_make(stream);
	else if (unlikely(stream->publishing->failed))
		rc = failure_pass(stream->publishing);
	*publishing_p = stream->publishing;
	return rc;
}

static __attribute__((cold)) int too_long(const struct pawl_stream *stream, size_t len)
{
	return error_set(&stream->pawl->err, -EMSGSIZE,
		"pawl: %s/%s: a message of %zu bytes is too long; this stream takes %llu",
		stream->pawl->where, stream->name, len,
		(unsigned long long)stream->limits.message_max);
}

/* N1: slots of messages that were taken, as far as no put reads them. */
static bool room_is_there(struct publishing *p, uint64_t slots)
{
	const struct put_queue *puts = &p->puts;
	uint64_t upto = p->taken_upto;

	if (puts->count > 0 && puts->from[puts->first] < upto)
		upto = puts->from[puts->first];
	p->staging.free_from = upto;
	return staging_has_room(&p->staging, slots);
}

static inline int submit(struct publishing *p, const void *bytes, size_t len,
	uint64_t cookie, uint64_t time_ns, uint64_t *id_p)
{
	uint32_t slots;
	uint64_t id = 0;

	if (unlikely(len > p->stream->limits.message_max))
		return too_long(p->stream, len);
	slots = staging_slots_of(&p->staging, len);
	if (unlikely(!room_is_there(p, slots)) ||
		unlikely(!stream_publisher_submit(&p->machine, slots, cookie, &id)))
		return -EAGAIN;
	*publication_of(p, id) = (struct publication){
		.at = p->staging.end, .len = len, .time_ns = time_ns};
	staging_add(&p->staging, bytes, len);
	p->reserved = false;
	p->stream->stats.submitted++;
	*id_p = id;
	return 0;
}

int pawl_publish_submit(
	struct pawl_stream *stream, const void *bytes, size_t len, uint64_t cookie)
{
	struct publishing *p;
	uint64_t id = 0;
	int rc = publishing_get(stream, &p);

	if (likely(!rc))
		rc = submit(p, bytes, len, cookie, clock_wall_ns(), &id);
	if (likely(!rc))
		post(p);
	return rc;
}

int pawl_publish_many(struct pawl_stream *stream, const struct pawl_message *messages,
	unsigned int count, unsigned int *submitted_p)
{
	uint64_t time_ns = clock_wall_ns();
	unsigned int submitted = 0;
	struct publishing *p;
	uint64_t id = 0;
	int rc = publishing_get(stream, &p);

	while (!rc && submitted < count) {
		const struct pawl_message *m = &messages[submitted];

		rc = submit(p, m->bytes, m->len, m->cookie, time_ns, &id);
		submitted += rc == 0;
	}
	if (rc && rc != -EAGAIN && submitted == 0)
		return rc;
	post(p);
	*submitted_p = submitted;
	return 0;
}

int pawl_publish_reserve(struct pawl_stream *stream, void **room_p, size_t *len_p)
{
	struct publishing *p;
	int rc = publishing_get(stream, &p);

	if (rc)
		return rc;
	if (!room_is_there(p, 1) || stream_publisher_is_full(&p->machine))
		return -EAGAIN;
	p->reserved = true;
	*room_p = staging_payload(&p->staging, p->staging.end);
	*len_p = stream_slot_room(p->staging.ring.slot_len);
	return 0;
}

int pawl_publish_commit(struct pawl_stream *stream, size_t len, uint64_t cookie)
{
	struct publishing *p = stream->publishing;
	uint64_t id = 0;
	int rc = handle_check(stream->pawl);

	if (rc)
		return rc;
	if (!p || !p->reserved || len > stream_slot_room(p->staging.ring.slot_len))
		return error_set(&stream->pawl->err, -EINVAL,
			"pawl: %s/%s: commit: nothing is reserved, or %zu bytes are more "
			"than there is room for",
			stream->pawl->where, stream->name, len);
	if (p->failed)
		return failed(p);
	if (len > stream->limits.message_max)
		return too_long(stream, len);
	rc = submit(p, staging_payload(&p->staging, p->staging.end), len, cookie,
		clock_wall_ns(), &id);
	if (!rc)
		post(p);
	return rc;
}

/* ---- Results ---- */

/* Takes the next result off the machine, and its slots off the staging. */
static bool result_take(struct publishing *p, struct stream_publisher_result *result_p)
{
	const struct publication *publication;

	if (!stream_publisher_take(&p->machine, result_p))
		return false;
	publication = publication_of(p, result_p->id);
	__builtin_prefetch(publication_of(p, result_p->id + STREAM_AHEAD)); /* a hint */
	p->taken_upto = publication->at + staging_slots_of(&p->staging, publication->len);
	p->stream->stats.acknowledged += result_p->outcome == STREAM_ACKNOWLEDGED;
	return true;
}

static int status_of(
	const struct publishing *p, const struct stream_publisher_result *result)
{
	return result->outcome == STREAM_ACKNOWLEDGED ? 0 : failed(p);
}

static int results_take(struct publishing *p, struct pawl_published *results, int max)
{
	struct stream_publisher_result result;
	int count = 0;

	while (count < max && result_take(p, &result)) {
		if (unlikely(publication_of(p, result.id)->told))
			continue;
		results[count++] = (struct pawl_published){.cookie = result.cookie,
			.position = result.position,
			.status = status_of(p, &result)};
	}
	return count;
}

int pawl_publish_poll(
	struct pawl_stream *stream, struct pawl_published *results, int max, int *count_p)
{
	struct publishing *p = stream->publishing;
	int rc = handle_check(stream->pawl);

	if (unlikely(rc))
		return rc;
	if (unlikely(max <= 0))
		return error_set(&stream->pawl->err, -EINVAL,
			"pawl: %s/%s: poll: room for at least one result is needed",
			stream->pawl->where, stream->name);
	*count_p = 0;
	if (!p)
		return 0;
	(void)turn(p);
	*count_p = results_take(p, results, max);
	return 0;
}

/* ---- One message, and its outcome ---- */

static int not_acknowledged(const struct publishing *p)
{
	const struct pawl *pawl = p->stream->pawl;

	return error_set(&p->stream->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: not acknowledged within %llu ms; the message stays in "
		"flight, and its result comes from pawl_publish_poll (%.200s)",
		pawl->where, p->stream->name,
		(unsigned long long)(pawl->options.timeout_ns / NS_PER_MS),
		pawl->session.stage == SESSION_READY ? "the replicas do not answer"
						     : "no chain");
}

static int result_await(
	struct publishing *p, uint64_t id, struct stream_publisher_result *result_p)
{
	const struct pawl *pawl = p->stream->pawl;
	struct waiter waiter = wait_begin(pawl->options.wait);
	uint64_t deadline = 0;

	for (;;) {
		bool pauses = turn(p);

		if (stream_publisher_peek(&p->machine, id, result_p))
			return 0;
		if (!pauses && !wait_step(&waiter))
			continue;
		if (!deadline)
			deadline = clock_now_ns() + pawl->options.timeout_ns;
		if (clock_now_ns() >= deadline)
			return not_acknowledged(p);
		if (pauses)
			stream_wait_lost(p->stream);
	}
}

/* What has been told and is first in line needs no room any more. */
static void told_drop(struct publishing *p)
{
	const struct stream_publisher *m = &p->machine;
	struct stream_publisher_result result;

	while (m->taken < m->submitted && publication_of(p, m->taken + 1)->told &&
		result_take(p, &result)) {
		if (result.outcome != STREAM_ACKNOWLEDGED)
			continue;
		p->quiet_id = result.id;
		p->quiet_position = result.position;
	}
}

int pawl_publish(
	struct pawl_stream *stream, const void *bytes, size_t len, uint64_t *position_p)
{
	struct stream_publisher_result result;
	struct publishing *p;
	uint64_t id = 0;
	int rc = publishing_get(stream, &p);

	if (rc)
		return rc;
	rc = submit(p, bytes, len, 0, clock_wall_ns(), &id);
	if (rc == -EAGAIN)
		return error_set(&stream->pawl->err, rc,
			"pawl: %s/%s: %u messages are in flight or there is no room for "
			"one of %zu bytes; take results with pawl_publish_poll",
			stream->pawl->where, stream->name,
			(unsigned int)(p->machine.submitted - p->machine.taken), len);
	if (!rc)
		rc = result_await(p, id, &result);
	if (rc)
		return rc;
	publication_of(p, id)->told = true;
	told_drop(p);
	rc = status_of(p, &result);
	if (!rc && position_p)
		*position_p = result.position;
	return rc;
}

/* ---- For a participant: messages whose results nobody takes ---- */

int publish_quietly(
	struct pawl_stream *stream, const void *bytes, size_t len, uint64_t *id_p)
{
	struct publishing *p;
	int rc = publishing_get(stream, &p);

	if (!rc)
		rc = submit(p, bytes, len, 0, clock_wall_ns(), id_p);
	if (rc)
		return rc;
	publication_of(p, *id_p)->told = true;
	post(p);
	return 0;
}

int publish_quietly_move(struct pawl_stream *stream, bool *pauses_p)
{
	struct publishing *p = stream->publishing;

	*pauses_p = false;
	if (!p)
		return 0;
	*pauses_p = turn(p);
	told_drop(p);
	return p->failed ? failed(p) : 0;
}

int publish_failure(const struct pawl_stream *stream)
{
	return stream->publishing ? stream->publishing->failed : 0;
}

uint64_t publish_acknowledged(const struct pawl_stream *stream)
{
	const struct publishing *p = stream->publishing;

	if (!p)
		return 0;
	/* A machine that was given up counts as acknowledged what was only taken (A5). */
	return p->failed ? p->quiet_id : p->machine.acked;
}

uint64_t publish_quietly_placed(const struct pawl_stream *stream, uint64_t *position_p)
{
	const struct publishing *p = stream->publishing;

	if (!p || p->quiet_position == 0)
		return 0;
	*position_p = p->quiet_position;
	return p->quiet_id;
}

void publish_quietly_again(struct pawl_stream *stream)
{
	struct publishing *p = stream->publishing;

	told_drop(p);
	if (p->machine.taken == p->machine.submitted)
		publishing_again(p);
}
