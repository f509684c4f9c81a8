#include "sequencer/archive/snapshots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/archive/segment.h"
#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"

#define MAGIC "PAWLSTAT"
#define VERSION 1
#define CRC_AT 8
#define VERSION_AT 12
#define INSTANCE_AT 16
#define POSITION_AT 24
#define LEN_AT 32
#define CONTENT_CRC_AT 40
#define STREAM_AT 48

#define NEW_NAME "snapshot.new"
#define SUFFIX ".snap"

/* ---- Headers ---- */

static uint32_t header_crc(const unsigned char *header)
{
	return crc32c_update(0, header + VERSION_AT, SNAPSHOTS_HEADER - VERSION_AT);
}

static void header_make(const struct archive_place *place, const struct snapshot_id *id,
	unsigned char *header)
{
	memset(header, 0, SNAPSHOTS_HEADER);
	memcpy(header, MAGIC, CRC_AT);
	bytes_put(header + VERSION_AT, VERSION, 4);
	bytes_put(header + INSTANCE_AT, place->instance, 8);
	bytes_put(header + POSITION_AT, id->position, 8);
	bytes_put(header + LEN_AT, id->len, 8);
	bytes_put(header + CONTENT_CRC_AT, id->crc, 4);
	memcpy(header + STREAM_AT, place->stream, strlen(place->stream));
	bytes_put(header + CRC_AT, header_crc(header), 4);
}

static bool header_read(const struct archive_place *place, uint64_t position,
	const unsigned char *header, struct snapshot_id *id_p)
{
	unsigned char ours[SNAPSHOTS_HEADER];

	*id_p = (struct snapshot_id){.position = bytes_get(header + POSITION_AT, 8),
		.len = bytes_get(header + LEN_AT, 8),
		.crc = (uint32_t)bytes_get(header + CONTENT_CRC_AT, 4)};
	header_make(place, id_p, ours);
	return id_p->position == position && memcmp(ours, header, sizeof(ours)) == 0;
}

/* ---- Reading ---- */

