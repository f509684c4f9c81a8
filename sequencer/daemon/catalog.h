/*
 * The names of counters by their index, which is the same at every replica of a cluster
 * and never changes: the order of the record.  A stream is a counter with limits, by which
 * its log is made.
 */
#ifndef PAWL_DAEMON_CATALOG_H
#define PAWL_DAEMON_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/stream_limits.h"

struct catalog_entry {
	char name[COUNTER_NAME_MAX + 1];
	struct stream_limits stream; /* slot_len 0: it is a counter */
};

struct catalog {
	uint32_t count;
	uint32_t streams_count;
	struct catalog_entry *entries; /* room for COUNTERS_MAX */
};

/* -ENOMEM. */
int catalog_init(struct catalog *catalog) __attribute__((warn_unused_result));
void catalog_destroy(struct catalog *catalog);

/*
 * Counter @index is called @name, and is a stream as @stream has it; NULL: a counter.  False
 * when that is not what is known: it is another one, or there are unnamed ones before it.
 */
bool catalog_learn(struct catalog *catalog, uint32_t index, const char *name,
	const struct stream_limits *stream);

const char *catalog_name(const struct catalog *catalog, uint32_t index);
/* NULL: it is a counter. */
const struct stream_limits *catalog_stream(const struct catalog *catalog, uint32_t index);
/* False when no counter is called @name. */
bool catalog_find(const struct catalog *catalog, const char *name, uint32_t *index_p);

#endif
