/* The second judge: the order is the one of positions, and nothing is searched. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tests/linear/plan.h"
#include "tests/linear/say.h"

struct replay {
	const struct linear_history *h;
	struct plan plan;
	uint32_t *order; /* operations with a position, in that order */
	uint32_t *other; /* the same, in another order */
	uint32_t count;
	bool *blind; /* by part: something is written there that has no position */
	struct model model;
	struct linear_report *report;
};

/* Where an operation stands: what knew of a position stands behind what has it. */
static uint64_t rank_of(const struct operation *o)
{
	return 2 * o->position + operation_stands_behind(o);
}

static const struct operation *at(
	const struct replay *r, const uint32_t *order, uint32_t i)
{
	return &r->h->operations[order[i]];
}

static struct saying bad(struct replay *r, const char *what)
{
	struct saying s = saying_of(r->report);

	r->report->verdict = LINEAR_BAD;
	say(&s, "positions are wrong: %s:\n      ", what);
	return s;
}

static void bad_pair(struct replay *r, const char *what, uint32_t first, uint32_t second)
{
	struct saying s = bad(r, what);

	say_operation(&s, r->h, first);
	say(&s, "\n  and ");
	say_operation(&s, r->h, second);
}

static int by_rank(const void *a, const void *b, void *history)
{
	const struct linear_history *h = history;
	const struct operation *x = &h->operations[*(const uint32_t *)a];
	const struct operation *y = &h->operations[*(const uint32_t *)b];

	if (rank_of(x) != rank_of(y))
		return rank_of(x) < rank_of(y) ? -1 : 1;
	return (x > y) - (x < y);
}

static int by_invocation(const void *a, const void *b, void *history)
{
	const struct linear_history *h = history;
	const struct operation *x = &h->operations[*(const uint32_t *)a];
	const struct operation *y = &h->operations[*(const uint32_t *)b];

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return (x->invoked > y->invoked) - (x->invoked < y->invoked);
}

static int by_return(const void *a, const void *b, void *history)
{
	const struct linear_history *h = history;
	const struct operation *x = &h->operations[*(const uint32_t *)a];
	const struct operation *y = &h->operations[*(const uint32_t *)b];

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return (x->returned > y->returned) - (x->returned < y->returned);
}

static bool positions_differ(struct replay *r)
{
	for (uint32_t i = 1; i < r->count; i++) {
		const struct operation *o = at(r, r->order, i);

		if (rank_of(o) % 2 == 1 || rank_of(o) != rank_of(at(r, r->order, i - 1)))
			continue;
		bad_pair(r, "two operations have the same one", r->order[i - 1],
			r->order[i]);
		return false;
	}
	return true;
}

/*
 * From the last position down: nothing that stands later had returned before this one was asked
 * for.  Reads that know of the same position have no order among them, so what returned first is
 * taken from the ranks above only.
 */
static bool real_time_kept(struct replay *r)
{
	uint32_t above = r->count, here = r->count;

	for (uint32_t i = r->count; i-- > 0;) {
		const struct operation *o = at(r, r->order, i);

		if (i + 1 < r->count && rank_of(o) != rank_of(at(r, r->order, i + 1)))
			above = here;
		if (operation_is_local(o))
			continue;
		if (above < r->count && at(r, r->order, above)->returned < o->invoked) {
			bad_pair(r,
				"the first had returned before the second was asked for",
				r->order[above], r->order[i]);
			return false;
		}
		if (here == r->count || o->returned < at(r, r->order, here)->returned)
			here = i;
	}
	return true;
}

/* Each process alone: what is asked for later does not stand, or know of, an earlier position. */
static bool process_order_kept(struct replay *r, uint32_t *by_end)
{
	uint32_t newest = r->count;

	qsort_r(r->other, r->count, sizeof(*r->other), by_invocation, (void *)r->h);
	qsort_r(by_end, r->count, sizeof(*by_end), by_return, (void *)r->h);
	for (uint32_t i = 0, ended = 0; i < r->count; i++) {
		const struct operation *o = at(r, r->other, i);

		if (i > 0 && o->process != at(r, r->other, i - 1)->process) {
			newest = r->count;
			ended = i;
		}
		for (; ended < r->count; ended++) {
			const struct operation *e = at(r, by_end, ended);

			if (e->process != o->process || e->returned >= o->invoked)
				break;
			if (newest == r->count ||
				rank_of(e) > rank_of(at(r, by_end, newest)))
				newest = ended;
		}
		if (newest < r->count && rank_of(at(r, by_end, newest)) > rank_of(o)) {
			bad_pair(r, "a process went back", by_end[newest], r->other[i]);
			return false;
		}
	}
	return true;
}

