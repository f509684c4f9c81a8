#include "sequencer/control/message.h"

#include "sequencer/control/frame.h"
#include "sequencer/control/message_check.h"
#include "sequencer/core/panic.h"

int request_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Request **request_p, struct error *err)
{
	Control__Request *request = control__request__unpack(allocator, len, bytes);
	int rc;

	if (!request)
		return message_refuse(err, "request does not decode");
	rc = request_check(request, err);
	if (rc) {
		control__request__free_unpacked(request, allocator);
		return rc;
	}
	*request_p = request;
	return 0;
}

int reply_decode(const uint8_t *bytes, size_t len, ProtobufCAllocator *allocator,
	Control__Reply **reply_p, struct error *err)
{
	Control__Reply *reply = control__reply__unpack(allocator, len, bytes);
	int rc;

	if (!reply)
		return message_refuse(err, "reply does not decode");
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
