/*
 * A stream in the simulated cluster: replicas, publishers and subscribers run their real core
 * code (sequencer/core/stream_*.h) beside the counters, over the same memory, network and time,
 * with rings so small that they wrap all the time.
 *
 * The position counter is the cluster's counter 0.  What a message holds follows from who
 * published it and its id, so that everybody who reads one can check it.
 */
#ifndef PAWL_TESTS_SIM_STREAMS_H
#define PAWL_TESTS_SIM_STREAMS_H

#include "sequencer/core/stream_log.h"
#include "sequencer/core/stream_publisher.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/stream_subscriber.h"
#include "sequencer/stream/hold.h"
#include "tests/sim/cluster.h"

#define STREAM_COUNTER 0
#define PUBLISHERS_MAX 5
#define SUBSCRIBERS_MAX 5
#define SIM_RING_MAX 32
#define SIM_SLOT_MAX 256 /* bytes */
#define STREAM_DEPTH 8
#define STREAM_PARTS_MAX 6 /* slots of the longest message */
#define TRUTH_MAX 8192	   /* positions of one seed */
#define IDS_MAX 512	   /* messages of one publisher's life */
#define STREAM_LIVES_MAX 128
#define WIRE_DEPTH 32

/* So long a session lasts after its subscriber was heard last. */
#define STREAM_SESSION_NS 1500000

/* What links of streams present: below are those of clients. */
#define STREAM_TOKEN_PUBLISHER (UINT64_C(1) << 40)
#define STREAM_TOKEN_CHAIN (UINT64_C(1) << 41)

/* A link that is made again whenever it fails. */
struct wire {
	struct link *link;
	bool up;
	bool fresh; /* it has just come up */
	uint64_t since_ns;
	uint32_t flight;
	char address[MEMORY_ADDRESS_MAX];
};

/* A subscriber that reads at a replica. */
struct stream_fed_one {
	bool active;
	bool in_place;	     /* else it is fed */
	uint64_t generation; /* of its subscription */
	uint64_t consumed;
	struct stream_feed feed;
	struct wire wire;
	uint64_t
		gone_ns; /* since then it has left, or can not be reached; 0: it is there */
};

struct stream_replica {
	struct memory *memory; /* for the log; NULL: the process is dead */
	void *bytes;	       /* the log's, there; NULL: none has been made */
	void *remains;	       /* of a process that died */
	bool lost;
	uint64_t serial; /* of its contents: another one after every loss */
	struct stream_log log;
	struct memory *inbox;  /* that publishers write, in whatever epoch */
	struct memory *reused; /* a backup's, as the broken rule has it */
	struct wire successor, predecessor;
	struct stream_fed_one fed[SUBSCRIBERS_MAX];
	struct stream_hold hold;
	uint64_t known_ns;   /* the head knows what was released here then */
	uint64_t telling_ns; /* the predecessor does */
	uint64_t fed_seen;   /* newest end of its inbox, over the same link */
	uint64_t from;	     /* the epoch whose log its own goes on from; 0: none */
	struct stream_fill *fill;
	uint64_t fill_epoch;
	uint64_t filled; /* up to here it may be ahead of the commit point */
	struct stream_follow *follow;
	uint64_t follow_epoch;
	uint64_t checked; /* positions up to here were compared with the truth */
};

struct sim_participant;
struct stores;

struct sim_publisher {
	struct cluster *cluster;
	struct sim_participant *participant; /* whose it is; NULL: nobody's */
	uint32_t index;
	uint32_t life; /* place in streams.lives */
	struct device *device;
	struct stream_publisher machine;
	struct stream_message messages[STREAM_DEPTH];
	struct wire counter, inbox, words; /* at the head, the head, the tail */
	uint64_t epoch;			   /* that the wires are for */
	uint64_t base;
	bool linking;
	bool entered;
	uint64_t asked_ns, linking_ns, rests_ns;
	uint64_t words_in[2];
	uint64_t draws_ns[64]; /* when draws in flight were posted */
	uint32_t draws_first, draws_count;
	uint32_t wanted; /* messages yet to be submitted */
	bool ambush;	 /* it rests between its next draw and its writes */
	uint64_t acked_total;
};

/* Bytes of a message, in streams.texts. */
struct stream_text {
	uint32_t at;
	uint32_t len;
};

/* One life of a publisher, for the checks. */
struct stream_life {
	struct stream_text *texts; /* by id; NULL: what it says follows from ids */
	uint64_t name;
	uint64_t submitted;
	uint64_t acked;
	uint64_t positions[IDS_MAX]; /* where acknowledged messages are said to be */
};

/* How long nothing of a stream that blocks may be lost to a subscriber (stream_guard.c). */
struct sim_guard {
	bool registered; /* at the replica that it reads from, */
	bool known;	 /*   and the head knows */
	bool lapsed; /* it was lapped, and the replica has not heard that it goes on */
	uint64_t registered_ns;
	uint64_t until_ns; /* covered for so long */
	uint32_t replica;  /* whose session it is that covers */
	uint64_t life;
	uint64_t unguarded; /* what is up to here may be lost */
};

