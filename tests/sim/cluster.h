/*
 * A whole cluster in simulated time: replicas and clients run their real core code over
 * simulated memory (hw/sim), and here are the rest of their world: a control network, a
 * configuration store, a failure detector, and the drivers that join them.
 *
 * Everything happens in one thread, as an event of the simulated world, from one seed.
 */
#ifndef PAWL_TESTS_SIM_CLUSTER_H
#define PAWL_TESTS_SIM_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/fault/random.h"
#include "hw/sim/sim.h"
#include "sequencer/core/epoch.h"
#include "sequencer/core/marks.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"
#include "tests/history.h"

#define REPLICAS_MAX 7
#define CLIENTS_MAX 5
#define COUNTERS 5	  /* at most, */
#define COUNTERS_BEGUN 2  /*   and when the cluster begins: a dense and a reserved one */
#define NAMES 4		  /* that counters are made with later: 1 to so many */
#define WISHES_MAX 1024	  /* for counters, in one cluster */
#define OPERATIONS_MAX 96 /* of one client on one counter */
#define DEPTH_MAX 4
#define REGIONS_MAX 8 /* of one replica at once */
#define PARCELS_MAX 1024
#define EPOCHS_MAX 512
#define LINK_DEPTH 32

struct cluster;
struct sim_participant;

/* A region of one replica, with what its daemon knows of it. */
struct sim_region {
	uint64_t epoch; /* 0: the place is free */
	uint64_t incarnation;
	struct memory *memory;
	struct memory *stream; /* of the stream in this epoch; NULL: none */
	struct memory *stream_inbox;
	bool stream_ready;  /* its log ends at the base */
	bool stream_shared; /* other epochs use it too: a broken rule */
	bool retired;
	bool exact[COUNTERS]; /* sealed at this value, which the floor remembers */
	uint64_t values[COUNTERS];
	uint64_t tokens[CLIENTS_MAX]; /* the session that owns each row */
};

/* What is left of a replica's memory when its process dies: nothing, or all of it. */
struct sim_remains {
	struct sim_region region;
	unsigned char *bytes;
};

struct sim_replica {
	struct cluster *cluster;
	uint32_t index; /* its node; its id is one more */
	uint64_t life;	/* its incarnation */
	bool alive;
	bool keeps_memory; /* when it died */
	bool may_begin;	   /* somebody said so, and it has not seen an epoch since */
	struct device *device;
	struct epoch_machine machine;
	uint64_t *words;
	uint64_t served; /* epoch that clients are told of; 0: none */
	/* of the counters in the record, as its daemon has read or written it */
	uint32_t names[COUNTERS];
	uint32_t names_count;
	uint32_t creating; /* the name of a counter that somebody waits for; 0: none */
	uint32_t wish;	   /* its place in the cluster's wishes, once it is made */
	struct sim_region regions[REGIONS_MAX];
	struct sim_remains remains[REGIONS_MAX];
	uint64_t
		down_ns[REPLICAS_MAX]; /* since when a peer does not answer; 0: it does */
	bool suspects[REPLICAS_MAX];
	uint64_t suspects_life[REPLICAS_MAX];
};

/* An addition that touches the words themselves, one step at a time (ticket_direct). */
struct sim_direct {
	bool busy;
	uint32_t counter;
	uint32_t
		step; /* marks of all backups, then their states; or as a mutation has it */
	uint64_t n;
	uint64_t v;
	uint64_t mark;
};

struct sim_client {
	struct cluster *cluster;
	struct sim_participant
		*participant; /* that asks for ends of the stream by it; NULL */
	uint32_t index;	      /* its row; its node comes after those of the replicas */
	uint64_t token;
	struct device *device;
	struct ticket_queue queues[COUNTERS];
	struct ticket slots[COUNTERS][DEPTH_MAX];
	uint64_t invoked[COUNTERS][OPERATIONS_MAX];
	/* base of the newest epoch that was active when it was invoked */
	uint64_t bases[COUNTERS][OPERATIONS_MAX];
	uint32_t submitted[COUNTERS];
	uint32_t returned[COUNTERS];
	uint64_t cookies[COUNTERS]; /* the queue's results come in order */
	struct link *links[CHAIN_MAX];
	uint32_t links_count;
	uint32_t tail;	      /* the replica that the last link is to */
	uint64_t stream_base; /* where the stream began in the epoch */
	bool linking;
	uint64_t linking_ns;
	uint64_t draining_ns; /* since when draws of an old epoch are waited for; or 0 */
	uint64_t epoch;	      /* the links are to this epoch's regions */
	bool failed;	      /* a link or an epoch was lost; ask */
	uint64_t state_in[COUNTERS][CHAIN_MAX];
	uint64_t ceiling_in[COUNTERS];
	uint64_t member_in[CHAIN_MAX]; /* states that a participant reads */
	uint64_t asked_ns;
	/*
	 * When its next round is on its way it is stopped for so long, or it loses its links
	 * and rests after some results.
	 */
	uint64_t ambush_ns;
	bool ambush_drop;
	bool ambush_lease; /* it rests until a lease that it holds is almost over */
	uint32_t ambush_results;
	uint64_t slept_ns;	 /* it submits nothing before */
	uint32_t counters_count; /* that it has opened */
	struct sim_direct direct;
	uint64_t direct_marked
		[COUNTERS]; /* all backups hold such a mark, stored directly */
	char addresses[CHAIN_MAX][MEMORY_ADDRESS_MAX];
	/* from the answer to a join, used when the links are up */
	uint64_t stands[COUNTERS];
	uint64_t ceilings[COUNTERS];
	uint64_t reserve[COUNTERS];
	uint64_t lease_ns;
	uint64_t stands_from;
};

