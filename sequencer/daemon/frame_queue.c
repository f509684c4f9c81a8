#include "sequencer/daemon/frame_queue.h"

#include <stdlib.h>

void frame_queue_add(struct frame_queue *queue, uint8_t *bytes, size_t len)
{
	if (queue->count == FRAME_QUEUE_MAX)
		free(frame_queue_take(queue).bytes);
	queue->frames[(queue->first + queue->count) % FRAME_QUEUE_MAX] =
		(struct queued_frame){.bytes = bytes, .len = len};
	queue->count++;
}

struct queued_frame frame_queue_take(struct frame_queue *queue)
{
	struct queued_frame oldest = queue->frames[queue->first];

	if (queue->count == 0)
		return (struct queued_frame){.bytes = NULL};
	queue->first = (queue->first + 1) % FRAME_QUEUE_MAX;
	queue->count--;
	return oldest;
}

void frame_queue_clear(struct frame_queue *queue)
{
	while (queue->count > 0)
		free(frame_queue_take(queue).bytes);
}
