#include "sequencer/archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "sequencer/archive/archive_internal.h"
#include "sequencer/core/panic.h"

#define LOCK "lock"

static int lengths_check(const struct archive_config *config, struct error *err)
{
	uint64_t len = config->segment_len;

	if (len < ARCHIVE_SEGMENT_LEN_MIN || len > ARCHIVE_SEGMENT_LEN_MAX || len % 8)
		return error_set(err, -EINVAL,
			"archive: %s: segments of %llu bytes; give a multiple of 8 from "
			"64 KiB to 4 GiB",
			config->path, (unsigned long long)len);
	if (config->size_max && config->size_max < 2 * archive_segment_room(config))
		return error_set(err, -EINVAL,
			"archive: %s: %llu bytes in all hold no two segments of %llu; "
			"retain more, or make segments smaller",
			config->path, (unsigned long long)config->size_max,
			(unsigned long long)archive_segment_room(config));
	return 0;
}

static int config_check(const struct archive_config *config, struct error *err)
{
	if (!config->identity.instance || !config->identity.stream ||
		!config->identity.stream[0] || !config->identity.slot_len)
		return error_set(err, -EINVAL,
			"archive: %s: cluster, stream and length of slots must be given "
			"to write; name them",
			config->path);
	if (config->rows == 0 || config->rows > STREAM_ROWS_MAX)
		return error_set(err, -EINVAL,
			"archive: %s: a table of %u publishers; give 1 to %d",
			config->path, config->rows, STREAM_ROWS_MAX);
	return lengths_check(config, err);
}

static long lock_holder(const struct archive_place *place)
{
	char text[16] = "";
	int fd = openat(place->fd, LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	(void)close(fd);
	return strtol(text, NULL, 10);
}

/* Z7 */
static int lock_take(struct archive *archive, struct error *err)
{
	const struct archive_place *place = &archive->place;
	int fd = openat(place->fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return files_fail(place, LOCK, "can not be opened", -errno, err);
	archive->lock = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		/* For people only, so it may fail. */
		(void)(dprintf(fd, "%10ld\n", (long)getpid()) > 0);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return files_fail(place, LOCK, "can not be locked", -errno, err);
	return error_set(err, -EBUSY,
		"archive: %s: process %ld writes here; stop it, or give this one a "
		"directory of its own",
		place->path, lock_holder(place));
}

static void archive_free(struct archive *archive)
{
	segment_close(&archive->segment);
	if (archive->lock >= 0)
		(void)close(archive->lock);
	archive_place_close(&archive->place);
	scan_free(&archive->scan);
	free(archive->table.entries);
	free(archive->parts);
	free(archive->buffer);
	free(archive->staged);
	free(archive);
}

static struct archive *archive_alloc(const struct archive_config *config)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	struct stream_entry *entries;

	if (!archive)
		return NULL;
	archive->lock = -1;
	archive->segment.fd = -1;
	archive->segment.index = -1;
	archive->place.fd = -1;
	archive->config = *config;
	archive->config.path = NULL; /* the caller's; place has a copy */
	archive->config.identity.stream = NULL;
	archive->next = 1;
	archive->buffer = malloc(ARCHIVE_BUFFER_LEN);
	archive->staged = calloc(ARCHIVE_STAGED_MAX, sizeof(*archive->staged));
	entries = calloc(config->rows, sizeof(*entries));
	stream_table_init(&archive->table, entries, config->rows);
	if (archive->buffer && archive->staged && entries &&
		scan_make(&archive->scan) == 0)
		return archive;
	archive_free(archive);
	return NULL;
}

static int open_steps(struct archive *archive, const struct archive_config *config,
	struct archive_cut *cut_p, struct error *err)
{
	struct archive_place place;
	int rc = archive_place_open(
		config->path, &config->identity, config->files, true, &place, err);

	if (rc)
		return rc;
	archive->place = place;
	rc = lock_take(archive, err);
	if (!rc)
		rc = archive_take_up(archive, cut_p, err);
	if (!rc)
		archive_snapshot_load(archive);
	if (!rc && archive_syncs(archive))
		rc = archive_sync_now(archive, err);
	return rc;
}

int archive_open(const struct archive_config *asked, struct archive **archive_p,
	struct archive_cut *cut_p, struct error *err)
{
	struct archive_config config = *asked;
	struct archive_cut cut = {0};
	struct archive *archive;
	int rc;

	if (config.segment_len == 0)
		config.segment_len = ARCHIVE_SEGMENT_LEN_DEFAULT;
	rc = config_check(&config, err);
	if (rc)
		return rc;
	archive = archive_alloc(&config);
	if (!archive)
		return error_set(err, -ENOMEM,
			"archive: %s: no memory for buffers; free some", config.path);
	rc = open_steps(archive, &config, &cut, err);
	if (rc) {
		archive_free(archive);
		return rc;
	}
	*archive_p = archive;
	*cut_p = cut;
	return 0;
}

int archive_close(struct archive *archive, struct error *err)
{
	int rc = archive_syncs(archive) ? archive_sync_now(archive, err) : 0;

	archive_free(archive);
	return rc;
}

int archive_part_add(
	struct archive *archive, const struct archive_part *part, struct error *err)
{
	if (archive->parts_count == archive->parts_room) {
		size_t room = archive->parts_room ? 2 * archive->parts_room : 64;
		struct archive_part *parts = realloc(
			archive->parts, room * sizeof(*parts));

		if (!parts)
			return files_fail(
				&archive->place, "", "list of segments", -ENOMEM, err);
		archive->parts = parts;
		archive->parts_room = room;
	}
	archive->parts[archive->parts_count++] = *part;
	return 0;
}

uint64_t archive_next(const struct archive *archive)
{
	return archive->next;
}

uint64_t archive_last(const struct archive *archive)
{
	return archive->last;
}

uint64_t archive_synced(const struct archive *archive)
{
	return archive->synced;
}

uint64_t archive_oldest(const struct archive *archive)
{
	if (archive->parts_count > 0)
		return archive->parts[0].first;
	return archive_is_open(archive) && archive->segment.state.written >=
						   archive->segment.header.first
		       ? archive->segment.header.first
		       : 0;
}

uint64_t archive_size(const struct archive *archive)
{
	uint64_t len = archive_is_open(archive) ? archive->segment.file_len : 0;

	for (size_t i = 0; i < archive->parts_count; i++)
		len += archive->parts[i].len;
	return len;
}

uint64_t archive_due_ns(const struct archive *archive)
{
	return archive->sync_due_ns;
}

const struct stream_table *archive_table(const struct archive *archive)
{
	return &archive->table;
}

uint64_t archive_inexact(const struct archive *archive)
{
	return archive->inexact;
}

const struct archive_alarm *archive_alarm(const struct archive *archive)
{
	return &archive->alarm;
}
