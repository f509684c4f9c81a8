#include "sequencer/archive/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/archive/segment_index.h"
#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"

#define NAME_DIGITS 20
/* A state that is met while it is being written is whole a moment later. */
#define STATE_LOOKS_MAX 64

void segment_name(uint64_t first, const char *suffix, char *name_p)
{
	(void)snprintf(
		name_p, ARCHIVE_NAME_MAX, "%0*" PRIu64 "%s", NAME_DIGITS, first, suffix);
}

bool segment_name_read(const char *name, const char *suffix, uint64_t *first_p)
{
	char again[ARCHIVE_NAME_MAX];
	uint64_t first;

	if (strspn(name, "0123456789") != NAME_DIGITS ||
		strcmp(name + NAME_DIGITS, suffix))
		return false;
	first = strtoull(name, NULL, 10);
	segment_name(first, suffix, again);
	if (first == 0 || strcmp(name, again))
		return false;
	*first_p = first;
	return true;
}

static int open_at(const struct archive_place *place, const char *name, int flags)
{
	int fd = openat(place->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

/* The header is of this stream; what the reader left open is not asked. */
static int header_check(const struct archive_place *place, const struct segment *segment,
	uint64_t first, struct error *err)
{
	const struct segment_header *h = &segment->header;

	if (place->instance && h->instance != place->instance)
		return error_set(err, -EPROTO,
			"archive: %s/%s: belongs to another cluster (%016" PRIx64
			", not %016" PRIx64 "); give this one a directory of its own",
			place->path, segment->name, h->instance, place->instance);
	if (place->stream[0] && strcmp(h->stream, place->stream))
		return error_set(err, -EPROTO,
			"archive: %s/%s: belongs to stream '%s', not '%s'; give each "
			"stream a directory of its own",
			place->path, segment->name, h->stream, place->stream);
	if (place->slot_len && h->slot_len != place->slot_len)
		return error_set(err, -EPROTO,
			"archive: %s/%s: has slots of %u bytes, not %u; move the "
			"archive of the former stream away",
			place->path, segment->name, h->slot_len, place->slot_len);
	if (h->first != first)
		return error_set(err, -EBADMSG,
			"archive: %s/%s: begins at position %" PRIu64
			"; was it renamed?  give it its name back",
			place->path, segment->name, h->first);
	return 0;
}

static int verdict_tell(const struct archive_place *place, const char *name,
	enum segment_verdict verdict, struct error *err)
{
	switch (verdict) {
	case SEGMENT_BLANK:
		return error_set(err, -ENODATA,
			"archive: %s/%s: is blank; was the power lost?  open the archive "
			"for writing once",
			place->path, name);
	case SEGMENT_NEWER:
		return error_set(err, -EPROTONOSUPPORT,
			"archive: %s/%s: was written by a newer Pawl; install that one, "
			"or move the archive away",
			place->path, name);
	case SEGMENT_FOREIGN:
		return error_set(err, -EPROTO,
			"archive: %s/%s: is no segment of an archive; move it away",
			place->path, name);
	case SEGMENT_DAMAGED:
		return error_set(err, -EBADMSG,
			"archive: %s/%s: the header is damaged, at offset 0; restore the "
			"file from another replica, or move it away",
			place->path, name);
	default:
		return 0;
	}
}

static int head_read(const struct archive_place *place, struct segment *segment,
	uint64_t first, struct error *err)
{
	unsigned char block[SEGMENT_BLOCK_LEN] = {0};
	struct stat status;
	size_t len;
	int rc = place->files->read(segment->fd, block, sizeof(block), 0, &len);

	if (!rc && fstat(segment->fd, &status))
		rc = -errno;
	if (rc)
		return files_fail(place, segment->name, "can not be read", rc, err);
	segment->file_len = (uint64_t)status.st_size;
	rc = verdict_tell(
		place, segment->name, segment_header_read(block, &segment->header), err);
	if (!rc)
		rc = header_check(place, segment, first, err);
	if (!rc)
		segment->state_known = segment_state_read(
			block + SEGMENT_STATE_AT, first, &segment->state);
	return rc;
}

int segment_open(const struct archive_place *place, uint64_t first, bool write,
	struct segment *segment_p, struct error *err)
{
	struct segment segment = {.index = -1};
	int rc;

	segment_name(first, ".seg", segment.name);
	segment.fd = open_at(place, segment.name, write ? O_RDWR : O_RDONLY);
	if (segment.fd < 0)
		return files_fail(
			place, segment.name, "can not be opened", segment.fd, err);
	rc = head_read(place, &segment, first, err);
	if (rc) {
		segment_close(&segment);
		return rc;
	}
	segment.index = segment_index_open(place, first, write);
	*segment_p = segment;
	return 0;
}

/* Header, state and table, in one write. */
static int head_write(const struct archive_place *place, struct segment *segment,
	const struct stream_table *table)
{
	size_t room = SEGMENT_BLOCK_LEN + (size_t)table->rows * SEGMENT_ENTRY_LEN;
	unsigned char *block = calloc(1, room);
	struct segment_header *h = &segment->header;
	size_t table_len;
	int rc;

	if (!block)
		return -ENOMEM;
	h->entries_count = segment_table_write(block + SEGMENT_BLOCK_LEN, table);
	table_len = (size_t)h->entries_count * SEGMENT_ENTRY_LEN;
	h->table_crc = crc32c_update(0, block + SEGMENT_BLOCK_LEN, table_len);
	h->len += segment_records_offset(h);
	segment->state.written = h->first - 1;
	segment->state.written_offset = segment_records_offset(h);
	segment->state.synced_offset = segment_records_offset(h);
	segment->state.time_ns = h->created_ns;
	segment_header_write(block, h);
	segment_state_write(block + SEGMENT_STATE_AT, h->first, &segment->state);
	rc = place->files->reserve(segment->fd, h->len);
	if (!rc)
		rc = place->files->write(
			segment->fd, block, SEGMENT_BLOCK_LEN + table_len, 0);
	free(block);
	return rc;
}

static int create_steps(const struct archive_place *place, struct segment *segment,
	const struct stream_table *table, bool sync)
{
	int rc;

	segment->fd = open_at(place, SEGMENT_NEW, O_RDWR | O_CREAT | O_TRUNC);
	if (segment->fd < 0)
		return segment->fd;
	rc = head_write(place, segment, table);
	if (!rc && sync)
		rc = place->files->sync(segment->fd);
	if (!rc && renameat(place->fd, SEGMENT_NEW, place->fd, segment->name))
		rc = -errno;
	if (!rc && sync) {
		rc = place->files->sync(place->fd);
		/* It may or may not have its name after a loss of power: not made. */
		if (rc)
			(void)unlinkat(place->fd, segment->name, 0);
	}
	return rc;
}

int segment_create(const struct archive_place *place, const struct segment_header *header,
	const struct stream_table *table, uint64_t synced, bool sync,
	struct segment *segment_p, struct error *err)
{
	struct segment segment = {.index = -1, .header = *header, .state_known = true};
	int rc;

	segment.state.synced = synced;
	segment_name(header->first, ".seg", segment.name);
	rc = create_steps(place, &segment, table, sync);
	if (rc) {
		(void)unlinkat(place->fd, SEGMENT_NEW, 0);
		segment_close(&segment);
		return files_fail(place, segment.name, "can not be made", rc, err);
	}
	segment.file_len = segment.header.len;
	segment.index = segment_index_create(place, header->first);
	*segment_p = segment;
	return 0;
}

void segment_close(struct segment *segment)
{
	if (segment->fd >= 0)
		(void)close(segment->fd);
	if (segment->index >= 0)
		(void)close(segment->index);
	segment->fd = -1;
	segment->index = -1;
}

int segment_rows_fail(const struct archive_place *place, const struct segment *segment,
	const struct stream_table *table, struct error *err)
{
	return error_set(err, -EPROTO,
		"archive: %s/%s: knows publishers beyond row %u; open it with as many "
		"rows as it was written with",
		place->path, segment->name, table->rows - 1);
}

static int table_tell(const struct archive_place *place, const struct segment *segment,
	const unsigned char *bytes, struct stream_table *table, struct error *err)
{
	const struct segment_header *h = &segment->header;

	if (crc32c_update(0, bytes, (size_t)h->entries_count * SEGMENT_ENTRY_LEN) !=
		h->table_crc)
		return error_set(err, -EBADMSG,
			"archive: %s/%s: the table of publishers is damaged, at offset "
			"%d; restore the file from another replica, or move it away",
			place->path, segment->name, SEGMENT_BLOCK_LEN);
	if (!segment_table_read(bytes, h->entries_count, table))
		return segment_rows_fail(place, segment, table, err);
	table->open_publisher = h->open_publisher;
	table->open_id = h->open_id;
	return 0;
}

int segment_table_load(const struct archive_place *place, const struct segment *segment,
	struct stream_table *table, struct error *err)
{
	size_t len = (size_t)segment->header.entries_count * SEGMENT_ENTRY_LEN;
	unsigned char *bytes = calloc(1, len + 1);
	size_t got;
	int rc;

	if (!bytes)
		return files_fail(place, segment->name, "table", -ENOMEM, err);
	rc = place->files->read(segment->fd, bytes, len, SEGMENT_BLOCK_LEN, &got);
	if (rc)
		rc = files_fail(place, segment->name, "can not be read", rc, err);
	else
		rc = table_tell(place, segment, bytes, table, err);
	free(bytes);
	return rc;
}

int segment_state_store(const struct archive_place *place, struct segment *segment,
	const struct segment_state *state, struct error *err)
{
	unsigned char bytes[SEGMENT_STATE_LEN];
	int rc;

	segment_state_write(bytes, segment->header.first, state);
	rc = place->files->write(segment->fd, bytes, sizeof(bytes), SEGMENT_STATE_AT);
	if (rc)
		return files_fail(place, segment->name, "can not be written", rc, err);
	segment->state = *state;
	segment->state_known = true;
	return 0;
}

int segment_state_load(
	const struct archive_place *place, struct segment *segment, struct error *err)
{
	unsigned char bytes[SEGMENT_STATE_LEN] = {0};
	size_t len;

	for (int look = 0; look < STATE_LOOKS_MAX; look++) {
		int rc = place->files->read(
			segment->fd, bytes, sizeof(bytes), SEGMENT_STATE_AT, &len);

		if (rc)
			return files_fail(
				place, segment->name, "can not be read", rc, err);
		segment->state_known = segment_state_read(
			bytes, segment->header.first, &segment->state);
		if (segment->state_known)
			break;
	}
	return 0;
}

int segment_remove(const struct archive_place *place, uint64_t first, struct error *err)
{
	char name[ARCHIVE_NAME_MAX];

	segment_name(first, ".seg", name);
	if (unlinkat(place->fd, name, 0) && errno != ENOENT)
		return files_fail(place, name, "can not be removed", -errno, err);
	segment_index_remove(place, first);
	return 0;
}
