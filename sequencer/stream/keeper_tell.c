/* What is told about the archive of a stream: lines for the log, and its status (keeper.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "hw/clock.h"
#include "sequencer/stream/keeper_internal.h"

#define MISSED_NS (10000 * NS_PER_MS) /* between two lines about what was missed */

/* Why nothing is archived; 0: all is well. */
static int alarm_find(struct keeper *keeper, struct error *line_p)
{
	struct archiver *archiver = keeper_archiver(keeper);
	struct archiver_status status;
	int rc = 0;

	(void)pthread_mutex_lock(&keeper->lock);
	if (!archiver) {
		rc = keeper->open_rc;
		*line_p = keeper->open_err;
	} else if (atomic_load(&keeper->foreign)) {
		rc = -EEXIST;
		*line_p = keeper->foreign_err;
	}
	(void)pthread_mutex_unlock(&keeper->lock);
	if (rc || !archiver)
		return rc;
	archiver_status(archiver, &status);
	*line_p = status.err;
	return status.alarm;
}

static bool cut_line(struct keeper *keeper, struct error *line_p)
{
	struct archive_cut cut;
	int len;

	(void)pthread_mutex_lock(&keeper->lock);
	cut = keeper->cut;
	keeper->cut = (struct archive_cut){0};
	(void)pthread_mutex_unlock(&keeper->lock);
	if (cut.bytes == 0)
		return false;
	len = snprintf(line_p->text, sizeof(line_p->text),
		"archive: %s/%s: its tail was not whole: %" PRIu64
		" bytes were cut at offset %" PRIu64,
		keeper->path, cut.file, cut.bytes, cut.offset);
	if (cut.first && len > 0 && (size_t)len < sizeof(line_p->text))
		(void)snprintf(line_p->text + len, sizeof(line_p->text) - (size_t)len,
			", with positions %" PRIu64 " to %" PRIu64, cut.first, cut.last);
	return true;
}

static bool alarm_line(struct keeper *keeper, struct error *line_p)
{
	int alarm = alarm_find(keeper, line_p);

	if (alarm == keeper->alarm_told)
		return false;
	keeper->alarm_told = alarm;
	if (alarm == 0)
		(void)error_set(
			line_p, 0, "archive: %s: archiving goes on", keeper->path);
	return true;
}

/* A slow disk, or one that was full, has let the log overwrite what was not archived. */
static bool missing_line(struct keeper *keeper, struct error *line_p)
{
	struct archiver *archiver = keeper_archiver(keeper);
	uint64_t now = clock_now_ns();
	struct archiver_status status;

	if (!archiver ||
		(keeper->missing_told_ns && now - keeper->missing_told_ns < MISSED_NS))
		return false;
	archiver_status(archiver, &status);
	if (status.missing_count == keeper->missing_told)
		return false;
	(void)error_set(line_p, 0,
		"archive: %s: %" PRIu64
		" positions were overwritten before they were archived, up to %" PRIu64
		"; a faster disk or a larger ring would have kept them",
		keeper->path, status.missing_count - keeper->missing_told,
		status.missing_last);
	keeper->missing_told = status.missing_count;
	keeper->missing_told_ns = now;
	return true;
}

/* Another member's archive feeds this one, and does not have everything either. */
static bool skipped_line(struct keeper *keeper, struct error *line_p)
{
	struct archiver *archiver = keeper_archiver(keeper);
	struct archiver_status status;

	if (!archiver)
		return false;
	archiver_status(archiver, &status);
	if (status.skipped_last == keeper->skipped_told)
		return false;
	(void)error_set(line_p, 0,
		"archive: %s: positions %" PRIu64 " to %" PRIu64
		" are not in it, nor at the replica that feeds it; " KEEPER_JUMP,
		keeper->path, status.skipped_first, status.skipped_last);
	keeper->skipped_told = status.skipped_last;
	return true;
}

bool keeper_line(struct keeper *keeper, struct error *line_p)
{
	return cut_line(keeper, line_p) || alarm_line(keeper, line_p) ||
	       missing_line(keeper, line_p) || skipped_line(keeper, line_p);
}

void keeper_status(struct keeper *keeper, struct keeper_status *status_p)
{
	struct archiver *archiver = keeper_archiver(keeper);
	struct keeper_status status = {0};
	struct archiver_status thread;
	int alarm = alarm_find(keeper, &status.alarm);

	if (alarm == 0)
		status.alarm.text[0] = '\0';
	status.oldest = keeper_oldest(keeper);
	status.archived = keeper_archived(keeper);
	if (archiver) {
		archiver_status(archiver, &thread);
		status.synced = thread.synced;
		status.missing = thread.missing_count;
	}
	(void)pthread_mutex_lock(&keeper->lock);
	status.archiving = archiver && keeper->log.attached && alarm == 0;
	(void)pthread_mutex_unlock(&keeper->lock);
	*status_p = status;
}
