/*
 * The names of counters by their index, which is the same at every replica of a cluster
 * and never changes: the order of the record.
 */
#ifndef PAWL_DAEMON_CATALOG_H
#define PAWL_DAEMON_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"

struct catalog {
	uint32_t count;
	char (*names)[COUNTER_NAME_MAX + 1]; /* room for COUNTERS_MAX */
};

/* -ENOMEM. */
int catalog_init(struct catalog *catalog) __attribute__((warn_unused_result));
void catalog_destroy(struct catalog *catalog);

/*
 * Counter @index is called @name.  False when that is not what is known: it has another
 * name, or there are unnamed ones before it.
 */
bool catalog_learn(struct catalog *catalog, uint32_t index, const char *name);

const char *catalog_name(const struct catalog *catalog, uint32_t index);
/* False when no counter is called @name. */
bool catalog_find(const struct catalog *catalog, const char *name, uint32_t *index_p);

#endif
