#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "tests/linear/plan.h"
#include "tests/linear/say.h"
#include "tests/linear/search.h"

#define LEN_MAX ((size_t)1 << 30)
#define STATES_MAX UINT64_C(4000000)
#define TIME_NS_MAX UINT64_C(60000000000)
#define CELLS_SAID_MAX 4
#define OVERLAPS_SAID_MAX 8

static struct search_limits limits_begin(const struct linear_limits *limits)
{
	uint64_t time_ns = limits && limits->time_ns_max ? limits->time_ns_max
							 : TIME_NS_MAX;
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct search_limits){
		.states = limits && limits->states_max ? limits->states_max : STATES_MAX,
		.deadline_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) +
			       (uint64_t)now.tv_nsec + time_ns,
	};
}

static void say_state(struct saying *s, const struct plan *plan,
	const struct move *blocked, const struct cell *best)
{
	uint32_t count = blocked->compare + blocked->then + blocked->otherwise;
	uint32_t last = UINT32_MAX, said = 0;

	for (uint32_t i = 0; i < count && said < CELLS_SAID_MAX; i++) {
		uint32_t cell = blocked->items[i].key;

		if (cell == last)
			continue;
		say(s, said++ ? ", " : "");
		say_cell(s, plan, cell, &best[cell]);
		last = cell;
	}
}

/* What else was going on, and could have come before it. */
static void say_overlaps(struct saying *s, const struct plan *plan,
	const struct part *part, const struct move *blocked)
{
	uint32_t said = 0;

	for (uint32_t i = part->moves_count; i-- > 0 && said < OVERLAPS_SAID_MAX;) {
		const struct move *move = &plan->moves[part->moves_first + i];

		if (move == blocked || move->invoked > blocked->returned ||
			move->returned < blocked->invoked)
			continue;
		say(s, said++ ? "\n  and " : "\nat the same time:\n      ");
		say_operation(s, plan->history, move->source);
	}
}

static void say_bad(struct saying *s, const struct plan *plan, const struct part *part,
	const struct search_end *end, const struct cell *best)
{
	say(s, "not linearizable: ");
	say_part(s, plan, part);
	say(s, ": no order explains\n      ");
	say_operation(s, plan->history, end->blocked->source);
	say(s, "\nthe best try has %" PRIu32 " operations before it, and then ",
		end->ordered);
	say_state(s, plan, end->blocked, best);
	say_overlaps(s, plan, part, end->blocked);
}

static void part_report(struct linear_report *report, const struct plan *plan,
	const struct part *part, const struct search_end *end, const struct cell *best)
{
	struct saying s;

	if (end->verdict == LINEAR_GOOD)
		return;
	report->verdict = end->verdict;
	s = saying_of(report);
	if (end->verdict == LINEAR_BAD) {
		say_bad(&s, plan, part, end, best);
		return;
	}
	say(&s, "not decided: ");
	say_part(&s, plan, part);
	say(&s, ": %" PRIu32 " operations: %s", part->moves_count, end->why);
}

/* One part that is bad is enough; one that is not decided is not the last word. */
static int parts_search(const struct plan *plan, struct search_room *room,
	const struct search_limits *limits, struct linear_report *report)
{
	for (uint32_t i = 0; i < plan->parts_count && report->verdict != LINEAR_BAD;
		i++) {
		struct search_end end;
		int rc = search_part(plan, &plan->parts[i], room, limits, &end);

		if (rc)
			return rc;
		report->states += room->visited.count;
		part_report(report, plan, &plan->parts[i], &end, room->best);
	}
	return 0;
}

static int plan_search(struct plan *plan, const struct linear_limits *limits,
	struct linear_report *report)
{
	struct search_limits left = limits_begin(limits);
	struct search_room room = {0};
	int rc = -ENOMEM;

	visited_begin(&room.visited, &plan->budget);
	room.cells = calloc((size_t)plan->cells_count + 1, sizeof(*room.cells));
	room.best = calloc((size_t)plan->cells_count + 1, sizeof(*room.best));
	if (room.cells && room.best)
		rc = parts_search(plan, &room, &left, report);
	visited_end(&room.visited);
	free(room.cells);
	free(room.best);
	return rc;
}

int linear_check(const struct linear_history *history, const struct linear_limits *limits,
	struct linear_report *report_p)
{
	struct plan plan;
	struct saying s;
	int rc;

	*report_p = (struct linear_report){.verdict = LINEAR_GOOD};
	rc = plan_begin(&plan, history,
		limits && limits->len_max ? limits->len_max : LEN_MAX,
		limits && limits->local_too);
	if (rc == -ENOBUFS) {
		report_p->verdict = LINEAR_UNDECIDED;
		s = saying_of(report_p);
		say(&s, "not decided: the memory allowed is used up before the search");
		return 0;
	}
	if (rc)
		return rc;
	report_p->operations = plan.moves_count;
	report_p->partitions = plan.parts_count;
	rc = plan_search(&plan, limits, report_p);
	plan_end(&plan);
	return rc;
}
