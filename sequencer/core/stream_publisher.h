/*
 * The publisher machine: one publisher's messages to one stream (docs/protocol.md).
 *
 * A message takes as many positions in a row as it has slots.  They are *drawn* with a
 * fetch-add on the head's counter word, for several messages at once; the slots are *written*
 * into the head's inbox; and the message is *acknowledged* when the publisher's entry at the
 * tail shows its id.  One that met a void, or an epoch that ended, is drawn again, and so are
 * all behind it, in order.
 *
 * The machine does no I/O.  It names the next effect it wants (stream_publisher_next), the
 * driver posts it and says so (stream_publisher_posted), and feeds what comes back into
 * stream_publisher_on_draw and stream_publisher_on_words.  Draws come back in the order in
 * which they were posted.  The driver keeps the payloads until their messages are taken.
 *
 * A1  Ids grow by one in order of submission, and a message keeps its id whatever happens.
 * A2  A message is acknowledged only when the entry at the tail shows its id, or a later one.
 * A3  A message is drawn again only when the commit point has passed every position drawn for
 *     it and those behind it in this epoch (or the base, when the epoch ended), and the entry
 *     has not reached it.
 * A4  A slot is written only to a position drawn in the present epoch, and not farther than one
 *     slot less than the ring behind the commit point.
 * A5  Counts only grow: taken <= acked <= submitted and acked <= written <= drawn <= posted <=
 *     submitted.
 * A6  An entry that does not know what was acknowledged ends the publisher: the stream has lost
 *     its table, and what became of the messages in flight nobody knows.
 *
 * A publisher belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_PUBLISHER_H
#define PAWL_CORE_STREAM_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_table.h"

#define STREAM_PUBLISHER_DEPTH_MAX 65536

enum stream_publisher_phase {
	STREAM_PUBLISHER_IDLE,	    /* no epoch yet */
	STREAM_PUBLISHER_RESOLVING, /* asking the tail what became of messages in flight */
	STREAM_PUBLISHER_OPEN,
	STREAM_PUBLISHER_SUSPENDED, /* the epoch is over for it */
	STREAM_PUBLISHER_LOST,	    /* the stream does not know it any more (A6) */
};

enum stream_outcome {
	STREAM_ACKNOWLEDGED, /* it is in the stream for ever, once */
	STREAM_UNKNOWN,	     /* it may be, or not */
};

struct stream_message {
	uint64_t cookie;
	uint64_t first; /* its first position, once drawn; 0 */
	uint32_t slots;
	uint32_t written; /* slots of it that have been posted */
	uint32_t
		together; /* messages that were drawn at once, kept in the first of them */
	uint64_t epoch;	  /* of @first */
};

enum stream_publisher_effect_kind {
	STREAM_DRAW,  /* fetch-add @n on the head's counter word */
	STREAM_WRITE, /* slot @part of message @id into the head's inbox at @position */
	STREAM_READ,  /* at the tail: read the commit point, then the own entry */
};

struct stream_publisher_effect {
	enum stream_publisher_effect_kind kind;
	uint64_t n;
	uint64_t id; /* STREAM_DRAW: the first of @together messages */
	uint64_t cookie;
	uint64_t position;
	uint32_t part;
	uint32_t together;
	uint8_t flags; /* of the slot */
};

struct stream_publisher_result {
	uint64_t id;
	uint64_t cookie;
	uint64_t position; /* of its last slot; 0: not known */
	enum stream_outcome outcome;
};

struct stream_publisher {
	enum stream_publisher_phase phase;
	uint64_t
		publisher; /* incarnation and row: stream_publisher_name; 0: not known yet */
	uint64_t epoch;
	uint32_t ring_slots;
	uint32_t mask;
	uint32_t depth;
	uint64_t taken; /* ids up to here: results handed out, */
	uint64_t acked;
	uint64_t written; /*   all slots posted, */
	uint64_t drawn;	  /*   draws come back, */
	uint64_t posted;  /*   draws posted */
	uint64_t submitted;
	uint64_t commit;  /* newest commit point heard of in this epoch */
	uint64_t settled; /* what is in flight is decided when the commit point is here */
	uint64_t newest;  /* largest position drawn in this epoch */
	bool reading;
	bool redoes;	/* a void was met: no more draws until the rest is decided */
	uint64_t voids; /* times that messages were drawn again, for a void or an epoch */
	struct stream_message *messages;
};

/*
 * @messages: @depth of them, a power of two, the caller's.  @publisher: stream_publisher_name, or
 * 0 if the stream has not said it yet; then it is said before the first epoch is entered.
 */
void stream_publisher_init(struct stream_publisher *p, uint64_t publisher,
	struct stream_message *messages, uint32_t depth);
void stream_publisher_named(struct stream_publisher *p, uint64_t publisher);

/*
 * Begins an epoch, or goes on in the same one over new links; nothing is in flight on the old
 * ones any more as far as this side can see.  @base: where the epoch began.
 */
void stream_publisher_enter(
	struct stream_publisher *p, uint64_t epoch, uint64_t base, uint32_t ring_slots);

/* A link failed, or a newer epoch is known. */
void stream_publisher_on_lost(struct stream_publisher *p);

/* False: @depth messages are waiting, or there are no more ids.  1 <= @slots. */
bool stream_publisher_submit(struct stream_publisher *p, uint32_t slots, uint64_t cookie,
	uint64_t *id_p) __attribute__((warn_unused_result));

/* True while stream_publisher_submit would say no. */
static inline bool stream_publisher_is_full(const struct stream_publisher *p)
{
	return p->submitted - p->taken == p->depth || p->submitted == STREAM_ID_MAX;
}

/* True when the machine wants something posted now. */
bool stream_publisher_next(
	const struct stream_publisher *p, struct stream_publisher_effect *effect_p);
void stream_publisher_posted(
	struct stream_publisher *p, const struct stream_publisher_effect *effect);

/* The oldest posted draw came back with @v. */
void stream_publisher_on_draw(struct stream_publisher *p, uint64_t v);

/* The read came back; @commit was read before @entry. */
void stream_publisher_on_words(
	struct stream_publisher *p, uint64_t commit, uint64_t entry);

/* Nobody asks any more what became of messages in flight: each result will be STREAM_UNKNOWN. */
void stream_publisher_abandon(struct stream_publisher *p);

/* What became of message @id, which has not been taken.  False: it is not decided yet. */
bool stream_publisher_peek(const struct stream_publisher *p, uint64_t id,
	struct stream_publisher_result *result_p);

/* The next result in order of submission. */
bool stream_publisher_take(
	struct stream_publisher *p, struct stream_publisher_result *result_p);

#endif
