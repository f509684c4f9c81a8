/*
 * What the files of an applier share.
 *
 *     applier.c          memory, log and archive, messages
 *     applier_restore.c  the snapshot that it begins with
 */
#ifndef PAWL_STREAM_APPLIER_INTERNAL_H
#define PAWL_STREAM_APPLIER_INTERNAL_H

#include <pthread.h>

#include "sequencer/archive/archive_cursor.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/stream_subscriber.h"
#include "sequencer/stream/applier.h"

struct applier {
	char stream[COUNTER_NAME_MAX + 1];
	uint32_t slot_len;
	bool has_archive;
	char path[ARCHIVE_PATH_MAX];
	struct archive_identity identity;
	const struct archive_files *files;
	struct applier_room *room;

	pthread_mutex_t lock; /* V1 */
	bool attached;
	struct applier_source source;
	uint64_t sources; /* so many were attached */

	/* Of the thread that applies. */
	bool begun;
	struct stream_subscriber subscriber;
	uint64_t source_read; /* the one that the subscriber reads; 0: the ring below */
	struct archive_cursor *cursor;
	struct stream_ring ring; /* slots that came out of the archive, and its words: */
	uint64_t ring_end;
	uint64_t ring_oldest;
	unsigned char *buffers[3];
	struct kv *kv;
	uint64_t taken; /* of the room */
};

/* All but the machine's.  -ENOTSUP, -ENOMEM. */
int applier_buffers_make(struct applier *applier, struct error *err)
	__attribute__((warn_unused_result));

/* The machine, and room for the longest of its commands.  -ENOTSUP, -ENOMEM. */
int applier_machine_make(struct applier *applier, const struct kv_limits *limits,
	struct error *err) __attribute__((warn_unused_result));

/*
 * With the newest snapshot beside the archive here that is one of a storage and whole, the machine is
 * made and restored; *position_p is that of the snapshot.  0: there is none, and there are no buffers.
 * -ENOTSUP, -ENOMEM: there is one, and no room.
 */
int applier_restore(struct applier *applier, uint64_t *position_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
