/* Participants: commands published, and applied when they come back. */
#include "client/lib/participant.h"

#include <errno.h>
#include <string.h>

#include "client/lib/wait.h"
#include "hw/clock.h"

#define BATCH 256 /* messages between two looks at the clock */

/* ---- Outcomes ---- */

static void calling_end(struct calling *calling, int status, uint64_t position,
	const struct pawl_bytes *result)
{
	size_t len = result->len < calling->room_len ? result->len : calling->room_len;

	if (len > 0)
		memcpy(calling->room, result->bytes, len);
	calling->len = result->len;
	calling->position = position;
	calling->status = status;
	calling->done = true;
}

static void outcome_tell(struct pawl_participant *p, enum command_listener listener,
	const struct pawl_outcome *outcome)
{
	if (listener == COMMAND_OWNER)
		p->owner.on_outcome(p->owner.context, outcome);
	else if (listener == COMMAND_CALLER && p->on_outcome)
		p->on_outcome(p->outcome_context, outcome);
}

/* A command was decided. */
static void tell(struct pawl_participant *p, const struct command_outcome *decided,
	const struct pawl_bytes *result)
{
	const struct pawl_outcome outcome = {.cookie = decided->cookie,
		.position = decided->position,
		.result = *result,
		.status = decided->status};

	if (p->calling && p->calling->number == decided->number)
		calling_end(p->calling, decided->status, decided->position, result);
	else
		outcome_tell(p, (enum command_listener)decided->listener, &outcome);
}

static void decide_without(struct pawl_participant *p, int status)
{
	const struct pawl_bytes none = {"", 0};
	struct command_outcome decided;

	if (commands_drop(&p->commands, status, &decided))
		tell(p, &decided, &none);
}

/* All that are in flight are decided, without a result. */
static void drop_all(struct pawl_participant *p, int status)
{
	while (commands_in_flight(&p->commands) > 0)
		decide_without(p, status);
}

/* ---- After a restore (I6) ---- */

/* The oldest in flight may be inside the snapshot. */
static bool is_blurred(const struct pawl_participant *p)
{
	return p->commands.decided < p->blurred;
}

static uint64_t oldest_id(const struct pawl_participant *p)
{
	return commands_oldest(&p->commands);
}

/* Messages up to @id are in the stream, and not behind what was applied: they are inside. */
static void inside_decide(struct pawl_participant *p, uint64_t id)
{
	while (is_blurred(p) && oldest_id(p) <= id)
		decide_without(p, -ENODATA);
}

/* What is acknowledged at a place that was passed. */
static void passed_decide(struct pawl_participant *p)
{
	uint64_t position = 0;
	uint64_t id = publish_quietly_placed(p->stream, &position);

	if (id > 0 && position <= pawl_subscriber_position(p->subscriber))
		inside_decide(p, id);
}

/* The stream has forgotten this publisher, and was looked at to its end. */
static void doubtful_decide(struct pawl_participant *p)
{
	while (is_blurred(p))
		decide_without(p, -ENOTRECOVERABLE);
	drop_all(p, -ECANCELED);
}

static void on_delivery(void *context, const struct pawl_delivery *d)
{
	struct pawl_bytes result = {"", 0};
	struct pawl_participant *p = context;
	struct command_outcome decided;

	p->machine.apply(p->machine.context, d->position, d->bytes, d->len, &result);
	p->applied = d->position;
	p->messages++;
	if (is_blurred(p) && d->publisher == pawl_stream_publisher(p->stream))
		inside_decide(p, d->id - 1);
	if (commands_on_delivery(&p->commands, pawl_stream_publisher(p->stream),
		    d->publisher, d->id, d->position, &decided))
		tell(p, &decided, &result);
}

/* ---- Moving on ---- */

int participant_check(struct pawl_participant *p)
{
	int rc = handle_check(p->pawl);

	if (rc || !p->broken)
		return rc;
	return error_set(&p->pawl->err, p->broken, "%s", p->why.text);
}

int participant_ready(struct pawl_participant *p)
{
	int rc = participant_check(p);

	return rc ? rc : restoring_finish(p);
}

/* What was not delivered can not be applied any more (I3); 0: a snapshot may have it. */
static int subscriber_error(struct pawl_participant *p, int code)
{
	if (code != -EOVERFLOW && code != -EMSGSIZE)
		return code;
	p->lost_why = p->pawl->err;
	if (code == -EOVERFLOW && restoring_can(p)) {
		restoring_begin(p, p->applied, false);
		return p->broken ? error_set(&p->pawl->err, code, "%s", p->why.text) : 0;
	}
	p->broken = code;
	p->why = p->lost_why;
	return code;
}

bool participant_in_doubt(const struct pawl_participant *p)
{
	return publish_failure(p->stream) == -ESTALE;
}

static int doubt_say(struct pawl_participant *p)
{
	return error_set(&p->pawl->err, -ESTALE,
		"pawl: %s/%s: the stream has lost what it knew of this publisher; "
		"pawl_participant_sync finds out what became of what is in flight",
		p->pawl->where, p->stream->name);
}

/* Where nothing is in flight, nothing is unknown. */
static void doubt_end(struct pawl_participant *p)
{
	if (participant_in_doubt(p) && commands_in_flight(&p->commands) == 0)
		publish_quietly_again(p->stream);
}

static int apply(struct pawl_participant *p, int max, int *count_p)
{
	int rc = pawl_subscriber_poll(p->subscriber, on_delivery, p, max, count_p);

	if (is_blurred(p))
		passed_decide(p);
	return rc ? subscriber_error(p, rc) : 0;
}

static int restore(struct pawl_participant *p, bool *pauses_p)
{
	int rc = restoring_step(p);

	*pauses_p = true;
	return rc == -EAGAIN ? 0 : rc;
}

