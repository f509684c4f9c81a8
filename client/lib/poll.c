/* Additions in flight: submitted now, their results taken later. */
#include <errno.h>

#include "client/lib/handle.h"
#include "hw/clock.h"

#define IDLE_POLLS 64 /* polls without a completion between two looks at the clock */

_Static_assert(PAWL_DEPTH_MAX == TICKET_DEPTH_MAX, "public limit");

int pawl_submit(struct pawl_counter *counter, uint64_t n, uint64_t cookie)
{
	struct pawl *pawl = counter->pawl;
	uint64_t index;
	int rc;

	if (n > ADDITION_MAX)
		return add_refused(counter, n);
	rc = handle_check(pawl);
	if (rc)
		return rc;
	pawl->hot->way = WAY_QUEUE;
	if (!ticket_submit(&counter->queue, n, cookie, &index))
		return -EAGAIN;
	pump_post(counter);
	return 0;
}

/* Gives up what is unsettled on every counter; each result will say @status. */
static void handle_abort(struct pawl *pawl, int status)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		pawl->counters[i]->abort_status = status;
		ticket_on_lost(&pawl->counters[i]->queue);
		ticket_abort(&pawl->counters[i]->queue);
	}
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

void handle_idle(struct pawl *pawl)
{
	uint64_t now;

	if (++pawl->idle_polls % IDLE_POLLS != 0)
		return;
	now = clock_now_ns();
	if (now - pawl->looked_ns < HANDLE_LOOK_NS)
		return;
	pawl->looked_ns = now;
	session_look(pawl);
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
			.status = add_status(c, &t)};
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
	if (!pump_turn(pawl))
		handle_idle(pawl);
	if (pawl->session.stage != SESSION_READY)
		poll_lost(pawl);
	for (uint32_t i = 0; i < pawl->counters_count && count < max; i++)
		count += results_take(pawl->counters[i], results + count, max - count);
	*count_p = count;
	return 0;
}
