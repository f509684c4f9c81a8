/*
 * Reading the record's text.  Decoding is strict: every field is there exactly once (but for
 * "stream", which counters have not) and has its type and range, and there are no others, so that two versions can never read
 * the same text differently.  64-bit random numbers are text, as JSON readers elsewhere may hold
 * numbers as floating point.  A counter's numbers are a list without names, or a full
 * record would not fit a store.
 */
#include "sequencer/store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEX_LEN 16 /* digits of a random number */

/* Where a decoder stands: an object, what to call it, and how many fields it has used. */
struct reader {
	const char *name;
	const json_t *object;
	size_t used;
	struct error *err;
};

static int reader_open(
	struct reader *reader, const char *name, const json_t *object, struct error *err)
{
	*reader = (struct reader){.name = name, .object = object, .err = err};
	if (!json_is_object(object))
		return error_set(err, -EBADMSG, "record: %s: is no object", name);
	return 0;
}

static int reader_refuse(const struct reader *reader, const char *key, const char *reason)
{
	return error_set(reader->err, -EBADMSG, "record: %s: field '%s' %s", reader->name,
		key, reason);
}

/* Every field that is there has been used once, so the counts tell of strangers. */
static int reader_close(const struct reader *reader)
{
	if (json_object_size(reader->object) == reader->used)
		return 0;
	return error_set(reader->err, -EBADMSG,
		"record: %s: has %zu fields; %zu are known", reader->name,
		json_object_size(reader->object), reader->used);
}

/* NULL, with the text written, when it is missing. */
static const json_t *read_field(struct reader *reader, const char *key)
{
	const json_t *value = json_object_get(reader->object, key);

	if (value)
		reader->used++;
	else
		(void)reader_refuse(reader, key, "is missing");
	return value;
}

/* No number of a record is above INT64_MAX, which is where JSON integers end here. */
static bool number_fits(const json_t *value, uint64_t max)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	       (uint64_t)json_integer_value(value) <= max;
}

static int read_number(
	struct reader *reader, const char *key, uint64_t max, uint64_t *n_p)
{
	const json_t *value = read_field(reader, key);

	if (!value)
		return -EBADMSG;
	if (!number_fits(value, max))
		return reader_refuse(reader, key, "is no whole number in its range");
	*n_p = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_text(struct reader *reader, const char *key, char *buf, size_t size)
{
	const json_t *value = read_field(reader, key);

	if (!value)
		return -EBADMSG;
	if (!json_is_string(value) || json_string_length(value) >= size)
		return reader_refuse(reader, key, "is no text, or too long");
	memcpy(buf, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int read_hex(struct reader *reader, const char *key, uint64_t *n_p)
{
	char text[HEX_LEN + 1] = "";
	int rc = read_text(reader, key, text, sizeof(text));

	if (rc)
		return rc;
	if (strspn(text, "0123456789abcdef") != HEX_LEN)
		return reader_refuse(reader, key, "is not 16 hexadecimal digits");
	*n_p = strtoull(text, NULL, 16);
	return 0;
}

static int read_array(
	struct reader *reader, const char *key, size_t max, const json_t **array_p)
{
	const json_t *value = read_field(reader, key);

	if (!value)
		return -EBADMSG;
	if (!json_is_array(value) || json_array_size(value) > max)
		return reader_refuse(reader, key, "is no list, or too long");
	*array_p = value;
	return 0;
}

static int decode_phase(struct reader *reader, enum record_phase *phase_p)
{
	char text[16] = "";
	int rc = read_text(reader, "phase", text, sizeof(text));

	if (rc)
		return rc;
	for (int phase = RECORD_PREPARING; phase <= RECORD_STOPPED; phase++) {
		if (strcmp(text, record_phase_name((enum record_phase)phase)) == 0) {
			*phase_p = (enum record_phase)phase;
			return 0;
		}
	}
	return reader_refuse(reader, "phase", "is not preparing, active or stopped");
}

static int decode_controls(struct reader *reader, struct record_member *member)
{
	const json_t *array = NULL;
	int rc = read_array(reader, "control", RECORD_CONTROLS_MAX, &array);

	if (rc)
		return rc;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_string(item) ||
			json_string_length(item) >= RECORD_CONTROL_LEN)
			return reader_refuse(
				reader, "control", "holds what is no text, or too long");
		memcpy(member->controls[i], json_string_value(item),
			json_string_length(item) + 1);
	}
	member->controls_count = (unsigned int)json_array_size(array);
	return 0;
}

static int decode_member(
	const json_t *object, struct record_member *member, struct error *err)
{
	struct reader reader;
	uint64_t id = 0;
	int rc = reader_open(&reader, "member", object, err);

	if (!rc)
		rc = read_number(&reader, "id", UINT16_MAX, &id);
	if (!rc)
		rc = read_hex(&reader, "incarnation", &member->incarnation);
	if (!rc)
		rc = decode_controls(&reader, member);
	if (!rc)
		rc = read_text(&reader, "transport", member->transport,
			sizeof(member->transport));
	if (!rc)
		rc = read_text(&reader, "memory", member->memory, sizeof(member->memory));
	if (!rc)
		rc = read_text(&reader, "memory_path", member->memory_path,
			sizeof(member->memory_path));
	if (rc)
		return rc;
	member->id = (uint16_t)id;
	return reader_close(&reader);
}

/* One of the record's two chains; @members has room for CHAIN_MAX. */
static int decode_chain(struct reader *reader, const char *key,
	struct record_member *members, unsigned int *count_p)
{
	const json_t *array = NULL;
	int rc = read_array(reader, key, CHAIN_MAX, &array);

