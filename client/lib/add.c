/*
 * One addition within a call: at once where the words are in reach, posted and waited for
 * where a card is between, and by the queue whenever there is anything to wait for.
 */
#include <errno.h>
#include <stdatomic.h>

#include "client/lib/handle.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define REJOIN_WAIT_MS 1

#define unlikely(x) __builtin_expect(!!(x), 0)

_Static_assert(PAWL_ADD_MAX == ADDITION_MAX, "public limit");

int add_status(struct pawl_counter *c, const struct ticket_result *result)
{
	struct pawl *pawl = c->pawl;

	switch (result->outcome) {
	case TICKET_CONFIRMED:
		c->additions++;
		return 0;
	case TICKET_OVERFLOW:
		return error_set(&pawl->err, -EOVERFLOW,
			"pawl: %s/%s: the counter has no numbers left below 2^60; use "
			"another counter",
			pawl->where, c->name);
	case TICKET_ABORTED:
		break;
	}
	return c->abort_status;
}

/* When a wait began and what it has looked at, filled in at its first look at the clock. */
struct wait_clock {
	uint64_t deadline_ns;
	uint64_t looked_ns; /* at the links and replicas */
};

/* 0 to go on waiting, or why not. */
static int wait_look(struct pawl *pawl, struct wait_clock *clock)
{
	uint64_t now = clock_now_ns();

	if (!clock->deadline_ns)
		*clock = (struct wait_clock){now + pawl->options.timeout_ns, now};
	if (now - clock->looked_ns >= HANDLE_LOOK_NS) {
		session_look(pawl);
		clock->looked_ns = now;
	}
	if (session_step(pawl) == 0)
		return now < clock->deadline_ns ? 0 : session_verdict(pawl, now, now);
	return session_verdict(pawl, clock_now_ns(), clock->deadline_ns);
}

static int ticket_wait(
	struct pawl_counter *c, uint64_t index, struct ticket_result *result_p)
{
	struct pawl *pawl = c->pawl;
	struct waiter waiter = wait_begin(pawl->options.wait);
	struct wait_clock clock = {0};

	pump_run(pawl);
	for (;;) {
		bool ready = pawl->session.stage == SESSION_READY;
		int rc;

		(void)pump_turn(pawl);
		if (ticket_peek(&c->queue, index, result_p))
			return 0;
		if (ready && !wait_step(&waiter))
			continue;
		rc = wait_look(pawl, &clock);
		if (rc)
			return rc;
		if (pawl->session.stage != SESSION_READY)
			session_wait(pawl, REJOIN_WAIT_MS);
	}
}

/* Nobody wants it any more; if it is alone, it need not take numbers in a later epoch. */
static void ticket_give_up(struct ticket_queue *q, uint64_t index)
{
	bool alone = q->settled_upto == index && q->submitted == index + 1;

	ticket_drop(q, index);
	if (alone && q->phase == TICKET_SUSPENDED)
		ticket_abort(q);
}

int add_await(struct pawl_counter *c, uint64_t index, uint64_t *last_p)
{
	struct ticket_result result;
	int rc = ticket_wait(c, index, &result);

	if (rc) {
		ticket_give_up(&c->queue, index);
	} else {
		ticket_drop(&c->queue, index);
		pump_way_update(c->pawl); /* the ticket was in the way, at depth 1 */
		rc = add_status(c, &result);
	}
	if (!rc)
		*last_p = result.last;
	return rc;
}

/* The general way: a ticket in the queue, behind whatever is in flight. */
static __attribute__((noinline)) int add_in_queue(
	struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	struct pawl *pawl = c->pawl;
	uint64_t index;
	int rc = handle_check(pawl);

	if (rc)
		return rc;
	pawl->hot->way = WAY_QUEUE;
	if (!ticket_submit(&c->queue, n, 0, &index))
		return error_set(&pawl->err, -EAGAIN,
			"pawl: %s/%s: %u additions are waiting; take results with "
			"pawl_poll",
			pawl->where, c->name, pawl->options.depth);
	return add_await(c, index, last_p);
}

/* Drawn past the queue and not confirmed there: the queue goes on with it. */
static uint64_t drawn_hand_over(struct pawl_counter *c, uint64_t n, uint64_t v)
{
	uint64_t index = 0;
	bool room;

	c->hot->way = WAY_QUEUE;
	if (c->queue.reserve > 0)
		ticket_on_time(&c->queue, clock_now_ns()); /* a lease may run from now */
	room = ticket_submit_drawn(&c->queue, n, v, 0, &index);
	PAWL_ASSERT(room); /* H1 */
	return index;
}

