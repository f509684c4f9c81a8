#include "sequencer/archive/archiver.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "hw/clock.h"
#include "sequencer/archive/archive_internal.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

#define BATCH_LEN (1024 * 1024)
#define BATCH_MAX 4096
#define IDLE_NS UINT64_C(1000000000)
#define RETRY_NS (100 * NS_PER_MS)
#define TICK_NS (10 * NS_PER_MS)

struct archiver {
	struct archive *archive;
	pthread_t thread;
	unsigned char *batch; /* slots as the log has them */
	uint32_t batch_count;
	uint64_t ticked_ns;
	uint64_t goal; /* the last position that stopping waits for; set by the thread */
	int result;    /* of the last round */
	struct error err;

	pthread_mutex_t source_lock; /* held while slots are copied */
	bool attached;
	struct archiver_source source;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended;
	struct archiver_status status;

	_Atomic uint64_t signals; /* grows with every wake; partner: thread_sleep */
	atomic_bool asleep;	  /* partner: archiver_wake */
	atomic_bool stop;
	_Atomic uint64_t acknowledged; /* partner: tick */
	_Atomic uint64_t consumed;
	_Atomic uint64_t oldest;
	_Atomic uint64_t last;
	_Atomic int alarm;
};

/* What the log had for the archive. */
struct catch
{
	uint64_t commit;
	uint64_t oldest; /* 0: no log is attached */
	uint64_t begin;	 /* as struct archiver_source */
	bool fed;
	uint32_t count; /* slots in the batch */
};

static uint32_t slots_copy(
	struct archiver *archiver, uint64_t next, uint64_t commit, uint32_t slot_len)
{
	const struct stream_ring *ring = &archiver->source.ring;
	struct stream_slot slot;
	uint32_t count = 0;

	while (count < archiver->batch_count && next + count <= commit &&
		stream_slot_take(archiver->batch + (size_t)count * slot_len,
			stream_ring_at(ring, next + count), slot_len, next + count, 0,
			&slot))
		count++;
	return count;
}

static struct catch log_read(struct archiver *archiver)
{
	uint64_t next = archive_next(archiver->archive);
	struct catch got = {0};

	(void)pthread_mutex_lock(&archiver->source_lock);
	if (archiver->attached) {
		got.commit = word_load(archiver->source.commit);
		got.oldest = word_load(archiver->source.oldest);
		got.begin = archiver->source.begin;
		got.fed = archiver->source.fed;
		if (got.oldest <= next)
			got.count = slots_copy(archiver, next, got.commit,
				archiver->source.ring.slot_len);
	}
	(void)pthread_mutex_unlock(&archiver->source_lock);
	return got;
}

static void missing_note(struct archiver *archiver, uint64_t first, uint64_t last)
{
	struct archiver_status *status = &archiver->status;

	(void)pthread_mutex_lock(&archiver->lock);
	if (status->missing_last + 1 != first)
		status->missing_first = first;
	status->missing_last = last;
	status->missing_count += last - first + 1;
	(void)pthread_mutex_unlock(&archiver->lock);
}

static void skipped_note(struct archiver *archiver, uint64_t first, uint64_t last)
{
	(void)pthread_mutex_lock(&archiver->lock);
	archiver->status.skipped_first = first;
	archiver->status.skipped_last = last;
	(void)pthread_mutex_unlock(&archiver->lock);
}

/* Positions from @first on to the oldest do not come any more, for one reason or the other. */
static void gap_note(struct archiver *archiver, const struct catch *got, uint64_t first)
{
	uint64_t last = got->oldest - 1;

	if (got->fed)
		skipped_note(archiver, first, last);
	else if (last >= got->begin)
		missing_note(archiver, first > got->begin ? first : got->begin, last);
}

/*
 * The log begins behind what the archive has, or has lapped it.  An archive that is empty just
 * begins later.
 */
static int lap(struct archiver *archiver, const struct catch *got)
{
	struct archive *archive = archiver->archive;
	uint64_t next = archive_next(archive);
	bool empty = archive_last(archive) == 0;
	int rc = archive_skip(archive, got->oldest, NULL, &archiver->err);

	if (!rc && !empty)
		gap_note(archiver, got, next);
	return rc;
}

/*
 * Nothing was caught.  A committed slot that is not whole is just being overwritten, unless it
 * is still there at the second look: then the log's memory is at fault.
 */
static int nothing_caught(struct archiver *archiver, const struct catch *got)
{
	uint64_t next = archive_next(archiver->archive);

	if (got->oldest == 0 || got->commit < next)
		return 0;
	if (archiver->result == 0)
		return -EAGAIN;
	return error_set(&archiver->err, -EBADMSG,
		"archive: %s: position %" PRIu64
		" in the log is damaged; it will be missing here once the log has "
		"overwritten it",
		archiver->archive->place.path, next);
}

