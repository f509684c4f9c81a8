/* Participants: commands published, and applied when they come back. */
#include "client/lib/participant.h"

#include <errno.h>
#include <string.h>

#include "client/lib/wait.h"
#include "hw/clock.h"

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

bool participant_is_blurred(const struct pawl_participant *p)
{
	return p->commands.decided < p->blurred;
}

uint64_t participant_oldest_id(const struct pawl_participant *p)
{
	return commands_oldest(&p->commands);
}

/* Messages up to @id are in the stream, and not behind what was applied: they are inside. */
static void inside_decide(struct pawl_participant *p, uint64_t id)
{
	while (participant_is_blurred(p) && participant_oldest_id(p) <= id)
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
	while (participant_is_blurred(p))
		decide_without(p, -ENOTRECOVERABLE);
	drop_all(p, -ECANCELED);
}

static void message_apply(struct pawl_participant *p, const struct pawl_delivery *d)
{
	struct pawl_bytes result = {"", 0};
	struct command_outcome decided;

	p->machine.apply(p->machine.context, d->position, d->bytes, d->len, &result);
	p->applied = d->position;
	p->messages++;
	if (participant_is_blurred(p) && d->publisher == pawl_stream_publisher(p->stream))
		inside_decide(p, d->id - 1);
	if (commands_on_delivery(&p->commands, pawl_stream_publisher(p->stream),
		    d->publisher, d->id, d->position, &decided))
		tell(p, &decided, &result);
}

static void batch_prepare(struct pawl_participant *p)
{
	const struct participant_batch *batch = &p->batch;
	struct pawl_bytes messages[PAWL_PREPARE_MAX];

	for (size_t i = 0; i < batch->count; i++)
		messages[i] = (struct pawl_bytes){
			batch->messages[i].bytes, batch->messages[i].len};
	p->machine.prepare(p->machine.context, messages, batch->count);
}

static void batch_apply(struct pawl_participant *p)
{
	struct participant_batch *batch = &p->batch;

	if (batch->count > 1)
		batch_prepare(p);
	for (size_t i = 0; i < batch->count; i++)
		message_apply(p, &batch->messages[i]);
	batch->count = 0;
	batch->used = 0;
}

/* False: it is longer than the whole room. */
static bool batch_add(struct pawl_participant *p, const struct pawl_delivery *d)
{
	struct participant_batch *batch = &p->batch;
	unsigned char *room;

	if (batch->count == PAWL_PREPARE_MAX || d->len > BATCH_BYTES - batch->used)
		batch_apply(p);
	if (d->len > BATCH_BYTES)
		return false;
	room = batch->bytes + batch->used;
	if (d->len > 0)
		memcpy(room, d->bytes, d->len);
	batch->messages[batch->count] = *d;
	batch->messages[batch->count++].bytes = room;
	batch->used += d->len;
	return true;
}

static void on_delivery(void *context, const struct pawl_delivery *d)
{
	struct pawl_participant *p = context;

	if (!p->machine.prepare || !batch_add(p, d))
		message_apply(p, d);
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

int participant_doubt_say(struct pawl_participant *p)
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

	batch_apply(p);
	if (participant_is_blurred(p))
		passed_decide(p);
	return rc ? subscriber_error(p, rc) : 0;
}

static int restore(struct pawl_participant *p, bool *pauses_p)
{
	int rc = restoring_step(p);

	*pauses_p = true;
	return rc == -EAGAIN ? 0 : rc;
}

int participant_move(struct pawl_participant *p, int max, int *count_p, bool *pauses_p)
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
		rc = participant_move(p, max, count_p, &pauses);
	if (!rc && *count_p == 0 && participant_in_doubt(p))
		rc = participant_doubt_say(p);
	return rc;
}

bool participant_pause(struct pawl_participant *p, struct waiter *waiter, int count,
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

/* It may block anyway, so it asks the log too. */
static int wait_look(struct pawl_participant *p, int max, int *count_p, bool *pauses_p)
{
	uint64_t before = p->messages;
	int rc = participant_move(p, max, count_p, pauses_p);

	if (rc || !participant_in_doubt(p))
		return rc;
	rc = pawl_participant_sync(p);
	*count_p = (int)(p->messages - before);
	return rc == -ETIMEDOUT ? 0 : rc;
}

int pawl_participant_wait(
	struct pawl_participant *p, int max, uint64_t timeout_ns, int *count_p)
{
	uint64_t deadline = clock_deadline_ns(timeout_ns);
	struct waiter waiter = wait_begin(p->pawl->options.wait);
	bool pauses, over = false;
	int rc = poll_check(p, max);

	while (!rc) {
		rc = wait_look(p, max, count_p, &pauses);
		if (rc || *count_p > 0 || over)
			break;
		over = participant_pause(p, &waiter, 0, pauses, deadline);
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
	int rc = participant_move(p, PARTICIPANT_BATCH, &count, &pauses);

	if (rc && rc != -ETIMEDOUT)
		return rc;
	if (p->restoring.stage != RESTORING_NOTHING)
		return 0;
	commands_sync_begin(&p->commands, participant_in_doubt(p));
	rc = pawl_subscriber_sync(p->subscriber, on_delivery, p, &position);
	batch_apply(p);
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
	uint64_t deadline = clock_deadline_ns(p->pawl->options.timeout_ns);
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

uint64_t pawl_participant_position(const struct pawl_participant *p)
{
	return p->applied;
}
