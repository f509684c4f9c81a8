#include "sequencer/archive/archive_cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sequencer/archive/listing.h"
#include "sequencer/archive/scan.h"
#include "sequencer/archive/segment.h"
#include "sequencer/archive/segment_index.h"

/* Files may come and go between listing and opening, but not for ever. */
#define LOOKS_MAX 64

struct archive_cursor {
	struct archive_place place;
	struct listing listing;
	struct scan scan;
	struct segment segment; /* fd -1: none */
	uint64_t position;	/* that is wanted next; 0: the oldest */
	uint64_t upto;	  /* positions up to here are in the segment, says the writer */
	bool unsure;	  /* the writer's word is not whole: what proves itself counts */
	uint64_t suspect; /* no record was found of it; a writer may just have cut it */
};

/* What a step of the cursor comes to. */
enum step {
	STEP_AGAIN, /* look again */
	STEP_ITEM,  /* *item_p is set */
};

int archive_cursor_open(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, struct archive_cursor **cursor_p,
	struct error *err)
{
	struct archive_cursor *cursor = calloc(1, sizeof(*cursor));
	int rc = cursor ? scan_make(&cursor->scan) : -ENOMEM;

	if (rc) {
		free(cursor);
		return error_set(err, rc,
			"archive: %s: no memory for a window of %d bytes; free some",
			path, SCAN_WINDOW_LEN);
	}
	cursor->segment.fd = -1;
	cursor->segment.index = -1;
	rc = archive_place_open(path, identity, files, false, &cursor->place, err);
	if (rc) {
		scan_free(&cursor->scan);
		free(cursor);
		return rc;
	}
	*cursor_p = cursor;
	return 0;
}

void archive_cursor_close(struct archive_cursor *cursor)
{
	segment_close(&cursor->segment);
	listing_free(&cursor->listing);
	scan_free(&cursor->scan);
	archive_place_close(&cursor->place);
	free(cursor);
}

void archive_cursor_seek(struct archive_cursor *cursor, uint64_t position)
{
	segment_close(&cursor->segment);
	cursor->position = position;
}

/* Tells about a range, and goes on behind it. */
static enum step range_tell(struct archive_cursor *cursor, enum archive_item_kind kind,
	uint64_t last, struct archive_item *item_p)
{
	*item_p = (struct archive_item){
		.kind = kind, .first = cursor->position, .last = last};
	cursor->position = last + 1;
	return STEP_ITEM;
}

static enum step not_yet(struct archive_cursor *cursor, struct archive_item *item_p)
{
	*item_p = (struct archive_item){.kind = ARCHIVE_NOT_YET,
		.first = cursor->position,
		.last = cursor->position};
	return STEP_ITEM;
}

/* Puts the scan on the record of the wanted position, or on one before it. */
static void scan_place(struct archive_cursor *cursor, uint64_t limit)
{
	const struct segment *segment = &cursor->segment;
	uint64_t first = segment->header.first;
	struct segment_place at = {
		.position = first, .offset = segment_records_offset(&segment->header)};
	struct segment_place found;
	struct scan_record record;

	if (segment_index_before(
		    &cursor->place, segment->index, first, cursor->position, &found) &&
		found.position >= first && found.offset >= at.offset) {
		scan_begin(&cursor->scan, &cursor->place, segment, found.position,
			found.offset, limit);
		/* The index is a hint: is that record there? */
		if (scan_next(&cursor->scan, &record, NULL) == 0 && record.whole)
			at = found;
	}
	scan_begin(&cursor->scan, &cursor->place, segment, at.position, at.offset, limit);
}

/* The newest segment: how far it is says its state. */
static void newest_limit(struct archive_cursor *cursor)
{
	const struct segment *segment = &cursor->segment;

	cursor->unsure = !segment->state_known;
	cursor->upto = cursor->unsure ? UINT64_MAX : segment->state.written;
	scan_place(cursor,
		cursor->unsure ? segment->file_len : segment->state.written_offset);
}

/* A segment that others follow: what the next one says about it. */
static int older_limit(struct archive_cursor *cursor, uint64_t next,
	struct archive_item *item_p, enum step *step_p, struct error *err)
{
	struct segment follower;
	int rc = segment_open(&cursor->place, next, false, &follower, err);

	if (rc == -ENODATA || rc == -EBADMSG) {
		/* The one behind is damaged: what is here and proves itself is right. */
		cursor->unsure = false;
		cursor->upto = next - 1;
		scan_place(cursor, cursor->segment.file_len);
		return 0;
	}
	if (rc)
		return rc;
	cursor->upto = follower.header.before;
	segment_close(&follower);
	if (cursor->position > cursor->upto) {
		segment_close(&cursor->segment);
		*step_p = range_tell(cursor, ARCHIVE_MISSING, next - 1, item_p);
		return 0;
	}
	cursor->unsure = false;
	scan_place(cursor, cursor->segment.file_len);
	return 0;
}

/* The header of a segment can not be read: all of it is lost, unless it is the newest. */
static int header_lost(struct archive_cursor *cursor, size_t number, int rc,
	struct archive_item *item_p, enum step *step_p)
{
	if (number + 1 == cursor->listing.count) {
		if (rc != -ENODATA)
			return rc;
		*step_p = not_yet(cursor, item_p);
		return 0;
	}
	*step_p = range_tell(
		cursor, ARCHIVE_DAMAGED, cursor->listing.firsts[number + 1] - 1, item_p);
	return 0;
}

static int segment_enter(struct archive_cursor *cursor, size_t number,
	struct archive_item *item_p, enum step *step_p, struct error *err)
{
	const struct listing *listing = &cursor->listing;
	int rc = segment_open(
		&cursor->place, listing->firsts[number], false, &cursor->segment, err);

