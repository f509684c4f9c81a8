/* Counters: opening them, and the two ways to take a number, within a call or in flight.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/handle.h"
#include "client/lib/wait.h"
#include "hw/clock.h"
#include "sequencer/core/names.h"

#define REJOIN_WAIT_MS 1
#define LOOK_NS UINT64_C(1000000) /* between two looks at the links */

_Static_assert(PAWL_ADD_MAX == ADDITION_MAX, "public limit");
_Static_assert(PAWL_NAME_MAX == COUNTER_NAME_MAX, "public limit");
_Static_assert(PAWL_DEPTH_MAX == TICKET_DEPTH_MAX, "public limit");

static int name_check(struct pawl *pawl, const char *name)
{
	size_t len = strlen(name);

	if (len > COUNTER_NAME_MAX)
		return error_set(&pawl->err, -ENAMETOOLONG,
			"pawl: %s/%.20s...: the name of a counter is %zu bytes long; at "
			"most %d are "
			"allowed",
			pawl->where, name, len, COUNTER_NAME_MAX);
	if (!names_counter_valid(name, len))
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s/%s: not a name for a counter; use 1 to %d printable "
			"ASCII characters",
			pawl->where, name, COUNTER_NAME_MAX);
	return 0;
}

static struct pawl_counter *counter_make(struct pawl *pawl, const char *name)
{
	struct pawl_counter **list = realloc(pawl->counters,
		(pawl->counters_count + 1) * sizeof(struct pawl_counter *));
	struct pawl_counter *c;
	struct ticket *slots;

	if (!list)
		return NULL;
	pawl->counters = list;
	c = calloc(1, sizeof(*c));
	slots = calloc(ticket_slots_count(pawl->options.depth), sizeof(*slots));
	if (!c || !slots) {
		free(c);
		free(slots);
		return NULL;
	}
	ticket_queue_init(&c->queue, slots, pawl->options.depth);
	c->pawl = pawl;
	c->hot = pawl->hot;
	c->slot = pawl->counters_count;
	(void)strcpy(c->name, name);
	pawl->counters[pawl->counters_count++] = c;
	return c;
}

/* Takes the newest counter, which never entered an epoch, off the handle again. */
static void counter_unmake(struct pawl *pawl)
{
	struct pawl_counter *c = pawl->counters[--pawl->counters_count];

	free(c->queue.slots);
	free(c);
	pawl->session.request = 0;
}

static struct pawl_counter *counter_find(const struct pawl *pawl, const char *name)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		if (strcmp(pawl->counters[i]->name, name) == 0)
			return pawl->counters[i];
	}
	return NULL;
}

/* Steps the session until the newest counter is open. */
static int counter_enter(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	uint64_t deadline = clock_now_ns() + pawl->options.timeout_ns;

	for (;;) {
		int rc = session_step(pawl);

		if (!rc)
			return 0;
		if (rc != -EAGAIN && s->stage == SESSION_READY)
			return error_set(
				&pawl->err, handle_public_error(rc), "%s", s->why.text);
		rc = session_verdict(pawl, clock_now_ns(), deadline);
		if (rc)
			return rc;
		session_wait(pawl, REJOIN_WAIT_MS);
	}
}

int pawl_counter_open(
	struct pawl *pawl, const char *name, struct pawl_counter **counter_p)
{
	struct pawl_counter *c;
	int rc = handle_check(pawl);

	if (!rc)
		rc = name_check(pawl, name);
	if (rc)
		return rc;
	c = counter_find(pawl, name);
	if (c) {
		*counter_p = c;
		return 0;
	}
	pawl->hot->direct = false;
	c = counter_make(pawl, name);
	if (!c)
		return error_set(&pawl->err, -ENOMEM, "pawl: %s/%s: out of memory",
			pawl->where, name);
	rc = counter_enter(pawl);
	if (rc)
		counter_unmake(pawl);
	else
		*counter_p = c;
	pump_hot_update(pawl);
	return rc;
}

/*
 * Gives up what is unsettled on every counter; each result will say @status.  Counters that
 * had been opened in the epoch being joined are opened again.
 */
static void handle_abort(struct pawl *pawl, int status)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		pawl->counters[i]->abort_status = status;
		ticket_on_lost(&pawl->counters[i]->queue);
		ticket_abort(&pawl->counters[i]->queue);
	}
	pawl->session.opening = 0;
	pawl->session.request = 0;
}

static int result_status(struct pawl_counter *c, const struct ticket_result *result)
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
	uint64_t looked_ns; /* at the links */
};

/* 0 to go on waiting, or why not. */
static int wait_look(struct pawl *pawl, struct wait_clock *clock)
{
	uint64_t now = clock_now_ns();

	if (!clock->deadline_ns)
		*clock = (struct wait_clock){now + pawl->options.timeout_ns, now};
	if (now - clock->looked_ns >= LOOK_NS) {
		session_look(pawl);
		clock->looked_ns = now;
	}
	if (session_step(pawl) == 0)
		return now < clock->deadline_ns ? 0 : session_verdict(pawl, now, now);
	return session_verdict(pawl, clock_now_ns(), clock->deadline_ns);
}

