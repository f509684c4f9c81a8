/*
 * A thread that does what disks are asked for snapshots (snapshots.h), one job after the other, so that
 * the caller's loop waits for none.
 *
 * X1  A job is the thread's from snapshot_thread_add until snapshot_thread_take gives it back.
 * X2  Jobs come back in the order in which they were added.
 * X3  At most SNAPSHOT_JOBS_MAX are not taken yet, so memory is bounded.
 *
 * All calls are the loop's; only `news` is called on the thread.
 */
#ifndef PAWL_STREAM_SNAPSHOT_THREAD_H
#define PAWL_STREAM_SNAPSHOT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/snapshots.h"

#define SNAPSHOT_JOBS_MAX 64

enum snapshot_job_kind {
	SNAPSHOT_LOOK, /* what is there */
	SNAPSHOT_PUT,  /* snapshots_put */
	SNAPSHOT_GET,  /* snapshots_get, of id.position */
};

struct snapshot_job {
	struct snapshot_job *next;
	enum snapshot_job_kind kind;
	uint32_t stream; /* as snapshot_thread_know was told */
	struct snapshot_id id;
	uint64_t offset;
	size_t len; /* of bytes */

	/* What the caller keeps with it. */
	void *context;
	uint64_t request;

	/* The answer: 0 or an error of snapshots.h. */
	int code;
	struct error err;
	uint64_t upto;	     /* of a put */
	unsigned int passed; /* damaged ones, when the stream was first looked at */
	struct snapshot_id kept[SNAPSHOTS_KEPT]; /* what is there now */
	uint64_t coming; /* position of the one that is being written; 0: none */

	unsigned char bytes[SNAPSHOTS_PIECE_MAX];
};

struct snapshot_thread;

/* @news: there is something to take.  -ENOMEM: no memory or no thread. */
int snapshot_thread_start(uint64_t len_max, const struct archive_files *files,
	void (*news)(void *context), void *context, struct snapshot_thread **thread_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Where the snapshots of a stream are; its number, from 0 on, in *stream_p.  All is copied.
 * -ENOMEM.
 */
int snapshot_thread_know(struct snapshot_thread *thread, const char *path,
	const struct archive_identity *identity, uint32_t *stream_p)
	__attribute__((warn_unused_result));

/* -EAGAIN: there are too many (X3). */
int snapshot_thread_add(struct snapshot_thread *thread, struct snapshot_job *job)
	__attribute__((warn_unused_result));

/* The next one that is done, which is the caller's to free again; NULL: none. */
struct snapshot_job *snapshot_thread_take(struct snapshot_thread *thread);

/*
 * Ends it, with the jobs that are left; what is half written is dropped.  False: the disk has not
 * answered in time.  Then it is left behind, and ends by itself when the disk does answer.
 */
bool snapshot_thread_stop(struct snapshot_thread *thread, uint64_t timeout_ns);

#endif
