#include "sequencer/core/ticket.h"

#include <string.h>

#include "sequencer/core/region.h"

static struct ticket *ticket_at(const struct ticket_queue *q, uint64_t index)
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

/* Indices pass over settled tickets: their own, and those that stood in an earlier epoch. */
static void settled_advance(struct ticket_queue *q)
{
	while (q->drawn != q->posted && ticket_at(q, q->drawn)->settled)
		q->drawn++;
	while (q->settled_upto != q->drawn && ticket_at(q, q->settled_upto)->settled)
		q->settled_upto++;
	taken_advance(q);
	queue_check(q);
}

/* The same when tickets may have settled before they were drawn. */
static void indices_advance(struct ticket_queue *q)
{
	q->posted = unsettled_from(q, q->posted);
	settled_advance(q);
}

static void ticket_settle(struct ticket *t, enum ticket_outcome outcome)
{
	PAWL_ASSERT(!t->settled); /* T2 */
	PAWL_ASSERT(outcome != TICKET_CONFIRMED ||
		    ticket_confirmed_alone(t->v, t->n)); /* T6 */
	t->settled = true;
	t->outcome = outcome;
}

/* Settles the unsettled tickets of [settled_upto, end), all of them drawn or given up. */
static void settle_upto(struct ticket_queue *q, uint64_t end, enum ticket_outcome outcome)
{
	for (uint64_t i = q->settled_upto; i < end; i++) {
		if (!ticket_at(q, i)->settled)
			ticket_settle(ticket_at(q, i), outcome);
	}
	settled_advance(q);
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
		indices_advance(q);
	}
	return true;
}

/*
 * A ticket drawn in an epoch that is over stands if the next epoch began above all its
 * numbers.  A read does not: the word may have been read at a head that was already
 * voted out, after somebody confirmed a larger number elsewhere.
 */
static bool ticket_stands(const struct ticket *t, uint64_t base)
{
	return t->n > 0 && ticket_confirmed_alone(t->v, t->n) &&
	       t->v + t->n <= base; /* T5 */
}

/* A newer epoch began at @base: what stands settles, the rest is drawn again. */
static void resolve(struct ticket_queue *q, uint64_t base)
{
	for (uint64_t i = q->settled_upto; i != q->posted; i++) {
		struct ticket *t = ticket_at(q, i);

		if (t->settled)
			continue;
		if (i < q->drawn && ticket_stands(t, base))
			ticket_settle(t, TICKET_CONFIRMED);
		else
			q->redraws++;
	}
	q->posted = q->drawn = q->settled_upto;
	q->mark = 0;
	indices_advance(q);
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
	indices_advance(q);
}

/* Tickets before it are drawn in this epoch, below the limit. */
static uint64_t confirmable_upto(const struct ticket_queue *q)
{
	return q->drawn < q->limit_from ? q->drawn : q->limit_from;
}

/* The newest drawn ticket's end covers all tickets before it: draws come back in order.
 */
static void round_begin(struct ticket_queue *q)
{
	PAWL_ASSERT(!q->round_open && q->backups > 0);
	PAWL_ASSERT(q->mark >= q->round_mark); /* T4 */
	q->round_open = true;
	q->round_upto = confirmable_upto(q);
	q->round_mark = q->mark;
	q->round_left = q->backups;
	for (uint32_t i = 0; i < q->backups; i++)
		q->steps[i] = TICKET_STEP_MARK;
}

static bool round_next_effect(
	const struct ticket_queue *q, struct ticket_effect *effect_p)
{
	if (!q->round_open)
		return false;
	for (uint32_t i = 0; i < q->backups; i++) {
		if (q->steps[i] == TICKET_STEP_MARK) {
			*effect_p = (struct ticket_effect){
				TICKET_WRITE_MARK, i + 1, q->round_mark};
			return true;
		}
		if (q->steps[i] == TICKET_STEP_STATE) {
			*effect_p = (struct ticket_effect){TICKET_READ_STATE, i + 1, 0};
			return true;
		}
	}
	return false;
}

bool ticket_next_effect(const struct ticket_queue *q, struct ticket_effect *effect_p)
{
	if (q->phase == TICKET_SUSPENDED)
		return false;
	if (round_next_effect(q, effect_p))
		return true;
	if (q->phase == TICKET_CHECKING && !q->head_check_posted) {
		*effect_p = (struct ticket_effect){TICKET_READ_STATE, 0, 0};
		return true;
	}
	if (q->phase != TICKET_OPEN || q->posted == q->submitted)
		return false;
	*effect_p = (struct ticket_effect){TICKET_DRAW, 0, ticket_at(q, q->posted)->n};
	return true;
}

