/* A process that publishes, into the stream or into the bare ring. */
#include <errno.h>
#include <stdlib.h>

#include "bench/stream_schedule.h"
#include "bench/stream_work.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define RESULTS_AT_ONCE 256
#define LOOKS 8 /* messages between two looks at the clock, one by one at full speed */

struct publisher {
	struct worker *w;
	const struct stream_options *options;
	struct stream_seat *seat;
	struct stream_handle handle;
	struct stream_bare bare;
	struct stream_schedule schedule;
	enum turn_side side;
	uint64_t in_flight;
	uint64_t numbers[TURN_SIDES]; /* sent, ever */
	unsigned char *bytes;	      /* of one batch */
	struct pawl_message messages[STREAM_BATCH_MAX];
};

static int failed(struct publisher *p, int rc)
{
	return error_set(&p->w->seat->err, rc, "%s", pawl_errmsg(p->handle.pawl));
}

static unsigned char *message_at(struct publisher *p, uint64_t i)
{
	return p->bytes + i * p->options->message_len;
}

/* The next messages, with the moments that they are meant for. */
static void batch_fill(struct publisher *p, uint64_t now_ns, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct stream_stamp stamp = {
			.intended_ns = stream_schedule_intended_ns(
				&p->schedule, now_ns, i),
			.number = p->numbers[p->side] + i + 1,
			.publisher = p->w->place,
		};

		stream_message_fill(message_at(p, i), p->options->message_len, &stamp);
		p->messages[i].cookie = stamp.intended_ns;
	}
}

/* @count of them, which were meant for the same moment. */
static void acknowledged(
	struct publisher *p, uint64_t intended_ns, uint64_t count, uint64_t now_ns)
{
	histogram_add_times(&p->seat->latencies_ns, now_ns - intended_ns, count);
	p->seat->messages += count;
	p->seat->sent[p->side] += count;
	p->seat->end_ns = now_ns;
}

/* Each sends up to @count messages that batch_fill has made; *sent_p is how many. */
static int batch_send(struct publisher *p, uint64_t count, uint64_t *sent_p)
{
	unsigned int submitted = 0;
	int rc = pawl_publish_many(
		p->handle.stream, p->messages, (unsigned int)count, &submitted);

	*sent_p = submitted;
	p->in_flight += submitted;
	return rc ? failed(p, rc) : 0;
}

static int single_send(struct publisher *p, uint64_t *sent_p)
{
	const struct pawl_message *m = &p->messages[0];
	int rc = pawl_publish_submit(p->handle.stream, m->bytes, m->len, m->cookie);

	if (rc && rc != -EAGAIN)
		return failed(p, rc);
	*sent_p = rc == 0;
	p->in_flight += rc == 0;
	return 0;
}

static int sync_send(struct publisher *p, uint64_t *sent_p)
{
	const struct pawl_message *m = &p->messages[0];
	int rc = pawl_publish(p->handle.stream, m->bytes, m->len, NULL);

	if (rc)
		return failed(p, rc);
	*sent_p = 1;
	acknowledged(p, m->cookie, 1, clock_now_ns());
	return 0;
}

/* The reader's word is the acknowledgement, if one is waited for. */
static int bare_send(struct publisher *p, uint64_t count, uint64_t *sent_p)
{
	uint64_t now_ns;

	count = stream_bare_room(&p->bare, count);
	for (uint64_t i = 0; i < count; i++)
		stream_bare_put(&p->bare, message_at(p, i), p->options->message_len);
	if (count > 0)
		stream_bare_publish(&p->bare);
	now_ns = clock_now_ns();
	for (uint64_t i = 0; i < count; i++)
		acknowledged(p, p->messages[i].cookie, 1, now_ns);
	*sent_p = count;
	return 0;
}

static int send(struct publisher *p, uint64_t count, uint64_t *sent_p)
{
	if (p->side == TURN_BARE)
		return bare_send(p, count, sent_p);
	switch (p->options->mode) {
	case STREAM_BATCH:
		return batch_send(p, count, sent_p);
	case STREAM_SINGLE:
		return single_send(p, sent_p);
	default:
		return sync_send(p, sent_p);
	}
}

/* True when the one before is still on its way, where one waits for it. */
static bool bare_waits(struct publisher *p)
{
	return p->side == TURN_BARE && p->options->mode == STREAM_SYNC &&
	       !stream_bare_is_taken(&p->bare);
}

static int due_send(struct publisher *p, uint64_t now_ns, uint64_t *sent_p)
{
	uint64_t due = stream_schedule_due(&p->schedule, now_ns, p->options->batch);
	int rc;

	*sent_p = 0;
	if (due == 0 || bare_waits(p))
		return 0;
	batch_fill(p, now_ns, due);
	rc = send(p, due, sent_p);
	stream_schedule_sent(&p->schedule, *sent_p);
	p->numbers[p->side] += *sent_p;
	return rc;
}