enum parcel_kind {
	PARCEL_FREE,
	PARCEL_MESSAGE,	      /* between replicas */
	PARCEL_STORE_REQUEST, /* takes effect at the store */
	PARCEL_STORE_ANSWER,  /* reaches the replica */
	PARCEL_WATCH,
	PARCEL_SEAL, /* a step of sealing a region here */
	PARCEL_INSTALLED,
	PARCEL_JOIN,	  /* client to replica */
	PARCEL_JOINED,	  /* back */
	PARCEL_SUBSCRIBE, /* subscriber to replica */
	PARCEL_QUESTION,  /* participant to the tail */
	PARCEL_ANSWER,	  /* back */
};

struct sim_history {
	uint32_t count;
	uint64_t epochs[EPOCH_HISTORY];
	uint64_t froms[EPOCH_HISTORY];
	uint64_t stands[EPOCH_HISTORY][COUNTERS];
};

struct sim_joined {
	uint64_t epoch;
	uint64_t from; /* the client's epoch that stands are for */
	uint64_t lease_ns;
	uint32_t counters_count;
	uint32_t chain_count;
	uint32_t tail; /* the replica */
	char addresses[CHAIN_MAX][MEMORY_ADDRESS_MAX];
	uint64_t stands[COUNTERS];
	uint64_t ceilings[COUNTERS];
	uint64_t reserve_max[COUNTERS];
	/* for publishers */
	bool stream_known;
	uint64_t stream_base;
	char stream_inbox[MEMORY_ADDRESS_MAX]; /* at the head */
	char stream_words[MEMORY_ADDRESS_MAX]; /* at the tail */
};

/* What a subscriber asks of a replica. */
struct sim_subscribe {
	uint32_t subscriber;
	uint64_t generation; /* of its inbox */
	bool begun;	     /* it knows what is next; else: */
	uint32_t from;	     /* enum stream_from */
	uint64_t next;
	uint32_t mask; /* slots of its inbox, less one */
	char address[MEMORY_ADDRESS_MAX];
};

#define QUESTION_MAX 1024

/* A read at the tail, and its answer. */
struct sim_question {
	uint32_t participant;
	uint64_t serial;
	uint64_t epoch;
	uint64_t position; /* that the answer is from */
	uint32_t len;
	unsigned char bytes[QUESTION_MAX];
};

/* Whatever is on its way to a node. */
struct parcel {
	enum parcel_kind kind;
	uint32_t node;
	uint64_t life; /* replicas: it is for this life only; 0: any */
	uint32_t from; /* node */
	uint64_t epoch;
	uint32_t stage;
	bool head;
	bool write, blind, absent;
	enum epoch_written written;
	uint64_t revision;
	struct epoch_record record;
	struct epoch_message message;
	struct epoch_counter counters[COUNTERS];
	uint32_t names[COUNTERS];
	uint32_t wish; /* the write fulfils it; 0: none */
	uint32_t counters_count;
	uint64_t values[COUNTERS];
	struct sim_history history;
	struct sim_joined joined;
	struct sim_subscribe subscribe;
	struct sim_question question;
};

struct sim_store {
	bool present;
	uint64_t revision;
	struct epoch_record record;
	struct epoch_counter counters[COUNTERS];
	uint32_t names[COUNTERS]; /* 0: of those that were there from the beginning */
};

/* What every active epoch began with, for the checks. */
struct sim_epoch {
	uint64_t epoch;
	uint64_t bases[COUNTERS];
};

