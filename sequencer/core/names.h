/*
 * What a cluster and a counter may be called.  Shared by the replica, the client and the
 * record, so that a name accepted in one place is accepted in all of them.
 */
#ifndef PAWL_CORE_NAMES_H
#define PAWL_CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A cluster's name becomes part of file names: 1 to CLUSTER_NAME_MAX of the characters
 * A-Z a-z 0-9 . _ - and not beginning with '.' or '-'.  @name is terminated.
 */
bool names_cluster_valid(const char *name);

/* A counter's name: 1 to COUNTER_NAME_MAX bytes of printable ASCII, space included. */
bool names_counter_valid(const char *bytes, size_t len);

#endif
