/* The begin of a store, which somebody has to found, and its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/store.h"

#define FOUND_MAX (KV_COMMAND_HEADER + KV_OPERATION_HEADER + KV_LIMITS_LEN)

/* ---- The machine ---- */

/* A command that founds says no limits that are not possible, and no snapshot does. */
void store_machine_make(struct pawl_store *store, const struct kv_limits *limits)
{
	uint64_t len = 0;
	void *memory = NULL;

	if (kv_memory_len(limits, &len))
		memory = aligned_alloc(64, (len + 63) / 64 * 64);
	store->command = malloc(limits->command_max);
	store->reply = malloc(limits->reply_max);
	store->silence.heard = calloc(
		limits->sessions_max, sizeof(*store->silence.heard));
	store->no_memory = !memory || !store->command || !store->reply ||
			   !store->silence.heard;
	if (store->no_memory)
		free(memory);
	else
		store->kv = kv_create(limits, memory, store_on_change, store);
}

static void store_apply(void *context, uint64_t position, const void *bytes, size_t len,
	struct pawl_bytes *result_p)
{
	struct pawl_store *store = context;
	struct machine_result result;
	struct kv_limits limits;

	if (!store->kv && !store->no_memory && kv_command_founds(bytes, len, &limits))
		store_machine_make(store, &limits);
	if (!store->kv)
		return;
	kv_apply(store->kv, position, bytes, len, &result);
	*result_p = (struct pawl_bytes){result.bytes, result.len};
}

_Static_assert(PAWL_PREPARE_MAX <= KV_PREPARE_MAX, "all of them are prepared");

static void store_prepare(void *context, const struct pawl_bytes *messages, size_t count)
{
	const struct pawl_store *store = context;
	struct kv_slice slices[PAWL_PREPARE_MAX];

	if (!store->kv)
		return;
	for (size_t i = 0; i < count; i++)
		slices[i] = (struct kv_slice){messages[i].bytes, messages[i].len};
	kv_prepare(store->kv, slices, count);
}

static void store_query(
	void *context, const void *bytes, size_t len, struct pawl_bytes *result_p)
{
	struct pawl_store *store = context;
	struct machine_result result;

	kv_query(store->kv, bytes, len, &result);
	*result_p = (struct pawl_bytes){result.bytes, result.len};
}

/* ---- Opening ---- */

#define OR_DEFAULT(field)                               \
	do {                                            \
		if (given->field)                       \
			limits_p->field = given->field; \
	} while (0)

static void limits_take(const struct pawl_store_limits *given, struct kv_limits *limits_p)
{
	kv_limits_default(limits_p);
	OR_DEFAULT(bytes_max);
	OR_DEFAULT(keys_max);
	OR_DEFAULT(key_max);
	OR_DEFAULT(value_max);
	OR_DEFAULT(sessions_max);
	OR_DEFAULT(locks_max);
	OR_DEFAULT(waiters_max);
	OR_DEFAULT(command_max);
	OR_DEFAULT(reply_max);
}

static int options_take(struct pawl *pawl, const char *name,
	const struct pawl_store_options *options, struct pawl_store_options *taken,
	struct kv_limits *limits_p)
{
	const struct pawl_store_options init = PAWL_STORE_OPTIONS_INIT;

	*taken = options ? *options : init;
	if (taken->size != sizeof(*taken))
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s/%.63s: store: the options have a size of %zu; begin "
			"with "
			"PAWL_STORE_OPTIONS_INIT",
			pawl->where, name, taken->size);
	limits_take(&taken->limits, limits_p);
	if (kv_limits_valid(limits_p))
		return 0;
	return error_set(&pawl->err, -EINVAL,
		"pawl: %s/%.63s: store: these limits are not possible: one is too large, "
		"or "
		"commands or replies have no room for the longest key and value",
		pawl->where, name);
}

static int no_memory(struct pawl *pawl, const char *name)
{
	return error_set(&pawl->err, -ENOMEM,
		"pawl: %s/%.63s: store: no memory for what it may hold", pawl->where,
		name);
}

static int messages_check(struct pawl_store *store, uint32_t command_max)
{
	const struct pawl_stream *stream = store->participant->stream;

	if (command_max <= stream->limits.message_max)
		return 0;
	return error_set(&store->pawl->err, -EINVAL,
		"pawl: %s/%s: store: commands of up to %u bytes do not fit into messages "
		"of "
		"%llu; make the stream with a larger message_max",
		store->pawl->where, pawl_stream_name(stream), command_max,
		(unsigned long long)stream->limits.message_max);
}