/* What a seed chooses, or a script. */
struct cluster_config {
	uint64_t seed;
	uint32_t replicas;
	uint32_t chain; /* replicas that are started first */
	uint32_t clients;
	uint32_t operations[COUNTERS]; /* of each client */
	uint32_t depth;
	uint64_t faults_ns;   /* faults happen until then */
	uint64_t reserve_max; /* of the second counter */
	uint64_t ceiling_ahead;
	uint64_t lease_ns;
	uint64_t detect_ns;
	uint32_t eagerness;   /* per thousand looks at its world, a client's additions */
	uint32_t reads;	      /* per thousand additions, those of nothing */
	uint32_t straggle;    /* per million packets, those that are late, */
	uint32_t straggle_ns; /*   by up to this */
	uint32_t drift_ppm;   /* clocks go so much too fast, or less, or not at all */
	uint32_t strangers;   /* bit per replica that does not ask to join by itself */
	bool direct;	      /* clients touch the words themselves where they may */
	bool sleepers;	      /* clients rest until just before their leases end */
	bool scripted;	      /* no faults but the script's */
	bool trace;
};

struct streams;

struct cluster {
	struct cluster_config config;
	struct streams *streams; /* NULL: counters only */
	struct random random;
	struct sim_world *world;
	struct region_layout layout;
	struct sim_replica replicas[REPLICAS_MAX];
	struct sim_client clients[CLIENTS_MAX];
	struct sim_store store;
	struct parcel parcels[PARCELS_MAX];
	uint32_t parcels_free[PARCELS_MAX];
	uint32_t parcels_free_count;
	uint64_t paused_until[SIM_NODES_MAX];
	uint64_t parted_until[SIM_NODES_MAX][SIM_NODES_MAX];
	uint64_t store_parted_until[REPLICAS_MAX];
	struct sim_epoch epochs[EPOCHS_MAX];
	uint32_t epochs_count;
	struct history_entry history[COUNTERS][CLIENTS_MAX * OPERATIONS_MAX];
	size_t history_count[COUNTERS];
	uint64_t gaps_allowed[COUNTERS];
	uint64_t confirmed[COUNTERS]; /* largest number that anybody was given */
	uint64_t gaps_found[COUNTERS];
	uint32_t drift_ppm[SIM_NODES_MAX];
	bool promised[NAMES + 1]; /* somebody was told that the counter of that name is */
	uint32_t wishes;	  /* for counters, ever */
	bool withdrawn[WISHES_MAX + 1]; /* somebody was told that this one is not made */
	uint64_t planned_from;		/* an epoch that a planned change ends; 0: none */
	bool recovering;		/* an operator gave up what memory there was */
	bool quiet;			/* the faults have stopped */
	uint64_t zombie_ns; /* when a head was cut off to see what becomes of leases */
	const char *wrong;  /* the first broken invariant, or NULL */
	uint64_t tokens;    /* sessions ever */
};

/* cluster.c */
/* @streams: streams.h, or NULL. */
void cluster_open(
	struct cluster *c, const struct cluster_config *config, struct streams *streams);
