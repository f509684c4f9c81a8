/* What the parts of the host share (host.h). */
#ifndef PAWL_STREAM_HOST_INTERNAL_H
#define PAWL_STREAM_HOST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "sequencer/stream/stream.h"

struct host_thread {
	struct stream_host *host;
	struct stream_thread *thread;
	/* The streams that it takes turns of; changed while it is held. */
	struct stream **streams;
	uint32_t count;
	struct notice notice;
};

/* Tokens that may link, besides those of chains.  Any thread asks, under the mutex. */
struct host_guests {
	pthread_mutex_t mutex;
	uint64_t *tokens;
	uint32_t count;
	uint32_t room;
	_Atomic uint32_t present; /* count, for threads that wonder whether to sleep */
};

struct stream_host {
	struct stream_host_config config;
	struct stream_ways ways;
	struct host_thread *threads;
	unsigned int threads_count;
	struct stream *streams[COUNTERS_MAX]; /* by the place of the counter */
	uint32_t streams_end;		      /* none from here on */
	struct host_guests guests;
};

static inline struct stream *host_stream(const struct stream_host *host, uint32_t counter)
{
	return counter < host->streams_end ? host->streams[counter] : NULL;
}

/* Holds the stream's thread; it looks for work when it is let go. */
static inline void host_hold(struct stream *s)
{
	stream_thread_hold(s->thread);
}

static inline void host_release(struct stream *s)
{
	stream_thread_release(s->thread);
	stream_thread_wake(s->thread);
}

/* The thread takes turns of the stream from now on.  -ENOMEM. */
int host_attach(struct stream_host *host, struct stream *s)
	__attribute__((warn_unused_result));

/* Takes what was made, and goes on with what waited for it.  As stream_host_look. */
int host_made_look(struct stream_host *host, struct error *err)
	__attribute__((warn_unused_result));

int host_guests_begin(struct host_guests *guests, struct error *err)
	__attribute__((warn_unused_result));
void host_guests_end(struct host_guests *guests);

/* The gate of a thread's device (device_admit_fn). */
bool host_admit(void *context, const struct memory *memory, uint64_t token);

#endif