void ticket_effect_posted(struct ticket_queue *q, const struct ticket_effect *effect)
{
	enum ticket_step *step;

	if (effect->kind == TICKET_DRAW) {
		PAWL_ASSERT(q->phase == TICKET_OPEN && q->posted != q->submitted);
		ticket_draw_posted(q);
		return;
	}
	if (effect->replica == 0) {
		PAWL_ASSERT(q->phase == TICKET_CHECKING && !q->head_check_posted);
		q->head_check_posted = true;
		return;
	}
	step = &q->steps[effect->replica - 1];
	if (effect->kind == TICKET_WRITE_MARK) {
		PAWL_ASSERT(*step == TICKET_STEP_MARK);
		*step = TICKET_STEP_STATE;
		return;
	}
	PAWL_ASSERT(*step == TICKET_STEP_STATE); /* T3: the mark was posted before */
	*step = TICKET_STEP_FLIGHT;
}

/* What all backups cover settles; what was drawn meanwhile is the next round's. */
static void replication_advance(struct ticket_queue *q)
{
	if (q->backups == 0)
		settle_upto(q, confirmable_upto(q), TICKET_CONFIRMED);
	else if (!q->round_open && confirmable_upto(q) > q->settled_upto)
		round_begin(q);
}

void ticket_enter_epoch(
	struct ticket_queue *q, uint64_t epoch, uint32_t backups, uint64_t base)
{
	PAWL_ASSERT(epoch >= q->epoch && backups < CHAIN_MAX && base < COUNTER_LIMIT);
	if (epoch > q->epoch)
		resolve(q, base);
	else
		resume(q);
	q->epoch = epoch;
	q->backups = backups;
	q->phase = TICKET_OPEN;
	q->limit_from = UINT64_MAX;
	q->round_open = false;
	q->round_mark = 0;
	q->head_check_posted = false;
	replication_advance(q);
}

/* A draw that met the limit took nothing: the region is sealed or the counter used up. */
static void draw_met_limit(struct ticket_queue *q, struct ticket *t)
{
	if (q->limit_from == UINT64_MAX)
		q->limit_from = q->drawn;
	if (q->phase == TICKET_OPEN)
		q->phase = TICKET_CHECKING;
	if (q->phase == TICKET_USED_UP)
		ticket_settle(t, TICKET_OVERFLOW);
}

void ticket_on_draw(struct ticket_queue *q, uint64_t v)
{
	struct ticket *t = ticket_at(q, q->drawn);

	PAWL_ASSERT(ticket_draws_in_flight(q) && !t->settled);
	t->v = v;
	if (q->phase == TICKET_SUSPENDED) {
		if (!ticket_confirmed_alone(v, t->n) && q->limit_from == UINT64_MAX)
			q->limit_from = q->drawn;
		q->drawn++;
		indices_advance(q);
		return;
	}
	if (q->limit_from != UINT64_MAX || !ticket_confirmed_alone(v, t->n)) {
		draw_met_limit(q, t);
	} else {
		PAWL_ASSERT(v + t->n >= q->mark); /* T4 */
		q->mark = v + t->n;
		if (q->backups == 0)
			ticket_settle(t, TICKET_CONFIRMED);
	}
	q->drawn++;
	if (q->backups > 0)
		replication_advance(q);
	settled_advance(q);
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
	indices_advance(q);
}

static void backup_answered(struct ticket_queue *q, uint32_t backup)
{
	PAWL_ASSERT(q->round_open && q->steps[backup] == TICKET_STEP_FLIGHT); /* T3 */
	q->steps[backup] = TICKET_STEP_DONE;
	if (--q->round_left > 0)
		return;
	q->round_open = false;
	settle_upto(q, q->round_upto, TICKET_CONFIRMED);
	replication_advance(q);
}

void ticket_on_state(struct ticket_queue *q, uint32_t replica, uint64_t state)
{
	bool open = state == region_state_open(q->epoch);

	PAWL_ASSERT(replica <= q->backups);
	if (q->phase == TICKET_SUSPENDED)
		return;
	if (!open) {
		q->phase = TICKET_SUSPENDED;
		return;
	}
	if (replica == 0)
		used_up(q);
	else
		backup_answered(q, replica - 1);
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
	settle_upto(q, q->submitted, TICKET_ABORTED);
}
