/*
 * Up to where snapshots are acknowledged, in a small file beside the segments, so that the next
 * life of this archive knows it too:
 *
 *     0    "PAWLSNAP"
 *     8    CRC32C of what follows
 *     16   the cluster's instance
 *     24   the position
 *
 * Numbers are little-endian.  It is a hint, written in place and never synced: without it, or
 * if it is not whole, files stay until the next acknowledgement, and nothing is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/archive/archive_internal.h"
#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"

#define NAME "snapshot"
#define MAGIC "PAWLSNAP"
#define CRC_AT 8
#define INSTANCE_AT 16
#define POSITION_AT 24
#define LEN 32

static int file_open(const struct archive_place *place, int flags)
{
	return openat(place->fd, NAME, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static uint32_t crc_of(const unsigned char *bytes)
{
	return crc32c_update(0, bytes + INSTANCE_AT, LEN - INSTANCE_AT);
}

/* 0: not known. */
static uint64_t position_of(const struct archive_place *place, const unsigned char *bytes)
{
	if (memcmp(bytes, MAGIC, CRC_AT) != 0 ||
		bytes_get(bytes + CRC_AT, 4) != crc_of(bytes) ||
		bytes_get(bytes + INSTANCE_AT, 8) != place->instance)
		return 0;
	return bytes_get(bytes + POSITION_AT, 8);
}

void archive_snapshot_load(struct archive *archive)
{
	const struct archive_place *place = &archive->place;
	unsigned char bytes[LEN] = {0};
	int fd = file_open(place, O_RDONLY);
	size_t len = 0;

	if (fd < 0)
		return;
	if (place->files->read(fd, bytes, sizeof(bytes), 0, &len) == 0 && len == LEN)
		archive->acknowledged = position_of(place, bytes);
	archive->acknowledged_stored = archive->acknowledged;
	(void)close(fd);
}

void archive_snapshot_store(struct archive *archive)
{
	const struct archive_place *place = &archive->place;
	unsigned char bytes[LEN] = {0};
	int fd;

	if (archive->acknowledged == archive->acknowledged_stored)
		return;
	memcpy(bytes, MAGIC, CRC_AT);
	bytes_put(bytes + INSTANCE_AT, place->instance, 8);
	bytes_put(bytes + POSITION_AT, archive->acknowledged, 8);
	bytes_put(bytes + CRC_AT, crc_of(bytes), 4);
	fd = file_open(place, O_WRONLY | O_CREAT);
	if (fd < 0)
		return;
	if (place->files->write(fd, bytes, sizeof(bytes), 0) == 0)
		archive->acknowledged_stored = archive->acknowledged;
	(void)close(fd);
}