static __attribute__((noinline)) int add_drawn(
	struct pawl_counter *c, uint64_t n, uint64_t v, uint64_t *last_p)
{
	return add_await(c, drawn_hand_over(c, n, v), last_p);
}

static inline int add_done(
	struct pawl_counter *c, uint64_t n, uint64_t v, uint64_t *last_p)
{
	c->additions++;
	*last_p = v + n;
	return 0;
}

/* Stores the mark at every backup. */
static void marks_store(struct pawl_counter *c, uint64_t v, uint64_t n)
{
	uint64_t mark = ticket_direct_mark(&c->queue, v, n, c->ahead);

	for (uint32_t i = 1; i <= c->backups; i++)
		atomic_store(c->marks[i], mark);
	c->marked = mark < c->queue.ceiling ? mark : c->queue.ceiling;
}

/* T3, once the marks are stored. */
static inline bool states_are_open(const struct pawl_counter *c)
{
	for (uint32_t i = 1; i <= c->backups; i++) {
		if (unlikely(atomic_load(c->states[i]) != c->open))
			return false;
	}
	return true;
}

/* Drawn where the words are in reach, and not covered by a mark that is there already. */
static __attribute__((noinline)) int add_marked(
	struct pawl_counter *c, uint64_t n, uint64_t v, uint64_t *last_p)
{
	if (unlikely(!ticket_confirmed_within(&c->queue, v, n)))
		return add_drawn(c, n, v, last_p);
	if (v + n > c->marked)
		marks_store(c, v, n);
	if (unlikely(!states_are_open(c)))
		return add_drawn(c, n, v, last_p);
	return add_done(c, n, v, last_p);
}

/*
 * In a chain whose words are in reach (ticket_direct): everything is sequentially
 * consistent, so that whoever seals a backup after its state was read open counts the mark.
 */
static inline int add_in_words(struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	uint64_t v = atomic_fetch_add(c->word, n);

	if (v + n <= c->marked && states_are_open(c))
		return add_done(c, n, v, last_p);
	return add_marked(c, n, v, last_p);
}

/* Waits a little for one completion.  False: it may take longer, and the queue shall wait. */
static bool completion_await(
	const struct pawl *pawl, struct link *link, struct completion *done)
{
	struct waiter waiter = wait_begin(pawl->options.wait);
	uint64_t since_ns = 0;
	int count = 0;

	for (;;) {
		if (unlikely(link->ops->poll(link, done, 1, &count))) {
			done->status = -EIO;
			return true;
		}
		if (count == 1)
			return true;
		if (!wait_step(&waiter))
			continue;
		if (!since_ns)
			since_ns = clock_now_ns();
		else if (clock_now_ns() - since_ns >= HANDLE_LOOK_NS)
			return false;
	}
}

/* How a draw that was posted past the queue ended. */
enum draw_end {
	DRAW_CAME,
	DRAW_LATE,   /* the queue knows of it (H3) */
	DRAW_FAILED, /* or was not posted: it is drawn anew, by the queue */
};

static enum draw_end draw_posted(
	struct pawl_counter *c, uint64_t n, uint64_t *v_p, uint64_t *index_p)
{
	struct pawl *pawl = c->pawl;
	struct link *head = pawl->session.links[0].link;
	struct completion done;

	if (head->ops->fetch_add(head, c->offset, n, pump_draw_cookie(c)))
		return DRAW_FAILED;
	if (unlikely(!completion_await(pawl, head, &done))) {
		bool room = ticket_submit(&c->queue, n, 0, index_p);

		PAWL_ASSERT(room); /* H1 */
		pawl->hot->way = WAY_QUEUE;
		ticket_draw_posted(&c->queue);
		pump_count(pawl, 0, 1);
		return DRAW_LATE;
	}
	if (unlikely(done.status)) {
		session_lost(pawl);
		return DRAW_FAILED;
	}
	*v_p = done.value;
	return DRAW_CAME;
}

/* Posts the mark and the read of the state at one backup. */
static int replicate_post(struct pawl_counter *c, uint32_t replica, uint64_t mark)
{
	struct link *link = c->pawl->session.links[replica].link;

	return link->ops->write_read(link, c->mark_at[replica], mark, REGION_STATE_OFFSET,
		&c->alone_in[replica], PUMP_COOKIE_NOBODY);
}

/*
 * Waits a little for what was posted at the first @count backups; what is left is nobody's
 * (H3).
 */
