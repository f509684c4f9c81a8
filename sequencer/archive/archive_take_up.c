/* Taking up an archive that another life left, and going back to what is on stable storage. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "sequencer/archive/archive_internal.h"
#include "sequencer/archive/replay.h"

/* The segment before ends where this one's header says. */
static void part_before_end(struct archive *archive, const struct segment *segment)
{
	if (archive->parts_count > 0)
		archive->parts[archive->parts_count - 1].last = segment->header.before;
}

static int part_take(struct archive *archive, uint64_t first, struct error *err)
{
	struct archive_part part = {.first = first};
	struct segment segment;
	int rc = segment_open(&archive->place, first, false, &segment, err);

	if (rc == -ENODATA)
		return error_set(err, -EBADMSG,
			"archive: %s/%020" PRIu64
			".seg: the header is blank, at offset 0; restore the file from "
			"another replica, or move it away",
			archive->place.path, first);
	if (rc)
		return rc;
	part_before_end(archive, &segment);
	part.len = segment.file_len;
	part.time_ns = segment.state_known ? segment.state.time_ns
					   : segment.header.created_ns;
	segment_close(&segment);
	return archive_part_add(archive, &part, err);
}

/*
 * Without syncs a loss of power may leave a segment whose begin was not on the disk yet; it is
 * removed.  It is the newest: the others were complete when it was made.
 */
static int blank_remove(struct archive *archive, struct listing *listing,
	struct archive_cut *cut_p, struct error *err)
{
	struct archive_cut cut = {.bytes = SEGMENT_BLOCK_LEN};
	uint64_t first = listing->firsts[listing->count - 1];
	struct segment segment;
	int rc = segment_open(&archive->place, first, false, &segment, err);

	if (rc == 0)
		segment_close(&segment);
	if (rc != -ENODATA)
		return rc;
	rc = segment_remove(&archive->place, first, err);
	if (rc)
		return rc;
	segment_name(first, ".seg", cut.file);
	*cut_p = cut;
	listing->count--;
	return 0;
}

/* The tail is no record of this position: nobody shall ever take it for one (Z2). */
static int tail_cut(struct archive *archive, struct segment *segment,
	const struct replay *replay, struct error *err)
{
	struct segment_state state = segment->state;
	int rc;

	state.written = replay->last;
	state.written_offset = replay->offset;
	if (!segment->state_known) {
		state.sealed = false;
		state.synced = 0;
		state.synced_offset = segment_records_offset(&segment->header);
		state.time_ns = segment->header.created_ns;
	}
	if (state.synced > state.written)
		state.synced = state.written;
	rc = segment_state_store(&archive->place, segment, &state, err);
	if (rc)
		return rc;
	rc = archive->place.files->truncate(segment->fd, replay->offset);
	if (rc)
		return files_fail(
			&archive->place, segment->name, "can not be cut", rc, err);
	segment->file_len = replay->offset;
	return 0;
}

static void positions_take(struct archive *archive, const struct segment *segment,
	const struct replay *replay)
{
	archive->next = replay->last + 1;
	archive->last = replay->last < segment->header.first ? segment->header.before
							     : replay->last;
	archive->synced = segment->state.synced;
	archive->epoch = replay->epoch;
	archive->inexact = segment->header.inexact;
}

/* The newest segment goes on, unless it is complete. */
static int newest_keep(
	struct archive *archive, struct segment *segment, struct error *err)
{
	struct archive_part part = {.first = segment->header.first,
		.last = archive->next - 1,
		.len = segment->file_len,
		.time_ns = segment->state.time_ns};
	int rc = 0;

	if (segment->state.sealed) {
		rc = archive_part_add(archive, &part, err);
		segment_close(segment);
		return rc;
	}
	archive->segment = *segment;
	archive->reserved = segment->file_len >= segment->header.len;
	return 0;
}

static int newest_read(struct archive *archive, struct segment *segment,
	struct replay *replay_p, struct error *err)
{
	uint64_t begin = segment_records_offset(&segment->header);
	int rc;

	segment_index_begin(&archive->place, segment->index, segment->header.first, begin,
		&archive->index);
	rc = replay_segment(&archive->place, segment, UINT64_MAX, &archive->scan,
		&archive->table, &archive->index, replay_p, err);
	/* A state that is behind its records, or not whole, is made right as well. */
	if (!rc && (replay_p->tail.bytes > 0 || !segment->state_known ||
			   segment->state.written != replay_p->last))
		rc = tail_cut(archive, segment, replay_p, err);
	return rc;
}

static int newest_take(struct archive *archive, uint64_t first, struct archive_cut *cut_p,
	struct error *err)
{
	struct replay replay;
	struct segment segment;
	int rc = segment_open(&archive->place, first, true, &segment, err);

	if (rc)
		return rc;
	rc = newest_read(archive, &segment, &replay, err);
	if (rc) {
		segment_close(&segment);
		return rc;
	}
	if (replay.tail.bytes > 0)
		*cut_p = replay.tail;
	part_before_end(archive, &segment);
	positions_take(archive, &segment, &replay);
	return newest_keep(archive, &segment, err);
}

static int listed_take(struct archive *archive, struct listing *listing,
	struct archive_cut *cut_p, struct error *err)
{
	int rc = blank_remove(archive, listing, cut_p, err);

	if (rc || listing->count == 0)
		return rc;
	for (size_t i = 0; !rc && i + 1 < listing->count; i++)
		rc = part_take(archive, listing->firsts[i], err);
	if (!rc)
		rc = newest_take(
			archive, listing->firsts[listing->count - 1], cut_p, err);
	return rc;
}

int archive_take_up(struct archive *archive, struct archive_cut *cut_p, struct error *err)
{
	struct listing listing = {0};
	int rc = listing_read(&archive->place, &listing, err);

	if (!rc)
		listing_tidy(&archive->place, &listing);
	if (!rc && listing.count > 0)
		rc = listed_take(archive, &listing, cut_p, err);
	listing_free(&listing);
	return rc;
}

static int go_back_steps(struct archive *archive, struct error *err)
{
	struct segment *segment = &archive->segment;
	struct replay replay;
	int rc;

	segment_index_begin(&archive->place, segment->index, segment->header.first,
		segment_records_offset(&segment->header), &archive->index);
	rc = replay_segment(&archive->place, segment, segment->state.synced_offset,
		&archive->scan, &archive->table, &archive->index, &replay, err);
	if (!rc)
		rc = tail_cut(archive, segment, &replay, err);
	if (rc)
		return rc;
	positions_take(archive, segment, &replay);
	archive->reserved = false;
	return 0;
}

int archive_go_back(struct archive *archive, struct error *err)
{
	const struct segment *segment = &archive->segment;
	int rc;

	/* What the caller is told, even if the disk does not let us read now. */
	archive->lost = true;
	archive->sync_due_ns = 0;
	archive->next = segment->state.synced < segment->header.first
				? segment->header.first
				: segment->state.synced + 1;
	archive->last = archive->next == segment->header.first ? segment->header.before
							       : archive->next - 1;
	rc = go_back_steps(archive, err);
	if (!rc)
		archive->lost = false;
	return rc;
}
