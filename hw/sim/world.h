/*
 * Inside of the simulated world: what its parts share.
 *
 * world.c owns the clock and the events, node.c the faults of nodes, sim.c devices and
 * memories, connect.c how links come and go, link.c what becomes of operations on them,
 * post.c the calls that post and poll.
 */
#ifndef PAWL_HW_SIM_WORLD_H
#define PAWL_HW_SIM_WORLD_H

#include "hw/fault/random.h"
#include "hw/sim/sim.h"

#define SIM_LINK_EVENTS_MAX 5 /* of one link that can be outstanding at once */

struct sim_event {
	uint64_t at_ns;
	uint64_t
		order; /* events at the same time happen in the order of their planning */
	sim_call_fn call;
	void *context;
	uint64_t argument;
	bool counted; /* it is one of the configuration's calls */
};

struct sim_node {
	uint64_t unreachable;	  /* bit per node that is partitioned from this one */
	unsigned int incarnation; /* devices of an earlier one are dead */
	bool paused;
	bool crashed;
};

struct sim_world {
	struct sim_config config;
	struct random random;
	uint64_t now_ns;
	uint64_t trace;
	uint64_t orders;	  /* events ever planned */
	struct sim_event *events; /* a binary heap, the next one first */
	size_t events_count;
	unsigned int calls_count;
	unsigned int devices_count;
	struct sim_node nodes[SIM_NODES_MAX];
	struct sim_link **links; /* config.links slots; NULL is free */
	struct sim_memory *memories;
	uint64_t memories_ever;	  /* the newest memory's number */
	size_t memory_len;	  /* bytes exposed */
	unsigned char *transfers; /* blocks of LINK_TRANSFER_MAX bytes */
	uint32_t *
		transfers_free; /* stack of blocks that have been used and are free again */
	uint32_t transfers_free_count;
	uint32_t transfers_fresh; /* blocks never used begin here */
};

struct sim_device {
	struct device device;
	struct sim_world *world;
	struct sim_link *waiting; /* for an answer to their wish to connect */
	unsigned int node;
	unsigned int incarnation;
	unsigned int users; /* memories and links */
	device_admit_fn admit;
	void *admit_context;
	char name[32];
};

struct sim_memory {
	struct memory memory;
	struct sim_memory *next; /* in the world */
	struct sim_link *links;	 /* that are connected to it, ghosts too */
	uint64_t number;
	unsigned char *bytes; /* aligned to 64 */
	size_t len;
	struct pages pages; /* the same, for those who ask how they are held */
	bool dead;	    /* its node has crashed */
	char address[MEMORY_ADDRESS_MAX];
};

enum sim_operation_kind {
	SIM_FETCH_ADD,
	SIM_COMPARE_SWAP,
	SIM_WRITE,
	SIM_READ,
	SIM_WRITE_READ, /* becomes a SIM_READ when its write takes effect */
	SIM_PUT,	/* becomes a shorter one when its first bytes take effect */
	SIM_PUT_REST,
};

enum sim_operation_loss {
	SIM_LOSS_NONE,
	SIM_LOSS_REQUEST, /* no effect */
	SIM_LOSS_ANSWER,  /* no completion */
};

struct sim_operation {
	uint64_t cookie;
	uint64_t offset;
	uint64_t due_ns; /* of the effect, and after it of the completion */
	uint64_t value;
	union {
		struct {
			uint64_t n; /* or the desired value */
			uint64_t expected;
		} word;
		unsigned char few[16]; /* of a short write */
		unsigned char
			*block; /* of a longer write, one of the world's transfers */
		struct {
			uint64_t word;
			uint64_t read_offset;
		} pair;
		struct {
			const unsigned char *from; /* in the source */
			unsigned char *ghost; /* its bytes, once the link has ended */
		} put;
	} with;
	void *buffer; /* of a read */
	uint32_t len;
	int status;
	enum sim_operation_kind kind;
	enum sim_operation_loss loss;
};

enum sim_link_phase {
	SIM_LINK_CONNECTING,
	SIM_LINK_REFUSED, /* status says why */
	SIM_LINK_CONNECTED,
	SIM_LINK_FAILED,
};

