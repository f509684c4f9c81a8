/* A directory of a test's own, below TMPDIR or /tmp. */
#ifndef PAWL_TESTS_SCRATCH_H
#define PAWL_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scratch {
	char path[128];
};

static inline int scratch_make(struct scratch *scratch)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(scratch->path, sizeof(scratch->path), "%s/pawl-test-XXXXXX",
		base && base[0] ? base : "/tmp");
	return mkdtemp(scratch->path) ? 0 : -1;
}

static inline int scratch_remove_one(
	const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void scratch_remove(const struct scratch *scratch)
{
	(void)nftw(scratch->path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
