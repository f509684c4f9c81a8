#include "sequencer/daemon/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "sequencer/control/frame.h"

#define INBOX_CHUNK 4096

static void frame_drop(struct inbox *inbox)
{
	if (inbox->taken == 0)
		return;
	inbox->used -= inbox->taken;
	memmove(inbox->bytes, inbox->bytes + inbox->taken, inbox->used);
	inbox->taken = 0;
}

uv_buf_t inbox_room(struct inbox *inbox)
{
	if (inbox->len - inbox->used < INBOX_CHUNK) {
		size_t len = inbox->len ? 2 * inbox->len : 2 * INBOX_CHUNK;
		uint8_t *bytes = realloc(inbox->bytes, len);

		if (!bytes)
			return uv_buf_init(NULL, 0);
		inbox->bytes = bytes;
		inbox->len = len;
	}
	return uv_buf_init((char *)inbox->bytes + inbox->used,
		(unsigned int)(inbox->len - inbox->used));
}

void inbox_add(struct inbox *inbox, size_t len)
{
	inbox->used += len;
}

int inbox_next(struct inbox *inbox, const uint8_t **payload_p, size_t *payload_len_p)
{
	size_t frame_len;
	int rc;

	frame_drop(inbox);
	rc = frame_next(inbox->bytes, inbox->used, payload_p, payload_len_p, &frame_len);
	if (!rc)
		inbox->taken = frame_len;
	return rc;
}

void inbox_free(struct inbox *inbox)
{
	free(inbox->bytes);
	*inbox = (struct inbox){.bytes = NULL};
}
