/*
 * Snapshots of the state machines of one stream, in files beside the segments of its archive
 * (docs/protocol.md, "Snapshots at the replicas").  What is in one is the application's business.
 *
 * A file is a header of SNAPSHOTS_HEADER bytes and the bytes of the snapshot:
 *
 *     0    "PAWLSTAT"
 *     8    CRC32C of what follows up to the end of the header
 *     12   version
 *     16   the cluster's instance
 *     24   the position: everything up to there is in it, and nothing behind
 *     32   bytes of the snapshot
 *     40   their CRC32C
 *     48   the stream's name, ended by 0
 *
 * Numbers are little-endian.
 *
 * Z9  A snapshot has its name only when it is whole, right by its CRC32C, and on stable storage.
 *     What is being written has another name, and goes when anything fails.
 * Z10  The newest SNAPSHOTS_KEPT are kept; an older one goes after the new one has its name.
 * Z11  One is written at a time.  One that nobody goes on with for SNAPSHOTS_PATIENCE_NS makes room
 *     for another.
 *
 * Calls block as long as the disk does.  They belong to one thread.  Errors are a closed list:
 *
 *  -EAGAIN   another one is being written
 *  -EFBIG    it is larger than is allowed here
 *  -EBADMSG  what came or is there has another CRC32C than it should
 *  -EINVAL   more bytes than were announced
 *  -ENOENT   there is none of that position
 *  -ENOSPC   the disk is full
 *  -EACCES, -ENOMEM, -EIO
 */
#ifndef PAWL_ARCHIVE_SNAPSHOTS_H
#define PAWL_ARCHIVE_SNAPSHOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/files.h"

#define SNAPSHOTS_KEPT 2
#define SNAPSHOTS_HEADER 128
#define SNAPSHOTS_PIECE_MAX 8192 /* bytes that are written or read at a time */
#define SNAPSHOTS_PATIENCE_NS UINT64_C(2000000000)

struct snapshot_id {
	uint64_t position; /* 0: none */
	uint64_t len;
	uint32_t crc;
};

struct snapshots {
	struct archive_place place;
	uint64_t len_max;
	struct snapshot_id kept[SNAPSHOTS_KEPT]; /* the newest first */

	int fd; /* of the one that is being written; -1: none */
	struct snapshot_id coming;
	uint64_t written;
	uint32_t crc;
	uint64_t moved_ns; /* monotonic */
};

/*
 * Looks at what is there, and reads all of it; what is damaged or of another cluster is passed over, and
 * *passed_p says how many.  The directory is made if it is missing, and the one above it.
 */
int snapshots_open(struct snapshots *s, const char *path,
	const struct archive_identity *identity, uint64_t len_max,
	const struct archive_files *files, unsigned int *passed_p, struct error *err)
	__attribute__((warn_unused_result));
/*
 * The same for somebody who only reads beside the one who writes: nothing is made or removed, and what
 * was found may go meanwhile.  -ENOENT also: there is no directory.
 */
int snapshots_open_to_read(struct snapshots *s, const char *path,
	const struct archive_identity *identity, const struct archive_files *files,
	struct error *err) __attribute__((warn_unused_result));
/* What is being written is dropped. */
void snapshots_close(struct snapshots *s);

/*
 * Writes bytes of the snapshot @id, which begin at @offset.  *upto_p: so many bytes of it are there,
 * and the next ones are wanted; @id.len: it is kept (Z9), or a newer one is.  Bytes that are not the
 * next ones are not taken, and that is no error.
 */
int snapshots_put(struct snapshots *s, const struct snapshot_id *id, uint64_t offset,
	const void *bytes, size_t len, uint64_t *upto_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Reads up to @room bytes at @offset of the snapshot at @position; *len_p is less than @room only at
 * its end.
 */
int snapshots_get(struct snapshots *s, uint64_t position, uint64_t offset, void *bytes,
	size_t room, size_t *len_p, struct snapshot_id *id_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
