#include "tests/history.h"

#include <stdbool.h>
#include <stdlib.h>

/* Reads stand right behind the addition whose last number they show. */
static int by_last(const void *a, const void *b)
{
	const struct history_entry *x = a, *y = b;

	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	if ((x->n == 0) != (y->n == 0))
		return x->n == 0 ? 1 : -1;
	return (x->invoked > y->invoked) - (x->invoked < y->invoked);
}

static struct history_finding finding(enum history_verdict verdict,
	const struct history_entry *first, const struct history_entry *second)
{
	return (struct history_finding){
		.verdict = verdict, .first = *first, .second = *second};
}

/*
 * One after the other: where a block begins, the one before has ended; what lies between is a
 * gap.  A read is a witness of how far the counter had come.
 */
static struct history_finding numbers_check(
	const struct history_entry *entries, size_t count)
{
	struct history_finding found = {.verdict = HISTORY_LINEARIZABLE};
	const struct history_entry *before = NULL;
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		const struct history_entry *e = &entries[i];

		if (e->last - e->n < end)
			return finding(
				before->n ? HISTORY_DUPLICATE : HISTORY_TORN, before, e);
		found.gaps += e->last - e->n - end;
		if (e->last > end)
			before = e;
		end = e->last;
	}
	return found;
}

/* What had returned before the other was invoked, and has larger numbers or is a read. */
static struct history_finding order_finding(
	const struct history_entry *invoked, const struct history_entry *returned)
{
	bool numbers = invoked->n > 0 && invoked->last < returned->last;

	return finding(numbers ? HISTORY_DISORDER : HISTORY_STALE, invoked, returned);
}

static bool both_read(const struct history_entry *a, const struct history_entry *b)
{
	return a->n == 0 && b->n == 0 && a->last == b->last;
}

/*
 * In the order of numbers, nothing has returned before something that stands earlier was
 * invoked.  Reads of one value have no order among them.  Keeps, of all that stands before
 * this value, what was invoked last.
 */
static struct history_finding order_check(
	const struct history_entry *entries, size_t count)
{
	struct history_finding found = {.verdict = HISTORY_LINEARIZABLE};
	const struct history_entry *latest = NULL, *newest = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct history_entry *e = &entries[i];

		if (i > 0 && !both_read(e - 1, e))
			latest = newest;
		if (latest && e->returned < latest->invoked)
			return order_finding(latest, e);
		if (!newest || e->invoked > newest->invoked)
			newest = e;
	}
	return found;
}

struct history_finding history_check(struct history_entry *entries, size_t count)
{
	struct history_finding numbers, order;

	qsort(entries, count, sizeof(*entries), by_last);
	numbers = numbers_check(entries, count);
	if (numbers.verdict != HISTORY_LINEARIZABLE)
		return numbers;
	order = order_check(entries, count);
	order.gaps = numbers.gaps;
	return order;
}

const char *history_verdict_name(enum history_verdict verdict)
{
	switch (verdict) {
	case HISTORY_LINEARIZABLE:
		return "linearizable";
	case HISTORY_DUPLICATE:
		return "a number was given twice";
	case HISTORY_TORN:
		return "a read showed the inside of a block";
	case HISTORY_DISORDER:
		return "a later addition got a smaller number";
	case HISTORY_STALE:
		return "a read missed what was there, or showed what was to come";
	}
	return "?";
}
