/*
 * The cluster record: the one value that a cluster keeps in its configuration store
 * (docs/protocol.md).  Here it is a structure, its limits, and its text (JSON), in
 * which it travels.  It knows nothing of stores.
 *
 * What holds of every record (record_validate):
 *  R1  The cluster and the counters have valid names, and no two counters share one.
 *  R2  The instance, the proposer and its incarnation are not 0, the epoch is 1 to
 *      2^63 - 1, and the lease is at most 2^63 - 1 ns.
 *  R3  An active record's newest active epoch is its own; a preparing record's is older;
 *      a stopped record's is not newer.
 *  R4  A chain has up to CHAIN_MAX members.  Ids are 1 to 65535 and no two members of a
 *      chain share one; incarnations are not 0.  The chain is empty only in a stopped
 *      record.  The former chain of an active record is the chain itself, member by
 *      member and life by life; that of a stopped record, and of one that never had an
 *      active epoch, is empty.  That of a preparing record may be: it then follows a
 *      stopped one.
 *  R5  There are at most counters_max counters, which is at most COUNTERS_MAX, and
 *      sessions_max is at most SESSIONS_MAX; both are 1 or more.
 *  R6  A counter's base is no higher than its ceiling, or recovering from the ceiling
 *      would give out numbers again.  What stands is no higher than the base.  All of
 *      them and reserve_max are below COUNTER_LIMIT.
 *  R7  All text is printable ASCII.
 *  R8  There are at most STREAMS_MAX streams, with valid limits.  Nobody reserves in advance on
 *      a stream's counter.
 */
#ifndef PAWL_STORE_RECORD_H
#define PAWL_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/stream_limits.h"

#define RECORD_FORMAT 2
#define RECORD_CONTROLS_MAX 4  /* control addresses of one member */
#define RECORD_CONTROL_LEN 129 /* bytes of one, with its terminator */
#define RECORD_PATH_LEN 256    /* bytes of a memory path, with its terminator */
#define RECORD_TRANSPORT_LEN 16
#define RECORD_CEILING_MAX (COUNTER_LIMIT - 1)

enum record_phase {
	RECORD_PREPARING, /* claimed: steps 1 to 4 of the change of epoch */
	RECORD_ACTIVE,	  /* numbers are given out in this epoch */
	RECORD_STOPPED,	  /* nobody serves; the bases are final */
};

struct record_member {
	uint16_t id;
	uint64_t incarnation; /* random for each life of a replica, not 0 */
	char transport[RECORD_TRANSPORT_LEN];
	char controls[RECORD_CONTROLS_MAX][RECORD_CONTROL_LEN]; /* where to reach it */
	unsigned int controls_count;
	char memory[MEMORY_ADDRESS_MAX];   /* the address of its region, or "" */
	char memory_path[RECORD_PATH_LEN]; /* its region's file, or "" */
};

struct record_counter {
	char name[COUNTER_NAME_MAX + 1];
	uint64_t base;	      /* it goes on from here in this epoch */
	uint64_t stand;	      /* tickets of the epoch before stand up to here */
	uint64_t ceiling;     /* no number above it has been given out */
	uint64_t reserve_max; /* how far a session may write its mark ahead; 0: dense */
	struct stream_limits stream; /* slot_len 0: it is a counter */
};

struct record {
	char cluster[CLUSTER_NAME_MAX + 1];
	uint64_t instance; /* random, made with the cluster; tells it from a namesake */
	uint64_t epoch;
	/*
	 * The newest epoch that became active, 0 for none.  A member whose own newest
	 * active epoch is another one has been voted out without seeing it and must not
	 * claim.
	 */
	uint64_t active_epoch;
	enum record_phase phase;
	uint16_t proposer;
	uint64_t proposer_incarnation;
	struct record_member chain[CHAIN_MAX]; /* of @epoch, head first */
	unsigned int chain_count;
	struct record_member former[CHAIN_MAX]; /* of @active_epoch: who may claim */
	unsigned int former_count;
	uint64_t lease_ns; /* of the whole cluster; 0: no reserve mode */
	uint32_t counters_max;
	uint32_t sessions_max;
	uint32_t counters_count;
	struct record_counter *counters; /* room for counters_max; owned */
};

/*
 * An empty record with room for @counters_max counters (1 to COUNTERS_MAX); everything
 * else is 0.  -ENOMEM.  -EINVAL.
 */
int record_init(struct record *record, uint32_t counters_max, struct error *err)
	__attribute__((warn_unused_result));
void record_free(struct record *record);

/* -EINVAL: a rule above is broken, and @err tells which. */
int record_validate(const struct record *record, struct error *err)
	__attribute__((warn_unused_result));

/* Of a chain, the member with this id, or NULL.  The counter with this name, or NULL. */
const struct record_member *record_member(
	const struct record_member *members, unsigned int count, uint16_t id);
struct record_counter *record_counter(const struct record *record, const char *name);

/* "preparing", "active" or "stopped". */
const char *record_phase_name(enum record_phase phase);

/*
 * A valid record as text, at most STORE_VALUE_MAX bytes, to be freed by the caller.
 * -EINVAL: it is not valid.  -ENOMEM.
 */
int record_encode(const struct record *record, char **text_p, size_t *len_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Reads text that anybody may have written.  The record is valid and to be freed by
 * record_free.  -EBADMSG: not a record, or one that breaks a rule.  -EPROTONOSUPPORT: a
 * record in a format that this version does not know.  -ENOMEM.
 */
int record_decode(const void *text, size_t len, struct record *record_p,
	struct error *err) __attribute__((warn_unused_result));

#endif