/* One look for work.  True: there may be more. */
static bool round_do(struct archiver *archiver, struct catch *got_p)
{
	struct catch got = log_read(archiver);

	*got_p = got;
	if (got.oldest > archive_next(archiver->archive)) {
		archiver->result = lap(archiver, &got);
		return archiver->result == 0;
	}
	if (got.count == 0) {
		archiver->result = nothing_caught(archiver, &got);
		return archiver->result == -EAGAIN;
	}
	archiver->result = archive_append(
		archiver->archive, archiver->batch, got.count, &archiver->err);
	return archiver->result == 0;
}

static void tick(struct archiver *archiver, bool idle)
{
	uint64_t now = clock_now_ns();
	int rc;

	if (!idle && now - archiver->ticked_ns < TICK_NS)
		return;
	archiver->ticked_ns = now;
	archive_acknowledge(archiver->archive, atomic_load(&archiver->acknowledged));
	rc = archive_tick(archiver->archive, &archiver->err);
	if (rc)
		archiver->result = rc;
}

static void words_tell(struct archiver *archiver)
{
	const struct archive *archive = archiver->archive;

	atomic_store(&archiver->consumed, archive_next(archive) - 1);
	atomic_store(&archiver->oldest, archive_oldest(archive));
	atomic_store(&archiver->last, archive_last(archive));
	atomic_store(
		&archiver->alarm, archiver->result == -EAGAIN ? 0 : archiver->result);
}

static void status_tell(struct archiver *archiver)
{
	struct archiver_status *status = &archiver->status;
	const struct archive *archive = archiver->archive;

	words_tell(archiver);
	(void)pthread_mutex_lock(&archiver->lock);
	status->consumed = archive_next(archive) - 1;
	status->synced = archive_synced(archive);
	status->rounds++;
	status->alarm = atomic_load(&archiver->alarm);
	if (status->alarm)
		status->err = archiver->err;
	else
		status->err.text[0] = '\0';
	(void)pthread_mutex_unlock(&archiver->lock);
}

static struct timespec time_at(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u)};
}

static uint64_t sleep_until(const struct archiver *archiver)
{
	uint64_t until = clock_now_ns() + (archiver->result ? RETRY_NS : IDLE_NS);
	uint64_t due = archive_due_ns(archiver->archive);

	return due && due < until ? due : until;
}

/*
 * Sleeps unless somebody woke it since @signals.  Both sides store before they load, in one
 * order that all threads see: either the waker sees it asleep, or it sees the signal.
 */
static void thread_sleep(struct archiver *archiver, uint64_t signals)
{
	struct timespec until = time_at(sleep_until(archiver));
	int rc = 0;

	(void)pthread_mutex_lock(&archiver->lock);
	atomic_store(&archiver->asleep, true);
	while (rc == 0 && atomic_load(&archiver->signals) == signals)
		rc = pthread_cond_timedwait(&archiver->changed, &archiver->lock, &until);
	atomic_store(&archiver->asleep, false);
	(void)pthread_mutex_unlock(&archiver->lock);
}

/*
 * All that was committed when the end was asked for is archived, or can not be.  @got is of a
 * look that began after that.
 */
static bool may_end(struct archiver *archiver, const struct catch *got)
{
	if (archiver->goal == 0)
		archiver->goal = got->commit;
	return archiver->result < 0 ? archiver->result != -EAGAIN
				    : archive_next(archiver->archive) > archiver->goal;
}

static void thread_end(struct archiver *archiver)
{
	if (!archiver->result && archive_syncs(archiver->archive))
		archiver->result = archive_sync_now(archiver->archive, &archiver->err);
	status_tell(archiver);
	(void)pthread_mutex_lock(&archiver->lock);
	archiver->ended = true;
	(void)pthread_cond_broadcast(&archiver->changed);
	(void)pthread_mutex_unlock(&archiver->lock);
}

static void *thread_run(void *context)
{
	struct archiver *archiver = context;
	struct catch got;

	for (;;) {
		uint64_t signals = atomic_load(&archiver->signals);
		bool ends = atomic_load(&archiver->stop);
		bool more = round_do(archiver, &got);

		tick(archiver, !more);
		status_tell(archiver);
		if (ends && may_end(archiver, &got))
			break;
		if (!more)
			thread_sleep(archiver, signals);
	}
	thread_end(archiver);
	return NULL;
}

static void archiver_free(struct archiver *archiver)
{
	(void)pthread_cond_destroy(&archiver->changed);
	(void)pthread_mutex_destroy(&archiver->lock);
	(void)pthread_mutex_destroy(&archiver->source_lock);
	free(archiver->batch);
	free(archiver);
}

