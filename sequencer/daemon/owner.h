/*
 * The owner's side of one region: making it, taking over one that a dead replica left,
 * installing counters, sealing, and the exact values afterwards (design.md, section 5).
 *
 * Counter words are changed through the owner's own device only, over a loopback link,
 * for a network card's atomics are atomic among themselves and not with the processor's.
 *
 * O1  The state word shows the epoch only after every counter is installed.
 * O2  The state word is sealed before any counter is.
 * O3  Sealing again gives the same values: the floor remembers the exact value.  When the
 *     owner died between sealing a counter and remembering it, the value is not below it.
 */
#ifndef PAWL_DAEMON_OWNER_H
#define PAWL_DAEMON_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/region.h"

struct owner {
	struct device *device;
	struct memory *memory;
	struct link *loopback;
	struct region_header header;
	struct region_layout layout;
	char path[256];
	uint32_t counters_count;
};

/* Who the region belongs to. */
struct owner_identity {
	uint32_t replica;
	uint64_t instance;
	uint64_t incarnation;
	uint64_t epoch;
	uint32_t counters_max;
	uint32_t sessions_max;
};

/*
 * Makes and exposes a region without counters, sealed for its epoch until owner_activate.
 * @pages has everything but path, len and adopt.  A file of that name is replaced.
 * Errors of expose and connect.  Blocks up to seconds.
 */
int owner_create(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Takes over the region that a dead replica left in the file @path.  -ENOENT: it is gone.
 * -EUCLEAN: it is damaged, of another version, or not the region that @identity names
 * (its replica, instance and epoch).  -ENODATA: its counters were on the network card and
 * ended with the replica.
 */
int owner_adopt(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err) __attribute__((warn_unused_result));

/* Adds a counter; its place is *index_p.  -ENOSPC when there are counters_max.  -EIO. */
int owner_counter_add(struct owner *owner, const char *name, uint64_t base,
	uint32_t *index_p, struct error *err) __attribute__((warn_unused_result));

/* The place of the counter called @name; false when there is none. */
bool owner_counter_find(const struct owner *owner, const char *name, uint32_t *index_p);

const char *owner_counter_name(const struct owner *owner, uint32_t index);
uint64_t owner_counter_base(const struct owner *owner, uint32_t index);
/* The value now, for people: not linearizable. */
uint64_t owner_counter_value(const struct owner *owner, uint32_t index);

/* From now on additions are confirmed here. */
void owner_activate(struct owner *owner);

/* False once the region is sealed: by owner_seal, or by another process that took over. */
bool owner_is_open(const struct owner *owner);

/*
 * Ends the epoch here: nothing more is confirmed.  @values has counters_count elements
 * and is filled with the exact values, which become bases.  -EIO, -ETIMEDOUT.
 */
int owner_seal(struct owner *owner, uint64_t *values, struct error *err)
	__attribute__((warn_unused_result));

/* Takes the region out of service; @remove its file as well. */
void owner_close(struct owner *owner, bool remove);

#endif
