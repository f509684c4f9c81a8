/*
 * A client of gRPC on one connection of HTTP/2 in clear text: calls of one message there and one
 * back, many in flight.  It has what the measurement of etcd needs and no more, so that the
 * client costs little beside the server, with which it shares the machine.
 *
 * Headers that come back are not decoded: a call went well if a whole message came before its end,
 * since a server that refuses sends none.  One thread.
 */
#ifndef PAWL_BENCH_GRPC_H
#define PAWL_BENCH_GRPC_H

#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"

#define GRPC_MESSAGE_MAX 60000 /* bytes there: less than a stream's first window */

struct grpc;

/* A call's end.  status 0: its message; -EIO: the server has refused it. */
typedef void (*grpc_reply_fn)(
	void *context, uint64_t cookie, int status, const void *bytes, size_t len);

struct grpc_config {
	int port; /* of 127.0.0.1 */
	const char *const
		*methods; /* "/package.Service/Method", as they are called by number */
	unsigned int methods_count;
	unsigned int calls_max; /* in flight */
	size_t reply_max;	/* bytes of a message back */
	grpc_reply_fn on_reply;
	void *context;
};

/* Blocks until connected.  -ENOMEM, and what the system says. */
int grpc_open(const struct grpc_config *config, struct grpc **grpc_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Makes a call; it is sent by the next grpc_move.  -EAGAIN: calls_max are in flight, or the server
 * takes no more bytes now.  -EMSGSIZE.
 */
int grpc_call(struct grpc *grpc, unsigned int method, const void *bytes, size_t len,
	uint64_t cookie) __attribute__((warn_unused_result));

/*
 * Sends what there is, waits up to @timeout_ms until something comes, and tells of replies.
 * -EPROTO, -ECONNRESET, -EMSGSIZE or what the system says: the connection is over.
 */
int grpc_move(struct grpc *grpc, int timeout_ms, struct error *err)
	__attribute__((warn_unused_result));

void grpc_close(struct grpc *grpc);

#endif
