#include "sequencer/archive/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sequencer/archive/segment.h"
#include "sequencer/archive/segment_index.h"

#define ROOM_FIRST 64

static int directory_open(const struct archive_place *place, DIR **directory_p)
{
	int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	*directory_p = directory;
	return 0;
}

static int add(struct listing *listing, uint64_t first)
{
	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : ROOM_FIRST;
		uint64_t *firsts = realloc(listing->firsts, room * sizeof(*firsts));

		if (!firsts)
			return -ENOMEM;
		listing->firsts = firsts;
		listing->room = room;
	}
	listing->firsts[listing->count++] = first;
	return 0;
}

static int in_order(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static int names_read(DIR *directory, struct listing *listing)
{
	const struct dirent *entry;
	uint64_t first;
	int rc = 0;

	errno = 0;
	while (!rc && (entry = readdir(directory))) {
		if (segment_name_read(entry->d_name, ".seg", &first))
			rc = add(listing, first);
		errno = 0;
	}
	return rc ? rc : -errno;
}

int listing_read(
	const struct archive_place *place, struct listing *listing, struct error *err)
{
	DIR *directory = NULL;
	int rc = directory_open(place, &directory);

	listing->count = 0;
	if (!rc) {
		rc = names_read(directory, listing);
		(void)closedir(directory);
	}
	if (rc)
		return files_fail(place, "", "can not be listed", rc, err);
	if (listing->count > 0)
		qsort(listing->firsts, listing->count, sizeof(*listing->firsts),
			in_order);
	return 0;
}

void listing_free(struct listing *listing)
{
	free(listing->firsts);
	*listing = (struct listing){0};
}

bool listing_find(const struct listing *listing, uint64_t position, size_t *number_p)
{
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (listing->firsts[middle] <= position)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*number_p = low - 1;
	return true;
}

static bool is_listed(const struct listing *listing, uint64_t first)
{
	size_t number;

	return listing_find(listing, first, &number) && listing->firsts[number] == first;
}

void listing_tidy(const struct archive_place *place, const struct listing *listing)
{
	const struct dirent *entry;
	DIR *directory;
	uint64_t first;

	(void)unlinkat(place->fd, SEGMENT_NEW, 0);
	if (directory_open(place, &directory))
		return;
	while ((entry = readdir(directory)))
		if (segment_name_read(entry->d_name, ".idx", &first) &&
			!is_listed(listing, first))
			segment_index_remove(place, first);
	(void)closedir(directory);
}