static int results_keep(
	struct publisher *p, const struct pawl_published *results, int count)
{
	uint64_t now_ns = clock_now_ns(), alike = 0;

	for (int i = 0; i < count; i++) {
		if (results[i].status)
			return failed(p, results[i].status);
		alike++;
		if (i + 1 < count && results[i + 1].cookie == results[i].cookie)
			continue;
		acknowledged(p, results[i].cookie, alike, now_ns);
		alike = 0;
	}
	return 0;
}

static int results_take(struct publisher *p, uint64_t *taken_p)
{
	struct pawl_published results[RESULTS_AT_ONCE];
	int count = 0, rc;

	*taken_p = 0;
	if (p->in_flight == 0)
		return 0;
	rc = pawl_publish_poll(p->handle.stream, results, RESULTS_AT_ONCE, &count);
	if (rc)
		return failed(p, rc);
	if (count == 0)
		return 0;
	rc = results_keep(p, results, count);
	if (rc)
		return rc;
	p->in_flight -= (uint64_t)count;
	*taken_p = (uint64_t)count;
	return 0;
}

/* The clock costs as much as a message, so at full speed it is not asked for each. */
static uint64_t now_look(const struct publisher *p, uint64_t now_ns, uint64_t round)
{
	bool often = p->options->rate > 0 || p->schedule.interval_ns > 0 ||
		     p->options->batch >= LOOKS || p->options->mode == STREAM_SYNC;

	return often || round % LOOKS == 0 ? clock_now_ns() : now_ns;
}

static int messages_send(struct publisher *p, uint64_t deadline_ns)
{
	struct waiter waiter = wait_begin(p->options->wait);
	uint64_t now_ns = clock_now_ns(), sent, taken;
	int rc = 0;

	for (uint64_t round = 1;
		!stream_schedule_is_over(&p->schedule, now_ns) || p->in_flight > 0;
		round++) {
		rc = due_send(p, now_ns, &sent);
		if (!rc)
			rc = results_take(p, &taken);
		if (!rc && sent + taken == 0 && wait_step(&waiter))
			rc = stream_trouble(p->w, deadline_ns, "acknowledgements");
		if (rc)
			return rc;
		if (sent + taken > 0)
			waiter = wait_begin(p->options->wait);
		now_ns = sent + taken > 0 ? now_look(p, now_ns, round) : clock_now_ns();
	}
	return 0;
}

static void schedule_make(struct publisher *p, const struct turn *turn, uint64_t start_ns)
{
	unsigned int places = (unsigned int)p->options->publishers;

	if (turn->side == TURN_BARE) /* alone, with all that they send */
		stream_schedule_begin(&p->schedule, start_ns, turn->length_ns,
			turn->rate * places, 0, 1);
	else
		stream_schedule_begin(&p->schedule, start_ns, turn->length_ns, turn->rate,
			p->w->place, places);
}

int stream_publisher_turn(struct worker *w, const struct turn *turn, uint64_t start_ns)
{
	struct publisher *p = w->state;
	int rc;

	if (w->place >= stream_publishers_of(p->options, turn->side))
		return 0;
	p->side = turn->side;
	schedule_make(p, turn, start_ns);
	rc = messages_send(p, start_ns + turn->length_ns + STREAM_TURN_TIMEOUT_NS);
	if (!rc && turn->side == TURN_PAWL) {
		rc = pawl_stream_stats_get(p->handle.stream, &p->seat->stats);
		if (rc)
			return failed(p, rc);
	}
	/* Release: what was sent is in the seat; the subscribers look at it. */
	atomic_fetch_add(&stream_shared_of(w)->finished, 1);
	return rc;
}

int stream_publisher_open(struct worker *w)
{
	struct stream_shared *shared = stream_shared_of(w);
	const struct stream_options *o = shared->options;
	struct publisher *p = calloc(1, sizeof(*p));

	if (p)
		p->bytes = malloc(o->batch * o->message_len);
	if (!p || !p->bytes) {
		free(p);
		return error_set(&w->seat->err, -ENOMEM, "bench: out of memory");
	}
	w->state = p;
	p->w = w;
	p->options = o;
	p->seat = stream_seat_of(w);
	for (uint64_t i = 0; i < o->batch; i++)
		p->messages[i] = (struct pawl_message){
			.bytes = message_at(p, i), .len = o->message_len};
	stream_bare_init(&p->bare, shared->ring, o->message_len, o->slot_len, o->slots);
	return stream_handle_open(w, o, &p->handle);
}

void stream_publisher_close(struct worker *w)
{
	struct publisher *p = w->state;

	if (!p)
		return;
	pawl_close(p->handle.pawl);
	free(p->bytes);
	free(p);
}
