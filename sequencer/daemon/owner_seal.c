/* The end of a region's epoch: exact values at the head, marks at a backup. */
#include <errno.h>
#include <stdatomic.h>

#include "sequencer/core/marks.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/owner_internal.h"

/* Peers may have written anything into their rows. */
uint64_t owner_report(const struct owner *owner, uint32_t index)
{
	uint64_t largest;

	if (index >= owner->layout.counters_max)
		return 0; /* nobody ever marked it here */
	largest = marks_report(
		owner->memory->ops->base(owner->memory), &owner->layout, index);
	return largest < COUNTER_LIMIT ? largest : COUNTER_LIMIT - 1;
}

/*
 * The value of a counter whose word was @word before it was sealed, or, when @sealed, may
 * have been sealed by an owner that died before it could remember the value.  Additions
 * that came after that seal were never confirmed; counting them in is safe and makes a
 * small jump (O3).  A word at the limit that nobody sealed is used up.
 */
static uint64_t value_of(uint64_t word, bool sealed)
{
	if (word < COUNTER_LIMIT)
		return word;
	if (sealed && word < 2 * COUNTER_LIMIT)
		return word - COUNTER_LIMIT;
	return COUNTER_LIMIT - 1;
}

static int counter_seal(
	struct owner *owner, uint32_t index, uint64_t *value_p, struct error *err)
{
	_Atomic uint64_t *floor = owner_word(
		owner, region_floor_offset(&owner->layout, index));
	uint64_t remembered = atomic_load(floor);
	bool sealing = remembered & FLOOR_SEALING;
	uint64_t word;
	int rc;

	if (remembered & FLOOR_SEALED) {
		*value_p = remembered & ~FLOOR_FLAGS;
		return 0;
	}
	rc = owner_word_add(owner, index, 0, &word, err);
	if (rc)
		return rc;
	if (word < COUNTER_LIMIT) {
		atomic_store(floor, remembered | FLOOR_SEALING);
		rc = owner_word_add(owner, index, COUNTER_LIMIT, &word, err);
		if (rc)
			return rc;
		sealing = false;
	}
	*value_p = value_of(word, sealing);
	atomic_store(floor, *value_p | FLOOR_SEALED);
	return 0;
}

static void state_seal(struct owner *owner)
{
	/* Seq_cst: a mark that an open state confirmed is seen by the loads that follow. */
	atomic_store(owner_word(owner, REGION_STATE_OFFSET),
		region_state_sealed(owner->header.epoch));
}

int owner_seal(
	struct owner *owner, uint32_t counters_count, uint64_t *values, struct error *err)
{
	uint32_t count = owner->counters_count;
	int rc = 0;

	if (counters_count > owner->layout.counters_max)
		return error_set(err, -ERANGE,
			"pawld: %s: asked to seal %u counters, but there is room for %u "
			"only; the replicas are not of one cluster",
			owner->path, counters_count, owner->layout.counters_max);
	if (count < counters_count)
		count = counters_count;
	state_seal(owner);
	for (uint32_t i = 0; i < count && !rc; i++) {
		uint64_t value;

		rc = counter_seal(owner, i, &value, err); /* O2 */
		if (!rc && i < counters_count)
			values[i] = value;
	}
	return rc;
}

void owner_seal_backup(struct owner *owner, uint32_t counters_count, uint64_t *values)
{
	PAWL_ASSERT(!owner->head); /* its floors have flags, and its values are exact */
	state_seal(owner);
	for (uint32_t i = 0; i < counters_count; i++)
		values[i] = owner_report(owner, i); /* O2 */
}

void owner_row_fold(struct owner *owner, uint32_t row)
{
	/* A head's rows are not used, and its floors are not floors once it is sealed. */
	if (owner->head)
		return;
	marks_row_fold(owner->memory->ops->base(owner->memory), &owner->layout, row);
}
