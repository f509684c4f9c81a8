#include "sequencer/core/ticket.h"

#include <string.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/region.h"
#include "sequencer/core/ticket_internal.h"

struct ticket *ticket_at(const struct ticket_queue *q, uint64_t index)
{
	return &q->slots[index & q->mask];
}

static void queue_check(const struct ticket_queue *q)
{
	PAWL_ASSERT(q->taken <= q->settled_upto);			 /* T1 */
	PAWL_ASSERT(q->settled_upto <= q->drawn);			 /* T1 */
	PAWL_ASSERT(q->drawn <= q->posted && q->posted <= q->submitted); /* T1 */
	PAWL_ASSERT(q->submitted - q->taken <= q->depth);
}

/* The first ticket at or after @index that is not settled, or the end. */
static uint64_t unsettled_from(const struct ticket_queue *q, uint64_t index)
{
	while (index != q->submitted && ticket_at(q, index)->settled)
		index++;
	return index;
}

/* Passes over results that nobody wants. */
static void taken_advance(struct ticket_queue *q)
{
	while (q->taken != q->settled_upto && ticket_at(q, q->taken)->dropped)
		q->taken++;
}

void ticket_settled_advance(struct ticket_queue *q)
{
	while (q->drawn != q->posted && ticket_at(q, q->drawn)->settled)
		q->drawn++;
	while (q->settled_upto != q->drawn && ticket_at(q, q->settled_upto)->settled)
		q->settled_upto++;
	taken_advance(q);
	queue_check(q);
}

void ticket_indices_advance(struct ticket_queue *q)
{
	q->posted = unsettled_from(q, q->posted);
	ticket_settled_advance(q);
}

void ticket_settle(struct ticket *t, enum ticket_outcome outcome)
{
	PAWL_ASSERT(!t->settled); /* T2 */
	PAWL_ASSERT(outcome != TICKET_CONFIRMED ||
		    ticket_confirmed_alone(t->v, t->n)); /* T6 */
	t->settled = true;
	t->outcome = outcome;
}

void ticket_settle_upto(struct ticket_queue *q, uint64_t end, enum ticket_outcome outcome)
{
	for (uint64_t i = q->settled_upto; i < end; i++) {
		if (!ticket_at(q, i)->settled)
			ticket_settle(ticket_at(q, i), outcome);
	}
	ticket_settled_advance(q);
}

uint32_t ticket_slots_count(uint32_t depth)
{
	uint32_t slots = 1;

	if (depth == 0 || depth > TICKET_DEPTH_MAX)
		return 0;
	while (slots < depth)
		slots *= 2;
	return slots;
}

void ticket_queue_init(struct ticket_queue *q, struct ticket *slots, uint32_t depth)
{
	memset(q, 0, sizeof(*q));
	PAWL_ASSERT(ticket_slots_count(depth) != 0);
	q->phase = TICKET_IDLE;
	q->limit_from = UINT64_MAX;
	q->over_from = UINT64_MAX;
	q->ceiling = COUNTER_LIMIT - 1;
	q->depth = depth;
	q->mask = ticket_slots_count(depth) - 1;
	q->slots = slots;
}

bool ticket_submit(struct ticket_queue *q, uint64_t n, uint64_t cookie, uint64_t *index_p)
{
	struct ticket *t = ticket_at(q, q->submitted);

	PAWL_ASSERT(n <= ADDITION_MAX);
	if (q->submitted - q->taken == q->depth)
		return false;
	*t = (struct ticket){.n = n, .cookie = cookie};
	*index_p = q->submitted++;
	if (q->phase == TICKET_USED_UP) {
		ticket_settle(t, TICKET_OVERFLOW);
		ticket_indices_advance(q);
	}
	return true;
}

/*
 * A ticket drawn in an epoch that is over stands if the next epoch began above all its
 * numbers.  A read does not: the word may have been read at a head that was already
 * voted out, after somebody confirmed a larger number elsewhere.
 */
