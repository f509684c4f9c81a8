/* The snapshot of a storage that is beside the archive here: it saves all messages up to there. */
#include <errno.h>

#include "sequencer/archive/snapshots.h"
#include "sequencer/stream/applier_internal.h"

/* The machine that these bytes, the first of a snapshot, are of.  -EBADMSG: they are of none. */
static int machine_of(
	struct applier *a, const unsigned char *bytes, size_t len, struct error *err)
{
	struct kv_limits limits;
	int rc;

	if (!kv_snapshot_limits(bytes, len, &limits))
		return -EBADMSG;
	rc = applier_buffers_make(a, err);
	if (!rc)
		rc = applier_machine_make(a, &limits, err);
	if (!rc)
		kv_restore_begin(a->kv);
	return rc;
}

static int piece_take(struct applier *a, uint64_t offset, const unsigned char *bytes,
	size_t len, struct error *err)
{
	const char *reason;
	int rc = offset == 0 ? machine_of(a, bytes, len, err) : 0;

	return rc ? rc : kv_restore_next(a->kv, bytes, len, &reason);
}

static int snapshot_take(struct applier *a, struct snapshots *snapshots,
	uint64_t position, struct error *err)
{
	unsigned char bytes[SNAPSHOTS_PIECE_MAX];
	struct snapshot_id id;
	const char *reason;
	uint64_t offset = 0;
	size_t len = 0;
	int rc;

	do {
		rc = snapshots_get(snapshots, position, offset, bytes, sizeof(bytes),
			&len, &id, err);
		if (!rc)
			rc = piece_take(a, offset, bytes, len, err);
		offset += len;
	} while (!rc && offset < id.len);
	if (!rc)
		rc = kv_restore_end(a->kv, &reason);
	return !rc && kv_applied(a->kv) > position ? -EBADMSG : rc;
}

int applier_restore(struct applier *a, uint64_t *position_p, struct error *err)
{
	struct snapshots snapshots;
	int rc = 0;

	*position_p = 0;
	if (!a->has_archive ||
		snapshots_open_to_read(&snapshots, a->path, &a->identity, a->files, err))
		return 0;
	for (int i = 0; i < SNAPSHOTS_KEPT && *position_p == 0; i++) {
		uint64_t position = snapshots.kept[i].position;

		if (position == 0)
			break;
		rc = snapshot_take(a, &snapshots, position, err);
		if (!rc)
			*position_p = position;
		else
			applier_drop(a);
		if (rc == -ENOTSUP || rc == -ENOMEM)
			break;
		rc = 0; /* another one, or the first message of all */
	}
	snapshots_close(&snapshots);
	return rc;
}
