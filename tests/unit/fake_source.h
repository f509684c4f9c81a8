/*
 * A stream at fake replicas: the core's log in shared memory, lines of readers, feeding and an
 * archive, all on the fake's thread or under its lock.  Every replica decides alone, and the test
 * publishes the same at those that it names; so what they hold is the same as in a chain.
 */
#ifndef PAWL_TESTS_FAKE_SOURCE_H
#define PAWL_TESTS_FAKE_SOURCE_H

#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"
#include "sequencer/stream/places.h"
#include "tests/unit/fake_replica.h"

#define FAKE_READERS 8
#define FAKE_SLOTS 1024u
#define FAKE_SLOT_LEN 64u
#define FAKE_ROWS 4u
#define FAKE_MESSAGE_MAX 4096u
#define FAKE_ARCHIVE_MAX 65536u /* positions */

struct fake_reader {
	bool used;
	uint32_t subscriber;
	struct link *link; /* to its inbox; NULL: it reads in place */
	struct stream_feed feed;
	bool now; /* it began with what came after it */
};

struct fake_log {
	struct memory *log, *inbox;
	struct memory *words[FAKE_EPOCHS];
	struct stream_log machine;
	struct stream_inbox no_inbox; /* nobody comes before it in its chain */
	struct fake_reader readers[FAKE_READERS];
	unsigned char *archive; /* a slot per position; NULL: it has none */
	uint64_t archive_oldest;
	uint64_t archived;
	unsigned int subscribes;   /* seen, */
	unsigned int fed;	   /*   that wanted to be fed, */
	unsigned int unsubscribes; /*   and the other thing */
	int refusal;		   /* an errno for every Subscribe; 0: none */
	unsigned int refusals;	   /* ... for so many; 0: for all */
	atomic_bool feeds_nothing;
	atomic_bool answers_nothing; /* to a Subscribe, though there is a reader then */
};

struct fake_source {
	struct fake *fake;
	struct stream_limits limits;
	struct fake_log logs[FAKE_REPLICAS];
};

/* All living replicas have the stream from now on, in the epoch that they serve. */
void fake_source_begin(
	struct fake_source *stream, struct fake *fake, enum stream_archiving archiving);
void fake_source_end(struct fake_source *stream);

/* Replicas get words for @epoch; before they serve it. */
void fake_source_enter(struct fake_source *stream, uint64_t epoch);

/* The replica archives what it logs from now on. */
void fake_source_archive(struct fake_source *stream, unsigned int place);
/* It has lost what its archive had before @oldest. */
void fake_source_archive_cut(
	struct fake_source *stream, unsigned int place, uint64_t oldest);

/* A message of one slot with @position as its bytes, at all of @places (bits). */
void fake_source_put(struct fake_source *stream, unsigned int places, uint64_t position);
void fake_source_put_until(
	struct fake_source *stream, unsigned int places, uint64_t first, uint64_t last);
void fake_source_put_void(
	struct fake_source *stream, unsigned int places, uint64_t position);
/* A message of @slots slots full of 'x'. */
void fake_source_put_long(
	struct fake_source *stream, unsigned int places, uint64_t first, uint32_t slots);

/* What the reader's line says, as its owner sees it; @reader as in Subscribed. */
uint64_t fake_source_line(
	struct fake_source *stream, unsigned int place, uint32_t reader);

#endif