void cluster_close(struct cluster *c);
/* Lets time pass; false when an invariant broke. */
bool cluster_run(struct cluster *c, uint64_t ns);
/* Heals everything and waits for progress; NULL or what is wrong. */
const char *cluster_finish(struct cluster *c);
bool cluster_all_returned(const struct cluster *c);
uint64_t cluster_now(const struct cluster *c);
/* What the clock of @node shows; and when it will show @clock_ns. */
uint64_t cluster_clock(const struct cluster *c, uint32_t node);
uint64_t cluster_clock_when(const struct cluster *c, uint32_t node, uint64_t clock_ns);
uint64_t cluster_random(struct cluster *c, uint64_t below);
bool cluster_chance(struct cluster *c, uint32_t per_thousand);
void cluster_wrong(struct cluster *c, const char *what);
void cluster_trace(struct cluster *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint32_t cluster_client_node(const struct cluster *c, uint32_t client);
uint32_t cluster_nodes(const struct cluster *c);
/* Whether packets and messages pass. */
bool cluster_reaches(const struct cluster *c, uint32_t a, uint32_t b);
bool cluster_is_paused(const struct cluster *c, uint32_t node);

/* checks.c: what must hold when the record changes or a region is made, and at the end. */
void check_record(struct cluster *c, const struct parcel *request);
/* @r is about to make a region of @epoch. */
void check_install(struct sim_replica *r, uint64_t epoch);
const char *check_histories(struct cluster *c);

/* operators.c: people, who do not know whom to ask, and ask for several things at once. */
void operator_command(struct cluster *c);
/* Begins a cluster that is stopped.  False: it is not. */
bool operator_begin(struct cluster *c);
void operator_stop(struct cluster *c);
/* Says that all memory is lost, if that is so. */
bool operator_recover(struct cluster *c);
/* Changes the chain while nothing is wrong; at the latest now it must be faultless. */
bool operator_plan(struct cluster *c);
/* Asks a replica for a counter. */
void operator_create(struct sim_replica *r, uint32_t name);
uint64_t reserve_of_name(const struct cluster *c, uint32_t name);

/* faults.c */
void faults_begin(struct cluster *c);
void faults_end(struct cluster *c);
void fault_pause(struct cluster *c, uint32_t node, uint64_t ns);
/* The head dies with its memory, @ns from now. */
void fault_head(struct cluster *c, uint64_t ns);
void fault_part(struct cluster *c, uint32_t a, uint32_t b, uint64_t ns);
/* Nobody hears of it but clients. */
void fault_cut_off(struct cluster *c, uint32_t replica, uint64_t ns);
void fault_part_store(struct cluster *c, uint32_t replica, uint64_t ns);

/* network.c */
struct parcel *parcel_new(struct cluster *c, enum parcel_kind kind, uint32_t node);
void parcel_send(struct cluster *c, struct parcel *parcel, uint64_t delay_ns);
void network_send(struct sim_replica *from, const struct epoch_message *message);
uint64_t network_delay(struct cluster *c);

/* creation.c: a daemon's part in making counters, which have names. */
void creation_advance(struct sim_replica *r);
void creation_name(const struct sim_replica *r, struct parcel *write);
/* The store has taken it. */
void creation_check(struct cluster *c, const struct parcel *written);
/* A record with these names was read, or written. */
void creation_learn(struct sim_replica *r, const uint32_t *names, uint32_t count);

/* store.c */
void store_request(struct sim_replica *r, const struct epoch_effect *effect);
void store_apply(struct cluster *c, struct parcel *request);
void store_answer(struct sim_replica *r, const struct parcel *answer);

/* replica.c */
void replica_start(struct sim_replica *r);
void replica_crash(struct sim_replica *r, bool keeps_memory);
void replica_receive(struct sim_replica *r, struct parcel *parcel);
void replica_effects(struct sim_replica *r);
struct sim_region *replica_region(struct sim_replica *r, uint64_t epoch);
struct epoch_member replica_member(const struct sim_replica *r);
uint64_t replica_clock(const struct sim_replica *r);
/* Somebody tells it to begin the cluster. */
void replica_begin(struct sim_replica *r);
/* It holds memory of the newest active epoch, dead or alive. */
bool replica_holds_newest(const struct sim_replica *r);

/* regions.c */
void region_install(struct sim_replica *r, const struct epoch_record *record);
void region_retire(struct sim_replica *r, uint64_t epoch);
void region_free(struct sim_region *region);
void region_seal_step(struct sim_replica *r, struct parcel *parcel);
void region_keep(struct sim_replica *r);
void region_adopt(struct sim_replica *r);
uint64_t *region_word(struct sim_region *region, uint64_t offset);

/* join.c */
void client_ask(struct sim_client *k);
void client_linking_step(struct sim_client *k);
void client_links_close(struct sim_client *k);

/* direct.c */
bool direct_begin(struct sim_client *k, uint32_t counter, uint64_t n);
void direct_step(struct sim_client *k);
/* What was drawn goes to the queue, or with @dead to nobody. */
void direct_end(struct sim_client *k, bool dead);

/* client.c */
void client_start(struct sim_client *client);
void client_tick(struct sim_client *client);
void client_joined(struct sim_client *client, const struct sim_joined *joined);
/* Its links fail at once, and it comes back as soon as it can. */
void client_drop(struct sim_client *client);
/* Ends the session in the middle of whatever it does; another takes its row. */
void client_renew(struct sim_client *client);
void client_close(struct sim_client *client);
uint64_t client_clock(const struct sim_client *client);
/* All its queues know that their links, or their epoch, are over. */
void client_lost(struct sim_client *client);
void client_leave(struct sim_client *client);
void client_result(
	struct sim_client *client, uint32_t counter, const struct ticket_result *result);
/* Reads counter 0, the positions, for its participant.  False: not now. */
bool client_read(struct sim_client *client, uint64_t cookie);
/* Reads the state word of a member.  False: not now. */
bool client_state_read(struct sim_client *client, uint32_t member, uint32_t serial);
/* A backup is being sealed and @head is cut off: a good moment to rest with a lease. */
void client_rest(struct sim_client *client, uint32_t head);

#endif
