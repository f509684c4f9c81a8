/*
 * Between the record of the store (store/record.h) and the record as the epoch machine
 * sees it (core/epoch.h): the machine knows members and counters by numbers only; names,
 * addresses and the cluster's limits are kept beside it.
 */
#ifndef PAWL_DAEMON_RECORD_MAP_H
#define PAWL_DAEMON_RECORD_MAP_H

#include "hw/error.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/catalog.h"
#include "sequencer/daemon/roster.h"
#include "sequencer/store/record.h"

/* What a cluster has beside what the machine knows. */
struct cluster_facts {
	char name[CLUSTER_NAME_MAX + 1];
	uint64_t instance; /* 0: not known yet */
	uint32_t counters_max;
	uint32_t sessions_max;
};

/* @to->counters has room for COUNTERS_MAX. */
void record_map_to_epoch(const struct record *from, struct epoch_record *to);

/*
 * Where its members can be reached, and what its counters are called.  -EUCLEAN: a counter
 * has another name than is known here, or another stream.
 */
int record_map_learn(const struct record *record, struct roster *roster,
	struct catalog *catalog, struct error *err) __attribute__((warn_unused_result));

/*
 * The record to be written; free it with record_free.  @added is a counter which @from has and
 * the catalog has not; or NULL.  -ENOMEM.
 */
int record_map_from_epoch(const struct epoch_record *from,
	const struct cluster_facts *facts, const struct roster *roster,
	const struct catalog *catalog, const struct catalog_entry *added,
	struct record *to_p, struct error *err) __attribute__((warn_unused_result));

#endif
