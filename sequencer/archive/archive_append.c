/* Appending: records are gathered, written, told, and synced; segments follow each other. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sequencer/archive/archive_internal.h"
#include "sequencer/core/panic.h"

static int alarm_raise(struct archive *archive, int rc, const struct error *err)
{
	struct archive_alarm *alarm = &archive->alarm;

	if (alarm->status == 0)
		alarm->since_ns = archive->place.files->wall_ns();
	alarm->status = rc;
	alarm->failures++;
	alarm->err = *err;
	return rc;
}

static void alarm_end(struct archive *archive)
{
	archive->alarm = (struct archive_alarm){0};
}

static int sync_open(struct archive *archive, struct error *err)
{
	struct segment *segment = &archive->segment;
	struct segment_state state = segment->state;
	struct error other;
	int rc;

	archive->sync_due_ns = 0;
	if (state.synced_offset == state.written_offset)
		return 0;
	rc = archive->place.files->sync(segment->fd);
	if (rc) {
		rc = files_fail(
			&archive->place, segment->name, "can not be synced", rc, err);
		(void)archive_go_back(archive, &other); /* Z4; tried again if it fails */
		return rc;
	}
	state.synced = state.written;
	state.synced_offset = state.written_offset;
	archive->synced = state.written;
	return segment_state_store(&archive->place, segment, &state, err);
}

int archive_sync_now(struct archive *archive, struct error *err)
{
	struct error own;
	int rc;

	err = err ? err : &own;
	if (!archive_is_open(archive))
		return 0;
	rc = archive->lost ? archive_go_back(archive, err) : sync_open(archive, err);
	return rc ? alarm_raise(archive, rc, err) : 0;
}

static int seal_full(struct archive *archive, struct error *err)
{
	struct segment *segment = &archive->segment;
	struct segment_state state;
	struct archive_part part = {.first = segment->header.first,
		.last = segment->state.written,
		.time_ns = segment->state.time_ns};
	int rc = archive_syncs(archive) ? sync_open(archive, err) : 0;

	if (rc)
		return rc;
	state = segment->state;
	state.sealed = true;
	rc = segment_state_store(&archive->place, segment, &state, err);
	if (rc)
		return rc;
	/* Gives back the room that was reserved; it does no harm where it stays. */
	if (archive->place.files->truncate(segment->fd, state.written_offset) == 0)
		segment->file_len = state.written_offset;
	part.len = segment->file_len;
	rc = archive_part_add(archive, &part, err);
	if (!rc)
		segment_close(segment);
	return rc;
}

int archive_seal(struct archive *archive, struct error *err)
{
	struct segment *segment = &archive->segment;
	int rc;

	if (archive->lost)
		rc = archive_go_back(archive, err);
	else
		rc = 0;
	if (rc || !archive_is_open(archive))
		return rc;
	if (segment->state.written >= segment->header.first)
		return seal_full(archive, err);
	rc = segment_remove(&archive->place, segment->header.first, err);
	if (!rc)
		segment_close(segment);
	return rc;
}

int archive_begin(struct archive *archive, struct error *err)
{
	struct segment_header header = {.slot_len = archive->place.slot_len,
		.instance = archive->place.instance,
		.first = archive->next,
		.before = archive->last,
		.inexact = archive->inexact,
		.epoch = archive->epoch,
		.open_publisher = archive->table.open_publisher,
		.open_id = archive->table.open_id,
		.created_ns = archive->place.files->wall_ns(),
		.len = archive->config.segment_len};
	struct error other;
	int rc;

	memcpy(header.stream, archive->place.stream, sizeof(header.stream));
	/* What can not be removed is tried again, and holds up nobody. */
	(void)archive_retain(archive, archive_segment_room(&archive->config), &other);
	rc = segment_create(&archive->place, &header, &archive->table, archive->synced,
		archive_syncs(archive), &archive->segment, err);
	if (rc)
		return rc;
	archive->reserved = true;
	segment_index_begin(&archive->place, archive->segment.index, header.first,
		archive->segment.state.written_offset, &archive->index);
	return 0;
}

/* There is an open segment with its room on the disk. */
static int room_make(struct archive *archive, struct error *err)
{
	const struct archive_files *files = archive->place.files;
	struct segment *segment = &archive->segment;
	int rc = archive->lost ? archive_go_back(archive, err) : 0;

	if (rc)
		return rc;
	if (!archive_is_open(archive))
		return archive_begin(archive, err);
	if (archive->reserved)
		return 0;
	rc = files->reserve(segment->fd, segment->header.len);
	if (rc)
		return files_fail(&archive->place, segment->name, "has no room", rc, err);
	archive->reserved = true;
	segment->file_len = segment->header.len;
	return 0;
}

enum stage_end {
	STAGE_ALL,
	STAGE_FULL,    /* the buffer */
	STAGE_SEGMENT, /* the segment */
	STAGE_REFUSED, /* the slot is not whole, not the next, or of nobody */
};

struct stage {
	uint32_t count;
	size_t len;
	enum stage_end end;
};

static void record_copy(
	unsigned char *to, const unsigned char *slot, uint32_t used, uint32_t len)
{
	memcpy(to, slot, used);
	memset(to + used, 0, len - used);
}

static enum stage_end stage_one(
	struct archive *archive, struct stage *stage, const unsigned char *bytes)
{
	const struct segment *segment = &archive->segment;
	struct stream_slot *slot = &archive->staged[stage->count];
	uint32_t len;

