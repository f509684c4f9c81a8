/*
 * When each step of this replica's changes of epoch was reached, for 'pawl status' and for
 * measuring.  Times are the monotonic clock's.
 */
#ifndef PAWL_DAEMON_TIMELINE_H
#define PAWL_DAEMON_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/epoch.h"

#define TIMELINE_KEPT 8
#define TIMELINE_CAUSE_LEN 200

struct takeover {
	uint64_t epoch;
	uint64_t from;
	char cause[TIMELINE_CAUSE_LEN];
	uint64_t wall_ns;
	uint64_t noticed_ns;
	uint64_t claimed_ns;
	uint64_t sealed_ns;
	uint64_t installed_ns;
	uint64_t activated_ns;
	uint32_t members;
	bool head_sealed;
};

struct timeline {
	struct takeover now; /* under way */
	enum epoch_step step;
	char cause[TIMELINE_CAUSE_LEN];
	uint64_t noticed_ns;   /* of the newest cause that led to nothing yet; 0: none */
	uint64_t active_epoch; /* when it was last looked */
	struct takeover done[TIMELINE_KEPT]; /* newest first */
	uint32_t done_count;
};

/* Something that may lead to a change: why, and when it was noticed. */
void timeline_cause(struct timeline *t, const char *cause, uint64_t now_ns);

/* Looks what the machine has reached; after every event. */
void timeline_look(struct timeline *t, const struct epoch_machine *m, uint64_t now_ns);

#endif