	if (rc)
		return rc;
	for (size_t i = 0; i < json_array_size(array); i++) {
		rc = decode_member(json_array_get(array, i), &members[i], reader->err);
		if (rc)
			return rc;
	}
	*count_p = (unsigned int)json_array_size(array);
	return 0;
}

/* Base, stand, ceiling and reserve_max, in this order. */
static int decode_numbers(struct reader *reader, struct record_counter *counter)
{
	uint64_t *const numbers[] = {&counter->base, &counter->stand, &counter->ceiling,
		&counter->reserve_max};
	const size_t count = sizeof(numbers) / sizeof(numbers[0]);
	const json_t *array = NULL;
	int rc = read_array(reader, "numbers", count, &array);

	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i); /* NULL after the end */

		if (!number_fits(item, COUNTER_LIMIT - 1))
			return reader_refuse(reader, "numbers",
				"is not four whole numbers below 2^60");
		*numbers[i] = (uint64_t)json_integer_value(item);
	}
	return 0;
}

/* The numbers of struct stream_limits, in its order. */
static void stream_set(struct stream_limits *stream, const uint64_t *n)
{
	*stream = (struct stream_limits){.slot_len = (uint32_t)n[0],
		.slots = (uint32_t)n[1],
		.rows = (uint32_t)n[2],
		.blocks = n[3] != 0,
		.archiving = (enum stream_archiving)n[4],
		.hole_timeout_ns = n[5],
		.message_max = n[6]};
}

static int decode_stream(struct reader *reader, struct stream_limits *stream)
{
	static const uint64_t most[] = {STREAM_RING_MAX, STREAM_RING_MAX, STREAM_RING_MAX,
		1, STREAM_ARCHIVE_REQUIRED, STREAM_HOLE_MAX_NS, STREAM_MESSAGE_MAX};
	const size_t count = sizeof(most) / sizeof(most[0]);
	const json_t *array = NULL;
	uint64_t numbers[sizeof(most) / sizeof(most[0])] = {0};
	int rc;

	if (!json_object_get(reader->object, "stream"))
		return 0;
	rc = read_array(reader, "stream", count, &array);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i); /* NULL after the end */

		if (!number_fits(item, most[i]))
			return reader_refuse(
				reader, "stream", "is not seven numbers in their ranges");
		numbers[i] = (uint64_t)json_integer_value(item);
	}
	if (numbers[0] == 0)
		return reader_refuse(reader, "stream", "has slots of no length");
	stream_set(stream, numbers);
	return 0;
}

