/*
 * One-sided memory in simulated time: a world of nodes in one thread.
 *
 * An operation has three moments.  It is *posted* by the call, takes *effect* on the
 * owner's bytes later, and *completes* later still; in between anything else may happen.
 * Latencies come from the seed.  Time moves only in sim_world_step and
 * sim_world_run_until; whatever is asked of a link or a device sees the present and does
 * not move it.  The same configuration and the same calls in the same order give the
 * same events, and the trace hash says whether they did.
 *
 *  S1  Effects on one link happen in posting order, one event each (a write_read has two:
 *      its write, and later its read); completions too.
 *  S2  A failed link's operations that had no effect yet may have it still: those up to
 *      a random one travel on as *ghosts* and arrive later.  The same goes for a link
 *      that was disconnected or whose node crashed.  Evict and withdraw end ghosts.
 *  S3  A connection needs the owner's processor (device progress), operations do not: the
 *      memory of a paused node answers.
 *  S4  Nothing is allocated for an operation, and a world never has more than its
 *      configuration says.
 *
 * Here a page is 64 bytes: a memory's length is rounded up to that.  Paths, NUMA nodes
 * and page policies of a memory are ignored, except that adopting is refused (-EINVAL);
 * so is the device's configuration, since open refuses: use sim_device_open.
 */
#ifndef PAWL_HW_SIM_SIM_H
#define PAWL_HW_SIM_SIM_H

#include "hw/memory.h"

#define SIM_NODES_MAX 64

struct sim_world;

struct sim_config {
	uint64_t seed;
	unsigned int nodes;	/* 1 to SIM_NODES_MAX, called 0, 1, 2 ... */
	unsigned int links;	/* at once; one counts until its last ghost has arrived */
	unsigned int transfers; /* writes of more than 16 bytes on their way at once */
	unsigned int calls;	/* of sim_world_call_at, outstanding at once */
	size_t memory_len;	/* bytes exposed at once, in all */
	uint32_t latency_min_ns; /* of one way, */
	uint32_t latency_max_ns; /*    posting to effect or effect to completion */
	uint32_t straggle;	 /* per million: one way that takes longer, */
	uint32_t straggle_ns;	 /*    by up to this */
	uint32_t timeout_ns;	 /* until a link that hears nothing has failed */
};

/* A small world to begin with: 8 nodes, 64 links, 1 MiB, 1 to 5 us, time-out 1 ms. */
void sim_config_default(struct sim_config *config_p, uint64_t seed);

/* -EINVAL: a limit is 0 or out of range, or min is above max.  -ENOMEM. */
int sim_world_open(const struct sim_config *config, struct sim_world **world_p,
	struct error *err) __attribute__((warn_unused_result));

/* Every device must be closed.  Ghosts and outstanding calls end with the world. */
void sim_world_close(struct sim_world *world);

uint64_t sim_world_now_ns(const struct sim_world *world);

/* The time of the next event, or UINT64_MAX if there is none. */
uint64_t sim_world_next_ns(const struct sim_world *world);

/* Goes on to the next event and lets it happen.  False if there is none. */
bool sim_world_step(struct sim_world *world);

/* Lets everything happen that is due up to @at_ns, and then it is @at_ns. */
void sim_world_run_until(struct sim_world *world, uint64_t at_ns);

/*
 * Calls back at @at_ns (or now, if that is past), in order with all other events: timers
 * and messages of a simulator on top.  -ENOBUFS: as many as configured are outstanding.
 */
typedef void (*sim_call_fn)(void *context, uint64_t argument);
int sim_world_call_at(struct sim_world *world, uint64_t at_ns, sim_call_fn call,
	void *context, uint64_t argument) __attribute__((warn_unused_result));

/* A hash over every event so far.  note adds what happened in the simulator on top. */
uint64_t sim_world_trace_hash(const struct sim_world *world);
void sim_world_trace_note(struct sim_world *world, uint64_t what);

/* -EINVAL: no such node.  -ENODEV: it has crashed.  -ENOMEM. */
int sim_device_open(struct sim_world *world, unsigned int node, struct device **device_p)
	__attribute__((warn_unused_result));

/*
 * Stops the processor of a node, as SIGSTOP would: its devices' progress and its links'
 * polls do nothing until it is resumed.  Its memory answers (S3).
 */
void sim_node_pause(struct sim_world *world, unsigned int node);
void sim_node_resume(struct sim_world *world, unsigned int node);

/*
 * Ends a node at once.  Its memory does not answer any more, and links to it fail within
 * the time-out.  What was opened on it is dead (-ENOTCONN, -ENODEV, progress -EIO) but
 * must still be closed.  After restart new devices can be opened on it.
 */
void sim_node_crash(struct sim_world *world, unsigned int node);
void sim_node_restart(struct sim_world *world, unsigned int node);

/*
 * Lets nothing pass between two nodes until it is healed.  What is on its way is sent
 * again and again until it passes or the time-out is over, and then the link fails.
 */
void sim_world_partition(struct sim_world *world, unsigned int a, unsigned int b);
void sim_world_heal(struct sim_world *world, unsigned int a, unsigned int b);

/*
 * Loses the oldest operation that is to take effect yet, or the next one posted: without
 * effect and without those behind it, or with its effect and only the completion lost.
 * The link fails within the time-out.
 */
void sim_link_lose(struct link *link, bool takes_effect);

/* Its open refuses (-ENODEV). */
extern const struct memory_ops sim_memory_ops;

#endif
