/*
 * Control messages, checked.  A decoded message has passed every check that does not need
 * the replica's state: names are names, strings are short, numbers are in range, parts
 * that must be there are, and arrays have the lengths that their message says.
 */
#ifndef PAWL_CONTROL_MESSAGE_H
#define PAWL_CONTROL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/control/control.pb-c.h"

#define CONTROL_PROTOCOL 1 /* raised when an old client can no longer be served */

/* What is said of one member; bytes, with their terminators. */
#define MESSAGE_CONTROLS_MAX 4 /* control addresses */
#define MESSAGE_TRANSPORT_LEN 16
#define MESSAGE_PATH_LEN 256

/* Reads at the tail, and pieces of anything; bytes. */
#define MESSAGE_QUERY_MAX 4096
#define MESSAGE_ANSWER_MAX (1u << 20)
#define MESSAGE_PIECE_MAX (8u << 10) /* half of a client's buffer */

/*
 * Decodes and checks; @allocator may be NULL for malloc.  Free the result with
 * control__request__free_unpacked.  -EBADMSG with the reason in @err, -ENOMEM.
 */
int request_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Request **request_p, struct error *err)
	__attribute__((warn_unused_result));

/* The same for replies; free with control__reply__free_unpacked. */
int reply_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Reply **reply_p, struct error *err) __attribute__((warn_unused_result));

/* Bytes that the message takes as a frame. */
size_t message_frame_len(const ProtobufCMessage *message);

/* Writes the frame; @bytes has message_frame_len bytes. */
void message_frame_write(const ProtobufCMessage *message, uint8_t *bytes);

/*
 * A bump allocator for decoding without malloc.  Freeing gives nothing back; reset the
 * arena between messages.
 */
struct message_arena {
	ProtobufCAllocator allocator;
	uint8_t *bytes;
	size_t len;
	size_t used;
};

void message_arena_init(struct message_arena *arena, void *bytes, size_t len);
void message_arena_reset(struct message_arena *arena);

#endif
