#include "sequencer/store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_NEW "record.new"
#define LOCK "lock"

/* Flattens what the system may say to the closed list of the store. */
static int fail(const struct directory *directory, const char *name, const char *what,
	int reason, struct error *err)
{
	const char *advice = "look at this disk";
	int code = -EIO;

	switch (reason) {
	case EACCES:
	case EPERM:
	case EROFS:
		code = -EACCES;
		advice = "run as the user that the directory belongs to, on a writable "
			 "disk";
		break;
	case ENOSPC:
	case EDQUOT:
		code = -ENOSPC;
		advice = "free some space; the old record stands";
		break;
	case ENOMEM:
		code = -ENOMEM;
		advice = "free some memory";
		break;
	default:
		break;
	}
	return error_set(err, code, "store: %s/%s: %s: %s; %s", directory->path, name,
		what, error_reason(-reason), advice);
}

/* A directory that was moved away or made anew is no longer what others see. */
static int check_place(const struct directory *directory, struct error *err)
{
	struct stat ours, theirs;

	if (fstat(directory->fd, &ours) == 0 && stat(directory->path, &theirs) == 0 &&
		ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
		return 0;
	return error_set(err, -EIO,
		"store: %s: was removed or replaced while in use; put it back and start "
		"again",
		directory->path);
}

static int open_at(const struct directory *directory, const char *name, int flags)
{
	return openat(directory->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Whoever holds the lock and is not writing may remove what an earlier writer left. */
static int remove_leftovers(const struct directory *directory, struct error *err)
{
	int lock;
	int rc = directory_lock(directory, &lock, err);

	if (rc)
		return rc == -EAGAIN ? 0 : rc; /* a living writer removes its own */
	if (unlinkat(directory->fd, RECORD_NEW, 0) && errno != ENOENT)
		rc = fail(directory, RECORD_NEW, "can not be removed", errno, err);
	directory_unlock(lock);
	return rc;
}

int directory_open(const char *base, const char *cluster, struct directory *directory_p,
	struct error *err)
{
	struct directory directory;
	int rc = paths_cluster_dir(
		base, cluster, directory.path, sizeof(directory.path), err);

	if (!rc)
		rc = paths_make(directory.path, 0700, err);
	if (rc)
		return rc;
	directory.fd = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory.fd < 0)
		return fail(&directory, "", "can not be opened", errno, err);
	rc = remove_leftovers(&directory, err);
	if (rc) {
		directory_close(&directory);
		return rc;
	}
	*directory_p = directory;
	return 0;
}

void directory_close(struct directory *directory)
{
	(void)close(directory->fd);
}

/* Reads up to @max bytes, to the end of the file. */
static int read_all(int fd, char *buffer, size_t max, size_t *len_p)
{
	size_t len = 0;

	while (len < max) {
		ssize_t got = read(fd, buffer + len, max - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*len_p = len;
	return 0;
}

static int read_envelope(const struct directory *directory, int fd, char *buffer,
	struct envelope *envelope_p, struct error *err)
{
	char name[PATHS_LEN_MAX + sizeof(DIRECTORY_RECORD)];
	size_t len = 0;
	int rc = read_all(fd, buffer, DIRECTORY_BUFFER_LEN, &len);

	if (rc)
		return fail(directory, DIRECTORY_RECORD, "can not be read", -rc, err);
	(void)snprintf(name, sizeof(name), "%s/" DIRECTORY_RECORD, directory->path);
	return envelope_read(name, buffer, len, envelope_p, err);
}

int directory_read(const struct directory *directory, char *buffer,
	struct envelope *envelope_p, struct error *err)
{
	int rc = check_place(directory, err);
	int fd;

	if (rc)
		return rc;
	fd = open_at(directory, DIRECTORY_RECORD, O_RDONLY);
	if (fd < 0 && errno == ENOENT) {
		*envelope_p = (struct envelope){.erased = true};
		return 0;
	}
	if (fd < 0)
		return fail(directory, DIRECTORY_RECORD, "can not be opened", errno, err);
	rc = read_envelope(directory, fd, buffer, envelope_p, err);
	(void)close(fd);
	return rc;
}

int directory_lock(const struct directory *directory, int *lock_p, struct error *err)
{
	int fd = open_at(directory, LOCK, O_RDWR | O_CREAT);
	int rc = 0;

	if (fd < 0)
		return fail(directory, LOCK, "can not be opened", errno, err);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = errno == EWOULDBLOCK || errno == EINTR
			     ? -EAGAIN
			     : fail(directory, LOCK, "can not be locked", errno, err);
		(void)close(fd);
		return rc;
	}
	/* For people only, so it may fail; of fixed length, so no old digits stay behind.
	 */
	(void)(dprintf(fd, "%10ld\n", (long)getpid()) > 0);
	*lock_p = fd;
	return 0;
}

void directory_unlock(int lock)
{
	(void)close(lock);
}

long directory_lock_holder(const struct directory *directory)
{
	char text[16] = "";
	int fd = open_at(directory, LOCK, O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	(void)close(fd);
	return strtol(text, NULL, 10);
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

/* The whole envelope on stable storage, under the temporary name. */
static int write_new(const struct directory *directory, const struct envelope *envelope)
{
	char header[ENVELOPE_HEADER_MAX];
	size_t header_len;
	int fd = open_at(directory, RECORD_NEW, O_WRONLY | O_CREAT | O_TRUNC);
	int rc;

	if (fd < 0)
		return -errno;
	envelope_write(envelope, header, &header_len);
	rc = write_all(fd, header, header_len);
	if (!rc)
		rc = write_all(fd, envelope->bytes, envelope->len);
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

/* Some file systems have no fsync for directories and say EINVAL. */
static int sync_names(const struct directory *directory, struct error *err)
{
	if (fsync(directory->fd) == 0 || errno == EINVAL)
		return 0;
	return error_set(err, -ETIMEDOUT,
		"store: %s: the new record may be lost with the machine's power: %s; "
		"look at this disk",
		directory->path, error_reason(-errno));
}

int directory_replace(const struct directory *directory, const struct envelope *envelope,
	struct error *err)
{
	int rc = check_place(directory, err);

	if (rc)
		return rc;
	rc = write_new(directory, envelope);
	if (!rc && renameat(directory->fd, RECORD_NEW, directory->fd, DIRECTORY_RECORD))
		rc = -errno;
	if (rc) {
		(void)unlinkat(directory->fd, RECORD_NEW, 0);
		return fail(directory, RECORD_NEW, "can not be written", -rc, err);
	}
	return sync_names(directory, err);
}