	if (!stream_slot_read(bytes, archive->place.slot_len, slot) ||
		slot->position != archive->next + stage->count ||
		!segment_table_has_row(&archive->table, slot))
		return STAGE_REFUSED;
	len = segment_record_len(slot);
	if (segment->state.written_offset + stage->len + len > segment->header.len)
		return STAGE_SEGMENT;
	if (stage->len + len > ARCHIVE_BUFFER_LEN)
		return STAGE_FULL;
	record_copy(archive->buffer + stage->len, bytes, stream_slot_used(slot), len);
	stage->len += len;
	stage->count++;
	return STAGE_ALL;
}

static struct stage stage_fill(
	struct archive *archive, const unsigned char *slots, uint32_t count)
{
	struct stage stage = {.end = STAGE_ALL};

	while (stage.end == STAGE_ALL && stage.count < count) {
		if (stage.count == ARCHIVE_STAGED_MAX)
			stage.end = STAGE_FULL;
		else
			stage.end = stage_one(archive, &stage,
				slots + (size_t)stage.count * archive->place.slot_len);
	}
	return stage;
}

/* The records are in the file and told: now they count here. */
static void stage_apply(
	struct archive *archive, const struct stage *stage, uint64_t offset)
{
	for (uint32_t i = 0; i < stage->count; i++) {
		const struct stream_slot *slot = &archive->staged[i];

		PAWL_ASSERT(slot->position == archive->next); /* Z1 */
		segment_index_note(
			&archive->place, &archive->index, slot->position, offset);
		(void)stream_table_apply(&archive->table, slot);
		offset += segment_record_len(slot);
		archive->epoch = slot->epoch;
		archive->last = slot->position;
		archive->next++;
	}
}

static int stage_write(
	struct archive *archive, const struct stage *stage, struct error *err)
{
	struct segment *segment = &archive->segment;
	struct segment_state state = segment->state;
	uint64_t offset = state.written_offset;
	int rc;

	if (stage->count == 0)
		return 0;
	rc = archive->place.files->write(
		segment->fd, archive->buffer, stage->len, offset);
	if (rc)
		return files_fail(
			&archive->place, segment->name, "can not be written", rc, err);
	state.written += stage->count;
	state.written_offset += stage->len;
	state.time_ns = archive->place.files->wall_ns();
	rc = segment_state_store(&archive->place, segment, &state, err); /* Z3 */
	if (rc)
		return rc;
	stage_apply(archive, stage, offset);
	return 0;
}

static int refuse(const struct archive *archive, struct error *err)
{
	return error_set(err, -EINVAL,
		"archive: %s: a slot that is damaged, out of order or of a publisher "
		"beyond the table; position %" PRIu64 " is the next",
		archive->place.path, archive->next);
}

static int append_some(struct archive *archive, const unsigned char *slots,
	uint32_t count, uint32_t *done_p, struct error *err)
{
	struct stage stage;
	int rc = room_make(archive, err);

	if (rc)
		return rc;
	stage = stage_fill(archive, slots, count);
	rc = stage_write(archive, &stage, err);
	if (rc)
		return rc;
	*done_p = stage.count;
	if (stage.end == STAGE_REFUSED)
		return refuse(archive, err);
	return stage.end == STAGE_SEGMENT ? archive_seal(archive, err) : 0;
}

static int sync_as_asked(struct archive *archive, struct error *err)
{
	uint64_t now;

	if (!archive_is_open(archive) || !archive_syncs(archive))
		return 0;
	if (archive->config.sync == ARCHIVE_SYNC_ALWAYS)
		return sync_open(archive, err);
	now = archive->place.files->now_ns();
	if (archive->sync_due_ns == 0)
		archive->sync_due_ns = now + archive->config.sync_interval_ns;
	return now >= archive->sync_due_ns ? sync_open(archive, err) : 0;
}

static int append_all(struct archive *archive, const unsigned char *slots, uint32_t count,
	struct error *err)
{
	while (count > 0) {
		uint32_t done = 0;
		int rc = append_some(archive, slots, count, &done, err);

		if (rc)
			return rc;
		slots += (size_t)done * archive->place.slot_len;
		count -= done;
	}
	return sync_as_asked(archive, err);
}

int archive_append(
	struct archive *archive, const void *slots, uint32_t count, struct error *err)
{
	struct error own;
	int rc;

	err = err ? err : &own;
	if (count == 0)
		return 0;
	rc = append_all(archive, slots, count, err);
	if (rc && rc != -EINVAL)
		return alarm_raise(archive, rc, err);
	if (!rc)
		alarm_end(archive);
	return rc;
}

static void table_replace(
	struct archive *archive, uint64_t position, const struct stream_entry *entries)
{
	struct stream_table *table = &archive->table;

	table->open_publisher = 0;
	table->open_id = 0;
	archive->inexact = entries ? 0 : position - 1;
	if (entries)
		memcpy(table->entries, entries, table->rows * sizeof(*entries));
}

int archive_skip(struct archive *archive, uint64_t position,
	const struct stream_entry *entries, struct error *err)
{
	struct error own;
	int rc;

	err = err ? err : &own;
	if (position < archive->next)
		return error_set(err, -EINVAL,
			"archive: %s: position %" PRIu64 " is archived; %" PRIu64
			" is the next",
			archive->place.path, position, archive->next);
	if (position == archive->next && archive->last > 0)
		return 0;
	rc = archive_seal(archive, err);
	if (rc)
		return alarm_raise(archive, rc, err);
	archive->next = position;
	table_replace(archive, position, entries);
	return 0;
}

int archive_tick(struct archive *archive, struct error *err)
{
	struct error own;
	int rc;

	err = err ? err : &own;
	if (archive->sync_due_ns &&
		archive->place.files->now_ns() >= archive->sync_due_ns)
		return archive_sync_now(archive, err);
	archive_snapshot_store(archive);
	rc = archive_retain(archive, 0, err);
	return rc ? alarm_raise(archive, rc, err) : 0;
}
