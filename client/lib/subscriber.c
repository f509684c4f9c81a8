/* Delivering: what people call once they have subscribed. */
#include "client/lib/subscriber.h"

#include <errno.h>

#include "client/lib/wait.h"
#include "hw/clock.h"
#include "sequencer/core/stream_sync.h"

#define SLOTS_PER_LOOK 4096u	/* of long messages and unwanted voids, at most */
#define POLLS_PER_CLOCK 64	/* that delivered, between two looks at the clock */
#define SEEK_NS UINT64_C(20000) /* between two looks while somebody is asked */

static void deliver_one(struct pawl_subscriber *s, const struct stream_delivery *d,
	pawl_deliver_fn deliver, void *context)
{
	const struct pawl_delivery delivery = {.position = d->last,
		.first = d->first,
		.publisher = d->publisher,
		.id = d->id,
		.time_ns = d->time_ns,
		.bytes = d->payload,
		.len = d->len,
		.is_void = d->kind == STREAM_NOTHING};

	subscriber_stream(s)->stats.delivered += d->kind == STREAM_MESSAGE;
	deliver(context, &delivery);
}

/* From the oldest: what nobody has any more was before it, and is no loss. */
static bool is_before_oldest(struct pawl_subscriber *s, const struct stream_delivery *d)
{
	if (s->options.from != PAWL_FROM_OLDEST || d->first != s->before_oldest + 1)
		return false;
	s->before_oldest = d->last;
	return true;
}

/* What can not be delivered.  True: the next poll has to say so. */
static bool fault_take(struct pawl_subscriber *s, const struct stream_delivery *d)
{
	if (d->kind == STREAM_TOO_LONG) {
		s->pending = -EMSGSIZE;
		s->too_long = d->len;
		return true;
	}
	if (seek_elsewhere(s, d))
		return false;
	stream_subscriber_skip(&s->machine);
	if (is_before_oldest(s, d))
		return false;
	s->lost_first = d->first;
	s->lost_last = d->last;
	s->pending = -EOVERFLOW;
	return true;
}

static int deliver_some(
	struct pawl_subscriber *s, pawl_deliver_fn deliver, void *context, int max)
{
	struct stream_delivery d;
	int count = 0;

	while (count < max && !s->gap.open &&
		stream_subscriber_poll(&s->machine, SLOTS_PER_LOOK, &d)) {
		if (d.kind == STREAM_MESSAGE || d.kind == STREAM_NOTHING) {
			deliver_one(s, &d, deliver, context);
			count++;
		} else if (fault_take(s, &d)) {
			break;
		}
	}
	return count;
}

/* Its own line, or the feeder's link to it (G3). */
static void consumed_tell(struct pawl_subscriber *s)
{
	if (!s->tells)
		return;
	/* Partner: the member's stream thread, which may overwrite what is consumed. */
	if (s->kind == SOURCE_PLACE)
		word_store(s->place.consumed, subscriber_consumed(s));
	else
		inbox_tell(s, &s->inbox, false);
}

static int pending_take(struct pawl_subscriber *s)
{
	int code = s->pending;

	s->pending = 0;
	if (code == -EMSGSIZE)
		return error_set(&s->pawl->err, code,
			"pawl: %s/%s: a message of %llu bytes was passed over: the "
			"stream "
			"allows %llu",
			SUBSCRIBER_NAMES(s), (unsigned long long)s->too_long,
			(unsigned long long)subscriber_stream(s)->limits.message_max);
	return error_set(&s->pawl->err, code,
		"pawl: %s/%s: positions %llu to %llu are lost: overwritten before this "
		"subscriber read them, and in no archive; read faster, or make the "
		"stream with more slots or an archive",
		SUBSCRIBER_NAMES(s), (unsigned long long)s->lost_first,
		(unsigned long long)s->lost_last);
}

/* Nobody to read at for the handle's timeout. */
static int adrift_check(struct pawl_subscriber *s, uint64_t now_ns)
{
	uint64_t timeout_ns = s->pawl->options.timeout_ns;

	if (!s->adrift_ns || s->returns || now_ns < s->adrift_ns + timeout_ns)
		return 0;
	return error_set(&s->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: no replica to read at within %llu ms (%.250s)",
		SUBSCRIBER_NAMES(s), (unsigned long long)(timeout_ns / 1000000),
		s->why.text[0] ? s->why.text : "none answers");
}

int subscriber_move(struct pawl_subscriber *s, uint64_t now_ns)
{
	struct pawl *pawl = s->pawl;
	bool waits = s->stage != SUBSCRIBER_SETTLED;
	int rc;

	if (now_ns - s->stepped_ns < (waits ? SEEK_NS : HANDLE_LOOK_NS))
		return 0;
	s->stepped_ns = now_ns;
	rc = stream_turn(subscriber_stream(s));
	if (waits || now_ns - pawl->looked_ns >= HANDLE_LOOK_NS) {
		pawl->looked_ns = now_ns;
		session_look(pawl);
	}
	seek_step(s, now_ns);
	return rc && rc != -EAGAIN ? rc : adrift_check(s, now_ns);
}

/* True when the clock is to be looked at: seldom, while there is something to deliver. */
static bool clock_is_due(struct pawl_subscriber *s, int count)
{
	if (count > 0 && ++s->polls % POLLS_PER_CLOCK != 0)
		return false;
	return true;
}