/* *pauses_p: it may be worth a pause. */
static int move(struct pawl_participant *p, int max, int *count_p, bool *pauses_p)
{
	int failure = publish_quietly_move(p->stream, pauses_p);
	int rc;

	*count_p = 0;
	rc = p->restoring.stage == RESTORING_NOTHING ? apply(p, max, count_p)
						     : restore(p, pauses_p);
	if (failure && failure != -ESTALE && commands_in_flight(&p->commands) > 0) {
		drop_all(p, failure);
		(void)publish_quietly_move(p->stream, pauses_p); /* with its text */
	}
	doubt_end(p);
	writing_step(p);
	if (!rc && !failure && p->owner.on_turn &&
		p->restoring.stage == RESTORING_NOTHING)
		p->owner.on_turn(p->owner.context, *count_p < max);
	return rc;
}

static int poll_check(struct pawl_participant *p, int max)
{
	int rc = participant_check(p);

	if (rc || max > 0)
		return rc;
	return error_set(&p->pawl->err, -EINVAL,
		"pawl: %s/%s: poll: at least one message is to be applied",
		p->pawl->where, p->stream->name);
}

int pawl_participant_poll(struct pawl_participant *p, int max, int *count_p)
{
	bool pauses;
	int rc = poll_check(p, max);

	if (!rc)
		rc = move(p, max, count_p, &pauses);
	if (!rc && *count_p == 0 && participant_in_doubt(p))
		rc = doubt_say(p);
	return rc;
}

/* Waits a little, if that is worth it.  True: the clock says that the time is over. */
static bool pause_until(struct pawl_participant *p, struct waiter *waiter, int count,
	bool pauses, uint64_t deadline_ns)
{
	if (count == 0 && !pauses && !wait_step(waiter))
		return false;
	if (clock_now_ns() >= deadline_ns)
		return true;
	if (pauses)
		stream_wait_lost(p->stream);
	return false;
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
	uint64_t now = clock_now_ns();

	return timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
}

/* It may block anyway, so it asks the log too. */
static int wait_look(struct pawl_participant *p, int max, int *count_p, bool *pauses_p)
{
	uint64_t before = p->messages;
	int rc = move(p, max, count_p, pauses_p);

	if (rc || !participant_in_doubt(p))
		return rc;
	rc = pawl_participant_sync(p);
	*count_p = (int)(p->messages - before);
	return rc == -ETIMEDOUT ? 0 : rc;
}

int pawl_participant_wait(
	struct pawl_participant *p, int max, uint64_t timeout_ns, int *count_p)
{
	uint64_t deadline = deadline_of(timeout_ns);
	struct waiter waiter = wait_begin(p->pawl->options.wait);
	bool pauses, over = false;
	int rc = poll_check(p, max);

	while (!rc) {
		rc = wait_look(p, max, count_p, &pauses);
		if (rc || *count_p > 0 || over)
			break;
		over = pause_until(p, &waiter, 0, pauses, deadline);
	}
	return rc;
}

/* What this handle has begun is moved on too: who only syncs keeps his sessions by it. */
static int sync_once(struct pawl_participant *p)
{
	uint64_t acknowledged = publish_acknowledged(p->stream);
	uint64_t position;
	bool pauses;
	int count;
	int rc = move(p, BATCH, &count, &pauses);

	if (rc && rc != -ETIMEDOUT)
		return rc;
	if (p->restoring.stage != RESTORING_NOTHING)
		return 0;
	commands_sync_begin(&p->commands, participant_in_doubt(p));
	rc = pawl_subscriber_sync(p->subscriber, on_delivery, p, &position);
	if (rc)
		return subscriber_error(p, rc);
	inside_decide(p, acknowledged);
	if (commands_sync_end(&p->commands)) {
		doubtful_decide(p);
		publish_quietly_again(p->stream);
	}
	return 0;
}

/* Whoever was lapped meanwhile is restored, and asks for the end again. */
int pawl_participant_sync(struct pawl_participant *p)
{
	uint64_t deadline = clock_now_ns() + p->pawl->options.timeout_ns;
	int rc;

	for (;;) {
		rc = participant_ready(p);
		if (!rc)
			rc = sync_once(p);
		if (rc || p->restoring.stage == RESTORING_NOTHING)
			return rc;
		if (clock_now_ns() >= deadline)
			return error_set(&p->pawl->err, -ETIMEDOUT,
				"pawl: %s/%s: sync: lapped again and again; poll more "
				"often, or make the stream with more slots",
				p->pawl->where, p->stream->name);
	}
}

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
		return doubt_say(p);
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
	return is_blurred(p) && p->restoring.stage == RESTORING_NOTHING &&
	       oldest_id(p) <= publish_acknowledged(p->stream);
}

/* -EAGAIN: not yet; wait a little. */
static int await_step(
	struct pawl_participant *p, const bool *done, int *count_p, bool *pauses_p)
{
	int rc = move(p, BATCH, count_p, pauses_p);

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
		if (pause_until(p, &waiter, count, pauses, deadline_ns))
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
		p, &calling->done, deadline_of(p->pawl->options.timeout_ns));
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
	int rc = move(p, BATCH, &count, &pauses);

	if (!rc || rc == -ETIMEDOUT)
		rc = tail_read_step(p->stream);
	*rests_p = count == 0 && tail_read_waits(p->stream);
	return rc;
}

int participant_tail_read(struct pawl_participant *p, const void *query, size_t len,
	void *room, size_t room_len, size_t *len_p)
{
	uint64_t deadline = clock_now_ns() + p->pawl->options.timeout_ns;
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

uint64_t pawl_participant_position(const struct pawl_participant *p)
{
	return p->applied;
}
