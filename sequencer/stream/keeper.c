#include "sequencer/stream/keeper.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/keeper_internal.h"

#define WAKE_NS NS_PER_MS

static bool name_char_is_safe(unsigned char c, bool first)
{
	return isalnum(c) || c == '_' || c == '-' || (c == '.' && !first);
}

int keeper_path(const struct stream_archive_settings *settings, const char *stream,
	char path[ARCHIVE_PATH_MAX], struct error *err)
{
	int len = snprintf(path, ARCHIVE_PATH_MAX, "%s/", settings->directory);
	bool first = true;

	for (const char *c = stream; *c && len > 0 && len < ARCHIVE_PATH_MAX - 3; c++) {
		const char *format = name_char_is_safe((unsigned char)*c, first)
					     ? "%c"
					     : "%%%02X";

		len += snprintf(path + len, (size_t)(ARCHIVE_PATH_MAX - len), format,
			(unsigned char)*c);
		first = false;
	}
	if (len > 0 && len < ARCHIVE_PATH_MAX - 3)
		return 0;
	return error_set(err, -ENAMETOOLONG,
		"archive: %s: %s: the path is longer than %d bytes; choose a shorter "
		"directory for archives",
		settings->directory, stream, ARCHIVE_PATH_MAX - 4);
}

static void keeper_free(struct keeper *keeper)
{
	free(keeper->log.entries);
	(void)pthread_cond_destroy(&keeper->changed);
	(void)pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

static struct archive_config archive_config_of(
	const struct keeper *keeper, const struct keeper_config *config)
{
	const struct stream_archive_settings *settings = config->settings;

	return (struct archive_config){.path = keeper->path,
		.identity = {.instance = config->instance,
			.stream = keeper->stream,
			.slot_len = config->limits->slot_len},
		.rows = config->limits->rows,
		.segment_len = settings->segment_len,
		.sync = settings->sync,
		.sync_interval_ns = settings->sync_interval_ns,
		.size_max = settings->size_max,
		.age_max_ns = settings->age_max_ns,
		.snapshots = settings->snapshots,
		.files = config->files};
}

static struct keeper *keeper_alloc(const struct keeper_config *config)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t monotonic;

	if (!keeper)
		return NULL;
	(void)snprintf(keeper->stream, sizeof(keeper->stream), "%s", config->stream);
	keeper->required = config->limits->archiving == STREAM_ARCHIVE_REQUIRED;
	keeper->slots = config->limits->slots;
	(void)pthread_mutex_init(&keeper->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&keeper->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return keeper;
}

int keeper_start(
	const struct keeper_config *config, struct keeper **keeper_p, struct error *err)
{
	struct keeper *keeper = keeper_alloc(config);
	int rc;

	if (!keeper)
		return error_set(err, -ENOMEM,
			"archive: %s: no memory to keep it; free some", config->stream);
	rc = keeper_path(config->settings, config->stream, keeper->path, err);
	if (rc) {
		keeper_free(keeper);
		return rc;
	}
	keeper->config = archive_config_of(keeper, config);
	keeper->since_ns = clock_now_ns();
	rc = keeper_opener_begin(keeper);
	if (rc) {
		keeper_free(keeper);
		return error_set(err, -ENOMEM,
			"archive: %s: a thread to open it: %s; free some memory or raise "
			"the limit on threads",
			config->stream, error_reason(rc));
	}
	*keeper_p = keeper;
	return 0;
}

/* True: the opener has ended by @until. */
static bool opener_wait(struct keeper *keeper, const struct timespec *until)
{
	bool ended;
	int rc = 0;

	(void)pthread_mutex_lock(&keeper->lock);
	keeper->stop = true;
	(void)pthread_cond_broadcast(&keeper->changed);
	while (rc == 0 && !keeper->opened)
		rc = pthread_cond_timedwait(&keeper->changed, &keeper->lock, until);
	ended = keeper->opened;
	(void)pthread_mutex_unlock(&keeper->lock);
	if (ended && !keeper->joined) {
		(void)pthread_join(keeper->opener, NULL);
		keeper->joined = true;
	}
	return ended;
}

static int archiver_end(struct keeper *keeper, uint64_t deadline_ns, struct error *err)
{
	uint64_t now = clock_now_ns();
	uint64_t left = now < deadline_ns ? deadline_ns - now : 0;
	struct archiver *archiver = keeper_archiver(keeper);
	struct error close_err;
	int rc, close_rc;

	if (!archiver)
		return 0;
	rc = archiver_stop(archiver, left, err);
	if (rc == -ETIMEDOUT)
		return rc;
	close_rc = archive_close(keeper->archive, &close_err);
	if (rc == 0 && close_rc)
		return error_set(err, close_rc, "%s", close_err.text);
	return rc;
}

int keeper_stop(struct keeper *keeper, uint64_t timeout_ns, struct error *err)
{
	uint64_t deadline_ns = clock_now_ns() + timeout_ns;
	struct timespec until = time_at(deadline_ns);
	int rc;

	if (opener_wait(keeper, &until))
		rc = archiver_end(keeper, deadline_ns, err);
	else
		rc = error_set(err, -ETIMEDOUT,
			"archive: %s: it is still being opened after %" PRIu64
			" ms; is this disk slow or stuck?",
			keeper->path, timeout_ns / NS_PER_MS);
	if (rc == -ETIMEDOUT)
		keeper_detach(keeper);
	else
		keeper_free(keeper);
	return rc;
}

/* The table of a log that has no slots; NULL: it has some, or there is no memory for a copy. */
static struct stream_entry *entries_copy(const struct stream_log *log)
{
	size_t len = log->table.rows * sizeof(struct stream_entry);
	struct stream_entry *entries;

	if (stream_log_oldest(log) <= stream_log_end(log))
		return NULL;
	entries = malloc(len);
	if (entries)
		memcpy(entries, log->table.entries, len);
	return entries;
}

/* With the lock held. */
static void source_begin(struct keeper *keeper)
{
	struct archiver *archiver = keeper_archiver(keeper);

	if (archiver)
		keeper_join(keeper, archiver);
	else
		(void)pthread_cond_broadcast(&keeper->changed);
}

void keeper_attach(struct keeper *keeper, const struct stream_log *log)
{
	struct archiver *archiver;

	(void)pthread_mutex_lock(&keeper->lock);
	archiver = keeper_archiver(keeper);
	free(keeper->log.entries);
	keeper->log = (struct keeper_log){.attached = true,
		.source = {.ring = log->ring,
			.commit = &log->places.words->commit,
			.oldest = &log->control->oldest,
			.begin = stream_log_oldest(log)},
		.end = stream_log_end(log),
		.entries = archiver ? NULL : entries_copy(log)};
	keeper->well_ns = 0;
	keeper->is_well = true;
	keeper->is_put_off = false;
	source_begin(keeper);
	(void)pthread_mutex_unlock(&keeper->lock);
}

void keeper_attach_backlog(struct keeper *keeper, const struct archiver_source *source)
{
	(void)pthread_mutex_lock(&keeper->lock);
	free(keeper->log.entries);
	keeper->log = (struct keeper_log){
		.attached = true, .source = *source, .end = UINT64_MAX};
	keeper->is_put_off = false;
	keeper->is_fed = true;
	source_begin(keeper);
	(void)pthread_mutex_unlock(&keeper->lock);
}

void keeper_put_off(struct keeper *keeper)
{
	keeper->is_put_off = true;
}

void keeper_wake(struct keeper *keeper)
{
	struct archiver *archiver = keeper_archiver(keeper);

	if (archiver)
		archiver_wake(archiver);
}

void keeper_detach(struct keeper *keeper)
{
	struct archiver *archiver;

	(void)pthread_mutex_lock(&keeper->lock);
	archiver = keeper_archiver(keeper);
	free(keeper->log.entries);
	keeper->log = (struct keeper_log){.attached = false};
	keeper->is_put_off = false;
	keeper->is_fed = false;
	atomic_store(&keeper->foreign, false);
	if (archiver)
		archiver_detach(archiver); /* K1 */
	(void)pthread_mutex_unlock(&keeper->lock);
}

void keeper_finish(struct keeper *keeper, const struct stream_log *log, uint64_t base)
{
	struct archiver *archiver;

	(void)pthread_mutex_lock(&keeper->lock);
	archiver = keeper_archiver(keeper);
	if (archiver)
		archiver_detach(archiver);
	free(keeper->log.entries);
	keeper->base = least(base, stream_log_end(log));
	keeper->log = (struct keeper_log){.attached = true,
		.source = {.ring = log->ring,
			.commit = &keeper->base,
			.oldest = &log->control->oldest,
			.begin = stream_log_oldest(log)},
		.end = stream_log_end(log),
		.entries = archiver ? NULL : entries_copy(log)};
	source_begin(keeper);
	(void)pthread_mutex_unlock(&keeper->lock);
}

/* Nothing is owed, or something was done since the last look, or not for long (K3). */
static void well_look(struct keeper *keeper, uint64_t commit, uint64_t now_ns)
{
	const struct archiver *archiver = keeper_archiver(keeper);
	uint64_t consumed = archiver ? archiver_consumed(archiver) : 0;

	if (keeper->well_ns == 0 || consumed != keeper->consumed || consumed >= commit ||
		keeper_is_opening(keeper))
		keeper->well_ns = now_ns;
	keeper->consumed = consumed;
	keeper->is_well = now_ns - keeper->well_ns < KEEPER_PATIENCE_NS;
}

void keeper_turn(struct keeper *keeper, uint64_t commit, uint64_t now_ns)
{
	struct archiver *archiver;

	well_look(keeper, commit, now_ns);
	if (commit == keeper->woken_commit)
		return;
	archiver = keeper_archiver(keeper);
	if (!archiver)
		return; /* it looks by itself when it begins */
	if (now_ns - keeper->woken_ns < WAKE_NS &&
		commit - keeper->woken_commit < keeper->slots / 4)
		return;
	keeper->woken_commit = commit;
	keeper->woken_ns = now_ns;
	archiver_wake(archiver);
}

static bool is_in_alarm(const struct keeper *keeper, const struct archiver *archiver)
{
	if (archiver)
		return atomic_load(&keeper->foreign) || archiver_alarm(archiver) != 0;
	return atomic_load(&keeper->tried) && atomic_load(&keeper->open_rc) != 0;
}

uint64_t keeper_waited_for(const struct keeper *keeper)
{
	const struct archiver *archiver = keeper_archiver(keeper);

	if (keeper->is_fed)
		return UINT64_MAX;
	if (!keeper->required && !keeper->is_put_off &&
		(!keeper->is_well || is_in_alarm(keeper, archiver)))
		return UINT64_MAX;
	if (!archiver || atomic_load(&keeper->foreign))
		return 0; /* K3 */
	return archiver_consumed(archiver);
}

bool keeper_is_opening(const struct keeper *keeper)
{
	return !keeper_archiver(keeper) && !atomic_load(&keeper->tried) &&
	       clock_now_ns() - keeper->since_ns < KEEPER_OPENING_NS;
}

bool keeper_is_open(const struct keeper *keeper)
{
	return keeper_archiver(keeper) ||
	       (atomic_load(&keeper->tried) && atomic_load(&keeper->open_rc) == 0);
}

struct keeper_place keeper_place(const struct keeper *keeper)
{
	return (struct keeper_place){.path = keeper->path,
		.identity = keeper->config.identity,
		.files = keeper->config.files};
}

uint64_t keeper_oldest(const struct keeper *keeper)
{
	const struct archiver *archiver = keeper_archiver(keeper);

	return archiver ? archiver_oldest(archiver) : atomic_load(&keeper->found_oldest);
}

uint64_t keeper_archived(const struct keeper *keeper)
{
	const struct archiver *archiver = keeper_archiver(keeper);

	return archiver ? archiver_last(archiver) : atomic_load(&keeper->found_last);
}

bool keeper_acknowledge(struct keeper *keeper, uint64_t position)
{
	struct archiver *archiver;
	bool news;

	(void)pthread_mutex_lock(&keeper->lock);
	archiver = keeper_archiver(keeper);
	news = position > atomic_load(&keeper->acknowledged);
	if (news)
		atomic_store(&keeper->acknowledged, position);
	if (news && archiver)
		archiver_acknowledge(archiver, position);
	(void)pthread_mutex_unlock(&keeper->lock);
	return news;
}

uint64_t keeper_acknowledged(const struct keeper *keeper)
{
	return atomic_load(&keeper->acknowledged);
}

uint64_t keeper_consumed(const struct keeper *keeper)
{
	const struct archiver *archiver = keeper_archiver(keeper);

	return archiver ? archiver_consumed(archiver) : atomic_load(&keeper->found_last);
}
