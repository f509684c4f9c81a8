#include "sequencer/daemon/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/control/paths.h"

#define TRIES 100

static int already_running(int fd, const char *path, struct error *err)
{
	char pid[32] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	if (len > 0)
		pid[strcspn(pid, "\n")] = '\0';
	return error_set(err, -EBUSY,
		"pawld: already running: process %s holds %s; stop it with 'pawl down', "
		"or choose "
		"another --cluster or --id",
		pid[0] ? pid : "?", path);
}

/* True when the locked file is still the one that has the name. */
static bool still_named(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* 0, -EAGAIN when its former holder removed the file meanwhile, or what went wrong. */
static int lock_try(const char *path, int *fd_p, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = 0;

	if (fd < 0)
		return error_set(
			err, -errno, "pawld: %s: lock: %s", path, error_reason(-errno));
	if (flock(fd, LOCK_EX | LOCK_NB))
		rc = errno == EWOULDBLOCK ? already_running(fd, path, err)
					  : error_set(err, -errno, "pawld: %s: lock: %s",
						    path, error_reason(-errno));
	else if (!still_named(fd, path))
		rc = -EAGAIN;
	if (rc) {
		(void)close(fd);
		return rc;
	}
	*fd_p = fd;
	return 0;
}

static int directory_make(const char *lock_path, struct error *err)
{
	char directory[256];

	(void)snprintf(directory, sizeof(directory), "%s", lock_path);
	*strrchr(directory, '/') = '\0';
	return paths_make(directory, 0755, err);
}

int identity_take(const char *lock_path, struct identity *identity_p, struct error *err)
{
	struct identity identity = {.fd = -1};
	int rc = -EAGAIN;

	(void)snprintf(identity.path, sizeof(identity.path), "%s", lock_path);
	for (int i = 0; i < TRIES && rc == -EAGAIN; i++) {
		rc = directory_make(lock_path, err);
		if (!rc)
			rc = lock_try(lock_path, &identity.fd, err);
	}
	if (rc)
		return rc;
	if (ftruncate(identity.fd, 0) ||
		dprintf(identity.fd, "%d\n", (int)getpid()) < 0) {
		rc = error_set(err, -errno, "pawld: %s: lock: %s", lock_path,
			error_reason(-errno));
		(void)close(identity.fd);
		return rc;
	}
	*identity_p = identity;
	return 0;
}

void identity_release(struct identity *identity)
{
	(void)unlink(identity->path);
	*strrchr(identity->path, '/') = '\0';
	(void)rmdir(
		identity->path); /* fails while other replicas of the cluster are here */
	(void)close(identity->fd);
}
