#include "tests/unit/archive_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/archive/archive_internal.h"

struct rig rig;
struct rig_disk rig_disk;

static unsigned char *slots; /* room for a run */

#define RUN_MAX 64

static int disk_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
	size_t some = len < rig_disk.room ? len : (size_t)rig_disk.room;
	int rc;

	if (rig_disk.on_write)
		rig_disk.on_write();
	if (++rig_disk.writes == rig_disk.fail_write) {
		(void)archive_files_system.write(fd, bytes, len / 2, offset);
		return -EIO;
	}
	rc = archive_files_system.write(fd, bytes, some, offset);
	if (rig_disk.room != UINT64_MAX)
		rig_disk.room -= some;
	return rc ? rc : some < len ? -ENOSPC : 0;
}

static int disk_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *len_p)
{
	int rc = archive_files_system.read(fd, bytes, len, offset, len_p);

	if (rig_disk.read_rc)
		return rig_disk.read_rc;
	rig_disk.read_bytes += rc ? 0 : *len_p;
	return rc;
}

static int disk_sync(int fd)
{
	rig_disk.syncs++;
	return rig_disk.sync_rc ? rig_disk.sync_rc : archive_files_system.sync(fd);
}

/* What is reserved is there when it is written: only a disk with no room at all refuses. */
static int disk_reserve(int fd, uint64_t len)
{
	return rig_disk.room == 0 ? -ENOSPC : archive_files_system.reserve(fd, len);
}

static int disk_truncate(int fd, uint64_t len)
{
	return archive_files_system.truncate(fd, len);
}

static uint64_t disk_now_ns(void)
{
	return rig_disk.now_ns;
}

static uint64_t disk_wall_ns(void)
{
	return rig_disk.wall_ns;
}

const struct archive_files rig_files = {
	.write = disk_write,
	.read = disk_read,
	.sync = disk_sync,
	.reserve = disk_reserve,
	.truncate = disk_truncate,
	.now_ns = disk_now_ns,
	.wall_ns = disk_wall_ns,
};

int rig_set_up(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	rig_disk = (struct rig_disk){.room = UINT64_MAX, .now_ns = 1, .wall_ns = 1};
	if (scratch_make(&rig.scratch))
		return -1;
	(void)snprintf(rig.path, sizeof(rig.path), "%s/orders", rig.scratch.path);
	rig.config = (struct archive_config){.path = rig.path,
		.identity = {.instance = RIG_INSTANCE,
			.stream = "orders",
			.slot_len = 256},
		.rows = RIG_ROWS,
		.segment_len = ARCHIVE_SEGMENT_LEN_MIN,
		.files = &rig_files};
	slots = aligned_alloc(64, (size_t)RUN_MAX * STREAM_SLOT_LEN_MAX);
	return slots ? 0 : -1;
}

int rig_tear_down(void **state)
{
	(void)state;
	rig_disk.sync_rc = 0;
	if (rig.archive)
		rig_abandon();
	free(slots);
	scratch_remove(&rig.scratch);
	return 0;
}

int rig_open_rc(void)
{
	return archive_open(&rig.config, &rig.archive, &rig.cut, &rig.err);
}

void rig_open(void)
{
	if (rig_open_rc())
		fail_msg("%s", rig.err.text);
}

void rig_close(void)
{
	assert_int_equal(archive_close(rig.archive, &rig.err), 0);
	rig.archive = NULL;
}

void rig_abandon(void)
{
	enum archive_sync sync = rig.archive->config.sync;

	rig.archive->config.sync = ARCHIVE_SYNC_NEVER;
	assert_int_equal(archive_close(rig.archive, &rig.err), 0);
	rig.archive = NULL;
	rig.config.sync = sync;
}

void rig_slot(void *to, uint32_t slot_len, uint64_t position)
{
	struct stream_slot slot = {.position = position,
		.epoch = 1 + position / 1000,
		.publisher = stream_publisher_name(1, (uint32_t)(position % 5)),
		.id = position,
		.time_ns = (UINT64_C(1) << 60) + position,
		.len = (uint16_t)(position * 37 % (stream_slot_room(slot_len) + 1)),
		.flags = STREAM_FIRST | STREAM_LAST};
	unsigned char *payload = (unsigned char *)to + STREAM_SLOT_HEADER;

	memset(to, 0xee, slot_len); /* what a slot does not use is not archived */
	if (position % 7 == 3) {
		stream_slot_void(to, position, slot.epoch);
		return;
	}
	for (uint16_t i = 0; i < slot.len; i++)
		payload[i] = (unsigned char)(position + i);
	stream_slot_write(to, &slot, payload);
}

