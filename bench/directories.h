/* A run's own places: one for files, below TMPDIR, and one for regions, below /dev/shm. */
#ifndef PAWL_BENCH_DIRECTORIES_H
#define PAWL_BENCH_DIRECTORIES_H

#include <limits.h>

#include "hw/error.h"

struct directories {
	char files[PATH_MAX]; /* "" when not made, as are the others */
	char memory[PATH_MAX];
	char store[PATH_MAX];
};

/*
 * Makes them, that for the store below @store_base, or not at all if that is NULL.  What
 * was made is there also with an error.  -ENAMETOOLONG, and what the system says.
 */
int directories_make(struct directories *d, const char *store_base, struct error *err)
	__attribute__((warn_unused_result));

void directories_remove(const struct directories *d);

#endif
