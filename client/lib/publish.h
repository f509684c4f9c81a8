/*
 * The publishing half of a stream: the core's publisher machine between the caller's messages
 * and the memory of head and tail.
 *
 *     publish.c         what people call: submitting, and taking results
 *     publish_life.c    its row, its links, and how it ends
 *     publish_direct.c  draws, writes and looks by the processor, where everything is mapped
 *     publish_posted.c  the same by operations on links
 *
 * P1  The machine is in an epoch only while the session is ready in it and all three links
 *     stand.
 * P2  A slot's checksum is made of memory that is this handle's own, never of the inbox: a late
 *     write of somebody else to the same place can not get under it.
 * P3  A slot is not built again while a put that reads it is in flight.
 */
#ifndef PAWL_CLIENT_PUBLISH_H
#define PAWL_CLIENT_PUBLISH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/lib/staging.h"
#include "client/lib/stream.h"
#include "sequencer/core/stream_publisher.h"

enum publishing_stage {
	PUBLISHING_SHUT,
	PUBLISHING_LINKING,
	PUBLISHING_IN, /* P1 */
};

/* A message in flight. */
struct publication {
	uint64_t at; /* its first slot in the staging */
	uint64_t len;
	uint64_t time_ns;
	bool told; /* its outcome has been returned: nobody takes it */
};

/* Puts in flight read the staging from here on, oldest first. */
struct put_queue {
	uint64_t from[LINK_DEPTH_MAX];
	uint32_t first;
	uint32_t count;
	uint64_t high; /* and nothing from here on */
};

struct publishing {
	struct stream_publisher machine;
	struct publication *publications; /* of message id & machine.mask */
	struct staging staging;
	enum publishing_stage stage;
	bool reserved; /* a slot, by pawl_publish_reserve */
	uint64_t
		taken_upto; /* slots of the staging before are of messages that were taken */

	/* Where everything is mapped; drawn is NULL where it is not. */
	_Atomic uint64_t *drawn;
	struct stream_ring inbox;
	const uint64_t *commit;
	const uint64_t *entry;

	struct pawl_stream *stream;
	struct stream_message *messages;
	uint64_t quiet_id;	 /* of the newest message that nobody took, and is in; */
	uint64_t quiet_position; /*   its place, or 0: not known */
	int failed;		 /* why messages in flight have no outcome, or 0 */
	struct error why;	 /* its text */
	uint64_t named_in;	 /* the epoch in which the head has confirmed the row */
	uint64_t redone;	 /* by machines before this one */
	uint64_t retry_at_ns;	 /* not before this are links made */
	uint64_t linking_ns;
	struct link *head_counter;
	struct link *head_inbox;
	struct link *tail_words;
	uint64_t words_in[2];
	struct put_queue puts;
};

/* ---- publish_life.c ---- */

/* Messages in flight, once the stream's limits are known: what was asked for, or the default. */
unsigned int publishing_depth(const struct pawl_stream *stream);
/* The first publish: memory, and a row is asked for.  -ENOMEM, and errors of expose. */
int publishing_make(struct pawl_stream *stream) __attribute__((warn_unused_result));
void publishing_free(struct publishing *p, bool forked);
/* Whether the head is to be asked for a row, or to confirm it. */
bool publishing_wants_row(const struct publishing *p);
/* What the head said about the row: a publisher's name, or 0 if it is not known any more. */
void publishing_named(struct publishing *p, uint64_t publisher);
/* Moves it towards PUBLISHING_IN; the stream need not be open yet. */
void publishing_step(struct publishing *p);
/* Nothing that stream_turn does would bring it on. */
bool publishing_rests(const struct publishing *p);
void publishing_lost(struct publishing *p);
void publishing_close(struct publishing *p);
/* What is in flight has no outcome, for the reason @code, whose text is @why's. */
void publishing_fail(struct publishing *p, int code, const char *why);
/* The same, for the stream does not know this publisher any more. */
void publishing_unknown(struct publishing *p);
/* All results of a failure have been taken: another row may be had. */
void publishing_again(struct publishing *p);

/* ---- publish.c, for a participant: messages whose results nobody takes ---- */

/* As pawl_publish_submit; *id_p is the message's. */
int publish_quietly(struct pawl_stream *stream, const void *bytes, size_t len,
	uint64_t *id_p) __attribute__((warn_unused_result));
/* Moves it on.  *pauses_p: it may be worth a pause.  publish_failure, with its text. */
int publish_quietly_move(struct pawl_stream *stream, bool *pauses_p);
/* Why messages in flight have no outcome, or 0. */
int publish_failure(const struct pawl_stream *stream);
/* Messages up to here are in the stream, as far as is known. */
uint64_t publish_acknowledged(const struct pawl_stream *stream);
/* One that is, and its place; ids before have places before.  0: there is none. */
uint64_t publish_quietly_placed(const struct pawl_stream *stream, uint64_t *position_p);
/*
 * After -ESTALE: what became of messages in flight has been found out, so another row may be had;
 * unless others publish on this handle, and have not taken their results.
 */
void publish_quietly_again(struct pawl_stream *stream);

/* ---- moving messages on ---- */

/* Posts what the machine wants; @looks: also a look at the tail, once. */
bool publish_direct_run(struct publishing *p, bool looks);
bool publish_posted_run(struct publishing *p, bool looks);

/* Builds the slot of a write around its payload in the staging; its length. */
uint32_t publish_slot_stage(
	struct publishing *p, const struct stream_publisher_effect *effect);

static inline struct publication *publication_of(const struct publishing *p, uint64_t id)
{
	return &p->publications[id & p->machine.mask];
}

#endif
