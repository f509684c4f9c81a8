/*
 * The messages in an archive, put together out of slots as a subscriber does it: the archive is
 * the subscriber's source (sequencer/core/stream_subscriber.h), one slot at a time.
 */
#ifndef PAWL_COMMAND_ARCHIVED_H
#define PAWL_COMMAND_ARCHIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/core/stream_subscriber.h"

struct archived;

struct archived_item {
	struct stream_delivery delivery;
	const char *why; /* the range of the delivery is lost: why; NULL: it is not */
};

/*
 * @path: the directory of one stream; @from: the first position that is wanted, 0: the oldest
 * there is.  -ENOENT and others of sequencer/archive/archive_cursor.h.  -ENODATA: the directory
 * has no archive.
 */
int archived_open(const char *path, uint64_t from, bool voids,
	struct archived **archived_p, struct error *err)
	__attribute__((warn_unused_result));
void archived_close(struct archived *archived);

/* -ENODATA: that was all.  Good until the next call.  Errors of the archive. */
int archived_next(struct archived *archived, struct archived_item *item_p,
	struct error *err) __attribute__((warn_unused_result));

/* Everything up to here was seen. */
uint64_t archived_position(const struct archived *archived);

/* False: behind the last whole record the archive should have more; *err says what. */
bool archived_is_whole(const struct archived *archived, struct error *err);

/*
 * The archive of the stream called @stream, of the replica that has most of it; @directory is
 * the cluster's, BASE/CLUSTER.  *path_p is to be freed.  COMMAND_OK, or COMMAND_FAILURE with the
 * reason printed.
 */
int archived_find(const char *directory, const char *stream, char **path_p)
	__attribute__((warn_unused_result));

#endif