static void blind_parts_find(struct replay *r)
{
	for (uint32_t i = 0; i < r->plan.moves_count; i++) {
		const struct move *move = &r->plan.moves[i];
		const struct operation *o = &r->h->operations[move->source];

		if (move->position == 0 && !operation_only_reads(r->h, o))
			r->blind[move->part] = true;
	}
}

static void bad_answer(struct replay *r, const struct move *move)
{
	uint32_t count = move->compare + move->then + move->otherwise;
	struct saying s = bad(r, "what it answered is not what was there");
	uint32_t last = UINT32_MAX;

	say_operation(&s, r->h, move->source);
	say(&s, "\nby the positions ");
	for (uint32_t i = 0, said = 0; i < count && said < 4; i++) {
		uint32_t cell = move->items[i].key;

		if (cell == last)
			continue;
		say(&s, said++ ? ", " : "");
		say_cell(&s, &r->plan, cell, &r->model.cells[cell]);
		last = cell;
	}
}

/* The move of each operation, by operation; UINT32_MAX: it has none. */
static uint32_t *moves_by_operation(const struct replay *r)
{
	uint32_t *moves = malloc((r->h->count + 1) * sizeof(*moves));

	for (size_t i = 0; moves && i < r->h->count; i++)
		moves[i] = UINT32_MAX;
	for (uint32_t i = 0; moves && i < r->plan.moves_count; i++)
		moves[r->plan.moves[i].source] = i;
	return moves;
}

static bool move_replay(struct replay *r, const struct move *move)
{
	bool agrees = false;

	if (move_may_go(move, LINEAR_DONE))
		agrees = model_apply(&r->model, move, LINEAR_DONE);
	if (!agrees && move_may_go(move, LINEAR_REFUSED))
		agrees = model_apply(&r->model, move, LINEAR_REFUSED);
	r->model.undos_count = 0; /* there is no way back */
	if (!agrees)
		bad_answer(r, move);
	return agrees;
}

static int answers_replay(struct replay *r)
{
	uint32_t *moves = moves_by_operation(r);

	if (!moves)
		return -ENOMEM;
	blind_parts_find(r);
	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t number = moves[r->order[i]];
		const struct move *move =
			&r->plan.moves[number == UINT32_MAX ? 0 : number];

		if (number == UINT32_MAX || r->blind[move->part])
			continue;
		r->report->operations++;
		if (!move_replay(r, move))
			break;
	}
	r->report->skipped = r->plan.moves_count - r->report->operations;
	free(moves);
	return 0;
}

static void order_make(struct replay *r, uint32_t *by_end)
{
	for (size_t i = 0; i < r->h->count; i++) {
		const struct operation *o = &r->h->operations[i];

		if (o->position == 0 || o->outcome == LINEAR_FAILED)
			continue;
		r->order[r->count] = r->other[r->count] = by_end[r->count] = (uint32_t)i;
		r->count++;
	}
	qsort_r(r->order, r->count, sizeof(*r->order), by_rank, (void *)r->h);
}

static int replay_run(struct replay *r, uint32_t *by_end)
{
	struct saying s;

	order_make(r, by_end);
	r->report->partitions = r->plan.parts_count;
	if (r->count == 0) {
		r->report->verdict = LINEAR_UNDECIDED;
		s = saying_of(r->report);
		say(&s, "not decided: no operation has a position");
		return 0;
	}
	if (!positions_differ(r) || !real_time_kept(r) || !process_order_kept(r, by_end))
		return 0;
	return answers_replay(r);
}

int linear_replay(const struct linear_history *history, struct linear_report *report_p)
{
	struct replay r = {.h = history, .report = report_p};
	uint32_t *by_end = calloc(history->count + 1, sizeof(*by_end));
	int rc = plan_begin(&r.plan, history, SIZE_MAX, true);

	*report_p = (struct linear_report){.verdict = LINEAR_GOOD};
	r.order = calloc(history->count + 1, sizeof(*r.order));
	r.other = calloc(history->count + 1, sizeof(*r.other));
	r.blind = calloc((size_t)r.plan.parts_count + 1, sizeof(*r.blind));
	r.model.cells = calloc((size_t)r.plan.cells_count + 1, sizeof(*r.model.cells));
	r.model.undos = calloc(r.plan.items_count + 1, sizeof(*r.model.undos));
	if (!rc && r.order && r.other && r.blind && r.model.cells && r.model.undos &&
		by_end)
		rc = replay_run(&r, by_end);
	else
		rc = -ENOMEM;
	plan_end(&r.plan);
	free(r.order);
	free(r.other);
	free(r.blind);
	free(r.model.cells);
	free(r.model.undos);
	free(by_end);
	return rc;
}