struct sim_subscriber {
	struct cluster *cluster;
	struct sim_participant *participant; /* whose it is; NULL: nobody's */
	uint32_t index;
	struct device *device;
	struct stream_subscriber machine;
	bool in_place;
	bool voids;
	bool placed;	   /* it knows where it begins */
	uint32_t laziness; /* per thousand looks that it does not take */
	uint64_t begins_ns;
	uint64_t wanted; /* by a participant: from here on */
	uint64_t generation;
	uint64_t attached_ns;
	uint64_t asked_ns;
	uint64_t last;	/* of what was delivered or lost; */
	uint64_t start; /* deliveries may begin inside a message after this */
	struct sim_guard guard;
	uint32_t replica; /* that it reads from, or is fed by, and in which life */
	uint64_t life;
	uint64_t epoch;
	uint64_t serial;
	struct memory *inbox;
	uint32_t inbox_mask;
	struct wire ack;
	uint64_t acked;
	/* of a reader in place: a copy that is made in two steps */
	bool half;
	uint64_t half_position;
	_Alignas(64) unsigned char copy[SIM_RING_MAX * SIM_SLOT_MAX];
	_Alignas(64) unsigned char slot[SIM_SLOT_MAX];
	unsigned char buffer[STREAM_PARTS_MAX * (SIM_SLOT_MAX - STREAM_SLOT_HEADER)];
};

/* What is at a position, once it is committed. */
struct stream_truth {
	bool known;
	uint8_t flags;
	uint64_t publisher;
	uint64_t id;
	uint64_t epoch;
};

struct stream_void {
	uint64_t epoch;
	uint64_t ns;
	bool hole;
};

struct streams {
	struct cluster *cluster;
	struct stores *stores; /* stores.h; NULL: there is no storage on it */
	unsigned char *texts;
	uint32_t publishers_count, subscribers_count;
	uint32_t ring; /* slots */
	uint32_t slot_len;
	uint64_t hole_ns;
	uint64_t grace_ns; /* for subscribers of a member that is lost */
	bool block;	   /* subscribers are waited for */
	bool calm;	   /* nothing goes wrong */
	bool follows;	   /* who is outside copies the log meanwhile */
	bool plans; /* people change the chain once all is well: what hangs goes on */
	uint32_t eagerness;
	uint32_t long_messages; /* per thousand */
	uint32_t torn;		/* per thousand writes, those that arrive in two parts */
	struct stream_replica replicas[REPLICAS_MAX];
	struct sim_publisher publishers[PUBLISHERS_MAX];
	struct sim_subscriber subscribers[SUBSCRIBERS_MAX];
	struct stream_life lives[STREAM_LIVES_MAX];
	uint32_t lives_count;
	struct stream_truth truth[TRUTH_MAX];
	struct stream_void voids[TRUTH_MAX]; /* as heads made them */
	uint64_t committed;		     /* largest that any replica knew */
	uint64_t acked;			     /* largest position that was acknowledged */
	uint64_t overwritten;		     /* newest position that a head has no more */
	uint64_t loss; /* everything up to here may be gone: an operator said so */
	uint64_t serials;
	uint64_t newest_epoch; /* that its head has entered, */
	struct epoch_chain newest_chain;
	uint64_t deliveries;
	uint64_t holes, refused, gone; /* for those who look at traces */
};

/* streams.c */
struct streams *streams_choose(uint64_t seed, struct cluster_config *config);
void streams_open(struct cluster *c);
void streams_close(struct cluster *c);
uint32_t streams_nodes(const struct cluster *c);
bool streams_done(const struct cluster *c);
void streams_tell(struct cluster *c);
uint64_t streams_progress(const struct cluster *c);
void streams_joined(struct cluster *c, uint32_t node, const struct sim_joined *joined);

/* stream_wire.c */
/* True: it can be used now.  @address: where to; an empty one ends it. */
bool wire_tend(struct wire *w, struct cluster *c, struct device *device,
	const char *address, uint64_t token);
void wire_close(struct wire *w);
/* Takes completions; false: it failed, and is closed. */
bool wire_collect(
	struct wire *w, void (*done)(void *, const struct completion *), void *context);
bool wire_has_room(const struct wire *w, uint32_t operations);
bool wire_write(struct wire *w, uint64_t offset, const void *bytes, size_t len);

/* stream_replica.c: the thread that serves streams */
void stream_replica_tick(struct sim_replica *r);
void stream_wires_close(struct stream_replica *sr);
/* True: the whole run was posted. */
bool stream_run_post(struct wire *w, const struct stream_log *log,
	const struct stream_run *run, uint32_t mask);
void stream_fed_post(struct wire *w, struct stream_feed *feed, uint64_t oldest);

