#include "sequencer/daemon/archive_home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/control/paths.h"
#include "sequencer/daemon/log.h"

#define OWNER_FILE "%owner" /* no stream's directory is called so */
#define OWNER_LEN 16	    /* hexadecimal digits of an instance */
#define DIRECTORY_MODE 0700

static int failed(const char *path, const char *what, struct error *err)
{
	return error_set(err, -errno,
		"pawld: %s: archives: %s: %s; make room or set --archive-dir", path, what,
		error_reason(-errno));
}

/* Whose it is; 0: nobody's yet, or it can not be read. */
static uint64_t owner_read(const char *file)
{
	char text[OWNER_LEN + 1] = "";
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd >= 0 ? read(fd, text, OWNER_LEN) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (got != OWNER_LEN || strspn(text, "0123456789abcdef") != OWNER_LEN)
		return 0;
	return strtoull(text, NULL, 16);
}

static int owner_write(
	const char *path, const char *file, uint64_t instance, struct error *err)
{
	char text[OWNER_LEN + 1];
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t put;

	if (fd < 0)
		return failed(path, "can not be written", err);
	(void)snprintf(text, sizeof(text), "%016" PRIx64, instance);
	put = write(fd, text, OWNER_LEN);
	if (put == OWNER_LEN && fsync(fd) == 0 && close(fd) == 0)
		return 0;
	return failed(path, "can not be written", err);
}

static int move_aside(const char *path, uint64_t owner, struct error *err)
{
	char aside[PATHS_LEN_MAX + OWNER_LEN + 2];

	(void)snprintf(aside, sizeof(aside), "%s.%016" PRIx64, path, owner);
	if (rename(path, aside))
		return failed(path, "can not be moved aside", err);
	log_warning("%s: archives of an erased cluster are here now; 'pawl replay' reads "
		    "them, and nobody else needs them",
		aside);
	return 0;
}

int archive_home_take(const char *path, uint64_t instance, struct error *err)
{
	char file[PATHS_LEN_MAX + sizeof(OWNER_FILE) + 1];
	uint64_t owner;
	int rc;

	(void)snprintf(file, sizeof(file), "%s/%s", path, OWNER_FILE);
	owner = owner_read(file);
	if (owner == instance)
		return 0;
	rc = owner ? move_aside(path, owner, err) : 0;
	if (!rc)
		rc = paths_make(path, DIRECTORY_MODE, err);
	return rc ? rc : owner_write(path, file, instance, err);
}