static struct archiver *archiver_alloc(struct archive *archive)
{
	struct archiver *archiver = calloc(1, sizeof(*archiver));
	uint32_t slot_len = archive->place.slot_len;
	pthread_condattr_t monotonic;

	if (!archiver)
		return NULL;
	archiver->archive = archive;
	archiver->batch_count = BATCH_LEN / slot_len;
	if (archiver->batch_count > BATCH_MAX)
		archiver->batch_count = BATCH_MAX;
	archiver->batch = malloc((size_t)archiver->batch_count * slot_len);
	(void)pthread_mutex_init(&archiver->source_lock, NULL);
	(void)pthread_mutex_init(&archiver->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&archiver->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	words_tell(archiver);
	if (archiver->batch)
		return archiver;
	archiver_free(archiver);
	return NULL;
}

/* Signals are for the program's other threads, also that of a file that grew too large. */
static int thread_begin(struct archiver *archiver)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&archiver->thread, NULL, thread_run, archiver);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		(void)pthread_setname_np(archiver->thread, "pawl-archive");
	return -rc;
}

int archiver_start(
	struct archive *archive, struct archiver **archiver_p, struct error *err)
{
	struct archiver *archiver = archiver_alloc(archive);
	int rc = archiver ? thread_begin(archiver) : -ENOMEM;

	if (rc) {
		if (archiver)
			archiver_free(archiver);
		return error_set(err, -ENOMEM,
			"archive: %s: the archiver's thread: %s; free some memory or "
			"raise the limit on threads",
			archive->place.path, error_reason(rc));
	}
	*archiver_p = archiver;
	return 0;
}

void archiver_attach(struct archiver *archiver, const struct archiver_source *source)
{
	PAWL_ASSERT(source->ring.slot_len == archiver->archive->place.slot_len);
	(void)pthread_mutex_lock(&archiver->source_lock);
	archiver->source = *source;
	archiver->attached = true;
	(void)pthread_mutex_unlock(&archiver->source_lock);
	archiver_wake(archiver);
}

void archiver_detach(struct archiver *archiver)
{
	(void)pthread_mutex_lock(&archiver->source_lock);
	archiver->attached = false;
	(void)pthread_mutex_unlock(&archiver->source_lock);
}

void archiver_wake(struct archiver *archiver)
{
	atomic_fetch_add(&archiver->signals, 1);
	if (!atomic_load(&archiver->asleep))
		return;
	(void)pthread_mutex_lock(&archiver->lock);
	(void)pthread_cond_broadcast(&archiver->changed);
	(void)pthread_mutex_unlock(&archiver->lock);
}

void archiver_acknowledge(struct archiver *archiver, uint64_t position)
{
	uint64_t before = atomic_load(&archiver->acknowledged);

	while (before < position &&
		!atomic_compare_exchange_weak(&archiver->acknowledged, &before, position))
		;
	archiver_wake(archiver);
}

uint64_t archiver_consumed(const struct archiver *archiver)
{
	return atomic_load(&archiver->consumed);
}

uint64_t archiver_oldest(const struct archiver *archiver)
{
	return atomic_load(&archiver->oldest);
}

uint64_t archiver_last(const struct archiver *archiver)
{
	return atomic_load(&archiver->last);
}

int archiver_alarm(const struct archiver *archiver)
{
	return atomic_load(&archiver->alarm);
}

void archiver_status(struct archiver *archiver, struct archiver_status *status_p)
{
	(void)pthread_mutex_lock(&archiver->lock);
	*status_p = archiver->status;
	(void)pthread_mutex_unlock(&archiver->lock);
}

int archiver_stop(struct archiver *archiver, uint64_t timeout_ns, struct error *err)
{
	struct timespec until = time_at(clock_now_ns() + timeout_ns);
	int rc = 0;

	atomic_store(&archiver->stop, true);
	archiver_wake(archiver);
	(void)pthread_mutex_lock(&archiver->lock);
	while (rc == 0 && !archiver->ended)
		rc = pthread_cond_timedwait(&archiver->changed, &archiver->lock, &until);
	rc = archiver->ended ? 0 : -ETIMEDOUT;
	(void)pthread_mutex_unlock(&archiver->lock);
	if (rc)
		return error_set(err, rc,
			"archive: %s: not all is archived after %" PRIu64
			" ms; is this disk slow or stuck?",
			archiver->archive->place.path, timeout_ns / NS_PER_MS);
	(void)pthread_join(archiver->thread, NULL);
	rc = archiver->result;
	if (rc)
		(void)error_set(err, rc, "%s", archiver->err.text);
	archiver_free(archiver);
	return rc;
}
