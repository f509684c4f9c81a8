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

const struct record_member *record_member(
	const struct record_member *members, unsigned int count, uint16_t id)
{
	for (unsigned int i = 0; i < count; i++) {
		if (members[i].id == id)
			return &members[i];
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

static int validate_controls(const struct record_member *member, struct error *err)
{
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
	return 0;
}

/* @text has room for @size bytes; it may be empty. */
static int validate_text(const struct record_member *member, const char *what,
	const char *text, size_t size, struct error *err)
{
	if (is_text(text, size))
		return 0;
	return error_set(err, -EINVAL,
		"record: member %u: its %s is not up to %zu printable characters",
		member->id, what, size - 1);
}

static int validate_member(const struct record_member *member, struct error *err)
{
	int rc;

	if (member->id == 0)
		return error_set(err, -EINVAL, "record: chain: a member has the id 0");
	if (member->incarnation == 0)
		return error_set(err, -EINVAL, "record: member %u: its incarnation is 0",
			member->id);
	rc = validate_controls(member, err);
	if (!rc)
		rc = validate_text(member, "transport", member->transport,
			sizeof(member->transport), err);
	if (!rc)
		rc = validate_text(member, "memory address", member->memory,
			sizeof(member->memory), err);
	if (!rc)
		rc = validate_text(member, "memory path", member->memory_path,
			sizeof(member->memory_path), err);
	return rc;
}

/* @name is that of one of the record's two chains, which has at least @least members. */
static int validate_members(const char *name, const struct record_member *members,
	unsigned int count, unsigned int least, struct error *err)
{
	if (count < least || count > CHAIN_MAX)
		return error_set(err, -EINVAL,
			"record: %s: has %u members; %u to %d are allowed", name, count,
			least, CHAIN_MAX);
	for (unsigned int i = 0; i < count; i++) {
		int rc = validate_member(&members[i], err);

		if (rc)
			return rc;
		if (record_member(members, count, members[i].id) != &members[i])
			return error_set(err, -EINVAL, "record: %s: id %u is there twice",
				name, members[i].id);
	}
	return 0;
}

static bool chains_are_same(const struct record *record)
{
	if (record->former_count != record->chain_count)
		return false;
	for (unsigned int i = 0; i < record->chain_count; i++) {
		if (record->former[i].id != record->chain[i].id ||
			record->former[i].incarnation != record->chain[i].incarnation)
			return false;
	}
	return true;
}

/* R4 */
static int validate_chains(const struct record *record, struct error *err)
{
	bool stopped = record->phase == RECORD_STOPPED;
	int rc = validate_members(
		"chain", record->chain, record->chain_count, stopped ? 0 : 1, err);

	if (!rc)
		rc = validate_members(
			"former", record->former, record->former_count, 0, err);
	if (rc)
		return rc;
	if (record->phase == RECORD_ACTIVE && !chains_are_same(record))
		return error_set(err, -EINVAL,
			"record: former: is not the chain, though the record is active");
	if ((stopped || record->active_epoch == 0) && record->former_count > 0)
		return error_set(err, -EINVAL,
			"record: former: has %u members, though no epoch is active",
			record->former_count);
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
	if (counter->stand > counter->base)
		return error_set(err, -EINVAL,
			"record: counter '%s': stand %" PRIu64
			" is above its base %" PRIu64,
			counter->name, counter->stand, counter->base);
	if (counter->ceiling < counter->base || counter->ceiling > RECORD_CEILING_MAX)
		return error_set(err, -EINVAL,
			"record: counter '%s': ceiling %" PRIu64
			" is not from its base %" PRIu64 " to 2^60 - 1",
			counter->name, counter->ceiling, counter->base);
	if (counter->reserve_max >= COUNTER_LIMIT)
		return error_set(err, -EINVAL,
			"record: counter '%s': reserve_max %" PRIu64 " is not below 2^60",
			counter->name, counter->reserve_max);
	return 0;
}

/* R8, for one */
static int validate_stream(const struct record_counter *counter, struct error *err)
{
	const struct stream_limits *stream = &counter->stream;

	if (stream->slot_len == 0)
		return 0;
	if (!stream_limits_valid(stream))
		return error_set(err, -EINVAL,
			"record: stream '%s': its limits are out of range",
			counter->name);
	if (counter->reserve_max > 0)
		return error_set(err, -EINVAL,
			"record: stream '%s': reserve_max is not 0", counter->name);
	return 0;
}

static int validate_streams(const struct record *record, struct error *err)
{
	uint32_t streams = 0;
	int rc = 0;

	for (uint32_t i = 0; i < record->counters_count && !rc; i++) {
		streams += record->counters[i].stream.slot_len != 0;
		rc = validate_stream(&record->counters[i], err);
	}
	if (!rc && streams > STREAMS_MAX)
		rc = error_set(err, -EINVAL,
			"record: counters: there are %" PRIu32
			" streams; at most %d are allowed",
			streams, STREAMS_MAX);
	return rc;
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

/* R2; the epochs are R3's. */
static int validate_origin(const struct record *record, struct error *err)
{
	if (record->instance == 0)
		return error_set(err, -EINVAL, "record: instance: is 0");
	if (record->proposer == 0)
		return error_set(
			err, -EINVAL, "record: proposer: is 0; ids are 1 to 65535");
	if (record->proposer_incarnation == 0)
		return error_set(err, -EINVAL, "record: proposer_incarnation: is 0");
	if (record->lease_ns > INT64_MAX)
		return error_set(
			err, -EINVAL, "record: lease_ns: is not 0 to 2^63 - 1 ns");
	return 0;
}

int record_validate(const struct record *record, struct error *err)
{
	int rc;

	if (!is_text(record->cluster, sizeof(record->cluster)) ||
		!names_cluster_valid(record->cluster))
		return error_set(err, -EINVAL, "record: cluster: is no valid name");
	if (record->phase > RECORD_STOPPED)
		return error_set(
			err, -EINVAL, "record: phase: %d is none", (int)record->phase);
	rc = validate_origin(record, err);
	if (!rc)
		rc = validate_epochs(record, err);
	if (!rc)
		rc = validate_chains(record, err);
	if (!rc)
		rc = validate_counters(record, err);
	return rc ? rc : validate_streams(record, err);
}
