#include "bench/directories.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_BASE "/dev/shm"

/* A new directory below @base. */
static int directory_make(
	const char *base, char path[PATH_MAX], const char *advice, struct error *err)
{
	char made[PATH_MAX];

	if ((size_t)snprintf(made, sizeof(made), "%s/pawl-bench-XXXXXX", base) >=
		sizeof(made))
		return error_set(err, -ENAMETOOLONG,
			"bench: %.100s...: the path is too long", base);
	if (!mkdtemp(made))
		return error_set(err, -errno,
			"bench: %s: no directory can be made there: %s; make room, or "
			"%s",
			base, error_reason(-errno), advice);
	(void)strcpy(path, made);
	return 0;
}

static int files_make(struct directories *d, struct error *err)
{
	const char *wanted = getenv("TMPDIR");
	char base[PATH_MAX];

	if (!wanted || !wanted[0])
		wanted = "/tmp";
	if (!realpath(wanted, base))
		return error_set(err, -errno,
			"bench: %s: no such directory for files: %s; set TMPDIR to "
			"another",
			wanted, error_reason(-errno));
	return directory_make(base, d->files, "set TMPDIR to another", err);
}

static int store_make(struct directories *d, const char *wanted, struct error *err)
{
	char base[PATH_MAX];

	if (!realpath(wanted, base))
		return error_set(err, -errno,
			"bench: %s: no such directory for the store: %s; name another",
			wanted, error_reason(-errno));
	return directory_make(base, d->store, "name another with --store", err);
}

int directories_make(struct directories *d, const char *store_base, struct error *err)
{
	int rc = files_make(d, err);

	if (!rc)
		rc = directory_make(MEMORY_BASE, d->memory, "remove what fills it", err);
	if (!rc && store_base)
		rc = store_make(d, store_base, err);
	return rc;
}

static int remove_one(
	const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static void directory_remove(const char *path)
{
	if (path[0])
		(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void directories_remove(const struct directories *d)
{
	directory_remove(d->store);
	directory_remove(d->memory);
	directory_remove(d->files);
}
