/*
 * The owner's side of one region: making it, taking over one that a dead replica left,
 * installing counters, sealing, and the exact values afterwards (docs/protocol.md).
 *
 * Counter words are changed through the owner's own device only, over a loopback link,
 * for a network card's atomics are atomic among themselves and not with the processor's.
 *
 * A head's counters are drawn from, and sealing them gives exact values.  A backup's are
 * not: it has floors and marks, and reports the largest of them.
 *
 * O1  The state word shows the epoch only after every counter is installed.
 * O2  The state word is sealed before any counter is, and before any mark is looked at.
 * O3  Sealing a head again gives the same values: the floor remembers the exact value.
 *     When the owner died between sealing a counter and remembering it, the value is not
 *     below it.  Sealing a backup again reports not less.
 * O4  One process at a time owns a region: it holds a lock (flock) on the region's file,
 *     which ends with it.
 */
#ifndef PAWL_DAEMON_OWNER_H
#define PAWL_DAEMON_OWNER_H

#include <stdatomic.h>
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
	int file; /* the lock (O4); -1: none */
	bool head;
	uint64_t token; /* of the link to its own memory: this life's incarnation */
	uint32_t counters_count; /* no counter has a place from here on */
};

/* Who the region belongs to. */
struct owner_identity {
	uint32_t replica;
	uint64_t instance;
	uint64_t incarnation;
	uint64_t epoch;
	uint32_t counters_max;
	uint32_t sessions_max;
	bool head; /* of the epoch's chain; of no account to owner_adopt */
};

/*
 * Makes and exposes a region without counters, sealed for its epoch until owner_activate.
 * @pages has everything but path, len, adopt and tell_huge.  A file of that name is replaced.
 * Errors of expose and connect.  Blocks up to seconds.
 */
int owner_create(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Takes over the region that a dead replica left in the file @path.  -ENOENT: it is gone.
 * -EUCLEAN: it is damaged, of another version, or not the region that @identity names
 * (its replica, instance and epoch).  -EBUSY: the replica lives (O4).  -ENODATA: its counters were on the network card and
 * ended with the replica.  It can be sealed as what it was in its chain, which the caller
 * knows; header.incarnation is the life that made it.
 */
int owner_adopt(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Puts the counter @name in place @index, the same at every replica, to go on from @base.
 * In the same place again it only shows the ceiling.  If the counter was sealed before it
 * had a name, it keeps its value.  -ENOSPC: there are counters_max.  -EEXIST: another
 * counter is in this place.  -EIO, -ETIMEDOUT.
 */
int owner_counter_install(struct owner *owner, uint32_t index, const char *name,
	uint64_t base, uint64_t ceiling, struct error *err)
	__attribute__((warn_unused_result));

/* Clients may go up to @ceiling, which the store has (E10).  It never goes back. */
void owner_ceiling_show(struct owner *owner, uint32_t index, uint64_t ceiling);

/* "" where there is no counter. */
const char *owner_counter_name(const struct owner *owner, uint32_t index);
uint64_t owner_counter_base(const struct owner *owner, uint32_t index);

/*
 * About where the counter is now, for people: not linearizable.  At a backup, the newest
 * mark, which may be ahead of the numbers drawn (reserve mode).
 */
uint64_t owner_value(const struct owner *owner, uint32_t index);

/* From now on additions are confirmed here (E6). */
void owner_activate(struct owner *owner);

/* False once the region is sealed: by its owner, or by another process that took over. */
bool owner_is_open(const struct owner *owner);

/*
 * Ends the epoch at its head: nothing more is confirmed.  Fills @values with the exact
 * values of the first @counters_count counters, named or not, and seals all others that
 * have a name.  -ERANGE: the region has no room for so many.  -EIO, -ETIMEDOUT.
 */
int owner_seal(struct owner *owner, uint32_t counters_count, uint64_t *values,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Ends the epoch at a backup.  @values: for the first @counters_count counters, nothing
 * above it was confirmed here; below COUNTER_LIMIT, whatever peers wrote.
 */
void owner_seal_backup(struct owner *owner, uint32_t counters_count, uint64_t *values);

/* Peers that watch the word move see that this replica lives. */
_Atomic uint64_t *owner_heartbeat(const struct owner *owner);

/* Ends the links of the session that presented @token, as far as the back end can. */
void owner_evict(struct owner *owner, uint64_t token);

/* Folds the marks of @row into the floors and clears it; K2 of core/marks.h holds. */
void owner_row_fold(struct owner *owner, uint32_t row);

/* Takes the region out of service; @remove its file as well. */
void owner_close(struct owner *owner, bool remove);

#endif
