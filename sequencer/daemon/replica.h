/*
 * One replica: the epoch machine (core/epoch.h) with everything it acts on: the store, the
 * other replicas, the regions.  Whatever happens becomes an event of the machine, and what
 * the machine wants is done at once, on the loop's thread.
 *
 * P1  The record names a region only after the region is whole, and the region's file is
 *     removed only after the record no longer needs it.
 * P2  Clients are told of an epoch only after the machine said that it is active.
 */
#ifndef PAWL_DAEMON_REPLICA_H
#define PAWL_DAEMON_REPLICA_H

#include <stdbool.h>
#include <uv.h>

#include "hw/error.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/catalog.h"
#include "sequencer/daemon/config.h"
#include "sequencer/daemon/mesh.h"
#include "sequencer/daemon/pulse.h"
#include "sequencer/daemon/record_map.h"
#include "sequencer/daemon/region_set.h"
#include "sequencer/daemon/replica_streams.h"
#include "sequencer/daemon/roster.h"
#include "sequencer/daemon/store_loop.h"
#include "sequencer/daemon/surroundings.h"
#include "sequencer/daemon/timeline.h"

#define REPLICA_TEXT_LEN 512

enum replica_end {
	REPLICA_STOPPED, /* the cluster was stopped; the record has the numbers */
	REPLICA_ERASED,	 /* the record is gone: the cluster was erased */
	REPLICA_GAVE_UP, /* it served nobody; what it holds stays for the next start */
	REPLICA_FAILED,	 /* it can not go on; see the error */
};

struct replica_handlers {
	/* Another epoch is served, or none (replica->served). */
	void (*served)(void *context);
	/* Counters, chain or record may have changed. */
	void (*changed)(void *context);
	/* There is nothing more to do for this replica. */
	void (*ended)(void *context, enum replica_end end, const struct error *err);
	void *context;
};

/* Read by the rest of the daemon, changed by replica*.c only. */
struct replica {
	const struct daemon_config *config;
	uv_loop_t *loop;
	struct replica_handlers handlers;

	struct store_loop store_loop;
	struct device *device;
	const struct memory_ops *ops;
	struct mesh *mesh;
	struct cluster_facts facts;
	struct catalog catalog;
	struct roster roster;
	struct pulse *pulse; /* of the regions */
	struct region_set regions;
	struct replica_streams streams;
	struct timeline timeline;
	struct epoch_machine machine;
	uint64_t *words;	     /* the machine's */
	struct epoch_record decoded; /* room for a record on its way to the machine */
	uint64_t *values;	     /* room for COUNTERS_MAX */

	bool seen_active;      /* in this life the cluster was seen to run */
	uint64_t member_epoch; /* the newest whose chain this life was in; 0: none */
	bool record_known;     /* in this life there was a record */
	bool erasing; /* an operator wants the record erased once it is stopped */
	bool ended;
	bool running;	    /* inside replica_run */
	uint64_t served;    /* the epoch that clients are told of; 0: none */
	uint64_t served_ns; /* since when */
	uint64_t started_ns;
	uint64_t strides_ns; /* when a ceiling was last found to be near; 0: never */
	struct catalog_entry added; /* of the wish for a counter, if any */
	char store_trouble[REPLICA_TEXT_LEN];
	uint64_t store_trouble_ns;   /* since when there is any */
	uint64_t store_unwritten_ns; /* the trouble is with writing; when; 0: it is not */
	char region_trouble
		[REPLICA_TEXT_LEN]; /* why an earlier life's region is of no use */
	int region_lost;	    /* the error that it is; 0: none */

	uv_timer_t wake;
	uv_timer_t heartbeat;
	uv_timer_t tick;
	unsigned int timers_open;
};

/*
 * Opens store and device, takes up what an earlier life left, and begins to take part;
 * @self says where this replica can be reached.  Blocks for the store's time-out.  Errors
 * of the store, of the device and of pulse_start, and -EINVAL: the configuration does not fit the record.
 */
int replica_start(const struct daemon_config *config,
	const struct surroundings *surroundings, const struct roster_entry *self,
	uv_loop_t *loop, const struct replica_handlers *handlers,
	struct replica **replica_p, struct error *err)
	__attribute__((warn_unused_result));

