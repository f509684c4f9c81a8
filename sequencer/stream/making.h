/*
 * Making the memory of streams while the loop goes on.  To give a file its pages takes half a
 * millisecond for every MiB, and to expose it takes longer than that where a card pins it: with
 * rings of a GiB that is seconds, in which the loop has to answer others.  So a thread does both,
 * and hands the memory over when all of it is there.
 *
 * L1  From making_begin until making_end what is to be made belongs to the maker, and afterwards
 *     to the loop.  Nobody was told of it in between.
 * L2  A stream has one making at a time.  What was made and is not wanted any more is the loop's
 *     to remove.
 * L3  If anything fails, the first reason is told, and what was made until then is handed over to
 *     be removed.
 */
#ifndef PAWL_STREAM_MAKING_H
#define PAWL_STREAM_MAKING_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/stream/spare.h"
#include "sequencer/stream/stretch.h"

enum making_state {
	MAKING_NONE,
	MAKING_WAITS, /* for its turn */
	MAKING_RUNS,
	MAKING_DONE,
};

struct making_part {
	struct stretch stretch; /* no path: not wanted */
	uint64_t len;
};

#define MAKING_PART_EMPTY ((struct making_part){.stretch = STRETCH_EMPTY})

/* One stream's; state, next and given_up are under the maker's mutex. */
struct making {
	struct making *next;
	enum making_state state;
	bool given_up; /* nothing more of it is begun */
	struct device *device;
	struct spare *spare; /* becomes the words, if it is as long */
	struct making_part log, inbox, words;
	int rc;
	struct error err;
};

struct maker_config {
	const struct stretch_common *common; /* lives as long as the maker, as do */
	struct spare_maker *spares;	     /* these */
	void (*done)(void *context);	     /* on the maker's thread: one is done */
	void *context;
};

struct maker;

/* -ENOMEM, -EAGAIN: no thread. */
int maker_start(const struct maker_config *config, struct maker **maker_p,
	struct error *err) __attribute__((warn_unused_result));
/* Nothing is being made any more. */
void maker_stop(struct maker *maker);

/*
 * Makes the parts that have a name, one stream after another.  The device may be used by its
 * thread meanwhile (M10 of hw/memory.h).
 */
void making_begin(struct maker *maker, struct making *making);

/* False: it is not done yet.  True: it is the loop's again, and making->rc says how it went. */
bool making_end(struct maker *maker, struct making *making);

/*
 * It is the loop's again, done or not.  Waits for the end of the part that is being made, which
 * may take seconds.
 */
void making_give_up(struct maker *maker, struct making *making);

/* Removes what was made; the device belongs to the caller. */
void making_remove(struct making *making);

#endif
