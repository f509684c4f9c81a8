/* Stores: snapshots of their machine, and restoring it (participant_snapshot.h). */
#include <errno.h>
#include <string.h>

#include "client/lib/store.h"

void store_snapshot_begin(void *context)
{
	struct pawl_store *store = context;

	if (store->kv)
		kv_snapshot_begin(store->kv);
}

bool store_snapshot_next(void *context, struct pawl_bytes *piece_p)
{
	struct pawl_store *store = context;
	struct machine_piece piece;

	if (!store->kv || !kv_snapshot_next(store->kv, &piece))
		return false;
	*piece_p = (struct pawl_bytes){piece.bytes, piece.len};
	return true;
}

void store_restore_begin(void *context)
{
	struct pawl_store *store = context;

	store_restoring(store);
	store->header_len = 0;
}

/* The header says by which limits the machine is made; those of a store never change. */
static int machine_begin(struct pawl_store *store, const char **reason_p)
{
	struct kv_limits limits;

	*reason_p = "its limits are not possible";
	if (!kv_snapshot_limits(store->header, sizeof(store->header), &limits))
		return -EBADMSG;
	if (!store->kv && !store->no_memory)
		store_machine_make(store, &limits);
	*reason_p = "no memory for what it may hold";
	if (!store->kv)
		return -EBADMSG;
	*reason_p = "it is of a store with other limits";
	if (!kv_limits_same(kv_limits_of(store->kv), &limits))
		return -EBADMSG;
	kv_restore_begin(store->kv);
	return kv_restore_next(store->kv, store->header, sizeof(store->header), reason_p);
}

int store_restore_next(
	void *context, const void *bytes, size_t len, const char **reason_p)
{
	struct pawl_store *store = context;
	size_t more = sizeof(store->header) - store->header_len;
	int rc;

	if (more > len)
		more = len;
	if (more > 0)
		memcpy(store->header + store->header_len, bytes, more);
	store->header_len += more;
	if (store->header_len < sizeof(store->header))
		return 0;
	rc = more > 0 ? machine_begin(store, reason_p) : 0;
	if (rc || len == more)
		return rc;
	return kv_restore_next(
		store->kv, (const char *)bytes + more, len - more, reason_p);
}

/* Of nothing at all comes a store that is not founded. */
static int nothing_end(struct pawl_store *store, const char **reason_p)
{
	const char *unheard;

	if (store->kv) {
		kv_restore_begin(store->kv);
		(void)!kv_restore_end(store->kv, &unheard);
	}
	*reason_p = "it is shorter than its header";
	return store->header_len == 0 ? 0 : -EBADMSG;
}

int store_restore_end(void *context, const char **reason_p)
{
	struct pawl_store *store = context;

	int rc;

	if (store->header_len < sizeof(store->header))
		return nothing_end(store, reason_p);
	rc = kv_restore_end(store->kv, reason_p);
	if (!rc)
		store_restored(store, kv_applied(store->kv));
	return rc;
}

int pawl_store_snapshot(struct pawl_store *store, uint64_t *position_p)
{
	return pawl_participant_snapshot(store->participant, position_p);
}

uint64_t pawl_store_kept(
	const struct pawl_store *store, int *status_p, const char **why_p)
{
	return pawl_participant_kept(store->participant, status_p, why_p);
}
