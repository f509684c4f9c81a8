/*
 * A client's control connection: requests out, replies in, never blocking.  One thread.
 * The buffers are the caller's size and allocated once; decoding allocates nothing.
 */
#ifndef PAWL_CLIENT_CONTROL_H
#define PAWL_CLIENT_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/control/endpoint.h"
#include "sequencer/control/message.h"

/* Enough for every message a session needs; a status needs FRAME_MAX. */
#define CONTROL_BUFFER_LEN (64u << 10)

struct control {
	int fd; /* -1: not connected */
	bool connecting;
	const struct endpoint *endpoint; /* the one in use, for messages */
	uint64_t next_id;
	uint8_t *out;
	size_t out_used;
	uint8_t *in;
	size_t in_used;
	size_t in_taken; /* bytes of a frame whose reply the caller still reads */
	size_t buffer_len;
	struct message_arena arena;
};

/* -ENOMEM. */
int control_init(struct control *c, size_t buffer_len)
	__attribute__((warn_unused_result));
void control_destroy(struct control *c);

/*
 * Starts to connect; @endpoint outlives the connection.  -ENOENT, -ECONNREFUSED, -EACCES
 * or another error of connect(2), with its text.
 */
int control_connect(struct control *c, const struct endpoint *endpoint, struct error *err)
	__attribute__((warn_unused_result));
void control_disconnect(struct control *c);

/*
 * Queues one request and returns its id in *id_p.  -EMSGSIZE when it does not fit in what
 * is queued already.
 */
int control_request(struct control *c, Control__Request *request, uint64_t *id_p)
	__attribute__((warn_unused_result));

/* Sends what is queued as far as it goes; what goes wrong, the next receive tells. */
void control_flush(struct control *c);

/*
 * Sends what is queued and takes one reply, which is valid until the next call.  -EAGAIN:
 * nothing yet.  -ECONNRESET: the replica closed the connection.  -ECONNREFUSED,
 * -ETIMEDOUT or another error of connect(2): there was none.  -EBADMSG, -EMSGSIZE: it is
 * no replica.
 */
int control_receive(struct control *c, Control__Reply **reply_p, struct error *err)
	__attribute__((warn_unused_result));

/* What to wait for with poll(2) until the connection may have something to do. */
struct pollfd control_poll(const struct control *c);

/* Sleeps until the connection may have something to do, or @timeout_ms has passed. */
void control_wait(const struct control *c, int timeout_ms);

/*
 * One request and its reply, within @timeout_ns; for commands.  Other replies are
 * skipped. A reply that is an error becomes the result, its text the replica's.
 */
int control_ask(struct control *c, Control__Request *request, uint64_t timeout_ns,
	Control__Reply **reply_p, struct error *err) __attribute__((warn_unused_result));

#endif
