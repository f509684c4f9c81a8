#include "bench/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BITS 64

int history_init(struct history *h, const char *name, uint64_t n, uint64_t last,
	uint64_t additions_max, uint64_t timed_max)
{
	*h = (struct history){.name = name,
		.n = n,
		.last = last,
		.additions_max = additions_max,
		.timed_max = timed_max};
	h->taken = calloc(additions_max / BITS + 1, sizeof(uint64_t));
	h->begins_ns = calloc(timed_max + 1, sizeof(uint64_t));
	h->ends_ns = calloc(timed_max + 1, sizeof(uint64_t));
	if (h->taken && h->begins_ns && h->ends_ns)
		return 0;
	history_destroy(h);
	return -ENOMEM;
}

void history_destroy(struct history *h)
{
	free(h->taken);
	free(h->begins_ns);
	free(h->ends_ns);
	h->taken = h->begins_ns = h->ends_ns = NULL;
}

/* Where in the turn's order a number belongs, from 0; UINT64_MAX: nowhere. */
static inline uint64_t place_of(const struct history *h, uint64_t value)
{
	uint64_t ahead = value - h->last;

	if (h->n == 1)
		return ahead - 1;
	return ahead % h->n == 0 ? ahead / h->n - 1 : UINT64_MAX;
}

/* It belongs to an earlier turn, whose numbers have all been handed out. */
static inline bool is_old(const struct history *h, uint64_t value)
{
	return value - h->last - 1 >= UINT64_MAX / 2;
}

static bool place_take(struct history *h, uint64_t place)
{
	uint64_t bit = UINT64_C(1) << place % BITS;

	if (h->taken[place / BITS] & bit)
		return false;
	h->taken[place / BITS] |= bit;
	return true;
}

static int broken_order(const struct history *h, const struct history_part *part,
	unsigned int process, uint64_t i, struct error *err)
{
	return error_set(err, -EILSEQ,
		"bench: %s: history is wrong: process %u drew %" PRIu64 " after %" PRIu64
		"; please report this",
		h->name, process, part->values[i], part->values[i - 1]);
}

static int broken_place(
	const struct history *h, uint64_t value, uint64_t total, struct error *err)
{
	return error_set(err, -EILSEQ,
		"bench: %s: history is wrong: %" PRIu64 " additions of %" PRIu64
		" after %" PRIu64 " can not give %" PRIu64
		", so numbers are missing; does anybody else draw from the counter?",
		h->name, total, h->n, h->last, value);
}

static int broken_twice(const struct history *h, uint64_t value, struct error *err)
{
	return error_set(err, -EILSEQ,
		"bench: %s: history is wrong: %" PRIu64
		" was handed out twice; please report this",
		h->name, value);
}

/* R1 to R3 for one process, @total being the additions of all. */
static int part_check(struct history *h, const struct history_part *part,
	unsigned int process, uint64_t total, struct error *err)
{
	uint64_t before = 0;

	for (uint64_t i = 0; i < part->count; i++) {
		uint64_t place = place_of(h, part->values[i]);

		if (is_old(h, part->values[i]))
			return broken_twice(h, part->values[i], err);
		if (place >= total)
			return broken_place(h, part->values[i], total, err);
		if (!place_take(h, place))
			return broken_twice(h, part->values[i], err);
		if (place < before)
			return broken_order(h, part, process, i, err);
		before = place;
	}
	return 0;
}

static void times_place(struct history *h, const struct history_part *part)
{
	for (uint64_t i = 0; i < part->count; i++) {
		uint64_t place = place_of(h, part->values[i]);

		h->begins_ns[place] = part->begins_ns[i];
		h->ends_ns[place] = part->ends_ns[i];
	}
}

/*
 * R4 from the highest number down: nothing with a higher number may have ended before
 * this one began.  The earliest end so far stands for all of them.
 */
static int times_check(const struct history *h, uint64_t total, struct error *err)
{
	uint64_t earliest = total;

	for (uint64_t i = total; i-- > 0;) {
		if (earliest < total &&
			h->ends_ns[earliest] + h->clock_ns < h->begins_ns[i])
			return error_set(err, -EILSEQ,
				"bench: %s: history is wrong: %" PRIu64
				" had been handed "
				"out %" PRIu64 " ns before the addition that got %" PRIu64
				" began; please report this",
				h->name, h->last + (earliest + 1) * h->n,
				h->begins_ns[i] - h->ends_ns[earliest],
				h->last + (i + 1) * h->n);
		if (earliest == total || h->ends_ns[i] < h->ends_ns[earliest])
			earliest = i;
	}
	return 0;
}

int history_check(struct history *h, const struct history_part *parts,
	unsigned int parts_count, struct error *err)
{
	uint64_t total = 0;
	bool timed = true;
	int rc = 0;

	for (unsigned int i = 0; i < parts_count; i++) {
		total += parts[i].count;
		timed = timed && parts[i].begins_ns && parts[i].ends_ns;
	}
	if (total > h->additions_max || (timed && total > h->timed_max))
		return error_set(err, -ENOBUFS,
			"bench: %s: a turn of %" PRIu64 " additions is too long", h->name,
			total);
	memset(h->taken, 0, (total / BITS + 1) * sizeof(uint64_t));
	for (unsigned int i = 0; i < parts_count && !rc; i++)
		rc = part_check(h, &parts[i], i, total, err);
	/* As many additions as places, each on a place of its own: none is missing (R2). */
	for (unsigned int i = 0; i < parts_count && !rc && timed; i++)
		times_place(h, &parts[i]);
	if (!rc && timed)
		rc = times_check(h, total, err);
	if (rc)
		return rc;
	h->last += total * h->n;
	h->additions += total;
	h->timed += timed ? total : 0;
	return 0;
}
