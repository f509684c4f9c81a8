#include "sequencer/archive/archive_survey.h"

#include <errno.h>
#include <string.h>

#include "sequencer/archive/listing.h"
#include "sequencer/archive/replay.h"
#include "sequencer/archive/segment.h"

struct surveyor {
	struct archive_place place;
	struct listing listing;
	struct scan scan;
	struct stream_table table;
};

static int newest_survey(struct surveyor *surveyor, uint64_t first,
	struct archive_survey *survey, uint64_t *before_p, struct error *err)
{
	struct segment segment;
	struct replay replay;
	int rc = segment_open(&surveyor->place, first, false, &segment, err);

	if (rc)
		return rc;
	rc = replay_segment(&surveyor->place, &segment, UINT64_MAX, &surveyor->scan,
		&surveyor->table, NULL, &replay, err);
	if (!rc) {
		survey->last = replay.last;
		survey->whole = first;
		survey->epoch = replay.epoch;
		survey->inexact = segment.header.inexact;
		survey->tail = replay.tail;
		*before_p = segment.header.before;
	}
	segment_close(&segment);
	return rc;
}

/* The unbroken run of segments before @whole; one that can not be opened ends it. */
static void whole_extend(
	struct surveyor *surveyor, size_t number, uint64_t before, uint64_t *whole)
{
	while (number > 0 && before + 1 == *whole) {
		uint64_t first = surveyor->listing.firsts[--number];
		struct segment segment;

		if (segment_open(&surveyor->place, first, false, &segment, NULL))
			return;
		*whole = first;
		before = segment.header.before;
		segment_close(&segment);
	}
}

static int listed_survey(
	struct surveyor *surveyor, struct archive_survey *survey_p, struct error *err)
{
	struct archive_survey survey = {.whole = 1};
	size_t number = surveyor->listing.count;
	uint64_t before = 0;
	int rc = 0;

	if (number > 0)
		rc = newest_survey(surveyor, surveyor->listing.firsts[--number], &survey,
			&before, err);
	/* One that was never begun to be written, as opening for writing has it. */
	if (rc == -ENODATA) {
		rc = 0;
		if (number > 0)
			rc = newest_survey(surveyor, surveyor->listing.firsts[--number],
				&survey, &before, err);
	}
	if (rc)
		return rc;
	if (survey.last > 0) {
		survey.oldest = surveyor->listing.firsts[0];
		whole_extend(surveyor, number, before, &survey.whole);
	}
	*survey_p = survey;
	return 0;
}

int archive_survey(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, struct stream_entry *entries, uint32_t rows,
	struct archive_survey *survey_p, struct error *err)
{
	struct surveyor surveyor = {.scan = {.window = NULL}};
	int rc;

	if (rows == 0 || rows > STREAM_ROWS_MAX)
		return error_set(err, -EINVAL,
			"archive: %s: a table of %u publishers; give 1 to %d", path, rows,
			STREAM_ROWS_MAX);
	memset(entries, 0, rows * sizeof(*entries));
	stream_table_init(&surveyor.table, entries, rows);
	if (scan_make(&surveyor.scan))
		return error_set(err, -ENOMEM,
			"archive: %s: no memory for a window of %d bytes; free some",
			path, SCAN_WINDOW_LEN);
	rc = archive_place_open(path, identity, files, false, &surveyor.place, err);
	if (!rc) {
		rc = listing_read(&surveyor.place, &surveyor.listing, err);
		if (!rc)
			rc = listed_survey(&surveyor, survey_p, err);
		listing_free(&surveyor.listing);
		archive_place_close(&surveyor.place);
	}
	scan_free(&surveyor.scan);
	return rc;
}
