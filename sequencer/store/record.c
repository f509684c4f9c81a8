#include "sequencer/store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/names.h"

int record_init(struct record *record, uint32_t counters_max, struct error *err)
{
	if (counters_max < 1 || counters_max > COUNTERS_MAX)
		return error_set(err, -EINVAL,
			"record: counters_max: is %" PRIu32 "; give 1 to %d",
			counters_max, COUNTERS_MAX);
	memset(record, 0, sizeof(*record));
	record->counters = calloc(counters_max, sizeof(*record->counters));
	if (!record->counters)
		return error_set(err, -ENOMEM,
			"record: no memory for %" PRIu32 " counters; free some memory",
			counters_max);
	record->counters_max = counters_max;
	return 0;
}

void record_free(struct record *record)
{
	free(record->counters);
	record->counters = NULL;
}

int record_copy(const struct record *from, struct record *copy_p, struct error *err)
{
	struct record copy;
	int rc = record_init(&copy, from->counters_max, err);
	struct record_counter *counters = copy.counters;

	if (rc)
		return rc;
	memcpy(counters, from->counters, from->counters_max * sizeof(*counters));
	*copy_p = *from;
	copy_p->counters = counters;
	return 0;
}

const struct record_member *record_member(const struct record *record, uint16_t id)
{
	for (unsigned int i = 0; i < record->chain_count; i++) {
		if (record->chain[i].id == id)
			return &record->chain[i];
	}
	return NULL;
}

struct record_counter *record_counter(const struct record *record, const char *name)
{
	for (uint32_t i = 0; i < record->counters_count; i++) {
		if (strcmp(record->counters[i].name, name) == 0)
			return &record->counters[i];
	}
	return NULL;
}

const char *record_phase_name(enum record_phase phase)
{
	static const char *const names[] = {"preparing", "active", "stopped"};

	return names[phase];
}

/* Printable ASCII, terminated within @size bytes. */
static bool is_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0')
			return true;
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	}
	return false;
}

static int validate_member(const struct record_member *member, struct error *err)
{
	if (member->id == 0)
		return error_set(err, -EINVAL, "record: chain: a member has the id 0");
	if (member->controls_count > RECORD_CONTROLS_MAX)
		return error_set(err, -EINVAL,
			"record: member %u: has %u control addresses; at most %d are "
			"allowed",
			member->id, member->controls_count, RECORD_CONTROLS_MAX);
	for (unsigned int i = 0; i < member->controls_count; i++) {
		const char *control = member->controls[i];

		if (control[0] == '\0' || !is_text(control, RECORD_CONTROL_LEN))
			return error_set(err, -EINVAL,
				"record: member %u: a control address is not 1 to %d "
				"printable characters",
				member->id, RECORD_CONTROL_LEN - 1);
	}
	if (!is_text(member->memory_path, RECORD_PATH_LEN))
		return error_set(err, -EINVAL,
			"record: member %u: its memory path is not up to %d printable "
			"characters",
			member->id, RECORD_PATH_LEN - 1);
	return 0;
}

/* R4 */
static int validate_chain(const struct record *record, struct error *err)
{
	unsigned int least = record->phase == RECORD_STOPPED ? 0 : 1;

	if (record->chain_count < least || record->chain_count > CHAIN_MAX)
		return error_set(err, -EINVAL,
			"record: chain: has %u members; %u to %d are allowed",
			record->chain_count, least, CHAIN_MAX);
	for (unsigned int i = 0; i < record->chain_count; i++) {
		const struct record_member *member = &record->chain[i];
		int rc = validate_member(member, err);

		if (rc)
			return rc;
		if (record_member(record, member->id) != member)
			return error_set(err, -EINVAL,
				"record: chain: id %u is there twice", member->id);
	}
	return 0;
}