/* Operations are counted modulo 2^32: head <= completed <= effected <= limit <= tail. */
struct sim_link {
	struct link link;
	struct sim_world *world;
	struct sim_memory *memory;     /* NULL: not connected, or it answers no more */
	struct sim_link *next;	       /* of the same memory */
	struct sim_link *next_waiting; /* on the owner's device */
	struct sim_device *waiting_on;
	uint64_t memory_number;
	uint64_t len; /* of the memory */
	uint64_t token;
	uint64_t connect_deadline_ns;
	uint64_t stalled_ns; /* since when nothing passes, UINT64_MAX if something does */
	unsigned int slot;   /* in the world, its number in the trace */
	unsigned int node;   /* this side's */
	unsigned int owner;  /* the memory's node */
	unsigned int events; /* outstanding */
	enum sim_link_phase phase;
	int status; /* why it was refused or is going to fail */
	enum sim_operation_loss lose_next;
	bool closed; /* the caller has disconnected it: only ghosts are left */
	bool effect_planned;
	bool completion_planned;
	bool failure_planned;
	uint32_t tail;	/* posted */
	uint32_t limit; /* effects end here once the link has ended; S2 */
	uint32_t effected;
	uint32_t completed;
	uint32_t head; /* handed over */
	uint32_t depth;
	uint32_t mask;
	struct sim_operation operations[];
};

static inline struct sim_device *sim_device(const struct device *device)
{
	return (struct sim_device *)(uintptr_t)device;
}

static inline struct sim_memory *sim_memory(const struct memory *memory)
{
	return (struct sim_memory *)(uintptr_t)memory;
}

static inline struct sim_link *sim_link(const struct link *link)
{
	return (struct sim_link *)(uintptr_t)link;
}

/* The operation with number @index, which is in flight or next. */
static inline struct sim_operation *sim_link_operation(
	struct sim_link *link, uint32_t index)
{
	return &link->operations[index & link->mask];
}

static inline bool sim_link_is_alive(const struct sim_link *link)
{
	return link->phase == SIM_LINK_CONNECTED && !link->closed;
}

/* world.c: plans an event; there is always room for those of links. */
void sim_world_plan(struct sim_world *world, uint64_t at_ns, sim_call_fn call,
	void *context, uint64_t argument);
/* A time to travel one way. */
uint64_t sim_world_latency_ns(struct sim_world *world);
/* A block of LINK_TRANSFER_MAX bytes, or NULL if all are in use. */
unsigned char *sim_world_transfer_take(struct sim_world *world);
void sim_world_transfer_give(struct sim_world *world, const unsigned char *block);

/* node.c */
bool sim_device_is_dead(const struct sim_device *device);
bool sim_nodes_are_parted(const struct sim_world *world, unsigned int a, unsigned int b);

/* connect.c: entries of the ops table in sim.c. */
int sim_connect(struct device *device, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err);
int sim_state(const struct link *link, struct error *err);
void sim_disconnect(struct link *link);
int sim_progress(struct device *device, struct error *err);
/* Takes a link off the list of those that wait for an answer, if it is on one. */
void sim_link_forget(struct sim_link *link);
/* Ends the memory's side of a link: no further effect.  The other side hears of it within @ns. */
void sim_link_expel(struct sim_link *link, int status, uint64_t ns);
/* Frees a closed link of which nothing is left. */
void sim_link_release(struct sim_link *link);

/* link.c */
/* Ends this side of a link: everything in flight fails, @status first; leaves ghosts. */
void sim_link_fail(struct sim_link *link, int status);
/* Chooses how many of the operations without effect become ghosts. */
void sim_link_haunt(struct sim_link *link);
/* Plans the failure of a link after @ns unless one is planned. */
void sim_link_plan_failure(struct sim_link *link, int status, uint64_t ns);
/* Gives back what the operations hold that will never have an effect. */
void sim_link_drop_effects(struct sim_link *link);
/* Plans the next effect of a link if there is to be one and it has not been planned. */
void sim_link_plan_effect(struct sim_link *link);

/* post.c: entries of the ops table in sim.c. */
int sim_fetch_add(struct link *link, uint64_t offset, uint64_t n, uint64_t cookie);
int sim_compare_swap(struct link *link, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie);
int sim_write(struct link *link, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie);
int sim_read(
	struct link *link, uint64_t offset, void *bytes, size_t len, uint64_t cookie);
int sim_write_read(struct link *link, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie);
int sim_put(struct link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie);
int sim_poll(struct link *link, struct completion *completions, int max, int *count_p);

#endif
