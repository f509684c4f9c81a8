/*
 * Replicas for tests of the client library: they speak control frames over Unix sockets and
 * serve real regions in shared memory, but decide nothing.  The test is the epoch machine:
 * it seals, serves, pushes and kills.
 *
 * Everything runs on a thread of the fake's own, but what the test calls here; a lock keeps
 * the two apart.  Words of regions are the test's to look at and to change at any time.
 */
#ifndef PAWL_TESTS_FAKE_REPLICA_H
#define PAWL_TESTS_FAKE_REPLICA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/control/message.h"
#include "sequencer/core/region.h"
#include "tests/unit/fake_stream.h"

#define FAKE_REPLICAS 4
#define FAKE_CONNECTIONS 16
#define FAKE_COUNTERS 300
#define FAKE_EPOCHS 8

/* How a replica answers a Join. */
enum fake_mood {
	FAKE_SERVES,	/* as what it serves */
	FAKE_ELSEWHERE, /* it serves nobody, and names the newest chain */
	FAKE_REFUSES,	/* with the errno in refusal */
	FAKE_SILENT,	/* not at all */
};

struct fake_connection {
	int fd;
	bool joined;
	uint8_t in[16384];
	size_t in_used;
};

struct fake_epoch {
	uint64_t epoch;
	unsigned int count;
	unsigned int chain[FAKE_REPLICAS]; /* places in replicas[] */
};

struct fake_replica {
	uint32_t id;
	uint64_t incarnation;
	char path[100]; /* of its socket */
	char also[100]; /* another address that the chain names before this one, or "" */
	int listener;	/* -1: dead */
	enum fake_mood mood;
	int refusal;
	struct fake_epoch serves;	     /* what it tells; epoch 0: nothing yet */
	struct memory *regions[FAKE_EPOCHS]; /* by epoch */
	struct fake_connection connections[FAKE_CONNECTIONS];
	unsigned int joins;    /* seen */
	uint64_t newest_token; /* that a Join brought */
	uint32_t sessions;     /* given */
};

struct fake;

/* What a test adds to its replicas (fake_source.h).  Called with the lock held. */
struct fake_extra {
	/* True: it has answered the request. */
	bool (*request)(struct fake *fake, struct fake_replica *r,
		struct fake_connection *c, const Control__Request *request);
	/* Once in every turn of the fake's thread. */
	void (*turn)(struct fake *fake);
	/* When the thread has ended; may be NULL. */
	void (*end)(struct fake *fake);
	void *context;
};

struct fake {
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool over;
	char directory[64];
	struct device *device;
	uint64_t instance;
	uint64_t lease_ns;
	struct fake_replica replicas[FAKE_REPLICAS];
	struct fake_epoch newest;
	char names[FAKE_COUNTERS][COUNTER_NAME_MAX + 1];
	unsigned int names_count;
	/* What the head says about every counter. */
	uint64_t base, stand, ceiling, reserve_max, jump;
	uint64_t newest_from_epoch; /* that an OpenCounter brought */
	struct fake_stream stream;
	struct region_layout layout;
	struct fake_extra extra;
};

/* Replicas 1 to @count live; epoch 1 is served by the first @chain of them. */
void fake_begin(struct fake *fake, unsigned int count, unsigned int chain);
void fake_end(struct fake *fake);

/* "unix:PATH" of the replica at place @place. */
const char *fake_address(const struct fake *fake, unsigned int place);

/* A word of a region, as its owner sees it. */
_Atomic uint64_t *fake_word(
	struct fake *fake, unsigned int place, uint64_t epoch, uint64_t offset);
/* The word of counter 0 at a head; the mark of session @row for it at a backup. */
_Atomic uint64_t *fake_counter(struct fake *fake, unsigned int place, uint64_t epoch);
_Atomic uint64_t *fake_mark(
	struct fake *fake, unsigned int place, uint64_t epoch, uint32_t row);

/* Seals a region as its owner would, as head or as backup. */
void fake_seal(struct fake *fake, unsigned int place, uint64_t epoch);

/*
 * A chain of @count places gets regions for @epoch whose counters begin at fake->base; it is
 * the newest from now on.  Nobody is told, and nobody serves it, yet.
 */
void fake_install(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain);
/* The replica serves the newest epoch from now on; @push: and says so. */
void fake_serve(struct fake *fake, unsigned int place, bool push);
/* fake_install, then every member serves and pushes. */
void fake_change(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain);

/* Closes its connections; a dead one also stops to listen. */
void fake_hang_up(struct fake *fake, unsigned int place);
void fake_kill(struct fake *fake, unsigned int place);
void fake_revive(struct fake *fake, unsigned int place, uint64_t incarnation);
void fake_mood_set(
	struct fake *fake, unsigned int place, enum fake_mood mood, int refusal);
/* Says goodbye on every connection. */
void fake_goodbye(struct fake *fake, unsigned int place);
/* Joins that the replica has seen. */
unsigned int fake_joins(struct fake *fake, unsigned int place);

#endif
