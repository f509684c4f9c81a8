#include "client/lib/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/control/frame.h"

#define ARENA_ALIGNMENT 16

int control_init(struct control *c, size_t buffer_len)
{
	uint8_t *bytes;

	buffer_len = (buffer_len + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT *
		     ARENA_ALIGNMENT;
	bytes = aligned_alloc(ARENA_ALIGNMENT, 4 * buffer_len);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (!bytes)
		return -ENOMEM;
	c->out = bytes;
	c->in = bytes + buffer_len;
	c->buffer_len = buffer_len;
	message_arena_init(&c->arena, bytes + 2 * buffer_len, 2 * buffer_len);
	return 0;
}

void control_destroy(struct control *c)
{
	control_disconnect(c);
	free(c->out);
	c->out = NULL;
}

static int connect_failed(const struct control *c, int code, struct error *err)
{
	const char *advice = "is the replica running?";

	if (code == -EACCES || code == -EPERM)
		advice = "only its owner, and the group it was started with, may use a "
			 "cluster";
	return error_set(err, code, "pawl: %s: no connection: %s; %s", c->endpoint->text,
		error_reason(code), advice);
}

/* 0 or -EAGAIN; a local socket whose queue is full has to be asked again. */
static int connect_try(struct control *c)
{
	if (connect(c->fd, &c->endpoint->address.any, c->endpoint->address_len) == 0 ||
		errno == EISCONN) {
		c->connecting = false;
		return 0;
	}
	if (errno == EINPROGRESS || errno == EALREADY || errno == EAGAIN ||
		errno == EINTR)
		return -EAGAIN;
	return -errno;
}

int control_connect(struct control *c, const struct endpoint *endpoint, struct error *err)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int rc;

	control_disconnect(c);
	c->endpoint = endpoint;
	c->fd = socket(endpoint->address.any.sa_family, type, 0);
	if (c->fd < 0)
		return connect_failed(c, -errno, err);
	c->connecting = true;
	rc = connect_try(c);
	if (rc == 0 || rc == -EAGAIN)
		return 0;
	control_disconnect(c);
	return connect_failed(c, rc, err);
}

void control_disconnect(struct control *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->connecting = false;
	c->out_used = 0;
	c->in_used = 0;
	c->in_taken = 0;
}

int control_request(struct control *c, Control__Request *request, uint64_t *id_p)
{
	size_t len;

	request->id = ++c->next_id;
	len = message_frame_len(&request->base);
	if (len > c->buffer_len - c->out_used)
		return -EMSGSIZE;
	message_frame_write(&request->base, c->out + c->out_used);
	c->out_used += len;
	*id_p = request->id;
	return 0;
}

static int connection_lost(struct control *c, int code, struct error *err)
{
	bool connecting = c->connecting;

	control_disconnect(c);
	if (connecting)
		return connect_failed(c, code, err);
	return error_set(err, -ECONNRESET,
		"pawl: %s: the replica closed the connection; is it still running?",
		c->endpoint->text);
}

/* 0 once connected, -EAGAIN before. */
static int connect_finish(struct control *c, struct error *err)
{
	int rc;

	if (!c->connecting)
		return 0;
	rc = connect_try(c);
	return rc == 0 || rc == -EAGAIN ? rc : connection_lost(c, rc, err);
}

/* 0, also when the socket is full; or what send(2) says. */
static int out_send(struct control *c)
{
	ssize_t sent;

	if (c->out_used == 0)
		return 0;
	sent = send(c->fd, c->out, c->out_used, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->out_used -= (size_t)sent;
	memmove(c->out, c->out + sent, c->out_used);
	return 0;
}

/*
 * A replica that ended may have said why before it did: what can be read is read first,
 * and the end is met there.
 */
static int out_flush(struct control *c, struct error *err)
{
	int rc = out_send(c);

	return rc == 0 || rc == -EPIPE || rc == -ECONNRESET ? 0
							    : connection_lost(c, rc, err);
}

void control_flush(struct control *c)
{
	if (c->fd < 0 || c->connecting)
		return;
	(void)out_send(c);
}

static int in_fill(struct control *c, struct error *err)
{
	ssize_t got;

	if (c->in_used == c->buffer_len) {
		control_disconnect(c);
		return error_set(err, -EMSGSIZE,
			"pawl: %s: the reply is longer than %zu bytes; is this a pawl "
			"replica?",
			c->endpoint->text, c->buffer_len);
	}
	got = recv(c->fd, c->in + c->in_used, c->buffer_len - c->in_used, MSG_DONTWAIT);
	if (got == 0)
		return connection_lost(c, -ECONNRESET, err);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR
			       ? -EAGAIN
			       : connection_lost(c, -errno, err);
	c->in_used += (size_t)got;
	return 0;
}

/* Drops the frame that the caller has read. */
static void in_release(struct control *c)
{
	c->in_used -= c->in_taken;
	memmove(c->in, c->in + c->in_taken, c->in_used);
	c->in_taken = 0;
	message_arena_reset(&c->arena);
}

static int frame_take(struct control *c, Control__Reply **reply_p, struct error *err)
{
	const uint8_t *payload;
	size_t payload_len, frame_len;
	int rc = frame_next(c->in, c->in_used, &payload, &payload_len, &frame_len);

	if (rc == 0) {
		c->in_taken = frame_len;
		rc = reply_decode(
			payload, payload_len, &c->arena.allocator, reply_p, err);
	} else if (rc == -EMSGSIZE) {
		(void)error_set(err, rc,
			"pawl: %s: the answer is no control message; is this a "
			"pawl replica?",
			c->endpoint->text);
	}
	if (rc && rc != -EAGAIN)
		control_disconnect(c);
	return rc;
}

int control_receive(struct control *c, Control__Reply **reply_p, struct error *err)
{
	int rc;

	if (c->fd < 0)
		return connection_lost(c, -ECONNRESET, err);
	in_release(c);
	rc = connect_finish(c, err);
	if (!rc)
		rc = out_flush(c, err);
	if (rc)
		return rc;
	for (;;) {
		rc = frame_take(c, reply_p, err);
		if (rc != -EAGAIN)
			return rc;
		rc = in_fill(c, err);
		if (rc)
			return rc;
	}
}

struct pollfd control_poll(const struct control *c)
{
	struct pollfd ready = {.fd = c->fd, .events = POLLIN};

	if (c->connecting || c->out_used > 0)
		ready.events |= POLLOUT;
	return ready;
}

void control_wait(const struct control *c, int timeout_ms)
{
	struct pollfd ready = control_poll(c);

	(void)poll(&ready, c->fd >= 0, timeout_ms);
}

int control_ask(struct control *c, Control__Request *request, uint64_t timeout_ns,
	Control__Reply **reply_p, struct error *err)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;
	uint64_t id;
	int rc = control_request(c, request, &id);

	while (!rc) {
		rc = control_receive(c, reply_p, err);
		if (rc == 0 && (*reply_p)->id == id)
			break;
		if (rc != 0 && rc != -EAGAIN)
			return rc;
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"pawl: %s: no answer within %llu ms; is the replica "
				"stopped or busy?",
				c->endpoint->text,
				(unsigned long long)(timeout_ns / 1000000));
		if (rc == -EAGAIN)
			control_wait(c, 10);
		rc = 0;
	}
	if (!rc && (*reply_p)->error)
		return error_set(err, -(int)(*reply_p)->error, "%s", (*reply_p)->text);
	return rc;
}
