/*
 * The regions that a replica holds: that of the epoch it serves, one of an epoch that may
 * become active, and those that were retired and are about to go.
 *
 * X1  A region is open from its installation until it is sealed or retired (E6), and a
 *     retired region is sealed before its file goes, so that whoever still has it mapped
 *     learns that the epoch is over.
 * X2  Every epoch has memory of its own, and one region of it at most is held: nothing that
 *     still arrives for one epoch lands in another's.
 * X3  The heartbeat of a region moves while the region is in service, and the pulse is done
 *     with its memory before that goes.
 */
#ifndef PAWL_DAEMON_REGION_SET_H
#define PAWL_DAEMON_REGION_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/catalog.h"
#include "sequencer/daemon/owner.h"
#include "sequencer/daemon/pulse.h"

#define REGION_SET_MAX 6

struct held_region {
	uint64_t epoch;	     /* 0: the place is free */
	bool head;	     /* this replica is that epoch's head */
	uint64_t retired_ns; /* 0: in service */
	struct owner owner;
};

struct region_set {
	struct device *device;
	struct pulse
		*pulse; /* outlives the regions; NULL: their heartbeats stand still */
	struct pages_config pages;
	const char *directory; /* a memory file system */
	const char *cluster;
	uint32_t replica;
	uint64_t instance;
	uint64_t incarnation;
	uint32_t sessions_max;
	struct held_region at[REGION_SET_MAX];
};

/* The region of @epoch, or NULL. */
struct held_region *region_set_find(struct region_set *set, uint64_t epoch);

/*
 * Makes a fresh, open region of @epoch with every counter at its base, which remembers
 * @history.  Errors of owner_create and owner_counter_install.
 */
int region_set_install(struct region_set *set, const struct epoch_record *record,
	const struct epoch_history *history, uint32_t counters_max, bool head,
	const struct catalog *catalog, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Takes up the region of an earlier life of this replica in the file @path, whose
 * incarnation is *incarnation_p then.  Errors of owner_adopt.
 */
int region_set_adopt(struct region_set *set, const char *path, uint64_t epoch,
	uint64_t *incarnation_p, struct error *err) __attribute__((warn_unused_result));

/* Lets go of a region that was taken up; its file stays. */
void region_set_drop(struct region_set *set, uint64_t epoch);

/*
 * Seals and reports as EPOCH_SEAL_HERE has it; @values has @counters_count elements.
 * *exact_p: the region is a head's.  -ENOENT: there is no such region.  -EIO, -ETIMEDOUT.
 */
int region_set_seal(struct region_set *set, uint64_t epoch, bool head,
	uint32_t counters_count, uint64_t *values, struct error *err)
	__attribute__((warn_unused_result));

/* Out of service; its memory goes with a later region_set_sweep. */
void region_set_retire(struct region_set *set, uint64_t epoch, uint64_t now_ns);

/* Frees regions that were retired @age_ns ago or earlier. */
void region_set_sweep(struct region_set *set, uint64_t now_ns, uint64_t age_ns);

/*
 * Removes files that earlier lives of this replica left, of epochs up to @epoch; not @keep,
 * which may hold the newest numbers although it can not be used now.  NULL: none.
 */
void region_set_clean(const struct region_set *set, uint64_t epoch, const char *keep);

/* Closes all of them; @remove their files as well. */
void region_set_close(struct region_set *set, bool remove);

/* For sessions, in every region in service. */
void region_set_links_end(struct region_set *set, uint64_t token);
void region_set_row_fold(struct region_set *set, uint32_t row);

#endif
