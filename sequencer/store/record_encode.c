/* Writing the record's text, as record_decode.c reads it. */
#include "sequencer/store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *encode_hex(uint64_t n)
{
	char text[16 + 1];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, n);
	return json_string(text);
}

/* Takes over @value; NULL, from an allocation that failed, makes the array NULL too. */
static json_t *append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *encode_member(const struct record_member *member)
{
	json_t *controls = json_array();

	for (unsigned int i = 0; i < member->controls_count; i++)
		controls = append(controls, json_string(member->controls[i]));
	return json_pack("{s:i, s:o, s:s, s:o, s:s, s:s}", "id", (int)member->id,
		"incarnation", encode_hex(member->incarnation), "transport",
		member->transport, "control", controls, "memory", member->memory,
		"memory_path", member->memory_path);
}

static json_t *encode_chain(const struct record_member *members, unsigned int count)
{
	json_t *chain = json_array();

	for (unsigned int i = 0; i < count; i++)
		chain = append(chain, encode_member(&members[i]));
	return chain;
}

/* As decode_stream has it. */
static json_t *encode_stream(const struct stream_limits *s)
{
	return json_pack("[I, I, I, I, I, I, I]", (json_int_t)s->slot_len,
		(json_int_t)s->slots, (json_int_t)s->rows, (json_int_t)s->blocks,
		(json_int_t)s->archiving, (json_int_t)s->hole_timeout_ns,
		(json_int_t)s->message_max);
}

static json_t *encode_counter(const struct record_counter *counter)
{
	json_t *stream = counter->stream.slot_len ? encode_stream(&counter->stream)
						  : NULL;

	if (counter->stream.slot_len && !stream)
		return NULL;
	return json_pack("{s:s, s:[I, I, I, I], s:o*}", "name", counter->name, "numbers",
		(json_int_t)counter->base, (json_int_t)counter->stand,
		(json_int_t)counter->ceiling, (json_int_t)counter->reserve_max, "stream",
		stream);
}

static json_t *encode_counters(const struct record *record)
{
	json_t *counters = json_array();

	for (uint32_t i = 0; i < record->counters_count; i++)
		counters = append(counters, encode_counter(&record->counters[i]));
	return counters;
}

static json_t *encode_record(const struct record *record)
{
	return json_pack(
		"{s:i, s:s, s:o, s:I, s:I, s:s, s:i, s:o, s:o, s:o, s:I, s:i, s:i, s:o}",
		"format", RECORD_FORMAT, "cluster", record->cluster, "instance",
		encode_hex(record->instance), "epoch", (json_int_t)record->epoch,
		"active_epoch", (json_int_t)record->active_epoch, "phase",
		record_phase_name(record->phase), "proposer", (int)record->proposer,
		"proposer_incarnation", encode_hex(record->proposer_incarnation), "chain",
		encode_chain(record->chain, record->chain_count), "former",
		encode_chain(record->former, record->former_count), "lease_ns",
		(json_int_t)record->lease_ns, "counters_max", (int)record->counters_max,
		"sessions_max", (int)record->sessions_max, "counters",
		encode_counters(record));
}

int record_encode(
	const struct record *record, char **text_p, size_t *len_p, struct error *err)
{
	int rc = record_validate(record, err);
	json_t *root;
	char *text;

	if (rc)
		return rc;
	root = encode_record(record);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return error_set(
			err, -ENOMEM, "record: no memory to write it; free some memory");
	*text_p = text;
	*len_p = strlen(text);
	return 0;
}
