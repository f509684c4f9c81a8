/* Frames that wait for a connection.  When it is full, the oldest is dropped. */
#ifndef PAWL_DAEMON_FRAME_QUEUE_H
#define PAWL_DAEMON_FRAME_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_QUEUE_MAX 16

struct queued_frame {
	uint8_t *bytes;
	size_t len;
};

/* All zero at first. */
struct frame_queue {
	struct queued_frame frames[FRAME_QUEUE_MAX];
	unsigned int count;
	unsigned int first; /* the oldest */
};

/* @bytes came from malloc and belong to the queue now. */
void frame_queue_add(struct frame_queue *queue, uint8_t *bytes, size_t len);

/* Takes the oldest, to be freed by the caller.  Its bytes are NULL when there is none. */
struct queued_frame frame_queue_take(struct frame_queue *queue);

void frame_queue_clear(struct frame_queue *queue);

#endif
