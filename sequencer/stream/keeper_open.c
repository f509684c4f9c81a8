/* Opens the archive of a stream, on a thread that ends when it is open (keeper.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/stream/begin.h"
#include "sequencer/stream/keeper_internal.h"

#define AGAIN_NS (1000 * NS_PER_MS) /* between two tries */

void keeper_join(struct keeper *keeper, struct archiver *archiver)
{
	uint64_t last = archiver_last(archiver);
	bool foreign = last > keeper->log.end;

	atomic_store(&keeper->foreign, foreign);
	if (!foreign) {
		archiver_attach(archiver, &keeper->log.source);
		return;
	}
	(void)error_set(&keeper->foreign_err, -EEXIST,
		"archive: %s: it goes up to position %" PRIu64
		", but the stream only up to %" PRIu64
		": it is of another history; move it away",
		keeper->path, last, keeper->log.end);
}

/*
 * A log that begins empty knows its table exactly, and the archive will, if it is to begin
 * there too.  This may write, so the lock is not held.
 */
static int begin_behind(struct keeper *keeper, struct archive *archive, struct error *err)
{
	struct stream_entry *entries;
	uint64_t end;
	int rc = 0;

	(void)pthread_mutex_lock(&keeper->lock);
	entries = keeper->log.entries;
	end = keeper->log.end;
	keeper->log.entries = NULL;
	(void)pthread_mutex_unlock(&keeper->lock);
	if (entries)
		rc = stream_begin_archive(archive, end, entries, err);
	free(entries);
	return rc;
}

/* The log is there too: from now on the archive belongs to an archiver. */
static int archive_give(struct keeper *keeper, struct archive *archive, struct error *err)
{
	struct archiver *archiver;
	int rc = begin_behind(keeper, archive, err);

	if (rc == 0)
		rc = archiver_start(archive, &archiver, err);
	if (rc)
		return rc;
	(void)pthread_mutex_lock(&keeper->lock);
	keeper->archive = archive;
	atomic_store_explicit(&keeper->archiver, archiver, memory_order_release);
	archiver_acknowledge(archiver, atomic_load(&keeper->acknowledged));
	if (keeper->log.attached)
		keeper_join(keeper, archiver);
	(void)pthread_mutex_unlock(&keeper->lock);
	return 0;
}

/* The directory of all archives is made here, those of the streams by archive_open. */
static int archive_get(
	struct keeper *keeper, struct archive **archive_p, struct error *err)
{
	char *slash = strrchr(keeper->path, '/');
	struct archive_cut cut = {0};
	char parent[ARCHIVE_PATH_MAX];
	int rc;

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - keeper->path),
		keeper->path);
	(void)mkdir(parent, 0700); /* if it fails, opening says why */
	rc = archive_open(&keeper->config, archive_p, &cut, err);
	if (rc)
		return rc;
	atomic_store(&keeper->found_oldest, archive_oldest(*archive_p));
	atomic_store(&keeper->found_last, archive_last(*archive_p));
	(void)keeper_acknowledge(keeper, archive_acknowledged(*archive_p));
	(void)pthread_mutex_lock(&keeper->lock);
	keeper->cut = cut;
	(void)pthread_mutex_unlock(&keeper->lock);
	return 0;
}

/* Tells how a try went; if badly, rests before the next.  False: there is to be no next. */
static bool tried(struct keeper *keeper, int rc, const struct error *err)
{
	struct timespec until = time_at(clock_now_ns() + AGAIN_NS);
	int waited = 0;
	bool stop;

	(void)pthread_mutex_lock(&keeper->lock);
	if (rc)
		keeper->open_err = *err;
	atomic_store(&keeper->open_rc, rc);
	atomic_store(&keeper->tried, true); /* partner: keeper_is_opening */
	while (rc && !keeper->stop && waited == 0)
		waited = pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
	stop = keeper->stop;
	(void)pthread_mutex_unlock(&keeper->lock);
	return rc && !stop;
}

/* False: it is to stop, and there is no log. */
static bool log_wait(struct keeper *keeper)
{
	bool attached;

	(void)pthread_mutex_lock(&keeper->lock);
	while (!keeper->stop && !keeper->log.attached)
		(void)pthread_cond_wait(&keeper->changed, &keeper->lock);
	attached = keeper->log.attached;
	(void)pthread_mutex_unlock(&keeper->lock);
	return attached;
}

/* Until it succeeds, or is to stop: the archive, or NULL. */
static struct archive *archive_wait(struct keeper *keeper)
{
	struct archive *archive;
	struct error err;
	int rc;

	do
		rc = archive_get(keeper, &archive, &err);
	while (tried(keeper, rc, &err));
	return rc ? NULL : archive;
}

/* An archive that no archiver has; nothing was appended that could be lost. */
static void archive_put_back(struct archive *archive)
{
	struct error err;
	int unheard = archive_close(archive, &err);

	(void)unheard;
}

static void *opener_run(void *context)
{
	struct keeper *keeper = context;
	struct archive *archive = archive_wait(keeper);
	struct error err;
	int rc = -ECANCELED;

	while (archive && log_wait(keeper)) {
		rc = archive_give(keeper, archive, &err);
		if (!tried(keeper, rc, &err))
			break;
	}
	if (archive && rc)
		archive_put_back(archive);
	(void)pthread_mutex_lock(&keeper->lock);
	keeper->opened = true;
	(void)pthread_cond_broadcast(&keeper->changed);
	(void)pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

int keeper_opener_begin(struct keeper *keeper)
{
	return thread_start(&keeper->opener, "pawl-open", NULL, opener_run, keeper);
}
