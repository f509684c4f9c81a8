/* What the files about the archive of a stream have in common (keeper.h). */
#ifndef PAWL_STREAM_KEEPER_INTERNAL_H
#define PAWL_STREAM_KEEPER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "sequencer/archive/archiver.h"
#include "sequencer/core/limits.h"
#include "sequencer/stream/keeper.h"

/* The log, while it is attached. */
struct keeper_log {
	bool attached;
	struct archiver_source source;
	uint64_t end;		      /* of the log, when it was attached */
	struct stream_entry *entries; /* as of there, if the log is empty; or NULL */
};

struct keeper {
	char path[ARCHIVE_PATH_MAX];
	char stream[COUNTER_NAME_MAX + 1];
	struct archive_config config;
	bool required;
	uint32_t slots;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct keeper_log log;
	bool stop;
	bool opened; /* the opener's thread has ended */
	_Atomic int open_rc;
	struct error open_err;
	struct error foreign_err;
	struct archive_cut cut;
	struct archive *archive;
	uint64_t base;		       /* of keeper_finish: the archiver's commit point */
	uint64_t since_ns;	       /* opening began */
	atomic_bool tried;	       /* to open it, once or more often */
	_Atomic uint64_t found_oldest; /* at opening, until there is an archiver */
	_Atomic uint64_t found_last;

	_Atomic uint64_t acknowledged; /* grows with the lock held */

	/* Set once, with the lock held; partner: whoever loads it without. */
	struct archiver *_Atomic archiver;
	atomic_bool foreign; /* K2 */

	pthread_t opener; /* the loop's, as is what follows */
	bool joined;
	int alarm_told;
	uint64_t missing_told;
	uint64_t missing_told_ns;
	uint64_t skipped_told; /* the last position of a range */

	uint64_t woken_commit; /* the stream's thread's */
	uint64_t woken_ns;
	uint64_t consumed; /* by the archiver, when it was looked at last */
	uint64_t
		well_ns; /* when it was well (K3); 0: not looked at since it was attached */
	bool is_well;
	bool is_put_off; /* K4 */
	bool is_fed;
};

static inline struct archiver *keeper_archiver(const struct keeper *keeper)
{
	return atomic_load_explicit(&keeper->archiver, memory_order_acquire);
}

static inline struct timespec time_at(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u)};
}

/*
 * With the lock held, when there are both a log and an archiver: archiving begins, unless the
 * archive is of another history (K2).
 */
void keeper_join(struct keeper *keeper, struct archiver *archiver);

/* The thread that opens the archive.  -ENOMEM, -EAGAIN: no thread. */
int keeper_opener_begin(struct keeper *keeper);

#endif
