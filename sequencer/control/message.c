#include "sequencer/control/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hw/memory.h"
#include "sequencer/control/frame.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"
#include "sequencer/core/panic.h"

#define PROGRAM_NAME_MAX 255
#define ERRNO_MAX 4095

static int refuse(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG,
		"control: message refused: %s; is the other side a pawl of this version?",
		what);
}

static int join_check(const Control__Join *join, struct error *err)
{
	if (join->cluster[0] && !names_cluster_valid(join->cluster))
		return refuse(err, "join: not a cluster name");
	if (strlen(join->program) > PROGRAM_NAME_MAX)
		return refuse(err, "join: program name too long");
	return 0;
}

static int request_check(const Control__Request *request, struct error *err)
{
	if (request->id == 0)
		return refuse(err, "request id is 0");
	switch (request->body_case) {
	case CONTROL__REQUEST__BODY_JOIN:
		return join_check(request->join, err);
	case CONTROL__REQUEST__BODY_OPEN_COUNTER: /* its name is the user's: handler */
	case CONTROL__REQUEST__BODY_LEAVE:
	case CONTROL__REQUEST__BODY_GET_STATUS:
	case CONTROL__REQUEST__BODY_STOP:
		return 0;
	default:
		return refuse(err, "unknown request");
	}
}

int request_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Request **request_p, struct error *err)
{
	Control__Request *request = control__request__unpack(allocator, len, bytes);
	int rc;

	if (!request)
		return refuse(err, "request does not decode");
	rc = request_check(request, err);
	if (rc) {
		control__request__free_unpacked(request, allocator);
		return rc;
	}
	*request_p = request;
	return 0;
}

static int joined_check(const Control__Joined *joined, struct error *err)
{
	if (!names_cluster_valid(joined->cluster))
		return refuse(err, "joined: not a cluster name");
	if (joined->epoch == 0 || joined->epoch >= UINT64_MAX / 2)
		return refuse(err, "joined: epoch out of range");
	if (joined->counters_max == 0 || joined->counters_max > COUNTERS_MAX)
		return refuse(err, "joined: counters-max out of range");
	if (joined->sessions_max == 0 || joined->row >= joined->sessions_max ||
		joined->sessions_max > SESSIONS_MAX)
		return refuse(err, "joined: row out of range");
	if (joined->n_chain == 0 || joined->n_chain > CHAIN_MAX)
		return refuse(err, "joined: length of the chain out of range");
	for (size_t i = 0; i < joined->n_chain; i++) {
		if (strlen(joined->chain[i]->memory) >= MEMORY_ADDRESS_MAX)
			return refuse(err, "joined: memory address too long");
	}
	return 0;
}

static int reply_check(const Control__Reply *reply, struct error *err)
{
	if (reply->error > ERRNO_MAX || (reply->error && !reply->text[0]))
		return refuse(err, "error that says nothing");
	switch (reply->body_case) {
	case CONTROL__REPLY__BODY_JOINED:
		return joined_check(reply->joined, err);
	case CONTROL__REPLY__BODY_COUNTER_OPENED:
		if (reply->counter_opened->counter >= COUNTERS_MAX ||
			reply->counter_opened->epoch_base >= COUNTER_LIMIT)
			return refuse(err, "counter: out of range");
		return 0;
	case CONTROL__REPLY__BODY_LEFT:
	case CONTROL__REPLY__BODY_STATUS:
	case CONTROL__REPLY__BODY_STOPPING:
		return 0;
	default:
		return reply->error ? 0 : refuse(err, "unknown reply");
	}
}

int reply_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Reply **reply_p, struct error *err)
{
	Control__Reply *reply = control__reply__unpack(allocator, len, bytes);
	int rc;

	if (!reply)
		return refuse(err, "reply does not decode");
	rc = reply_check(reply, err);
	if (rc) {
		control__reply__free_unpacked(reply, allocator);
		return rc;
	}
	*reply_p = reply;
	return 0;
}

size_t message_frame_len(const ProtobufCMessage *message)
{
	return FRAME_HEADER_LEN + protobuf_c_message_get_packed_size(message);
}

void message_frame_write(const ProtobufCMessage *message, uint8_t *bytes)
{
	size_t len = protobuf_c_message_pack(message, bytes + FRAME_HEADER_LEN);

	frame_header_write(bytes, len);
}

static void *arena_alloc(void *context, size_t len)
{
	struct message_arena *arena = context;
	size_t rounded = (len + 15) / 16 * 16;
	void *bytes = arena->bytes + arena->used;

	if (rounded < len || rounded > arena->len - arena->used)
		return NULL;
	arena->used += rounded;
	return bytes;
}

static void arena_free(void *context, void *bytes)
{
	(void)context;
	(void)bytes;
}

void message_arena_init(struct message_arena *arena, void *bytes, size_t len)
{
	PAWL_ASSERT((uintptr_t)bytes % 16 == 0);
	*arena = (struct message_arena){.bytes = bytes, .len = len};
	arena->allocator.alloc = arena_alloc;
	arena->allocator.free = arena_free;
	arena->allocator.allocator_data = arena;
}

void message_arena_reset(struct message_arena *arena)
{
	arena->used = 0;
}
