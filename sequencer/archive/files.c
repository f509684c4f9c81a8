#include "sequencer/archive/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/names.h"
#include "sequencer/core/stream_slot.h"

static int system_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
	const unsigned char *from = bytes;

	while (len > 0) {
		ssize_t put = pwrite(fd, from, len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		from += put;
		offset += (uint64_t)put;
		len -= (size_t)put;
	}
	return 0;
}

static int system_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *len_p)
{
	unsigned char *to = bytes;
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, to + done, len - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*len_p = done;
	return 0;
}

/* A directory's names need fsync; some file systems have none for them and say EINVAL. */
static int system_sync(int fd)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return fdatasync(fd) ? -errno : 0;
	return fsync(fd) && errno != EINVAL ? -errno : 0;
}

static int system_truncate(int fd, uint64_t len)
{
	return ftruncate(fd, (off_t)len) ? -errno : 0;
}

static int system_reserve(int fd, uint64_t len)
{
	while (fallocate(fd, 0, 0, (off_t)len)) {
		if (errno == EOPNOTSUPP)
			return system_truncate(fd, len);
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

const struct archive_files archive_files_system = {
	.write = system_write,
	.read = system_read,
	.sync = system_sync,
	.reserve = system_reserve,
	.truncate = system_truncate,
	.now_ns = clock_now_ns,
	.wall_ns = clock_wall_ns,
};

static const char *advice_of(int code, int *code_p)
{
	switch (code) {
	case -EACCES:
	case -EPERM:
	case -EROFS:
		*code_p = -EACCES;
		return "run as the user that it belongs to, on a writable disk";
	case -ENOSPC:
	case -EDQUOT:
		*code_p = -ENOSPC;
		return "free some space or retain less; archiving goes on by itself then";
	case -EFBIG:
		*code_p = -ENOSPC;
		return "raise the limit on the size of files, or make segments smaller";
	case -ENOENT:
	case -ENOTDIR:
		*code_p = -ENOENT;
		return "check the archive's directory";
	case -ENOMEM:
		*code_p = -ENOMEM;
		return "free some memory";
	case -EMFILE:
	case -ENFILE:
		*code_p = -ENOMEM;
		return "raise the limit on open files";
	default:
		*code_p = -EIO;
		return "look at this disk";
	}
}

int files_fail(const struct archive_place *place, const char *name, const char *what,
	int code, struct error *err)
{
	int flat;
	const char *advice = advice_of(code, &flat);

	return error_set(err, flat, "archive: %s/%s: %s: %s; %s", place->path, name, what,
		error_reason(code), advice);
}

static int identity_take(struct archive_place *place,
	const struct archive_identity *identity, struct error *err)
{
	const char *stream = identity->stream ? identity->stream : "";

	if (stream[0] && !names_counter_valid(stream, strlen(stream)))
		return error_set(err, -EINVAL,
			"archive: %s: is no name of a stream; give 1 to 63 printable "
			"characters",
			place->path);
	if (identity->slot_len && !stream_slot_len_valid(identity->slot_len))
		return error_set(err, -EINVAL,
			"archive: %s: slots of %u bytes; give a multiple of 64 up to %d",
			place->path, identity->slot_len, STREAM_SLOT_LEN_MAX);
	(void)snprintf(place->stream, sizeof(place->stream), "%s", stream);
	place->instance = identity->instance;
	place->slot_len = identity->slot_len;
	return 0;
}

int archive_place_open(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, int make, struct archive_place *place_p,
	struct error *err)
{
	struct archive_place place = {.files = files ? files : &archive_files_system};
	int rc;

	if (strlen(path) >= sizeof(place.path))
		return error_set(err, -EINVAL,
			"archive: %.80s...: the path is longer than %d bytes; choose a "
			"shorter one",
			path, ARCHIVE_PATH_MAX - 1);
	(void)snprintf(place.path, sizeof(place.path), "%s", path);
	rc = identity_take(&place, identity, err);
	if (rc)
		return rc;
	if (make && mkdir(path, 0700) && errno != EEXIST)
		return files_fail(&place, "", "can not be made", -errno, err);
	place.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place.fd < 0)
		return files_fail(&place, "", "can not be opened", -errno, err);
	*place_p = place;
	return 0;
}

void archive_place_close(struct archive_place *place)
{
	(void)close(place->fd);
}
