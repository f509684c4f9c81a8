#include "tests/sim/history.h"

#include <stdbool.h>
#include <stdlib.h>

static int by_last(const void *a, const void *b)
{
	const struct history_entry *x = a, *y = b;

	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	if (x->n !=
		y->n) /* the addition that made a value comes before the reads of it */
		return x->n == 0 ? 1 : -1;
	return x->invoked < y->invoked ? -1 : x->invoked > y->invoked;
}

static struct history_finding finding(enum history_verdict verdict,
	const struct history_entry *first, const struct history_entry *second)
{
	return (struct history_finding){
		.verdict = verdict, .first = *first, .second = *second};
}

/* Additions in order of their numbers must not overlap; what lies between is a gap. */
static struct history_finding numbers_check(
	const struct history_entry *entries, size_t count)
{
	struct history_finding found = {.verdict = HISTORY_LINEARIZABLE};
	const struct history_entry *before = NULL;
	uint64_t end = 0, gaps = 0;

	for (size_t i = 0; i < count; i++) {
		const struct history_entry *e = &entries[i];

		if (e->n == 0)
			continue;
		if (e->last - e->n < end)
			return finding(HISTORY_DUPLICATE, before, e);
		gaps += e->last - e->n - end;
		end = e->last;
		before = e;
	}
	found.gaps = gaps;
	return found;
}

/*
 * From the largest value down: nothing may have returned before something smaller was
 * invoked.  Keeps, of the entries with larger values, the one that returned first.
 */
static struct history_finding order_check(
	const struct history_entry *entries, size_t count)
{
	struct history_finding found = {.verdict = HISTORY_LINEARIZABLE};
	const struct history_entry *earliest = NULL;
	size_t i = count;

	while (i > 0) {
		size_t group = i;

		while (group > 0 && entries[group - 1].last == entries[i - 1].last)
			group--;
		for (size_t j = group; j < i && earliest; j++) {
			if (earliest->returned < entries[j].invoked)
				return finding(
					entries[j].n ? HISTORY_DISORDER : HISTORY_STALE,
					earliest, &entries[j]);
		}
		for (size_t j = group; j < i; j++) {
			if (!earliest || entries[j].returned < earliest->returned)
				earliest = &entries[j];
		}
		i = group;
	}
	return found;
}

/* An addition must not be invoked after a read of its own last number has returned. */
static struct history_finding reads_check(
	const struct history_entry *entries, size_t count)
{
	struct history_finding found = {.verdict = HISTORY_LINEARIZABLE};
	const struct history_entry *addition = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct history_entry *e = &entries[i];

		if (e->n > 0)
			addition = e;
		else if (addition && addition->last == e->last &&
			 e->returned < addition->invoked)
			return finding(HISTORY_STALE, addition, e);
	}
	return found;
}

struct history_finding history_check(struct history_entry *entries, size_t count)
{
	struct history_finding numbers, other;

	qsort(entries, count, sizeof(*entries), by_last);
	numbers = numbers_check(entries, count);
	if (numbers.verdict != HISTORY_LINEARIZABLE)
		return numbers;
	other = order_check(entries, count);
	if (other.verdict == HISTORY_LINEARIZABLE)
		other = reads_check(entries, count);
	other.gaps = numbers.gaps;
	return other;
}

const char *history_verdict_name(enum history_verdict verdict)
{
	switch (verdict) {
	case HISTORY_LINEARIZABLE:
		return "linearizable";
	case HISTORY_DUPLICATE:
		return "a number was given twice";
	case HISTORY_DISORDER:
		return "a later addition got a smaller number";
	case HISTORY_STALE:
		return "a read missed what was there before it";
	}
	return "?";
}