static bool replicate_await(struct pawl_counter *c, uint32_t count)
{
	struct pawl *pawl = c->pawl;
	const uint64_t open = region_state_open(c->queue.epoch);
	struct completion done = {0};
	bool well = true;

	for (uint32_t i = 1; i <= count; i++) {
		bool came = well &&
			    completion_await(pawl, pawl->session.links[i].link, &done);

		well = came && done.status == 0 && c->alone_in[i] == open; /* T3 */
		if (!came)
			pump_count(pawl, i, 1);
	}
	return well;
}

/* True when every backup holds the mark and was open after it. */
static bool replicate(struct pawl_counter *c, uint64_t mark)
{
	uint32_t posted = 0;

	while (posted < c->queue.backups && replicate_post(c, posted + 1, mark) == 0)
		posted++;
	return replicate_await(c, posted) && posted == c->queue.backups;
}

/* A queue that reserves: the head alone, while the lease runs (T7). */
static int add_leased(struct pawl_counter *c, uint64_t n, uint64_t v, uint64_t *last_p)
{
	uint64_t now = clock_now_ns();

	if (unlikely(!ticket_covers(&c->queue, v, n, now)))
		return add_drawn(c, n, v, last_p);
	if (unlikely(ticket_renews(&c->queue, v, now)))
		c->hot->way = WAY_QUEUE; /* the next one renews, beside its draw */
	return add_done(c, n, v, last_p);
}

static int add_replicated(
	struct pawl_counter *c, uint64_t n, uint64_t v, uint64_t *last_p)
{
	if (unlikely(!ticket_confirmed_within(&c->queue, v, n) ||
		     !replicate(c, ticket_direct_mark(&c->queue, v, n, 0))))
		return add_drawn(c, n, v, last_p);
	return add_done(c, n, v, last_p);
}

/* Past the queue over a card, where H1 allows it. */
static __attribute__((noinline)) int add_posted(
	struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	uint64_t v = 0, index = 0;

	if (c->queue.reserve > 0 && c->queue.backups > 0 && !ticket_leased(&c->queue))
		return add_in_queue(c, n, last_p);
	switch (draw_posted(c, n, &v, &index)) {
	case DRAW_CAME:
		break;
	case DRAW_LATE:
		return add_await(c, index, last_p);
	case DRAW_FAILED:
		return add_in_queue(c, n, last_p);
	}
	if (c->queue.backups > 0)
		return c->queue.reserve > 0 ? add_leased(c, n, v, last_p)
					    : add_replicated(c, n, v, last_p);
	if (unlikely(!ticket_confirmed_within(&c->queue, v, n)))
		return add_drawn(c, n, v, last_p);
	return add_done(c, n, v, last_p);
}

static __attribute__((noinline)) int add_other(
	struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	switch (c->hot->way) {
	case WAY_POSTED:
	case WAY_CHAIN:
		return add_posted(c, n, last_p);
	case WAY_QUEUE:
	case WAY_WORD:
	case WAY_WORDS:
		break;
	}
	return add_in_queue(c, n, last_p);
}

/* The shortest ways are in line; everything else is a call away. */
static inline int add(struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	enum hot_way way = c->hot->way;
	uint64_t v;

	if (way == WAY_WORDS)
		return add_in_words(c, n, last_p);
	if (unlikely(way != WAY_WORD))
		return add_other(c, n, last_p);
	v = atomic_fetch_add(c->word, n);
	if (unlikely(!ticket_confirmed_within(&c->queue, v, n)))
		return add_drawn(c, n, v, last_p);
	return add_done(c, n, v, last_p);
}

int pawl_next(struct pawl_counter *counter, uint64_t *number_p)
{
	return add(counter, 1, number_p);
}

__attribute__((cold)) int add_refused(struct pawl_counter *c, uint64_t n)
{
	struct pawl *pawl = c->pawl;

	if (n == 0)
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s/%s: an addition of 0 takes no number; use pawl_read to "
			"look",
			pawl->where, c->name);
	return error_set(&pawl->err, -ERANGE,
		"pawl: %s/%s: %llu numbers at once are too many; take at most %llu",
		pawl->where, c->name, (unsigned long long)n,
		(unsigned long long)ADDITION_MAX);
}

int pawl_add(struct pawl_counter *counter, uint64_t n, uint64_t *last_p)
{
	if (n == 0 || n > ADDITION_MAX)
		return add_refused(counter, n);
	return add(counter, n, last_p);
}

int pawl_read(struct pawl_counter *counter, uint64_t *value_p)
{
	return add(counter, 0, value_p);
}
