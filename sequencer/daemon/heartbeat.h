/*
 * Reading one peer's heartbeat: a link to the newest region that the roster knows of it,
 * and one read of the heartbeat word in flight at a time (sequencer/core/region.h).
 *
 * An owner that says no (the region is withdrawn, its file gone, this replica unknown to
 * it) is no sign of death: until the roster has news there is no heartbeat to look at.
 * A link that gets no answer or fails counts as a heartbeat that stands still, and is
 * connected again and again.
 *
 * Never blocks.  One thread.
 */
#ifndef PAWL_DAEMON_HEARTBEAT_H
#define PAWL_DAEMON_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/daemon/judge.h"
#include "sequencer/daemon/roster.h"

struct heartbeat {
	struct device *device; /* or NULL: there is nothing to look at, ever */
	uint64_t token;
	char memory[MEMORY_ADDRESS_MAX]; /* what it is about; "": nothing */
	uint64_t memory_epoch;
	struct link *link; /* or NULL */
	bool reading;
	bool known;   /* @seen is what its word was */
	bool failing; /* a link to this region got no answer */
	uint64_t seen;
	uint64_t word;	   /* where the read puts it */
	uint64_t since_ns; /* connecting began */
	uint64_t retry_ns; /* not before this is it connected again */
	uint64_t retry_after_ns;
	struct error err; /* why it can not be read, or "" */
};

/* @token is what the owner lets in: this replica's incarnation. */
void heartbeat_init(struct heartbeat *heartbeat, struct device *device, uint64_t token,
	uint64_t retry_after_ns);

/*
 * Looks at the region that @entry (or NULL) names from now on.  True: that is another
 * one than before.
 */
bool heartbeat_aim(struct heartbeat *heartbeat, const struct roster_entry *entry);

/*
 * Moves everything on and tells what is new.  The caller has called the device's
 * progress.  heartbeat_why: about the last answer, for people; or NULL.
 */
enum heartbeat_news heartbeat_look(struct heartbeat *heartbeat, uint64_t now_ns);
const char *heartbeat_why(const struct heartbeat *heartbeat);

/* Ends the link; heartbeat_init before it is used again. */
void heartbeat_close(struct heartbeat *heartbeat);

#endif
