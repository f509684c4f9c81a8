#include "sequencer/control/frame.h"

#include <errno.h>

#include "sequencer/core/panic.h"

void frame_header_write(uint8_t header[FRAME_HEADER_LEN], size_t len)
{
	PAWL_ASSERT(len <= FRAME_MAX);
	for (int i = 0; i < FRAME_HEADER_LEN; i++)
		header[i] = (uint8_t)(len >> (8 * (FRAME_HEADER_LEN - 1 - i)));
}

int frame_next(const uint8_t *bytes, size_t len, const uint8_t **payload_p,
	size_t *payload_len_p, size_t *frame_len_p)
{
	size_t payload_len = 0;

	if (len < FRAME_HEADER_LEN)
		return -EAGAIN;
	for (int i = 0; i < FRAME_HEADER_LEN; i++)
		payload_len = payload_len << 8 | bytes[i];
	if (payload_len > FRAME_MAX)
		return -EMSGSIZE;
	if (len - FRAME_HEADER_LEN < payload_len)
		return -EAGAIN;
	*payload_p = bytes + FRAME_HEADER_LEN;
	*payload_len_p = payload_len;
	*frame_len_p = FRAME_HEADER_LEN + payload_len;
	return 0;
}
