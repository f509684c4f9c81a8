#include "sequencer/core/kv.h"

static void machine_apply(void *context, uint64_t position, const void *payload,
	size_t len, struct machine_result *result_p)
{
	kv_apply(context, position, payload, len, result_p);
}

static void machine_query(
	void *context, const void *payload, size_t len, struct machine_result *result_p)
{
	kv_query(context, payload, len, result_p);
}

static uint64_t machine_applied(const void *context)
{
	return kv_applied(context);
}

static void machine_snapshot_begin(void *context)
{
	kv_snapshot_begin(context);
}

static bool machine_snapshot_next(void *context, struct machine_piece *piece_p)
{
	return kv_snapshot_next(context, piece_p);
}

static void machine_restore_begin(void *context)
{
	kv_restore_begin(context);
}

static int machine_restore_next(
	void *context, const void *bytes, size_t len, const char **reason_p)
{
	return kv_restore_next(context, bytes, len, reason_p);
}

static int machine_restore_end(void *context, const char **reason_p)
{
	return kv_restore_end(context, reason_p);
}

const struct machine_ops kv_machine_ops = {
	.name = "kv",
	.apply = machine_apply,
	.query = machine_query,
	.applied = machine_applied,
	.snapshot_begin = machine_snapshot_begin,
	.snapshot_next = machine_snapshot_next,
	.restore_begin = machine_restore_begin,
	.restore_next = machine_restore_next,
	.restore_end = machine_restore_end,
};
