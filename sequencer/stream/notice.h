/*
 * One line for people from a stream thread to the loop.  A line that comes while the one before
 * has not been read yet is dropped: what goes on failing says so again.
 */
#ifndef PAWL_STREAM_NOTICE_H
#define PAWL_STREAM_NOTICE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "hw/error.h"

struct notice {
	_Atomic bool full;
	struct error line; /* the thread's while it is not full, then the loop's */
};

/* The thread.  True: the loop should look. */
static inline bool notice_put(struct notice *notice, const struct error *line)
{
	/* Partner: notice_taken. */
	if (atomic_load_explicit(&notice->full, memory_order_acquire))
		return false;
	notice->line = *line;
	atomic_store_explicit(&notice->full, true, memory_order_release);
	return true;
}

/* The loop: the line, or NULL; it stays until notice_taken. */
static inline const char *notice_look(const struct notice *notice)
{
	/* Partner: notice_put. */
	if (!atomic_load_explicit(&notice->full, memory_order_acquire))
		return 0;
	return notice->line.text;
}

static inline void notice_taken(struct notice *notice)
{
	atomic_store_explicit(&notice->full, false, memory_order_release);
}

#endif