static int file_open(struct snapshots *s, uint64_t position, int *fd_p)
{
	char name[ARCHIVE_NAME_MAX];

	segment_name(position, SUFFIX, name);
	*fd_p = openat(s->place.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd_p < 0 ? -errno : 0;
}

static int some_read(struct snapshots *s, int fd, uint64_t offset, void *bytes,
	size_t room, size_t *len_p)
{
	return s->place.files->read(fd, bytes, room, SNAPSHOTS_HEADER + offset, len_p);
}

/* -EBADMSG: its bytes are not those that its header tells of. */
static int content_check(struct snapshots *s, int fd, const struct snapshot_id *id)
{
	unsigned char piece[SNAPSHOTS_PIECE_MAX];
	uint64_t offset = 0;
	uint32_t crc = 0;
	size_t len = 1;
	int rc = 0;

	while (!rc && len > 0 && offset <= id->len) {
		rc = some_read(s, fd, offset, piece, sizeof(piece), &len);
		if (!rc)
			crc = crc32c_update(crc, piece, len);
		offset += len;
	}
	if (rc)
		return rc;
	return offset == id->len && crc == id->crc ? 0 : -EBADMSG;
}

/* Whether the file at @position is one of ours, and whole. */
static int file_check(struct snapshots *s, uint64_t position, struct snapshot_id *id_p)
{
	unsigned char header[SNAPSHOTS_HEADER];
	size_t len = 0;
	int fd = -1;
	int rc = file_open(s, position, &fd);

	if (rc)
		return rc;
	rc = s->place.files->read(fd, header, sizeof(header), 0, &len);
	if (!rc && (len != sizeof(header) ||
			   !header_read(&s->place, position, header, id_p)))
		rc = -EBADMSG;
	if (!rc)
		rc = content_check(s, fd, id_p);
	(void)close(fd);
	return rc;
}

static const struct snapshot_id *kept_at(const struct snapshots *s, uint64_t position)
{
	for (int i = 0; i < SNAPSHOTS_KEPT; i++) {
		if (s->kept[i].position == position && position > 0)
			return &s->kept[i];
	}
	return NULL;
}

static int none_there(struct snapshots *s, uint64_t position, struct error *err)
{
	return error_set(err, -ENOENT,
		"archive: %s: there is no snapshot at position %" PRIu64, s->place.path,
		position);
}

int snapshots_get(struct snapshots *s, uint64_t position, uint64_t offset, void *bytes,
	size_t room, size_t *len_p, struct snapshot_id *id_p, struct error *err)
{
	const struct snapshot_id *id = kept_at(s, position);
	char name[ARCHIVE_NAME_MAX];
	int fd = -1;
	int rc;

	if (!id || offset > id->len)
		return none_there(s, position, err);
	rc = file_open(s, position, &fd);
	if (!rc) {
		rc = some_read(s, fd, offset, bytes, room, len_p);
		(void)close(fd);
	}
	*id_p = *id;
	if (!rc)
		return 0;
	segment_name(position, SUFFIX, name);
	return files_fail(&s->place, name, "can not be read", rc, err);
}

/* ---- What is there ---- */

/* Z10: the place of a newcomer among those that are kept; behind them there is none. */
static void kept_add(struct snapshots *s, const struct snapshot_id *id)
{
	struct snapshot_id next = *id;

	for (int i = 0; i < SNAPSHOTS_KEPT; i++) {
		struct snapshot_id was = s->kept[i];

		if (was.position > next.position)
			continue;
		s->kept[i] = next;
		next = was;
	}
}

/* False: there is no other. */
static bool next_name(DIR *directory, uint64_t *position_p)
{
	const struct dirent *entry;

	while ((entry = readdir(directory))) {
		if (segment_name_read(entry->d_name, SUFFIX, position_p))
			return true;
	}
	return false;
}

static DIR *directory_open(const struct snapshots *s)
{
	int fd = openat(s->place.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !directory)
		(void)close(fd);
	return directory;
}

static int look(struct snapshots *s, unsigned int *passed_p, struct error *err)
{
	DIR *directory = directory_open(s);
	struct snapshot_id id;
	uint64_t position;

	*passed_p = 0;
	if (!directory)
		return files_fail(&s->place, "", "can not be listed", -errno, err);
	while (next_name(directory, &position)) {
		if (file_check(s, position, &id))
			(*passed_p)++;
		else
			kept_add(s, &id);
	}
	(void)closedir(directory);
	return 0;
}

/* Only room is lost when one can not be removed. */
static void others_remove(struct snapshots *s)
{
	DIR *directory = directory_open(s);
	char name[ARCHIVE_NAME_MAX];
	uint64_t position;

	while (directory && next_name(directory, &position)) {
		segment_name(position, SUFFIX, name);
		if (!kept_at(s, position))
			(void)unlinkat(s->place.fd, name, 0);
	}
	if (directory)
		(void)closedir(directory);
}

int snapshots_open(struct snapshots *s, const char *path,
	const struct archive_identity *identity, uint64_t len_max,
	const struct archive_files *files, unsigned int *passed_p, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char parent[ARCHIVE_PATH_MAX] = "";
	int rc;

	*s = (struct snapshots){.fd = -1, .len_max = len_max};
	if (slash)
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (parent[0])
		(void)mkdir(parent, 0700); /* if it fails, opening says why */
	rc = archive_place_open(path, identity, files, true, &s->place, err);
	if (rc)
		return rc;
	(void)unlinkat(s->place.fd, NEW_NAME, 0);
	rc = look(s, passed_p, err);
	if (rc)
		archive_place_close(&s->place);
	return rc;
}

int snapshots_open_to_read(struct snapshots *s, const char *path,
	const struct archive_identity *identity, const struct archive_files *files,
	struct error *err)
{
	unsigned int passed;
	int rc;

	*s = (struct snapshots){.fd = -1};
	rc = archive_place_open(path, identity, files, false, &s->place, err);
	if (rc)
		return rc;
	rc = look(s, &passed, err);
	if (rc)
		archive_place_close(&s->place);
	return rc;
}

/* ---- Writing ---- */

/* Z9 */
static void drop(struct snapshots *s)
{
	if (s->fd < 0)
		return;
	(void)close(s->fd);
	(void)unlinkat(s->place.fd, NEW_NAME, 0);
	s->fd = -1;
	s->coming = (struct snapshot_id){0};
}

void snapshots_close(struct snapshots *s)
{
	drop(s);
	archive_place_close(&s->place);
}

static int failed(struct snapshots *s, const char *what, int rc, struct error *err)
{
	drop(s);
	return files_fail(&s->place, NEW_NAME, what, rc, err);
}

static int begin(struct snapshots *s, const struct snapshot_id *id, struct error *err)
{
	int rc;

	drop(s);
	s->fd = openat(s->place.fd, NEW_NAME,
		O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return failed(s, "can not be made", -errno, err);
	s->coming = *id;
	s->written = 0;
	s->crc = 0;
	rc = s->place.files->reserve(s->fd, SNAPSHOTS_HEADER + id->len);
	return rc ? failed(s, "no room for a snapshot", rc, err) : 0;
}

/* It gets its name; -EIO and the like: it has none. */
static int name_give(struct snapshots *s, const char *name)
{
	const struct archive_files *files = s->place.files;
	int rc = files->sync(s->fd);

	if (rc)
		return rc;
	if (renameat(s->place.fd, NEW_NAME, s->place.fd, name))
		return -errno;
	rc = files->sync(s->place.fd);
	if (rc)
		(void)unlinkat(s->place.fd, name, 0);
	return rc;
}

static int finish(struct snapshots *s, struct error *err)
{
	unsigned char header[SNAPSHOTS_HEADER];
	char name[ARCHIVE_NAME_MAX];
	int rc;

	if (s->crc != s->coming.crc) {
		drop(s);
		return error_set(err, -EBADMSG,
			"archive: %s: a snapshot has another checksum than was "
			"announced; "
			"write it again",
			s->place.path);
	}
	header_make(&s->place, &s->coming, header);
	rc = s->place.files->write(s->fd, header, sizeof(header), 0);
	segment_name(s->coming.position, SUFFIX, name);
	if (!rc)
		rc = name_give(s, name);
	if (rc)
		return failed(s, "a snapshot can not be written", rc, err);
	kept_add(s, &s->coming);
	(void)close(s->fd);
	s->fd = -1;
	s->coming = (struct snapshot_id){0};
	others_remove(s);
	return 0;
}

static bool is_same(const struct snapshot_id *a, const struct snapshot_id *b)
{
	return a->position == b->position && a->len == b->len && a->crc == b->crc;
}

/* 0: @id is the one that is being written. */
static int turn_take(struct snapshots *s, const struct snapshot_id *id, struct error *err)
{
	uint64_t now_ns = s->place.files->now_ns();

	if (id->len > s->len_max)
		return error_set(err, -EFBIG,
			"archive: %s: a snapshot of %" PRIu64
			" MiB is larger than the %" PRIu64
			" MiB that snapshot-max allows; raise it, or keep less state",
			s->place.path, (id->len + (1u << 20) - 1) >> 20,
			s->len_max >> 20);
	if (s->fd >= 0 && is_same(&s->coming, id))
		return 0;
	if (s->fd >= 0 && now_ns - s->moved_ns < SNAPSHOTS_PATIENCE_NS) /* Z11 */
		return error_set(err, -EAGAIN,
			"archive: %s: the snapshot at position %" PRIu64
			" is being written; another one has to wait",
			s->place.path, s->coming.position);
	return begin(s, id, err);
}

static int some_write(
	struct snapshots *s, const void *bytes, size_t len, struct error *err)
{
	int rc;

	if (len > s->coming.len - s->written) {
		drop(s);
		return error_set(err, -EINVAL,
			"archive: %s: a snapshot is longer than was announced",
			s->place.path);
	}
	rc = s->place.files->write(s->fd, bytes, len, SNAPSHOTS_HEADER + s->written);
	if (rc)
		return failed(s, "a snapshot can not be written", rc, err);
	s->crc = crc32c_update(s->crc, bytes, len);
	s->written += len;
	return 0;
}

int snapshots_put(struct snapshots *s, const struct snapshot_id *id, uint64_t offset,
	const void *bytes, size_t len, uint64_t *upto_p, struct error *err)
{
	int rc;

	*upto_p = id->len;
	if (s->kept[0].position >= id->position)
		return 0;
	rc = turn_take(s, id, err);
	if (rc)
		return rc;
	if (offset == s->written)
		rc = some_write(s, bytes, len, err);
	if (rc)
		return rc;
	s->moved_ns = s->place.files->now_ns();
	*upto_p = s->written;
	return s->written == id->len ? finish(s, err) : 0;
}
