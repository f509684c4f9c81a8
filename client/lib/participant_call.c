/* Commands of a participant that are waited for, and reads. */
#include <errno.h>

#include "client/lib/participant.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

/* ---- Commands ---- */

static int submit(struct pawl_participant *p, const void *bytes, size_t len,
	uint64_t cookie, enum command_listener listener)
{
	uint64_t id = 0;
	int rc = 0;

	if (commands_are_full(&p->commands))
		rc = -EAGAIN;
	if (!rc)
		rc = publish_quietly(p->stream, bytes, len, &id);
	if (rc == -EAGAIN)
		return error_set(&p->pawl->err, rc,
			"pawl: %s/%s: %llu commands are in flight or there is no room "
			"for "
			"one of %zu bytes; poll",
			p->pawl->where, p->stream->name,
			(unsigned long long)commands_in_flight(&p->commands), len);
	if (rc == -ESTALE)
		return participant_doubt_say(p);
	if (rc)
		return rc;
	(void)commands_submit(&p->commands, id, cookie, (uint8_t)listener);
	return 0;
}

int pawl_participant_submit(
	struct pawl_participant *p, const void *bytes, size_t len, uint64_t cookie)
{
	int rc = participant_check(p);

	return rc ? rc : submit(p, bytes, len, cookie, COMMAND_CALLER);
}

int participant_submit(
	struct pawl_participant *p, const void *bytes, size_t len, uint64_t cookie)
{
	int rc = participant_check(p);

	return rc ? rc : submit(p, bytes, len, cookie, COMMAND_OWNER);
}

static int not_applied(const struct pawl_participant *p)
{
	return error_set(&p->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: the command has not come back within %llu ms; it stays in "
		"flight, and its outcome is told when it is known (%s)",
		p->pawl->where, p->stream->name,
		(unsigned long long)(p->pawl->options.timeout_ns / NS_PER_MS),
		p->pawl->session.stage == SESSION_READY ? "the replicas do not answer"
							: "no chain");
}

/* The oldest in flight is in the stream, inside the snapshot or about to be delivered. */
static bool is_inside(const struct pawl_participant *p)
{
	return participant_is_blurred(p) && p->restoring.stage == RESTORING_NOTHING &&
	       participant_oldest_id(p) <= publish_acknowledged(p->stream);
}

/* -EAGAIN: not yet; wait a little. */
static int await_step(
	struct pawl_participant *p, const bool *done, int *count_p, bool *pauses_p)
{
	int rc = participant_move(p, PARTICIPANT_BATCH, count_p, pauses_p);

	if (*done)
		return 0;
	if (rc && rc != -ETIMEDOUT)
		return rc;
	if (!participant_in_doubt(p) && !is_inside(p))
		return -EAGAIN;
	rc = pawl_participant_sync(p);
	return rc || *done ? rc : -EAGAIN;
}

int participant_await(struct pawl_participant *p, const bool *done, uint64_t deadline_ns)
{
	struct waiter waiter = wait_begin(p->pawl->options.wait);
	bool pauses = false;
	int count, rc;

	for (;;) {
		rc = await_step(p, done, &count, &pauses);
		if (rc != -EAGAIN)
			return rc;
		if (participant_pause(p, &waiter, count, pauses, deadline_ns))
			return rc;
	}
}

static int not_in(struct pawl_participant *p, int status)
{
	if (status == -ENODATA)
		return error_set(&p->pawl->err, status,
			"pawl: %s/%s: the command is in the stream, but its result is "
			"not "
			"known: this participant was lapped, and restored from a "
			"snapshot "
			"that has it",
			p->pawl->where, p->stream->name);
	if (status == -ENOTRECOVERABLE)
		return error_set(&p->pawl->err, status,
			"pawl: %s/%s: whether the command is in the stream is not known: "
			"this participant was restored from a snapshot, and the stream "
			"has "
			"lost what it knew of this publisher; look at the state",
			p->pawl->where, p->stream->name);
	if (status != -ECANCELED)
		return status; /* whose text is the handle's newest */
	return error_set(&p->pawl->err, status,
		"pawl: %s/%s: the stream had lost what it knew of this publisher, and "
		"the "
		"command is not in it; call again",
		p->pawl->where, p->stream->name);
}

