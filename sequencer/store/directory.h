/*
 * The directory in which the file store keeps one cluster:
 *
 *     record      the value, in an envelope (store/envelope.h); replaced by rename, never
 * changed record.new  the next one while it is being written, under the lock lock locked
 * (flock) by whoever writes, and holds that process's number
 *
 * A rename is atomic, so readers need no lock and never see half a record; a writer that
 * dies leaves at most record.new behind, which the next one removes.  All processes must
 * be on one host: neither flock nor the watch is to be trusted across a network.
 *
 * Nothing here waits.  Errors are those of struct store_result in store/store.h.
 */
#ifndef PAWL_STORE_DIRECTORY_H
#define PAWL_STORE_DIRECTORY_H

#include <stddef.h>

#include "hw/error.h"
#include "sequencer/control/paths.h"
#include "sequencer/store/envelope.h"
#include "sequencer/store/store.h"

#define DIRECTORY_RECORD "record" /* the name that a watch looks for */

/* Room for the largest envelope, and one byte more to notice a larger file. */
#define DIRECTORY_BUFFER_LEN (ENVELOPE_HEADER_MAX + STORE_VALUE_MAX + 1)

struct directory {
	int fd;
	char path[PATHS_LEN_MAX];
};

/* Makes BASE/CLUSTER if it is missing and removes what a dead writer left in it. */
int directory_open(const char *base, const char *cluster, struct directory *directory_p,
	struct error *err) __attribute__((warn_unused_result));
void directory_close(struct directory *directory);

/*
 * The record, read into @buffer of DIRECTORY_BUFFER_LEN bytes.  Where there is none the
 * envelope has revision 0 and is erased.
 */
int directory_read(const struct directory *directory, char *buffer,
	struct envelope *envelope_p, struct error *err)
	__attribute__((warn_unused_result));

/* -EAGAIN: another process or store holds the lock.  Else *lock_p is for
 * directory_unlock. */
int directory_lock(const struct directory *directory, int *lock_p, struct error *err)
	__attribute__((warn_unused_result));
void directory_unlock(int lock);

/* The number of the process that took the lock last, or 0. */
long directory_lock_holder(const struct directory *directory);

/*
 * Replaces the record; the lock must be held.  On an error the old record stands and
 * nothing is left behind, except that -ETIMEDOUT means: replaced, but perhaps not on
 * stable storage.
 */
int directory_replace(const struct directory *directory, const struct envelope *envelope,
	struct error *err) __attribute__((warn_unused_result));

#endif
