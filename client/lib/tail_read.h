/*
 * A read at the tail of a stream's chain (sequencer/core/stream_tail_read.h): the question goes over
 * the control connection, and the states are read over the session's links.
 */
#ifndef PAWL_CLIENT_TAIL_READ_H
#define PAWL_CLIENT_TAIL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/stream_tail_read.h"

struct pawl;
struct pawl_stream;

/* The read under way, or the last one. */
struct tail_read {
	struct stream_tail_read machine;
	bool begun; /* the machine is of a try that nothing is known to be wrong with */
	uint32_t number;   /* of the try, on this handle */
	uint64_t request;  /* whose answer is awaited; 0: none */
	uint64_t again_ns; /* not before this is it tried again */
	uint64_t deadline_ns;
	const void *query;
	size_t query_len;
	unsigned char *room; /* for the answer */
	size_t room_len;
	uint32_t len; /* of the answer, of which so much is there: */
	uint32_t got;
	uint64_t states[CHAIN_MAX]; /* where reads arrive */
	int code;		    /* why there will be no answer; 0 */
	struct error why;	    /* the newest failure */
};

/* Begins a read that lasts until @deadline_ns; query and room are the caller's until its end. */
void tail_read_begin(struct pawl_stream *stream, const void *query, size_t len,
	void *room, size_t room_len, uint64_t deadline_ns);

/*
 * Moves it on; never blocks.  0: the answer is in the room, tail_read_len bytes.  -EAGAIN: call
 * again; tail_read_waits: a reply is waited for.  -ENOTSUP: the tail does not answer such reads.
 * -EMSGSIZE: the answer is too long.  -EPROTO; and errors of stream_turn.  With its text in
 * pawl->err.
 */
int tail_read_step(struct pawl_stream *stream) __attribute__((warn_unused_result));
bool tail_read_waits(const struct pawl_stream *stream);
size_t tail_read_len(const struct pawl_stream *stream);
/* Its time is over.  -ETIMEDOUT, with its text. */
int tail_read_overdue(struct pawl_stream *stream) __attribute__((warn_unused_result));

/* True when @reply answers it. */
bool tail_read_reply(struct pawl_stream *stream, const Control__Reply *reply);
/* pump.c: the state of @member has arrived for try @number. */
void tail_read_on_state(struct pawl *pawl, uint32_t number, uint32_t member);
/* The session is lost. */
void tail_read_lost(struct pawl_stream *stream);

#endif
