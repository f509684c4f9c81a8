/*
 * State machines: what a participant of a stream keeps up to date by applying the messages in the
 * order of positions (docs/protocol.md, "Storage").  The storage of Pawl (kv.h) is one; an
 * application can bring its own, and gets the same replication, snapshots and reads.
 *
 * Rules for every machine:
 *  - apply is deterministic: the same messages at the same positions give the same state and the
 *    same results on every processor.  So no clock, no randomness, no address, no order of a hash
 *    table, nothing of the participant's own.
 *  - Every message of the stream is applied, in order, each once; voids are not.  Bytes of others are
 *    anything: what is no command is answered with a result that says so, and changes nothing.
 *  - query answers with the state as it is, and changes nothing.
 *  - The same state has the same snapshot, byte for byte, whatever happened before.  Nothing is
 *    applied between snapshot_begin and the last snapshot_next.
 *  - A machine that was restored goes on exactly as the one that the snapshot is of.  Restoring
 *    refuses what is damaged or impossible; then the machine is as new, and has to be restored again.
 *  - Nothing blocks or allocates.  A machine belongs to one thread.
 */
#ifndef PAWL_CORE_MACHINE_H
#define PAWL_CORE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the machine's own: good until it is called again. */
struct machine_result {
	const void *bytes;
	size_t len;
};

/* A part of a snapshot. */
struct machine_piece {
	const void *bytes;
	size_t len;
};

struct machine_ops {
	const char *name; /* "kv" */
	void (*apply)(void *context, uint64_t position, const void *payload, size_t len,
		struct machine_result *result_p);
	void (*query)(void *context, const void *payload, size_t len,
		struct machine_result *result_p);
	/* The newest position that was applied; 0: none.  A snapshot is good from the next one on. */
	uint64_t (*applied)(const void *context);
	/* The pieces are as long as the machine likes, and not long.  False: that was all. */
	void (*snapshot_begin)(void *context);
	bool (*snapshot_next)(void *context, struct machine_piece *piece_p);
	/*
	 * The pieces may be cut anywhere.  -EBADMSG with a reason of static text: not a snapshot that
	 * this machine can be restored from.
	 */
	void (*restore_begin)(void *context);
	int (*restore_next)(void *context, const void *bytes, size_t len,
		const char **reason_p) __attribute__((warn_unused_result));
	int (*restore_end)(void *context, const char **reason_p)
		__attribute__((warn_unused_result));
};

#endif