uint32_t rig_record_len(uint32_t slot_len, uint64_t position)
{
	if (position % 7 == 3)
		return STREAM_SLOT_HEADER;
	return (STREAM_SLOT_HEADER +
		       (uint32_t)(position * 37 % (stream_slot_room(slot_len) + 1)) + 7) &
	       ~UINT32_C(7);
}

static int append(uint64_t first, uint32_t count)
{
	uint32_t slot_len = rig.config.identity.slot_len;

	assert_true(count <= RUN_MAX);
	for (uint32_t i = 0; i < count; i++)
		rig_slot(slots + (size_t)i * slot_len, slot_len, first + i);
	return archive_append(rig.archive, slots, count, &rig.err);
}

int rig_append_rc(uint64_t position)
{
	return append(position, 1);
}

void rig_append(uint64_t first, uint64_t last, uint32_t run)
{
	while (first <= last) {
		uint32_t count = last - first + 1 < run ? (uint32_t)(last - first + 1)
							: run;

		if (append(first, count))
			fail_msg("%s", rig.err.text);
		first += count;
	}
	assert_int_equal(archive_last(rig.archive), last);
}

struct archive_cursor *rig_cursor(uint64_t position)
{
	struct archive_cursor *cursor;

	if (archive_cursor_open(
		    rig.path, &rig.config.identity, &rig_files, &cursor, &rig.err))
		fail_msg("%s", rig.err.text);
	archive_cursor_seek(cursor, position);
	return cursor;
}

void rig_next(struct archive_cursor *cursor, struct archive_item *item_p)
{
	if (archive_cursor_next(cursor, item_p, &rig.err))
		fail_msg("%s", rig.err.text);
}

void rig_expect_slots(struct archive_cursor *cursor, uint64_t first, uint64_t last)
{
	uint32_t slot_len = rig.config.identity.slot_len;
	struct archive_item item;

	for (uint64_t p = first; p <= last; p++) {
		rig_next(cursor, &item);
		assert_int_equal(item.kind, ARCHIVE_SLOT);
		assert_int_equal(item.slot.position, p);
		rig_slot(slots, slot_len, p);
		assert_memory_equal(item.bytes, slots, stream_slot_used(&item.slot));
	}
}

void rig_expect(struct archive_cursor *cursor, enum archive_item_kind kind,
	uint64_t first, uint64_t last)
{
	struct archive_item item;

	rig_next(cursor, &item);
	assert_int_equal(item.kind, kind);
	assert_int_equal(item.first, first);
	assert_int_equal(item.last, last);
}

void rig_expect_all(uint64_t first, uint64_t last)
{
	struct archive_cursor *cursor = rig_cursor(0);

	rig_expect_slots(cursor, first, last);
	rig_expect(cursor, ARCHIVE_NOT_YET, last + 1, last + 1);
	archive_cursor_close(cursor);
}

void rig_file(char *path, size_t size, uint64_t first, const char *suffix)
{
	char name[ARCHIVE_NAME_MAX];

	segment_name(first, suffix, name);
	(void)snprintf(path, size, "%s/%s", rig.path, name);
}

uint64_t rig_file_len(uint64_t first)
{
	struct stat status;
	char path[256];

	rig_file(path, sizeof(path), first, ".seg");
	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

void rig_flip(uint64_t first, uint64_t offset, unsigned char bits)
{
	unsigned char byte;
	char path[256];
	int fd;

	rig_file(path, sizeof(path), first, ".seg");
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	(void)close(fd);
}

void rig_truncate(uint64_t first, uint64_t len)
{
	char path[256];

	rig_file(path, sizeof(path), first, ".seg");
	assert_int_equal(truncate(path, (off_t)len), 0);
}

bool rig_has_segment(uint64_t first)
{
	char path[256];

	rig_file(path, sizeof(path), first, ".seg");
	return access(path, F_OK) == 0;
}

void rig_expect_text(const char *part)
{
	assert_null(strchr(rig.err.text, '\n'));
	if (!strstr(rig.err.text, part) || !strstr(rig.err.text, "; "))
		fail_msg("'%s' has no '%s' or no advice", rig.err.text, part);
}
