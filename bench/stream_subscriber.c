/* A process that subscribes, to the stream or to the bare ring, and checks what it gets. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bench/stream_work.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define AT_ONCE 256
#define WAIT_NS 10000000

struct subscriber {
	struct worker *w;
	const struct stream_options *options;
	struct stream_seat *seat;
	struct stream_handle handle;
	struct pawl_subscriber *subscriber;
	struct stream_bare bare;
	struct stream_order *order; /* of this turn's side */
	int rc;			    /* of a delivery */
	unsigned int count;	    /* of the newest call */
	uint64_t intended_ns[AT_ONCE];
};

static int failed(struct subscriber *s, int rc)
{
	return error_set(&s->w->seat->err, rc, "%s", pawl_errmsg(s->handle.pawl));
}

static void take(struct subscriber *s, const struct stream_got *got)
{
	if (!s->rc)
		s->rc = stream_order_take(
			s->order, got, &s->intended_ns[s->count++], &s->w->seat->err);
}

static void on_delivery(void *context, const struct pawl_delivery *d)
{
	struct stream_got got = {.position = d->position,
		.first = d->first,
		.publisher = d->publisher,
		.id = d->id,
		.bytes = d->bytes,
		.len = d->len};

	take(context, &got);
}

static int lost(struct subscriber *s)
{
	uint64_t first, last;

	pawl_subscriber_lost(s->subscriber, &first, &last);
	return error_set(&s->w->seat->err, -EILSEQ,
		"bench: order: positions %" PRIu64 " to %" PRIu64
		" were lost although the stream waits for the slowest; please report "
		"this",
		first, last);
}

static int stream_get(struct subscriber *s)
{
	int count = 0;
	int rc = pawl_subscriber_wait(
		s->subscriber, on_delivery, s, AT_ONCE, WAIT_NS, &count);

	if (rc == -EOVERFLOW)
		return lost(s);
	return rc ? failed(s, rc) : s->rc;
}

/* What the library tells of its messages, the bare ring's have from the ring. */
static void bare_take(struct subscriber *s)
{
	uint64_t position = s->order->position + 1;
	struct stream_got got = {
		.position = position, .first = position, .publisher = 1, .id = position};

	got.bytes = stream_bare_get(&s->bare, &got.len);
	take(s, &got);
}

static int bare_get(struct subscriber *s)
{
	struct waiter waiter = wait_begin(s->options->wait);
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS, count;

	while ((count = stream_bare_ready(&s->bare, AT_ONCE)) == 0) {
		if (wait_step(&waiter) && clock_now_ns() >= deadline_ns)
			return 0;
	}
	for (uint64_t i = 0; i < count; i++)
		bare_take(s);
	stream_bare_release(&s->bare);
	return s->rc;
}

/* All messages of one call count as delivered at its end. */
static void latencies_keep(struct subscriber *s)
{
	uint64_t now_ns = clock_now_ns(), alike = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		alike++;
		if (i + 1 < s->count && s->intended_ns[i + 1] == s->intended_ns[i])
			continue;
		histogram_add_times(
			&s->seat->latencies_ns, now_ns - s->intended_ns[i], alike);
		alike = 0;
	}
	s->seat->messages += s->count;
	s->seat->end_ns = now_ns;
}

/* All that was ever sent on this side; UINT64_MAX while they are still sending. */
static uint64_t goal(const struct subscriber *s, enum turn_side side)
{
	struct stream_shared *shared = stream_shared_of(s->w);
	unsigned int publishers = stream_publishers_of(s->options, side);
	uint64_t sent = 0;

	if (atomic_load(&shared->finished) < publishers)
		return UINT64_MAX;
	for (unsigned int i = 0; i < publishers; i++)
		sent += shared->seats[i].sent[side];
	return sent;
}

static int messages_get(struct subscriber *s, enum turn_side side, uint64_t deadline_ns)
{
	int rc = 0;

	while (!rc && s->order->messages != goal(s, side)) {
		s->count = 0;
		rc = side == TURN_BARE ? bare_get(s) : stream_get(s);
		if (s->count > 0)
			latencies_keep(s);
		else if (!rc)
			rc = stream_trouble(s->w, deadline_ns, "messages");
	}
	return rc;
}

int stream_subscriber_turn(struct worker *w, const struct turn *turn, uint64_t start_ns)
{
	struct subscriber *s = w->state;

	if (turn->side == TURN_BARE && w->place != s->options->publishers)
		return 0;
	s->order = &s->seat->orders[turn->side];
	return messages_get(
		s, turn->side, start_ns + turn->length_ns + STREAM_TURN_TIMEOUT_NS);
}

int stream_subscriber_open(struct worker *w)
{
	struct pawl_subscribe_options options = PAWL_SUBSCRIBE_OPTIONS_INIT;
	struct stream_shared *shared = stream_shared_of(w);
	const struct stream_options *o = shared->options;
	struct subscriber *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(&w->seat->err, -ENOMEM, "bench: out of memory");
	w->state = s;
	s->w = w;
	s->options = o;
	s->seat = stream_seat_of(w);
	stream_bare_init(&s->bare, shared->ring, o->message_len, o->slot_len, o->slots);
	rc = stream_handle_open(w, o, &s->handle);
	if (rc)
		return rc;
	options.from = PAWL_FROM_OLDEST;
	rc = pawl_subscribe(s->handle.stream, &options, &s->subscriber);
	return rc ? failed(s, rc) : 0;
}

void stream_subscriber_close(struct worker *w)
{
	struct subscriber *s = w->state;

	if (!s)
		return;
	pawl_unsubscribe(s->subscriber);
	pawl_close(s->handle.pawl);
	free(s);
}