/* Drives the handle until ticket @index is settled or the deadline has passed. */
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

		pump_turn(pawl);
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

/* The general way: a ticket in the queue, behind whatever is in flight. */
static __attribute__((noinline)) int add_in_queue(
	struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	struct pawl *pawl = c->pawl;
	struct ticket_result result;
	uint64_t index;
	int rc = handle_check(pawl);

	if (rc)
		return rc;
	pawl->hot->direct = false;
	if (!ticket_submit(&c->queue, n, 0, &index))
		return error_set(&pawl->err, -EAGAIN,
			"pawl: %s/%s: %u additions are waiting; take results with "
			"pawl_poll",
			pawl->where, c->name, pawl->options.depth);
	rc = ticket_wait(c, index, &result);
	ticket_drop(&c->queue, index);
	if (!rc)
		rc = result_status(c, &result);
	if (!rc)
		*last_p = result.last;
	return rc;
}

/*
 * Posts past the queue and waits, where H1 allows it and the back end needs a moment.  When
 * the answer is not a confirmed number the queue takes over, and draws again.
 */
static __attribute__((noinline)) int add_posted(
	struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	struct pawl *pawl = c->pawl;
	struct link *link = pawl->session.links[0];
	struct waiter waiter = wait_begin(pawl->options.wait);
	struct wait_clock clock = {0};
	struct completion done;
	int count = 0, rc;

	if (link->ops->fetch_add(link, c->offset, n, PUMP_COOKIE_ALONE))
		return add_in_queue(c, n, last_p);
	pawl->in_flight = 1;
	while (link->ops->poll(link, &done, 1, &count) == 0 && count == 0) {
		if (!wait_step(&waiter))
			continue;
		rc = wait_look(pawl, &clock);
		if (rc) {
			pawl->hot->direct = false;
			return rc;
		}
		if (pawl->session.stage != SESSION_READY)
			return add_in_queue(c, n, last_p);
	}
	pawl->in_flight = 0;
	if (count == 1 && done.status == 0 && ticket_confirmed_alone(done.value, n)) {
		c->additions++;
		*last_p = done.value + n;
		return 0;
	}
	if (count == 0 || done.status)
		session_lost(pawl);
	return add_in_queue(c, n, last_p);
}

/* The short ways, where H1 allows them; everything else is left to the queue. */
static inline int add(struct pawl_counter *c, uint64_t n, uint64_t *last_p)
{
	uint64_t v;

	if (__builtin_expect(!c->hot->direct, 0))
		return add_in_queue(c, n, last_p);
	if (!c->word)
		return add_posted(c, n, last_p);
	v = atomic_fetch_add(c->word, n);
	if (__builtin_expect(!ticket_confirmed_alone(v, n), 0))
		return add_in_queue(c, n, last_p);
	c->additions++;
	*last_p = v + n;
	return 0;
}

int pawl_next(struct pawl_counter *counter, uint64_t *number_p)
{
	return add(counter, 1, number_p);
}

static __attribute__((noinline, cold)) int count_refused(
	struct pawl_counter *c, uint64_t n)
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
		return count_refused(counter, n);
	return add(counter, n, last_p);
}

int pawl_read(struct pawl_counter *counter, uint64_t *value_p)
{
	return add(counter, 0, value_p);
}

int pawl_submit(struct pawl_counter *counter, uint64_t n, uint64_t cookie)
{
	struct pawl *pawl = counter->pawl;
	uint64_t index;
	int rc;

	if (n > ADDITION_MAX)
		return count_refused(counter, n);
	rc = handle_check(pawl);
	if (rc)
		return rc;
	pawl->hot->direct = false;
	if (!ticket_submit(&counter->queue, n, cookie, &index))
		return -EAGAIN;
	pump_post(counter);
	return 0;
}

/* While the session is lost: move it on, and give up after the timeout. */
static void poll_lost(struct pawl *pawl)
{
	int rc;

	if (session_step(pawl) == 0)
		return;
	if (!pawl->lost_since_ns)
		pawl->lost_since_ns = clock_now_ns();
	rc = session_verdict(
		pawl, clock_now_ns(), pawl->lost_since_ns + pawl->options.timeout_ns);
	if (rc)
		handle_abort(pawl, rc);
}

static int results_take(struct pawl_counter *c, struct pawl_result *results, int max)
{
	struct ticket_result t;
	int count = 0;

	while (count < max && ticket_take(&c->queue, &t)) {
		results[count++] = (struct pawl_result){.counter = c,
			.cookie = t.cookie,
			.n = t.n,
			.last = t.last,
			.status = result_status(c, &t)};
	}
	return count;
}

int pawl_poll(struct pawl *pawl, struct pawl_result *results, int max, int *count_p)
{
	int count = 0;
	int rc = handle_check(pawl);

	if (rc)
		return rc;
	if (max <= 0)
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s: poll: room for at least one result "
			"is needed",
			pawl->where);
	pump_turn(pawl);
	if (pawl->session.stage != SESSION_READY)
		poll_lost(pawl);
	for (uint32_t i = 0; i < pawl->counters_count && count < max; i++)
		count += results_take(pawl->counters[i], results + count, max - count);
	*count_p = count;
	return 0;
}