/* stream_readers.c: the subscribers of a replica */
uint64_t stream_readers_len(const struct streams *s);
uint64_t stream_line_offset(const struct sim_subscriber *k);
void stream_replica_subscribe(struct sim_replica *r, const struct parcel *parcel);
/* It begins to read in place. */
void stream_replica_read(struct sim_replica *r, struct sim_subscriber *k);
/*   and says how far it is. */
void stream_replica_line(const struct sim_subscriber *k);
void stream_readers_feed(struct sim_replica *r);
void stream_readers_enter(struct sim_replica *r, uint32_t place);
/* The replica dies. */
void stream_readers_forget(struct sim_replica *r);
uint64_t stream_waited_for(struct sim_replica *r);

/* stream_guard.c: who must not be lapped */
void stream_guard_begin(struct sim_subscriber *k);
void stream_guard_registered(struct sim_subscriber *k);
void stream_guard_left(struct sim_subscriber *k);
void stream_guard_forgotten(
	const struct sim_replica *r, struct sim_subscriber *k, uint64_t generation);
void stream_guard_told(struct sim_replica *r, const struct sim_replica *predecessor);
void stream_guard_entered(struct sim_replica *r);
void stream_guard_nobody(struct cluster *c);
/* The replica waits for it, as far as it knows. */
void stream_guard_awaited(const struct sim_replica *r, struct sim_subscriber *k);
/* Whether it may have lost what begins at @first. */
bool stream_guard_allows(struct sim_subscriber *k, uint64_t first);

/* stream_epochs.c: changes of the chain, as a daemon carries them out */
bool stream_admit(struct sim_replica *r, const struct memory *memory, uint64_t token,
	bool *known_p);
void stream_start(struct sim_replica *r);
void stream_install(struct sim_replica *r, struct sim_region *region);
bool stream_prepared(struct sim_replica *r, uint64_t epoch);
void stream_serve(struct sim_replica *r);
void stream_ceiling(struct sim_replica *r, uint64_t epoch);
void stream_retire(struct sim_replica *r, uint64_t epoch);
void stream_seal(struct sim_replica *r, uint64_t epoch);
uint64_t stream_length(struct sim_replica *r, uint64_t epoch);
void stream_crash(struct sim_replica *r);
void stream_join_answer(struct sim_replica *r, struct sim_joined *joined);
struct stream_words *stream_words_of(const struct sim_region *region);

/* stream_copies.c: reading logs of others */
/* True: the log ends at the base. */
bool stream_fill_tick(
	struct sim_replica *r, uint64_t from, uint64_t epoch, uint64_t base);
void stream_follow_tick(struct sim_replica *r);
void stream_fill_leave(struct stream_replica *sr);
void stream_follow_leave(struct stream_replica *sr);
/* A log outside the chain has what is committed, and its table. */
void check_followed(struct sim_replica *r);
/* The table is that of the log's end. */
void check_table(struct sim_replica *r);

/* stream_publishers.c */
void publisher_start(struct sim_publisher *p);
void publisher_tick(struct sim_publisher *p);
void publisher_joined(struct sim_publisher *p, const struct sim_joined *joined);
/* Its process dies, and another takes its row. */
void publisher_renew(struct sim_publisher *p);
void publisher_close(struct sim_publisher *p);
/* A message of these bytes.  False: there is no room for it, or the stream does not know it any more. */
bool publisher_say(
	struct sim_publisher *p, const void *bytes, uint32_t len, uint64_t *id_p);
/* The stream has lost what it knew of it. */
void publisher_forgotten(struct sim_publisher *p);
uint32_t publisher_node(const struct cluster *c, uint32_t index);

/* stream_subscribers.c */
void subscriber_start(struct sim_subscriber *k);
void subscriber_tick(struct sim_subscriber *k);
void subscriber_close(struct sim_subscriber *k);
/* It dies, and another begins. */
void subscriber_renew(struct sim_subscriber *k);
/* The same for a participant's, which wants everything from @position on. */
void subscriber_restart(struct sim_subscriber *k, uint64_t position);
bool subscriber_at_end(const struct sim_subscriber *k);
uint32_t subscriber_node(const struct cluster *c, uint32_t index);

/* stream_checks.c */
uint32_t message_slots(const struct streams *s, uint64_t publisher, uint64_t id);
uint32_t message_part_len(
	const struct streams *s, uint64_t publisher, uint64_t id, uint32_t part);
void message_part_fill(const struct streams *s, uint64_t publisher, uint64_t id,
	uint32_t part, unsigned char *to);
/* A replica's log, as far as it is committed, is what everybody else's is. */
void check_committed(struct sim_replica *r);
/* A member enters an epoch with all that heads had left of what was before it. */
void check_entered(struct sim_replica *r);
/* What a backup's inbox says that it has is there. */
void check_inbox(struct sim_replica *r);
/* A head has just logged what is new since @from. */
void check_decided(struct sim_replica *r, uint64_t from, uint64_t holes);
void check_acked(struct sim_publisher *p, const struct stream_publisher_result *result);
void check_drawn(
	struct sim_publisher *p, uint64_t first, uint64_t last, uint64_t posted_ns);
void check_delivery(struct sim_subscriber *k, const struct stream_delivery *d);
void check_stream_base(struct cluster *c, uint64_t epoch, uint64_t base);
const char *check_streams(struct cluster *c);

#endif