	if (rc) {
		cursor->segment.fd = -1;
		cursor->segment.index = -1;
	}
	if (rc == -ENOENT)
		return 0; /* retention was faster: look again */
	if (rc == -ENODATA || rc == -EBADMSG)
		return header_lost(cursor, number, rc, item_p, step_p);
	if (rc)
		return rc;
	if (number + 1 == listing->count) {
		newest_limit(cursor);
		return 0;
	}
	rc = older_limit(cursor, listing->firsts[number + 1], item_p, step_p, err);
	if (rc)
		segment_close(&cursor->segment);
	return rc == -ENOENT ? 0 : rc;
}

/* Finds the segment of the wanted position. */
static int place_find(struct archive_cursor *cursor, struct archive_item *item_p,
	enum step *step_p, struct error *err)
{
	struct listing *listing = &cursor->listing;
	size_t number;
	int rc = listing_read(&cursor->place, listing, err);

	if (rc)
		return rc;
	if (listing->count == 0) {
		*step_p = not_yet(cursor, item_p);
		return 0;
	}
	if (cursor->position == 0)
		cursor->position = listing->firsts[0];
	if (listing_find(listing, cursor->position, &number))
		return segment_enter(cursor, number, item_p, step_p, err);
	*step_p = range_tell(cursor, ARCHIVE_GONE, listing->firsts[0] - 1, item_p);
	return 0;
}

/* The end of what was known of the segment: is there more by now? */
static int more_find(struct archive_cursor *cursor, struct archive_item *item_p,
	enum step *step_p, struct error *err)
{
	struct segment *segment = &cursor->segment;
	size_t number;
	int rc = listing_read(&cursor->place, &cursor->listing, err);

	if (rc)
		return rc;
	if (!listing_find(&cursor->listing, UINT64_MAX, &number) ||
		cursor->listing.firsts[number] != segment->header.first) {
		segment_close(segment); /* a newer one, or this one is gone: find anew */
		return 0;
	}
	rc = segment_state_load(&cursor->place, segment, err);
	if (rc)
		return rc;
	cursor->unsure = !segment->state_known;
	cursor->upto = cursor->unsure ? UINT64_MAX : segment->state.written;
	if (cursor->position > cursor->upto)
		*step_p = not_yet(cursor, item_p);
	else
		scan_extend(&cursor->scan, cursor->unsure
						   ? segment->file_len
						   : segment->state.written_offset);
	return 0;
}

/* What can be read behind a damaged record: the next one that the index knows, or nothing. */
static uint64_t damage_end(struct archive_cursor *cursor)
{
	const struct segment *segment = &cursor->segment;
	struct segment_place found;

	if (segment_index_after(&cursor->place, segment->index, segment->header.first,
		    cursor->position, &found) &&
		found.position <= cursor->upto)
		return found.position - 1;
	return cursor->upto;
}

/* The position should be in the segment, and no record of it is. */
static void damage_tell(struct archive_cursor *cursor, struct archive_item *item_p,
	enum step *step_p, struct error *err)
{
	uint64_t last = damage_end(cursor);

	(void)error_set(err, -EBADMSG,
		"archive: %s/%s: the record of position %" PRIu64
		" is damaged, at offset %" PRIu64
		"; restore the file from another replica",
		cursor->place.path, cursor->segment.name, cursor->scan.position,
		cursor->scan.offset);
	segment_close(&cursor->segment);
	*step_p = range_tell(cursor, ARCHIVE_DAMAGED, last, item_p);
}

static int record_read(struct archive_cursor *cursor, struct archive_item *item_p,
	enum step *step_p, struct error *err)
{
	struct scan_record record;
	int rc = scan_next(&cursor->scan, &record, err);

	if (rc)
		return rc;
	if (!record.whole && cursor->unsure) {
		segment_close(&cursor->segment);
		*step_p = not_yet(cursor, item_p);
		return 0;
	}
	if (!record.whole && cursor->suspect != cursor->position) {
		segment_close(&cursor->segment); /* find anew, and look again */
		cursor->suspect = cursor->position;
		return 0;
	}
	if (!record.whole) {
		damage_tell(cursor, item_p, step_p, err);
		return 0;
	}
	if (record.slot.position < cursor->position)
		return 0;
	*item_p = (struct archive_item){.kind = ARCHIVE_SLOT,
		.first = record.slot.position,
		.last = record.slot.position,
		.slot = record.slot,
		.bytes = record.bytes};
	cursor->position++;
	*step_p = STEP_ITEM;
	return 0;
}

static int cursor_step(struct archive_cursor *cursor, struct archive_item *item_p,
	enum step *step_p, struct error *err)
{
	if (cursor->segment.fd < 0)
		return place_find(cursor, item_p, step_p, err);
	if (cursor->position > cursor->upto)
		return more_find(cursor, item_p, step_p, err);
	return record_read(cursor, item_p, step_p, err);
}

int archive_cursor_next(
	struct archive_cursor *cursor, struct archive_item *item_p, struct error *err)
{
	int looks = 0;

	for (;;) {
		bool reading = cursor->segment.fd >= 0;
		enum step step = STEP_AGAIN;
		int rc = cursor_step(cursor, item_p, &step, err);

		if (rc || step == STEP_ITEM)
			return rc;
		/* Records before the wanted one are not counted: they come to an end. */
		if (reading && cursor->segment.fd >= 0)
			continue;
		if (++looks == LOOKS_MAX) {
			(void)not_yet(cursor, item_p);
			return 0;
		}
	}
}
