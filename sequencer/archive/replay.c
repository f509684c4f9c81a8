#include "sequencer/archive/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int damage_tell(const struct archive_place *place, const struct segment *segment,
	const struct replay *replay, struct error *err)
{
	return error_set(err, -EBADMSG,
		"archive: %s/%s: the record of position %" PRIu64
		" is damaged, at offset %" PRIu64
		", though it was on stable storage; restore the file from another "
		"replica, or move it away",
		place->path, segment->name, replay->last + 1, replay->offset);
}

/* What the state promised and the file has not, or bytes that are no record. */
static void tail_note(const struct segment *segment, struct replay *replay, uint64_t rest)
{
	const struct segment_state *state = &segment->state;
	struct archive_cut *tail = &replay->tail;

	tail->bytes = rest;
	if (segment->state_known && state->written > replay->last) {
		tail->first = replay->last + 1;
		tail->last = state->written;
		if (state->written_offset > replay->offset + rest)
			tail->bytes = state->written_offset - replay->offset;
	}
	tail->offset = replay->offset;
	(void)snprintf(tail->file, sizeof(tail->file), "%s", segment->name);
}

static int records_read(struct scan *scan, struct stream_table *table,
	struct segment_index_writer *index, struct replay *replay, struct error *err)
{
	for (;;) {
		struct scan_record record;
		int rc = scan_next(scan, &record, err);

		if (rc || !record.whole)
			return rc;
		if (!segment_table_has_row(table, &record.slot))
			return segment_rows_fail(scan->place, scan->segment, table, err);
		if (index)
			segment_index_note(
				scan->place, index, record.slot.position, replay->offset);
		(void)stream_table_apply(table, &record.slot);
		replay->last = record.slot.position;
		replay->offset = scan->offset;
		replay->epoch = record.slot.epoch;
	}
}

int replay_segment(const struct archive_place *place, const struct segment *segment,
	uint64_t limit, struct scan *scan, struct stream_table *table,
	struct segment_index_writer *index, struct replay *replay_p, struct error *err)
{
	const struct segment_header *h = &segment->header;
	struct replay replay = {.last = h->first - 1,
		.offset = segment_records_offset(h),
		.epoch = h->epoch};
	uint64_t rest = 0;
	int rc = segment_table_load(place, segment, table, err);

	if (rc)
		return rc;
	scan_begin(scan, place, segment, h->first, replay.offset,
		limit < segment->file_len ? limit : segment->file_len);
	rc = records_read(scan, table, index, &replay, err);
	if (!rc && segment->state_known && replay.offset < segment->state.synced_offset &&
		replay.offset < limit)
		rc = damage_tell(place, segment, &replay, err);
	if (!rc)
		rc = scan_rest(scan, &rest, err);
	if (rc)
		return rc;
	tail_note(segment, &replay, rest);
	*replay_p = replay;
	return 0;
}
