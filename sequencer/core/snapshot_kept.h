/*
 * When a snapshot is kept well enough to let go of what is in it (docs/protocol.md, "Snapshots at the
 * replicas").
 *
 * Z12  A snapshot is acknowledged, and archives may let go of what is in it, when every member of the
 *      served chain that keeps snapshots of the stream has it or a newer one, and at least one does.
 *
 * A member of which nothing is known counts as one that keeps them and has none: it may have an archive,
 * whose past would be lost with the others.
 *
 * Nothing here blocks or looks at a clock.
 */
#ifndef PAWL_CORE_SNAPSHOT_KEPT_H
#define PAWL_CORE_SNAPSHOT_KEPT_H

#include <stdbool.h>
#include <stdint.h>

/* What a member of the chain has told of a stream, in its present life. */
struct snapshot_keeper {
	bool known;	   /* it has told */
	bool keeps;	   /* snapshots of this stream, since it archives it */
	bool trouble;	   /* it could not take the newest one of another member */
	uint64_t position; /* of its newest; 0: none */
};

enum snapshot_kept {
	SNAPSHOT_KEPT,
	SNAPSHOT_KEPT_NOT_YET,
	SNAPSHOT_KEPT_TROUBLE,
	SNAPSHOT_KEPT_BY_NOBODY, /* no member keeps any */
};

/*
 * Whether the snapshot at @position is.  *member_p: whose place in the chain is in the way, with
 * SNAPSHOT_KEPT_NOT_YET and SNAPSHOT_KEPT_TROUBLE.
 */
enum snapshot_kept snapshot_kept_look(const struct snapshot_keeper *members,
	uint32_t count, uint64_t position, uint32_t *member_p)
	__attribute__((warn_unused_result));

#endif
