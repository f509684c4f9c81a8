/*
 * The directory of a replica's archives belongs to one cluster.  What an erased cluster of the
 * same name left there is moved aside, and never removed: somebody may still want to replay it.
 */
#ifndef PAWL_DAEMON_ARCHIVE_HOME_H
#define PAWL_DAEMON_ARCHIVE_HOME_H

#include <stdint.h>

#include "hw/error.h"

/* Makes @path for the cluster of @instance.  Errors of paths_make, and of files. */
int archive_home_take(const char *path, uint64_t instance, struct error *err)
	__attribute__((warn_unused_result));

#endif
