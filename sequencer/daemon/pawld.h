/*
 * The daemon's loop: one replica, its clients, and how it ends.  Everything runs on one
 * thread.
 */
#ifndef PAWL_DAEMON_PAWLD_H
#define PAWL_DAEMON_PAWLD_H

#include <stdbool.h>
#include <uv.h>

#include "sequencer/daemon/config.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/identity.h"
#include "sequencer/daemon/surroundings.h"

struct pawld {
	struct daemon_config config;
	struct surroundings surroundings;
	struct identity identity;
	struct handlers handlers;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t tick;
	uv_timer_t stop_deadline;
	uv_poll_t device_ready;
	bool loop_started;
	bool device_polled;
	bool stop_asked; /* while settling */
	bool leaving;	 /* this replica leaves the chain, or stops the cluster alone */
	bool leave_asked;
	uint64_t
		leave_epoch; /* of the record then, and its phase; a wish may be lost with a head */
	uint64_t leave_by_ns;
	bool winding_down;
	struct error failure; /* why the replica could not go on; "": it could */
	int exit_status;
};

/* Serves until somebody ends it.  Returns the exit status. */
int pawld_serve(struct pawld *d);

/*
 * Saves what dead replicas left, or with config.erase forgets the cluster, and says so.
 * Returns the exit status.
 */
int pawld_settle(struct pawld *d);

/* leave.c: the process is to end; then, every now and then, whether it can by now. */
void pawld_leave(struct pawld *d);
void pawld_leave_look(struct pawld *d);

/* Tells the log, and systemd or 'pawl up', why there is no daemon.  EXIT_FAILURE. */
int pawld_fail(int code, const char *text);

/* pawld.c, for settling: starts the replica on a loop of its own, and ends both. */
int pawld_replica_start(struct pawld *d, struct error *err);
void pawld_wind_down(struct pawld *d);
void pawld_free(struct pawld *d);

#endif
