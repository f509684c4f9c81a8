#include "sequencer/archive/segment_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/archive/segment.h"
#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"

static int open_at(const struct archive_place *place, uint64_t first, int flags)
{
	char name[ARCHIVE_NAME_MAX];

	segment_name(first, ".idx", name);
	return openat(place->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int segment_index_open(const struct archive_place *place, uint64_t first, bool write)
{
	return open_at(place, first, write ? O_RDWR | O_CREAT : O_RDONLY);
}

int segment_index_create(const struct archive_place *place, uint64_t first)
{
	return open_at(place, first, O_RDWR | O_CREAT | O_TRUNC);
}

void segment_index_remove(const struct archive_place *place, uint64_t first)
{
	char name[ARCHIVE_NAME_MAX];

	segment_name(first, ".idx", name);
	(void)unlinkat(place->fd, name, 0);
}

static uint32_t entry_crc(const unsigned char *bytes, uint64_t first)
{
	unsigned char name[8];

	bytes_put(name, first, sizeof(name));
	return crc32c_update(crc32c_update(0, name, sizeof(name)), bytes, 12);
}

void segment_index_begin(const struct archive_place *place, int fd, uint64_t first,
	uint64_t records_offset, struct segment_index_writer *writer_p)
{
	*writer_p = (struct segment_index_writer){
		.fd = fd, .first = first, .next_offset = records_offset};
	if (fd >= 0)
		(void)place->files->truncate(fd, 0);
}

void segment_index_note(const struct archive_place *place,
	struct segment_index_writer *writer, uint64_t position, uint64_t offset)
{
	unsigned char bytes[SEGMENT_INDEX_ENTRY_LEN];

	if (writer->fd < 0 || offset < writer->next_offset)
		return;
	bytes_put(bytes, position, 8);
	bytes_put(bytes + 8, offset / 8, 4);
	bytes_put(bytes + 12, entry_crc(bytes, writer->first), 4);
	/* An entry that could not be written is written over by the next one. */
	if (place->files->write(writer->fd, bytes, sizeof(bytes),
		    writer->entries_count * SEGMENT_INDEX_ENTRY_LEN) == 0)
		writer->entries_count++;
	writer->next_offset = offset + SEGMENT_INDEX_STEP;
}

static bool entry_read(const struct archive_place *place, int fd, uint64_t first,
	uint64_t number, struct segment_place *place_p)
{
	unsigned char bytes[SEGMENT_INDEX_ENTRY_LEN];
	size_t len;

	if (place->files->read(fd, bytes, sizeof(bytes), number * sizeof(bytes), &len) ||
		len < sizeof(bytes) ||
		bytes_get(bytes + 12, 4) != entry_crc(bytes, first))
		return false;
	*place_p = (struct segment_place){
		.position = bytes_get(bytes, 8), .offset = bytes_get(bytes + 8, 4) * 8};
	return true;
}

static uint64_t entries_count(int fd)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return 0;
	return (uint64_t)status.st_size / SEGMENT_INDEX_ENTRY_LEN;
}

/* How many entries are at or before @position; false: a damaged one is in the way. */
static bool entries_upto(const struct archive_place *place, int fd, uint64_t first,
	uint64_t position, uint64_t *count_p)
{
	uint64_t low = 0, high = entries_count(fd);
	struct segment_place found;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (!entry_read(place, fd, first, middle, &found))
			return false;
		if (found.position <= position)
			low = middle + 1;
		else
			high = middle;
	}
	*count_p = low;
	return true;
}

bool segment_index_before(const struct archive_place *place, int fd, uint64_t first,
	uint64_t position, struct segment_place *place_p)
{
	uint64_t count;

	return entries_upto(place, fd, first, position, &count) && count > 0 &&
	       entry_read(place, fd, first, count - 1, place_p);
}

bool segment_index_after(const struct archive_place *place, int fd, uint64_t first,
	uint64_t position, struct segment_place *place_p)
{
	uint64_t count;

	return entries_upto(place, fd, first, position, &count) &&
	       entry_read(place, fd, first, count, place_p);
}
