/*
 * The stream of fake replicas: real memories and the core's log, driven by the fake's thread,
 * in chains of one or two.  The test decides: it changes epochs, holds the head back, and
 * spoils slots.
 *
 * Subscribers read in place, and begin at a position.
 *
 * There is one stream, at the place that its name has among the counters.
 */
#ifndef PAWL_TESTS_FAKE_STREAM_H
#define PAWL_TESTS_FAKE_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/control/message.h"
#include "sequencer/stream/places.h"
#include "tests/unit/fake_snapshots.h"

#define FAKE_STREAM_PLACES 4
#define FAKE_STREAM_EPOCHS 8

struct fake;
struct fake_replica;
struct fake_connection;

/* At one replica. */
struct fake_stream_member {
	struct memory *log_memory;
	struct memory *inbox;
	struct memory *words[FAKE_STREAM_EPOCHS]; /* by epoch */
	struct stream_log log;
};

struct fake_stream {
	bool made;
	uint32_t counter;
	uint64_t epoch; /* the logs are in; only members that serve it move on */
	uint64_t base;
	struct stream_limits limits;
	struct fake_stream_member members[FAKE_STREAM_PLACES];
	atomic_bool held;	/* the head takes nothing */
	atomic_bool tail_held;	/* nothing goes from head to tail */
	int refusal;		/* an errno for every OpenStream, or 0 */
	int row_refusal;	/* and for those that want a row */
	int snapshot_refusal;	/* for every snapshot that is told, or 0 */
	bool snapshot_lost;	/* they are not answered */
	unsigned int snapshots; /* told so far, */
	uint64_t snapshot;	/*   and the newest */
	struct fake_snapshots snapshots_at[FAKE_STREAM_PLACES];
	uint64_t tells_epoch; /* instead of its own; 0: it does not lie */
	bool forgets;	      /* publishers' names */
	unsigned int opened;  /* OpenStreams seen, */
	unsigned int rows;    /*   rows given */
	uint64_t publisher;   /* the newest that was given or presented */
};

/* The fake has a stream from now on; fake_end ends it. */
void fake_stream_begin(struct fake *fake);

/* Makes the stream in the newest epoch, before a handle opens it.  Limits of 0: as usual. */
void fake_stream_make(
	struct fake *fake, const char *name, const struct stream_limits *limits);

/*
 * Seals the epoch at its head, as at its other members, and prepares the next one: the logs of
 * @chain end at the base.  fake->base is set, and fake_install done; nobody serves it yet.
 */
void fake_stream_change(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain);

/* A slot in the inbox of the head at @place. */
unsigned char *fake_stream_slot(struct fake *fake, unsigned int place, uint64_t position);

/* What the log of @place has at @position; false: it is not there. */
bool fake_stream_read(struct fake *fake, unsigned int place, uint64_t position,
	struct stream_slot *slot_p, void *payload);
uint64_t fake_stream_length(struct fake *fake, unsigned int place);

#endif