/* What devices are opened with here. */
struct device_config replica_device_config(const struct daemon_config *config);

/* Takes it off the loop, which must run until replica_closed. */
void replica_close(struct replica *replica);
bool replica_closed(const struct replica *replica);
/* Frees a closed replica; regions that the record may still need stay as files. */
void replica_free(struct replica *replica);

/* The region of the served epoch, or NULL. */
struct held_region *replica_region(struct replica *replica);
/* The head of the served epoch is this replica. */
bool replica_is_head(const struct replica *replica);
/* In the chain of the newest record. */
bool replica_is_member(const struct replica *replica);

/* Up to so many numbers of the counter were skipped when the served epoch began. */
uint64_t replica_counter_jump(const struct replica *replica, uint32_t index);

/*
 * Why this replica serves nobody, and what to do, in @text; "" while it serves or is about
 * to.
 */
void replica_waiting(const struct replica *replica, char *text, size_t len);
/* It waits for the numbers of the newest chain, and no member that has them is in reach. */
bool replica_misses_chain(const struct replica *replica);

/*
 * An operator's wishes.  0: it will be tried, or was passed on to the replica that can.
 * -EREMCHG: nobody is known who can.  -EINVAL: no such member, or the chain would be empty
 * or too long.  -EBUSY: another of its kind is under way.
 */
int replica_add(struct replica *replica, uint32_t id, struct error *err);
int replica_remove(struct replica *replica, uint32_t id, struct error *err);
int replica_promote(struct replica *replica, uint32_t id, struct error *err);
int replica_recover(struct replica *replica, struct error *err);
/* The whole cluster; @erase its record as well. */
int replica_stop(struct replica *replica, bool erase, struct error *err);
/* Not any more, unless it can not be helped. */
void replica_stop_not(struct replica *replica);
/*
 * Of a replica that only waits (replica_waiting): ends it alone, or with @erase forgets the
 * cluster that waits for it.  -EAGAIN: it does not wait, or for the store.  -EBUSY: others
 * of the cluster live.
 */
int replica_give_up(struct replica *replica, bool erase, struct error *err);
/* Whether it asks to join whenever it is not in the chain. */
void replica_rejoin_set(struct replica *replica, bool rejoin);

/*
 * Wants a counter called @name, or with @stream a stream, which the catalog does not have.  0: it is on its way; see
 * handlers.changed.  -EAGAIN: not now, ask again after the next change; so it is while the
 * store is known not to answer, and nothing is sent then.  -ENOSPC: no more counters,
 * or streams, or no memory for this one.
 */
int replica_counter_want(struct replica *replica, const char *name, uint64_t reserve_max,
	const struct stream_limits *stream, struct error *err)
	__attribute__((warn_unused_result));
/*
 * Nobody waits for it any more.  True: it was not made, and will not be.  False: it was
 * written, and whether the store took it is not known.
 */
bool replica_counter_drop(struct replica *replica, const char *name);
/* The store has been asked to write it, and is about to answer. */
bool replica_counter_awaited(const struct replica *replica, const char *name);
/* Why a counter can not be made now, and what to do, in @text. */
void replica_counter_obstacle(const struct replica *replica, char *text, size_t len);

/* replica_events.c: what the mesh and the loop tell. */
struct mesh_handlers replica_mesh_handlers(struct replica *replica);
/* As epoch_wire_source has it; @context is the replica. */
const char *replica_counter_name(void *context, uint32_t index);
const struct stream_limits *replica_counter_stream(void *context, uint32_t index);
void replica_timers_start(struct replica *replica);

/* replica_effects.c: does what the machine wants, after any event. */
void replica_run(struct replica *replica);

/* replica_store.c: requests of the machine, and its watch. */
void replica_store_watch(struct replica *replica);
void replica_record_read(struct replica *replica);
void replica_record_write(struct replica *replica, const struct epoch_effect *effect);
void replica_record_erase(struct replica *replica);
/* Every now and then: forgets troubles with writing when nothing is written any more. */
void replica_store_look(struct replica *replica);
/* What the record says of the cluster, before the machine is told.  Errors are final. */
int replica_facts_take(
	struct replica *replica, const struct record *record, struct error *err);
/* Ends this replica's part. */
void replica_end(struct replica *replica, enum replica_end end, const struct error *err);

#endif
