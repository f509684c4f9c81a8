/*
 * Feeding an inbox: which run of a log's slots is written next into the memory of a successor or
 * a subscriber, and the words behind it (docs/protocol.md).
 *
 * A run is written with at most two writes: where the ring of the log or of the inbox ends, it
 * is split.  Then the words are written: up to where the inbox is filled, and where the log
 * begins by now.  The other side answers with the newest position that it needs no more.
 *
 * Y1  A slot of the inbox is not written again before the position that was in it is consumed.
 * Y2  The inbox's end is written behind the slots that it covers, on the same link.
 * Y3  What the log has no more is skipped, and the words say from where the log goes on.
 *
 * Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_FEED_H
#define PAWL_CORE_STREAM_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_slot.h"

#define STREAM_RUN_PARTS 2

/* What a feeder writes behind the slots. */
struct stream_fed {
	uint64_t end;	 /* slots up to here were written */
	uint64_t oldest; /* what is before and not there will not come */
};

/* At the begin of an inbox's memory; the slots follow. */
struct stream_inbox {
	struct stream_fed fed; /* the feeder's */
	uint64_t unused[6];
};

struct stream_feed {
	uint64_t slots; /* of the inbox */
	uint64_t sent;	/* slots up to here have been posted */
	uint64_t consumed;
	struct stream_fed told; /* newest words that were posted */
};

/* Slots @first to @first + count - 1, at consecutive places in both rings. */
struct stream_part {
	uint64_t first;
	uint32_t count;
};

struct stream_run {
	struct stream_part parts[STREAM_RUN_PARTS];
	uint32_t parts_count;
	uint64_t end;
};

/* An inbox of @slots that has everything up to @consumed. */
void stream_feed_init(struct stream_feed *feed, uint64_t slots, uint64_t consumed);

/* The link is another one, and nothing of the former can be written any more. */
void stream_feed_again(struct stream_feed *feed);

/* The other side needs nothing up to @consumed any more; it may be anything (clamped). */
void stream_feed_consumed(struct stream_feed *feed, uint64_t consumed);

/*
 * The other side has everything up to @position, which the log has too: what a former link brought
 * is not sent again, and more was consumed than this link has sent.
 */
void stream_feed_had(struct stream_feed *feed, uint64_t position);

/*
 * The next run out of a log of @log_slots that has @oldest to @limit; false: nothing may be
 * sent now.  At most @count_max slots.
 */
bool stream_feed_run(struct stream_feed *feed, uint64_t log_slots, uint64_t oldest,
	uint64_t limit, uint32_t count_max, struct stream_run *run_p);
/* All of its writes were posted. */
void stream_feed_run_posted(struct stream_feed *feed, const struct stream_run *run);

/* The words to write, if they are news (the first always are); then stream_feed_words_posted. */
bool stream_feed_words(
	const struct stream_feed *feed, uint64_t oldest, struct stream_fed *words_p);
void stream_feed_words_posted(struct stream_feed *feed, const struct stream_fed *words);

#endif
