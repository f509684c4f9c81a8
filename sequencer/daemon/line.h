/*
 * One attempt at a control connection to another replica, and the connection if there is
 * one: requests out, replies in.  What they mean is somebody else's business (dial.h).
 *
 * Everything runs on the loop's thread; callbacks come from the loop only, never from
 * within a call here.
 */
#ifndef PAWL_DAEMON_LINE_H
#define PAWL_DAEMON_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "sequencer/control/message.h"

struct line;

struct line_handlers {
	void (*connected)(void *context);
	/* One checked reply. */
	void (*reply)(void *context, const Control__Reply *reply);
	/*
	 * It can not be connected, or ended: -errno, -ENODATA when the other side closed
	 * it.  Nothing follows; line_close is still to be called.
	 */
	void (*ended)(void *context, int code);
	void *context;
};

struct line_config {
	uv_loop_t *loop;
	struct line_handlers handlers;
	uint64_t
		silence_ns; /* over TCP: it ends when bytes stay unanswered for so long */
	unsigned int
		*handles_open; /* counts what the loop still has; outlives the line */
};

/* Begins to connect.  -errno: it can not even be tried. */
int line_open(const struct line_config *config, const struct sockaddr *address,
	struct line **line_p) __attribute__((warn_unused_result));

/*
 * Sends the frame of @len bytes, which are copied.  Nothing is sent, and nobody told, when
 * memory is short or the other side has not read for long: whoever relies on a message
 * sends it again.
 */
void line_send(struct line *line, const uint8_t *frame, size_t len);

/* No callback comes any more.  The line is freed when the loop has let go of it. */
void line_close(struct line *line);

#endif