static int validate_counter(const struct record_counter *counter, struct error *err)
{
	if (!names_counter_valid(
		    counter->name, strnlen(counter->name, sizeof(counter->name))))
		return error_set(err, -EINVAL,
			"record: counters: a name is not 1 to %d printable characters",
			COUNTER_NAME_MAX);
	if (counter->base >= COUNTER_LIMIT)
		return error_set(err, -EINVAL,
			"record: counter '%s': base %" PRIu64 " is not below 2^60",
			counter->name, counter->base);
	if (counter->ceiling < counter->base || counter->ceiling > RECORD_CEILING_MAX)
		return error_set(err, -EINVAL,
			"record: counter '%s': ceiling %" PRIu64
			" is not from its base %" PRIu64 " to 2^61",
			counter->name, counter->ceiling, counter->base);
	if (counter->reserve_max >= COUNTER_LIMIT)
		return error_set(err, -EINVAL,
			"record: counter '%s': reserve_max %" PRIu64 " is not below 2^60",
			counter->name, counter->reserve_max);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts pointers to the names, so that a full record costs no 16 million comparisons. */
static int validate_names_differ(const struct record *record, struct error *err)
{
	const char *names[COUNTERS_MAX];

	for (uint32_t i = 0; i < record->counters_count; i++)
		names[i] = record->counters[i].name;
	qsort(names, record->counters_count, sizeof(names[0]), compare_names);
	for (uint32_t i = 1; i < record->counters_count; i++) {
		if (strcmp(names[i - 1], names[i]) == 0)
			return error_set(err, -EINVAL,
				"record: counter '%s': is there twice", names[i]);
	}
	return 0;
}

/* R5, R6 */
static int validate_counters(const struct record *record, struct error *err)
{
	if (record->counters_max < 1 || record->counters_max > COUNTERS_MAX)
		return error_set(err, -EINVAL,
			"record: counters_max: is %" PRIu32 "; 1 to %d are allowed",
			record->counters_max, COUNTERS_MAX);
	if (record->sessions_max < 1 || record->sessions_max > SESSIONS_MAX)
		return error_set(err, -EINVAL,
			"record: sessions_max: is %" PRIu32 "; 1 to %d are allowed",
			record->sessions_max, SESSIONS_MAX);
	if (record->counters_count > record->counters_max)
		return error_set(err, -EINVAL,
			"record: counters: there are %" PRIu32
			"; counters_max is %" PRIu32,
			record->counters_count, record->counters_max);
	for (uint32_t i = 0; i < record->counters_count; i++) {
		int rc = validate_counter(&record->counters[i], err);

		if (rc)
			return rc;
	}
	return validate_names_differ(record, err);
}

/* R3 */
static int validate_epochs(const struct record *record, struct error *err)
{
	bool fits = record->active_epoch <= record->epoch;

	if (record->epoch == 0 || record->epoch > INT64_MAX)
		return error_set(err, -EINVAL, "record: epoch: is not 1 to 2^63 - 1");
	if (record->phase == RECORD_ACTIVE)
		fits = record->active_epoch == record->epoch;
	if (record->phase == RECORD_PREPARING)
		fits = record->active_epoch < record->epoch;
	if (!fits)
		return error_set(err, -EINVAL,
			"record: active_epoch: %" PRIu64
			" does not go with a record that is %s in epoch %" PRIu64,
			record->active_epoch, record_phase_name(record->phase),
			record->epoch);
	return 0;
}

int record_validate(const struct record *record, struct error *err)
{
	int rc;

	if (!is_text(record->cluster, sizeof(record->cluster)) ||
		!names_cluster_valid(record->cluster))
		return error_set(err, -EINVAL, "record: cluster: is no valid name");
	if (record->instance == 0)
		return error_set(err, -EINVAL, "record: instance: is 0");
	if (record->phase > RECORD_STOPPED)
		return error_set(
			err, -EINVAL, "record: phase: %d is none", (int)record->phase);
	if (record->proposer == 0)
		return error_set(
			err, -EINVAL, "record: proposer: is 0; ids are 1 to 65535");
	rc = validate_epochs(record, err);
	if (!rc)
		rc = validate_chain(record, err);
	return rc ? rc : validate_counters(record, err);
}
