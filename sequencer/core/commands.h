/*
 * The commands of one participant of a stream that are in flight: submitted to its publisher, and
 * not decided.  What became of one is said by the stream alone: it was delivered, and applied, or
 * it can not come any more.  The participant's driver publishes and applies; here is what follows
 * from it, the same for libpawl and for the simulator (docs/protocol.md, "Storage").
 *
 * A message is one's own when publisher and id are those that it was submitted with.  The messages
 * of a publisher come in the order of their ids, so of the commands in flight only the oldest is
 * looked for.
 *
 * I1  A command is decided once: when it was applied here, or when it is known that it will never
 *     be, or when its publisher has failed.
 * I2  Commands are decided in the order of submission.
 * I3  After messages were lost to the participant nothing is applied, and nothing is answered.
 * I4  Commands of a publisher that the stream does not know any more are in doubt.  It gets nothing
 *     accepted any more; so what was not delivered up to an end of the stream that was asked for
 *     *afterwards* never will be.
 *
 * Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_COMMANDS_H
#define PAWL_CORE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

struct command {
	uint64_t id; /* of its message */
	uint64_t cookie;
	uint8_t listener; /* whom the driver tells of the outcome, in its own words */
};

struct command_outcome {
	uint64_t number;   /* of the command: 1, 2, 3 ... in the order of submission */
	uint64_t cookie;   /* as submitted */
	uint64_t position; /* where it is in the stream; 0: it was not delivered */
	int status;	   /* 0, or as whoever dropped it said */
	uint8_t listener;
};

struct commands {
	struct command *ring; /* of number & mask */
	uint64_t mask;
	uint64_t submitted;
	uint64_t decided;
	bool asked_in_doubt; /* the end was asked for while they were in doubt */
};

/* @ring: @depth of them, a power of two, the caller's. */
void commands_init(struct commands *c, struct command *ring, uint64_t depth);

static inline uint64_t commands_in_flight(const struct commands *c)
{
	return c->submitted - c->decided;
}

/* True: no other can be submitted before one is decided. */
static inline bool commands_are_full(const struct commands *c)
{
	return commands_in_flight(c) > c->mask;
}

/* The message that the oldest in flight is; there is one. */
static inline uint64_t commands_oldest(const struct commands *c)
{
	return c->ring[(c->decided + 1) & c->mask].id;
}

/* Its publisher took it, as message @id.  The command's number. */
uint64_t commands_submit(
	struct commands *c, uint64_t id, uint64_t cookie, uint8_t listener);

/*
 * Message @id of @publisher, at @position, was delivered and has been applied; @self is the name of
 * the participant's own publisher.  True: it was the oldest command in flight, which is decided.
 */
bool commands_on_delivery(struct commands *c, uint64_t self, uint64_t publisher,
	uint64_t id, uint64_t position, struct command_outcome *outcome_p)
	__attribute__((warn_unused_result));

/*
 * The end of the stream is about to be asked for; @doubt: the stream does not know the publisher any
 * more (I4).
 */
void commands_sync_begin(struct commands *c, bool doubt);

/*
 * Everything up to the end that was asked for has been applied.  True: what is still in flight is not
 * in the stream, and is to be dropped; then there may be another publisher.
 */
bool commands_sync_end(struct commands *c) __attribute__((warn_unused_result));

/* Decides the oldest in flight without a delivery, as @status says.  False: there is none. */
bool commands_drop(struct commands *c, int status, struct command_outcome *outcome_p)
	__attribute__((warn_unused_result));

#endif