/* Whoever comes first in the stream has founded it; that is whose limits count. */
static int found(struct pawl_store *store, const struct kv_limits *limits)
{
	unsigned char encoded[KV_LIMITS_LEN], command[FOUND_MAX];
	const struct kv_operation operation = {
		.kind = KV_FOUND, .value = {encoded, sizeof(encoded)}};
	size_t len;
	int rc = messages_check(store, limits->command_max);

	if (rc)
		return rc;
	kv_limits_encode(limits, encoded);
	len = kv_command_encode(&operation, 0, command, sizeof(command));
	return pawl_participant_call(
		store->participant, command, len, NULL, 0, NULL, NULL);
}

/* Whoever goes on behind a position has been told of what is behind it by now. */
static int changes_check(struct pawl_store *store)
{
	uint64_t applied = pawl_store_position(store);

	if (store->missed)
		return error_set(&store->pawl->err, -EOVERFLOW,
			"pawl: %s/%s: store: the changes after %llu are not all there "
			"any more; look at what there is, and begin with on_change from "
			"there",
			store->pawl->where, pawl_stream_name(store->participant->stream),
			(unsigned long long)store->changes_after);
	if (!store->on_change || store->changes_after <= applied)
		return 0;
	return error_set(&store->pawl->err, -EINVAL,
		"pawl: %s/%s: store: changes after %llu are asked for, and the stream "
		"goes to %llu only; is it the same one?",
		store->pawl->where, pawl_stream_name(store->participant->stream),
		(unsigned long long)store->changes_after, (unsigned long long)applied);
}

static int not_founded(struct pawl_store *store)
{
	return error_set(&store->pawl->err, -ENOENT,
		"pawl: %s/%s: store: nobody has founded it; open it without existing, or "
		"look whether the name is right",
		store->pawl->where, pawl_stream_name(store->participant->stream));
}

static int store_begin(struct pawl_store *store, const char *name,
	const struct pawl_store_options *options, const struct kv_limits *limits)
{
	const struct pawl_machine machine = {.size = sizeof(machine),
		.context = store,
		.apply = store_apply,
		.query = store_query,
		.snapshot_begin = store_snapshot_begin,
		.snapshot_next = store_snapshot_next,
		.restore_begin = store_restore_begin,
		.restore_next = store_restore_next,
		.restore_end = store_restore_end,
		.prepare = store_prepare};
	struct pawl_participant_options with = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	int rc;

	stream.archiving = PAWL_ARCHIVE_ON;
	with.stream = options->stream ? options->stream : &stream;
	with.depth = options->depth;
	with.snapshot_every = options->snapshot_every;
	with.on_outcome = store_on_outcome;
	with.outcome_context = store;
	rc = pawl_participant_open(
		store->pawl, name, &machine, &with, &store->participant);
	if (rc)
		return rc;
	store->participant->owner = (struct participant_owner){.context = store,
		.on_outcome = store_on_errand,
		.on_turn = store_on_turn};
	rc = pawl_participant_sync(store->participant);
	if (!rc)
		rc = changes_check(store);
	if (!rc && !store->kv && !store->no_memory)
		rc = with.stream->existing ? not_founded(store) : found(store, limits);
	return !rc && store->no_memory ? no_memory(store->pawl, name) : rc;
}

int pawl_store_open(struct pawl *pawl, const char *name,
	const struct pawl_store_options *options, struct pawl_store **store_p)
{
	struct pawl_store_options taken;
	struct pawl_store *store;
	struct kv_limits limits;
	int rc = handle_check(pawl);

	if (!rc)
		rc = options_take(pawl, name, options, &taken, &limits);
	if (rc)
		return rc;
	store = calloc(1, sizeof(*store));
	if (!store)
		return no_memory(pawl, name);
	store->pawl = pawl;
	store->on_outcome = taken.on_outcome;
	store->outcome_context = taken.outcome_context;
	store->on_change = taken.on_change;
	store->change_context = taken.change_context;
	store->changes_after = taken.changes_after;
	store->silence.always = taken.expires;
	rc = store_begin(store, name, &taken, &limits);
	store->opened = !rc;
	if (rc)
		pawl_store_close(store);
	else
		*store_p = store;
	return rc;
}

void pawl_store_close(struct pawl_store *store)
{
	if (!store)
		return;
	pawl_participant_close(store->participant);
	free(store->kv);
	store_watches_free(store);
	free(store->kept.sessions);
	free(store->silence.heard);
	free(store->command);
	free(store->reply);
	free(store);
}
