/* The cluster's record, read and written through its store by a caller that waits. */
#ifndef PAWL_DAEMON_RECORD_STORE_H
#define PAWL_DAEMON_RECORD_STORE_H

#include <stdint.h>

#include "hw/error.h"
#include "sequencer/daemon/config.h"
#include "sequencer/store/record.h"
#include "sequencer/store/store.h"

/* The store that the configuration names.  Errors of store_open. */
int record_store_open(const struct daemon_config *config, struct store **store_p,
	struct error *err) __attribute__((warn_unused_result));

/* Tells that the store did not even accept a request.  Returns @code. */
int record_store_refused(int code, struct error *err);

/*
 * Each waits up to the store's time-out; errors of the store's requests and of the
 * record's text.
 */

/* *revision_p is 0 when there is no record, and then *record_p is not set. */
int record_load(struct store *store, struct record *record_p, uint64_t *revision_p,
	struct error *err) __attribute__((warn_unused_result));

/* Replaces the record of *revision_p, which becomes the new one's. */
int record_save(struct store *store, const struct record *record, uint64_t *revision_p,
	struct error *err) __attribute__((warn_unused_result));

int record_erase(struct store *store, uint64_t revision, struct error *err)
	__attribute__((warn_unused_result));

#endif