static int call(struct pawl_participant *p, const void *bytes, size_t len,
	enum command_listener listener, struct calling *calling)
{
	int rc = participant_check(p);

	if (!rc && participant_in_doubt(p))
		rc = pawl_participant_sync(p);
	if (!rc)
		rc = submit(p, bytes, len, 0, listener);
	if (rc)
		return rc;
	calling->number = p->commands.submitted;
	p->calling = calling;
	rc = participant_await(
		p, &calling->done, clock_deadline_ns(p->pawl->options.timeout_ns));
	p->calling = NULL;
	if (rc == -EAGAIN)
		return not_applied(p);
	return rc ? rc : not_in(p, calling->status);
}

int pawl_participant_call(struct pawl_participant *p, const void *bytes, size_t len,
	void *room, size_t room_len, size_t *len_p, uint64_t *position_p)
{
	struct calling calling = {.room = room, .room_len = room_len};
	int rc = call(p, bytes, len, COMMAND_CALLER, &calling);

	if (rc)
		return rc;
	if (len_p)
		*len_p = calling.len;
	if (position_p)
		*position_p = calling.position;
	return 0;
}

/* -EAGAIN: not yet.  *rests_p: a little rest is in place. */
static int tail_read_move(struct pawl_participant *p, bool *rests_p)
{
	bool pauses = false;
	int count = 0;
	int rc = participant_move(p, PARTICIPANT_BATCH, &count, &pauses);

	if (!rc || rc == -ETIMEDOUT)
		rc = tail_read_step(p->stream);
	*rests_p = count == 0 && tail_read_waits(p->stream);
	return rc;
}

int participant_tail_read(struct pawl_participant *p, const void *query, size_t len,
	void *room, size_t room_len, size_t *len_p)
{
	uint64_t deadline = clock_deadline_ns(p->pawl->options.timeout_ns);
	bool rests = false;
	int rc = participant_check(p);

	if (rc)
		return rc;
	tail_read_begin(p->stream, query, len, room, room_len, deadline);
	for (;;) {
		rc = tail_read_move(p, &rests);
		if (rc != -EAGAIN)
			break;
		if (clock_now_ns() >= deadline)
			return tail_read_overdue(p->stream);
		if (rests)
			stream_wait_lost(p->stream);
	}
	if (!rc)
		*len_p = tail_read_len(p->stream);
	return rc;
}

static int no_tail_reads(struct pawl_participant *p)
{
	return error_set(&p->pawl->err, -ENOTSUP,
		"pawl: %s/%s: read: the replicas do not have this machine, so there is "
		"none to be read at the tail; a store's are (pawl_store_read)",
		p->pawl->where, p->stream->name);
}

int pawl_participant_read(struct pawl_participant *p, enum pawl_reading how,
	const void *query, size_t len, struct pawl_bytes *answer_p)
{
	struct calling marker = {.room_len = 0};
	bool went_back = p->applied < p->restoring.above; /* it replays everything */
	int rc = participant_ready(p);

	if (!rc && how == PAWL_READ_LOCAL && went_back)
		rc = pawl_participant_sync(p);
	if (!rc && how == PAWL_READ_LOG)
		rc = call(p, "", 0, COMMAND_NOBODY, &marker);
	else if (!rc && how == PAWL_READ_SYNC)
		rc = pawl_participant_sync(p);
	else if (!rc && how == PAWL_READ_TAIL)
		rc = no_tail_reads(p);
	if (rc == -ENODATA && how == PAWL_READ_LOG)
		rc = 0; /* the marker is inside the snapshot, so the state has what was before it */
	if (rc)
		return rc;
	*answer_p = (struct pawl_bytes){"", 0};
	p->machine.query(p->machine.context, query, len, answer_p);
	return 0;
}
