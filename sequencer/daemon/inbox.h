/*
 * Bytes that arrived on a stream, until they are whole frames.  It grows with the longest
 * frame, which frame.h limits.  A frame is taken out when the next one is asked for, so
 * that its bytes stay put meanwhile.
 */
#ifndef PAWL_DAEMON_INBOX_H
#define PAWL_DAEMON_INBOX_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* All zero at first. */
struct inbox {
	uint8_t *bytes;
	size_t used;
	size_t len;
	size_t taken; /* of the frame that was handed out last */
};

/* Room for the next read; of no length when memory ran out. */
uv_buf_t inbox_room(struct inbox *inbox);

/* @len bytes have been read into the room. */
void inbox_add(struct inbox *inbox, size_t len);

/*
 * 0: the next frame's message is *payload_p, good until the next call here.  -EAGAIN:
 * it is not whole yet.  -EMSGSIZE: the stream makes no sense any more.
 */
int inbox_next(struct inbox *inbox, const uint8_t **payload_p, size_t *payload_len_p)
	__attribute__((warn_unused_result));

void inbox_free(struct inbox *inbox);

#endif