static int poll_once(struct pawl_subscriber *s, pawl_deliver_fn deliver, void *context,
	int max, int *count_p)
{
	uint64_t before = s->machine.next;
	int count = 0;
	int rc = 0;

	if (!s->pending)
		count = deliver_some(s, deliver, context, max);
	if (s->machine.next != before)
		consumed_tell(s);
	if (clock_is_due(s, count))
		rc = subscriber_move(s, clock_now_ns());
	*count_p = count;
	if (count > 0)
		return 0; /* an error comes with the next call */
	return s->pending ? pending_take(s) : rc;
}

static int poll_check(struct pawl_subscriber *s, int max)
{
	int rc = handle_check(s->pawl);

	if (rc || max > 0)
		return rc;
	return error_set(&s->pawl->err, -EINVAL,
		"pawl: %s/%s: poll: at least one message is to be delivered",
		SUBSCRIBER_NAMES(s));
}

int pawl_subscriber_poll(struct pawl_subscriber *s, pawl_deliver_fn deliver,
	void *context, int max, int *count_p)
{
	int count = 0;
	int rc = poll_check(s, max);

	if (!rc)
		rc = poll_once(s, deliver, context, max, &count);
	if (!rc)
		*count_p = count;
	return rc;
}

/*
 * Only an answer brings it on, which wakes who sleeps; who yields may find the processor taken for
 * longer than the answer needs.
 */
static bool awaits_answer(const struct pawl_subscriber *s)
{
	if (s->pawl->session.stage != SESSION_READY)
		return true;
	return !s->returns &&
	       (s->stage == SUBSCRIBER_SEEKING || s->stage == SUBSCRIBER_ASKED);
}

/* Waits a little.  True when it is time to look at the clock. */
static bool wait_little(struct pawl_subscriber *s, struct waiter *w)
{
	if (!awaits_answer(s))
		return wait_step(w);
	stream_wait_lost(subscriber_stream(s));
	return true;
}

int pawl_subscriber_wait(struct pawl_subscriber *s, pawl_deliver_fn deliver,
	void *context, int max, uint64_t timeout_ns, int *count_p)
{
	struct waiter w = wait_begin(s->pawl->options.wait);
	uint64_t deadline = clock_deadline_ns(timeout_ns);
	bool over = false;
	int count = 0;
	int rc = poll_check(s, max);

	while (!rc) {
		rc = poll_once(s, deliver, context, max, &count);
		if (rc || count > 0 || over)
			break;
		if (wait_little(s, &w))
			over = clock_now_ns() >= deadline;
		else
			wait_relax();
	}
	if (!rc)
		*count_p = count;
	return rc;
}

void pawl_subscriber_lost(
	const struct pawl_subscriber *s, uint64_t *first_p, uint64_t *last_p)
{
	*first_p = s->lost_first;
	*last_p = s->lost_last;
}

/* An open message is not delivered, though its first slots are consumed. */
uint64_t pawl_subscriber_position(const struct pawl_subscriber *s)
{
	const struct stream_subscriber *machine = &s->machine;

	return machine->open ? machine->open_slot.position - 1 : subscriber_consumed(s);
}

uint64_t pawl_subscriber_lag(const struct pawl_subscriber *s)
{
	uint64_t end = s->machine.end ? word_load(s->machine.end) : 0;
	uint64_t commit = s->place.commit ? word_load(s->place.commit) : 0;
	uint64_t position = pawl_subscriber_position(s);

	if (commit > end)
		end = commit;
	return end > position ? end - position : 0;
}

static int sync_late(struct pawl_subscriber *s, uint64_t end)
{
	return error_set(&s->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: not synchronous within %llu ms: the stream goes to %llu, "
		"and "
		"%llu is delivered",
		SUBSCRIBER_NAMES(s),
		(unsigned long long)(s->pawl->options.timeout_ns / 1000000),
		(unsigned long long)end, (unsigned long long)subscriber_consumed(s));
}

/* The end that is waited for, as the epoch is now. */
static uint64_t sync_end(const struct pawl_subscriber *s, uint64_t end, uint64_t asked_in)
{
	const struct pawl_stream *stream = subscriber_stream(s);

	if (!stream->open)
		return end;
	return stream_sync_end(end, asked_in, stream->epoch, stream->base);
}

#define SYNC_MESSAGES 256	       /* between two looks at the clock, */
#define SYNC_LOOK_NS UINT64_C(1000000) /*   and at the epoch */

int pawl_subscriber_sync(struct pawl_subscriber *s, pawl_deliver_fn deliver,
	void *context, uint64_t *position_p)
{
	uint64_t deadline, end, now, asked_in;
	int rc = handle_check(s->pawl);
	int count;

	if (!rc)
		rc = pawl_stream_end(subscriber_stream(s), &end);
	asked_in = s->pawl->session.linked_epoch;
	deadline = clock_deadline_ns(s->pawl->options.timeout_ns);
	while (!rc && subscriber_consumed(s) < sync_end(s, end, asked_in)) {
		now = clock_now_ns();
		if (now >= deadline)
			return sync_late(s, end);
		rc = pawl_subscriber_wait(s, deliver, context, SYNC_MESSAGES,
			deadline - now < SYNC_LOOK_NS ? deadline - now : SYNC_LOOK_NS,
			&count);
	}
	if (!rc)
		*position_p = sync_end(s, end, asked_in);
	return rc;
}
