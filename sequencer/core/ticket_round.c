/*
 * Rounds of replication: one mark and one state read at every backup cover everything
 * drawn before them; and what a round buys a queue that reserves: a lease (T3, T7).
 */
#include "sequencer/core/mutation.h"
#include "sequencer/core/ticket_internal.h"
#include "sequencer/core/words.h"

/* Tickets before it are drawn in this epoch, below the limit and the ceiling. */
static uint64_t confirmable_upto(const struct ticket_queue *q)
{
	return least(q->drawn, least(q->limit_from, q->over_from));
}

/* Half of what the newest round bought is gone, and the queue is in use. */
static bool renewal_is_due(const struct ticket_queue *q)
{
	if (q->reserve == 0 || q->backups == 0 || !q->drew || q->phase != TICKET_OPEN)
		return false;
	return q->mark + q->reserve / 2 >= q->marked ||
	       q->now_ns + q->lease_ns / 2 >= q->lease_end_ns;
}

static enum ticket_step step_first(void)
{
	return MUTATED(MARK_AFTER_READ) ? TICKET_STEP_STATE : TICKET_STEP_MARK;
}

/* The newest drawn ticket's end covers all tickets before it: draws come back in order. */
static void round_begin(struct ticket_queue *q)
{
	uint64_t mark = least(q->mark + q->reserve, COUNTER_LIMIT - 1);

	PAWL_ASSERT(!q->round_open && q->backups > 0);
	q->round_open = true;
	q->drew = false;
	q->round_upto = confirmable_upto(q);
	if (mark > q->round_mark)
		q->round_mark = mark; /* T4 */
	q->round_left = MUTATED(ONE_BACKUP) ? 1 : q->backups;
	q->round_sent_ns = q->now_ns; /* T7: told before anything of it was posted */
	for (uint32_t i = 0; i < q->backups; i++)
		q->steps[i] = step_first();
}

void ticket_round_advance(struct ticket_queue *q)
{
	if (q->backups == 0) {
		ticket_settle_upto(q, confirmable_upto(q), TICKET_CONFIRMED);
		return;
	}
	ticket_settled_advance(q);
	if (!q->round_open &&
		(confirmable_upto(q) > q->settled_upto || renewal_is_due(q)))
		round_begin(q);
}

void ticket_round_forget(struct ticket_queue *q)
{
	q->round_open = false;
	q->marked = 0;
	q->covered = 0;
	q->lease_end_ns = 0;
	q->drew = false;
}

void ticket_over_update(struct ticket_queue *q)
{
	q->over_from = UINT64_MAX;
	for (uint64_t i = q->settled_upto; i < least(q->drawn, q->limit_from); i++) {
		const struct ticket *t = ticket_at(q, i);

		if (!t->settled && !ticket_confirmed_within(q, t->v, t->n)) {
			q->over_from = i;
			return;
		}
	}
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

/* Reads that are not about a round: why the limit was met, and a ceiling. */
static bool head_next_effect(const struct ticket_queue *q, struct ticket_effect *effect_p)
{
	bool over = q->over_from != UINT64_MAX;

	if (over && !q->ceiling_posted) {
		*effect_p = (struct ticket_effect){TICKET_READ_CEILING, 0, 0};
		return true;
	}
	if ((over || q->phase == TICKET_CHECKING) && !q->head_check_posted) {
		*effect_p = (struct ticket_effect){TICKET_READ_STATE, 0, 0};
		return true;
	}
	return false;
}

bool ticket_next_effect(const struct ticket_queue *q, struct ticket_effect *effect_p)
{
	if (q->phase == TICKET_SUSPENDED)
		return false;
	if (round_next_effect(q, effect_p) || head_next_effect(q, effect_p))
		return true;
	if (q->phase != TICKET_OPEN || q->posted == q->submitted)
		return false;
	*effect_p = (struct ticket_effect){TICKET_DRAW, 0, ticket_at(q, q->posted)->n};
	return true;
}

static void head_read_posted(struct ticket_queue *q, enum ticket_effect_kind kind)
{
	bool *posted = kind == TICKET_READ_CEILING ? &q->ceiling_posted
						   : &q->head_check_posted;

	PAWL_ASSERT(kind != TICKET_WRITE_MARK && !*posted);
	*posted = true;
}

/* The last step of a backup's turn waits for the answer. */
static enum ticket_step step_next(enum ticket_step step)
{
	if (step == step_first())
		return step == TICKET_STEP_MARK ? TICKET_STEP_STATE : TICKET_STEP_MARK;
	return TICKET_STEP_FLIGHT;
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
		head_read_posted(q, effect->kind);
		return;
	}
	step = &q->steps[effect->replica - 1];
	PAWL_ASSERT(*step == (effect->kind == TICKET_WRITE_MARK ? TICKET_STEP_MARK
								: TICKET_STEP_STATE));
	*step = step_next(*step); /* T3: the mark is posted before the read */
}

/* All backups were open after they had the mark: what it covers needs the head alone. */
static void lease_renew(struct ticket_queue *q)
{
	uint64_t from_ns = MUTATED(LEASE_LATE) ? q->now_ns : q->round_sent_ns;

	q->marked = q->round_mark;
	q->covered = least(q->marked, q->ceiling);
	q->lease_end_ns = q->reserve == 0 ? 0 : from_ns + q->lease_ns; /* T7 */
	if (MUTATED(LEASE_IGNORED) && q->reserve != 0)
		q->lease_end_ns = UINT64_MAX / 2;
}

void ticket_round_answered(struct ticket_queue *q, uint32_t backup)
{
	if (MUTATED(ONE_BACKUP) && !q->round_open)
		return;
	PAWL_ASSERT(q->round_open); /* T3 */
	PAWL_ASSERT(q->steps[backup] == TICKET_STEP_FLIGHT || MUTATED(MARK_AFTER_READ) ||
		    MUTATED(ONE_BACKUP)); /* T3 */
	q->steps[backup] = TICKET_STEP_DONE;
	if (--q->round_left > 0)
		return;
	q->round_open = false;
	lease_renew(q);
	ticket_settle_upto(q, q->round_upto, TICKET_CONFIRMED);
	ticket_round_advance(q);
}

void ticket_reserve_set(struct ticket_queue *q, uint64_t reserve, uint64_t lease_ns)
{
	PAWL_ASSERT(reserve < COUNTER_LIMIT);
	q->reserve = lease_ns == 0 ? 0 : reserve;
	q->lease_ns = lease_ns;
	if (q->reserve == 0)
		q->lease_end_ns = 0;
}

void ticket_ceiling_set(struct ticket_queue *q, uint64_t ceiling)
{
	PAWL_ASSERT(ceiling < COUNTER_LIMIT);
	q->ceiling = MUTATED(CEILING_IGNORED) ? COUNTER_LIMIT - 1 : ceiling;
	q->covered = least(q->marked, q->ceiling);
	ticket_over_update(q);
	if (q->phase == TICKET_OPEN || q->phase == TICKET_CHECKING)
		ticket_round_advance(q);
}

void ticket_on_ceiling(struct ticket_queue *q, uint64_t ceiling)
{
	q->ceiling_posted = false;
	if (q->phase != TICKET_SUSPENDED && ceiling > q->ceiling &&
		ceiling < COUNTER_LIMIT)
		ticket_ceiling_set(q, ceiling);
}

void ticket_on_time(struct ticket_queue *q, uint64_t now_ns)
{
	q->now_ns = now_ns;
	if (renewal_is_due(q) && !q->round_open)
		round_begin(q);
}