static int decode_counter(
	const json_t *object, struct record_counter *counter, struct error *err)
{
	struct reader reader;
	int rc = reader_open(&reader, "counter", object, err);

	if (!rc)
		rc = read_text(&reader, "name", counter->name, sizeof(counter->name));
	if (!rc)
		rc = decode_numbers(&reader, counter);
	if (!rc)
		rc = decode_stream(&reader, &counter->stream);
	return rc ? rc : reader_close(&reader);
}

static int decode_counters(struct reader *reader, struct record *record)
{
	const json_t *array = NULL;
	int rc = read_array(reader, "counters", record->counters_max, &array);

	if (rc)
		return rc;
	for (size_t i = 0; i < json_array_size(array); i++) {
		rc = decode_counter(
			json_array_get(array, i), &record->counters[i], reader->err);
		if (rc)
			return rc;
	}
	record->counters_count = (uint32_t)json_array_size(array);
	return 0;
}

static int decode_format(struct reader *reader)
{
	uint64_t format = 0;
	int rc = read_number(reader, "format", INT64_MAX, &format);

	if (rc)
		return rc;
	if (format != RECORD_FORMAT)
		return error_set(reader->err, -EPROTONOSUPPORT,
			"record: format %" PRIu64 " is not known here, only %d; use the "
			"version of pawl that wrote it",
			format, RECORD_FORMAT);
	return 0;
}

static int decode_scalars(struct reader *reader, struct record *record)
{
	uint64_t proposer = 0, sessions_max = 0;
	int rc = read_text(reader, "cluster", record->cluster, sizeof(record->cluster));

	if (!rc)
		rc = read_hex(reader, "instance", &record->instance);
	if (!rc)
		rc = read_number(reader, "epoch", INT64_MAX, &record->epoch);
	if (!rc)
		rc = read_number(
			reader, "active_epoch", INT64_MAX, &record->active_epoch);
	if (!rc)
		rc = decode_phase(reader, &record->phase);
	if (!rc)
		rc = read_number(reader, "proposer", UINT16_MAX, &proposer);
	if (!rc)
		rc = read_hex(
			reader, "proposer_incarnation", &record->proposer_incarnation);
	if (!rc)
		rc = read_number(reader, "lease_ns", INT64_MAX, &record->lease_ns);
	if (!rc)
		rc = read_number(reader, "sessions_max", SESSIONS_MAX, &sessions_max);
	record->proposer = (uint16_t)proposer;
	record->sessions_max = (uint32_t)sessions_max;
	return rc;
}

static int decode_fields(struct reader *reader, struct record *record)
{
	int rc = decode_scalars(reader, record);

	if (!rc)
		rc = decode_chain(reader, "chain", record->chain, &record->chain_count);
	if (!rc)
		rc = decode_chain(
			reader, "former", record->former, &record->former_count);
	if (!rc)
		rc = decode_counters(reader, record);
	if (!rc)
		rc = reader_close(reader);
	if (!rc && record_validate(record, reader->err))
		rc = -EBADMSG;
	return rc;
}

/* The format comes first, as all else depends on it; then the room for the counters. */
static int decode_root(const json_t *root, struct record *record_p, struct error *err)
{
	struct reader reader;
	struct record record;
	uint64_t counters_max = 0;
	int rc = reader_open(&reader, "record", root, err);

	if (!rc)
		rc = decode_format(&reader);
	if (!rc)
		rc = read_number(&reader, "counters_max", COUNTERS_MAX, &counters_max);
	if (!rc && counters_max == 0)
		rc = reader_refuse(&reader, "counters_max", "is 0");
	if (!rc)
		rc = record_init(&record, (uint32_t)counters_max, err);
	if (rc)
		return rc;
	rc = decode_fields(&reader, &record);
	if (rc)
		record_free(&record);
	else
		*record_p = record;
	return rc;
}

int record_decode(
	const void *text, size_t len, struct record *record_p, struct error *err)
{
	json_error_t fault;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
	int rc;

	if (!root && json_error_code(&fault) == json_error_out_of_memory)
		return error_set(
			err, -ENOMEM, "record: no memory to read it; free some memory");
	if (!root)
		return error_set(err, -EBADMSG,
			"record: byte %d of its text: %s; it was not written by pawl",
			fault.position, fault.text);
	rc = decode_root(root, record_p, err);
	json_decref(root);
	return rc;
}
