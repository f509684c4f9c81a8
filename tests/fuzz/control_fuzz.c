/* Control messages from anybody: frames, requests and replies. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sequencer/control/frame.h"
#include "sequencer/control/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define ARENA_LEN (128u << 10)

static void payload_decode(const uint8_t *payload, size_t len)
{
	static _Alignas(16) uint8_t arena_bytes[ARENA_LEN];
	struct message_arena arena;
	Control__Request *request;
	Control__Reply *reply;
	struct error err;

	if (request_decode(payload, len, NULL, &request, &err) == 0)
		control__request__free_unpacked(request, NULL);
	message_arena_init(&arena, arena_bytes, sizeof(arena_bytes));
	if (reply_decode(payload, len, &arena.allocator, &reply, &err) == 0)
		control__reply__free_unpacked(reply, &arena.allocator);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *payload;
	size_t payload_len, frame_len;

	payload_decode(bytes, len);
	while (frame_next(bytes, len, &payload, &payload_len, &frame_len) == 0) {
		if (frame_len > len || payload < bytes ||
			payload + payload_len > bytes + len)
			abort();
		payload_decode(payload, payload_len);
		bytes += frame_len;
		len -= frame_len;
	}
	return 0;
}