static bool ticket_stands(const struct ticket *t, uint64_t stand)
{
	return (t->n > 0 || MUTATED(READ_STANDS)) && ticket_confirmed_alone(t->v, t->n) &&
	       t->v + t->n <= stand; /* T5 */
}

/* The queue's epoch ended: what stands settles, the rest is drawn again. */
static void resolve(struct ticket_queue *q, uint64_t stand)
{
	for (uint64_t i = q->settled_upto; i != q->posted; i++) {
		struct ticket *t = ticket_at(q, i);

		if (t->settled)
			continue;
		if (i < q->drawn && ticket_stands(t, stand))
			ticket_settle(t, TICKET_CONFIRMED);
		else
			q->redraws++;
	}
	q->posted = q->drawn = q->settled_upto;
	q->mark = 0;
	q->round_mark = 0;
	ticket_indices_advance(q);
}

/* The same epoch again, over new links: what was drawn is kept, lost draws are repeated.
 */
static void resume(struct ticket_queue *q)
{
	if (q->drawn > q->limit_from)
		q->drawn = q->limit_from;
	q->redraws += q->posted - q->drawn;
	q->posted = q->drawn;
	for (uint64_t i = q->settled_upto; i != q->drawn; i++) {
		const struct ticket *t = ticket_at(q, i);

		if (!t->settled && t->v + t->n > q->mark)
			q->mark = t->v + t->n;
	}
	ticket_indices_advance(q);
}

void ticket_enter_epoch(
	struct ticket_queue *q, uint64_t epoch, uint32_t backups, uint64_t stand)
{
	PAWL_ASSERT(epoch >= q->epoch && backups < CHAIN_MAX && stand < COUNTER_LIMIT);
	if (epoch > q->epoch)
		resolve(q, stand);
	else
		resume(q);
	q->epoch = epoch;
	q->backups = backups;
	q->phase = TICKET_OPEN;
	q->limit_from = UINT64_MAX;
	q->head_check_posted = false;
	q->head_check_stale = false;
	q->ceiling_posted = false;
	ticket_round_forget(q);
	ticket_over_update(q);
	ticket_round_advance(q);
}

/* A draw that met the limit took nothing: the region is sealed or the counter used up. */
static void draw_met_limit(struct ticket_queue *q, struct ticket *t)
{
	if (q->limit_from == UINT64_MAX)
		q->limit_from = q->drawn;
	if (q->phase == TICKET_OPEN) {
		q->phase = TICKET_CHECKING;
		q->head_check_stale = q->head_check_posted;
	}
	if (q->phase == TICKET_USED_UP)
		ticket_settle(t, TICKET_OVERFLOW);
}

/* The epoch is over here, but what was drawn may stand in the next. */
static void draw_remember(struct ticket_queue *q, const struct ticket *t)
{
	if (!ticket_confirmed_alone(t->v, t->n) && q->limit_from == UINT64_MAX)
		q->limit_from = q->drawn;
	q->drawn++;
	ticket_indices_advance(q);
}

/* A number below the limit.  @leased: marks and a lease cover it already (T3). */
static void draw_take(struct ticket_queue *q, struct ticket *t, bool leased)
{
	PAWL_ASSERT(t->v + t->n >= q->mark); /* T4 */
	q->mark = t->v + t->n;
	q->drew = true;
	if (q->over_from == UINT64_MAX && !ticket_confirmed_within(q, t->v, t->n))
		q->over_from = q->drawn;
	else if (leased || (q->backups == 0 && q->over_from == UINT64_MAX))
		ticket_settle(t, TICKET_CONFIRMED);
}

static void draw_came_back(struct ticket_queue *q, uint64_t v, uint64_t lease_now_ns)
{
	struct ticket *t = ticket_at(q, q->drawn);

	PAWL_ASSERT(ticket_draws_in_flight(q) && !t->settled);
	t->v = v;
	if (q->phase == TICKET_SUSPENDED) {
		draw_remember(q, t);
		return;
	}
	if (q->limit_from != UINT64_MAX || !ticket_confirmed_alone(v, t->n))
		draw_met_limit(q, t);
	else
		draw_take(q, t, ticket_covers(q, v, t->n, lease_now_ns));
	q->drawn++;
	if (q->backups > 0)
		ticket_round_advance(q);
	else
		ticket_settled_advance(q);
}

void ticket_on_draw(struct ticket_queue *q, uint64_t v)
{
	draw_came_back(q, v, UINT64_MAX); /* no lease reaches so far */
}

void ticket_on_draw_at(struct ticket_queue *q, uint64_t v, uint64_t now_ns)
{
	q->now_ns = now_ns;
	draw_came_back(q, v, now_ns);
}

bool ticket_submit_drawn(struct ticket_queue *q, uint64_t n, uint64_t v, uint64_t cookie,
	uint64_t *index_p)
{
	PAWL_ASSERT(q->phase == TICKET_OPEN && q->drawn == q->submitted);
	if (!ticket_submit(q, n, cookie, index_p))
		return false;
	q->posted = q->submitted;
	ticket_on_draw(q, v);
	return true;
}

/* The region is open and the word is at its limit: nobody will ever draw here again. */
static void used_up(struct ticket_queue *q)
{
	q->phase = TICKET_USED_UP;
	for (uint64_t i = q->limit_from; i < q->submitted; i++) {
		bool in_flight = i >= q->drawn && i < q->posted;

		if (!in_flight && !ticket_at(q, i)->settled)
			ticket_settle(ticket_at(q, i), TICKET_OVERFLOW);
	}
	ticket_indices_advance(q);
}

/* The head is open.  Asked after the limit was met: then the numbers are used up. */
static void head_answered(struct ticket_queue *q)
{
	bool stale = q->head_check_stale;

	q->head_check_posted = false;
	q->head_check_stale = false;
	if (q->phase == TICKET_CHECKING && !stale)
		used_up(q);
}

void ticket_on_state(struct ticket_queue *q, uint32_t replica, uint64_t state)
{
	bool open = state == region_state_open(q->epoch) || MUTATED(NO_STATE_READ);

	PAWL_ASSERT(replica <= q->backups);
	if (q->phase == TICKET_SUSPENDED)
		return;
	if (!open) {
		q->phase = TICKET_SUSPENDED;
		return;
	}
	if (replica == 0)
		head_answered(q);
	else
		ticket_round_answered(q, replica - 1);
}

void ticket_on_lost(struct ticket_queue *q)
{
	if (q->phase != TICKET_IDLE)
		q->phase = TICKET_SUSPENDED;
}

bool ticket_peek(
	const struct ticket_queue *q, uint64_t index, struct ticket_result *result_p)
{
	const struct ticket *t = ticket_at(q, index);

	PAWL_ASSERT(index >= q->taken && index < q->submitted);
	if (!t->settled)
		return false;
	PAWL_ASSERT(!t->dropped); /* T2 */
	*result_p = (struct ticket_result){.cookie = t->cookie,
		.n = t->n,
		.last = t->v + t->n,
		.outcome = t->outcome};
	return true;
}

void ticket_drop(struct ticket_queue *q, uint64_t index)
{
	PAWL_ASSERT(index >= q->taken && index < q->submitted);
	ticket_at(q, index)->dropped = true;
	taken_advance(q);
}

bool ticket_take(struct ticket_queue *q, struct ticket_result *result_p)
{
	if (q->taken == q->settled_upto || !ticket_peek(q, q->taken, result_p))
		return false;
	q->taken++;
	taken_advance(q);
	return true;
}

void ticket_abort(struct ticket_queue *q)
{
	PAWL_ASSERT(q->phase == TICKET_SUSPENDED || q->phase == TICKET_IDLE);
	q->posted = q->drawn = q->submitted;
	ticket_settle_upto(q, q->submitted, TICKET_ABORTED);
}
