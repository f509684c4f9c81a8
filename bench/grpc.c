#include "bench/grpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/grpc_frame.h"

#define METHODS_MAX 4
#define HEADERS_MAX 256
#define PREFIX_LEN 5 /* of a message: not compressed, and its length */
#define OUT_ROOM (UINT32_C(1) << 20)
#define IN_ROOM (2 * (GRPC_FRAME_HEADER + GRPC_FRAME_MAX))
#define WINDOW_MAX INT32_C(0x7fffffff)
#define WINDOW_FIRST 65535
#define WINDOW_GIVE \
	(UINT32_C(1) << 24) /* bytes after which the server may send as many more */
#define STREAM_LAST UINT32_C(0x7ffffff0)

/* A call in flight; it is at its stream's place. */
struct call {
	uint32_t stream; /* 0: none */
	uint64_t cookie;
	size_t len; /* of what has come */
	unsigned char *bytes;
};

struct grpc {
	struct grpc_config config;
	int fd;
	unsigned char headers[METHODS_MAX][HEADERS_MAX];
	size_t headers_len[METHODS_MAX];
	struct call *calls; /* of (stream / 2) & mask */
	unsigned char *replies;
	uint32_t mask;
	uint32_t stream; /* the newest */
	unsigned int in_flight;
	int64_t window; /* bytes that the server takes now */
	int64_t window_of_stream;
	uint32_t taken; /* bytes since the server was given room */
	unsigned char *out;
	size_t out_len;
	size_t out_sent;
	unsigned char *in;
	size_t in_len;
};

/* ---- Sending ---- */

/* Where @len bytes of payload of a frame are to go; NULL: there is no room. */
static unsigned char *frame_add(
	struct grpc *g, uint8_t type, uint8_t flags, uint32_t stream, size_t len)
{
	const struct grpc_frame frame = {
		.len = (uint32_t)len, .type = type, .flags = flags, .stream = stream};
	unsigned char *at = g->out + g->out_len;

	if (g->out_len + GRPC_FRAME_HEADER + len > OUT_ROOM)
		return NULL;
	grpc_frame_write(&frame, at);
	g->out_len += GRPC_FRAME_HEADER + len;
	return at + GRPC_FRAME_HEADER;
}

static void frame_add_word(struct grpc *g, uint8_t type, uint32_t word)
{
	unsigned char *at = frame_add(g, type, 0, 0, sizeof(word));

	if (at)
		grpc_word_write(word, at);
}

/* The server has nothing to wait for: replies are as many as calls. */
static void greeting_add(struct grpc *g)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	unsigned char *at;

	memcpy(g->out, preface, sizeof(preface) - 1);
	g->out_len = sizeof(preface) - 1;
	at = frame_add(g, GRPC_SETTINGS, 0, 0, GRPC_SETTING_LEN);
	at[0] = 0;
	at[1] = GRPC_SETTING_WINDOW;
	grpc_word_write((uint32_t)WINDOW_MAX, at + 2);
	frame_add_word(g, GRPC_WINDOW_UPDATE, (uint32_t)WINDOW_MAX - WINDOW_FIRST);
}

static bool stream_begin(struct grpc *g, struct call **call_p)
{
	uint32_t tries = 0;

	do {
		g->stream += 2;
		*call_p = &g->calls[g->stream / 2 & g->mask];
	} while ((*call_p)->stream != 0 && tries++ < g->mask);
	return (*call_p)->stream == 0 && g->stream < STREAM_LAST;
}

static void message_add(struct grpc *g, uint32_t stream, const void *bytes, size_t len)
{
	unsigned char *at = frame_add(
		g, GRPC_DATA, GRPC_END_STREAM, stream, PREFIX_LEN + len);

	at[0] = 0;
	grpc_word_write((uint32_t)len, at + 1);
	memcpy(at + PREFIX_LEN, bytes, len);
	g->window -= (int64_t)(PREFIX_LEN + len);
}

/* A frame is at most as long as every server has to take. */
static bool takes(const struct grpc *g, size_t len)
{
	return (int64_t)len <= g->window && (int64_t)len <= g->window_of_stream &&
	       g->out_len + 2 * GRPC_FRAME_HEADER + HEADERS_MAX + len <= OUT_ROOM;
}

int grpc_call(struct grpc *g, unsigned int method, const void *bytes, size_t len,
	uint64_t cookie)
{
	struct call *call;
	unsigned char *at;

	if (len + PREFIX_LEN > GRPC_FRAME_MAX)
		return -EMSGSIZE;
	if (g->in_flight == g->config.calls_max || !takes(g, len + PREFIX_LEN) ||
		!stream_begin(g, &call))
		return -EAGAIN;
	call->stream = g->stream;
	call->cookie = cookie;
	call->len = 0;
	at = frame_add(
		g, GRPC_HEADERS, GRPC_END_HEADERS, g->stream, g->headers_len[method]);
	memcpy(at, g->headers[method], g->headers_len[method]);
	message_add(g, g->stream, bytes, len);
	g->in_flight++;
	return 0;
}

static int out_send(struct grpc *g, struct error *err)
{
	ssize_t sent;

	while (g->out_sent < g->out_len) {
		sent = send(g->fd, g->out + g->out_sent, g->out_len - g->out_sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return 0;
		if (sent < 0)
			return error_set(err, -errno,
				"bench: etcd: does not take calls: %s",
				error_reason(-errno));
		g->out_sent += (size_t)sent;
	}
	g->out_sent = g->out_len = 0;
	return 0;
}

/* ---- Receiving ---- */

static int broken(const char *what, struct error *err)
{
	return error_set(err, -EPROTO,
		"bench: etcd: its connection is over: %s; is it an etcd of version 3.4 "
		"or "
		"later?",
		what);
}

static struct call *call_find(struct grpc *g, uint32_t stream)
{
	struct call *call = &g->calls[stream / 2 & g->mask];

	return stream != 0 && call->stream == stream ? call : NULL;
}

static bool message_is_whole(const struct call *call)
{
	return call->len >= PREFIX_LEN && call->bytes[0] == 0 &&
	       grpc_word_read(call->bytes + 1) == call->len - PREFIX_LEN;
}

static void call_end(struct grpc *g, struct call *call)
{
	bool well = message_is_whole(call);

	call->stream = 0;
	g->in_flight--;
	g->config.on_reply(g->config.context, call->cookie, well ? 0 : -EIO,
		call->bytes + PREFIX_LEN, well ? call->len - PREFIX_LEN : 0);
}

static int data_take(struct grpc *g, struct call *call, const struct grpc_frame *frame,
	const unsigned char *payload, struct error *err)
{
	if (frame->flags & GRPC_PADDED)
		return broken("its data are padded", err);
	if (call->len + frame->len > PREFIX_LEN + g->config.reply_max)
		return error_set(err, -EMSGSIZE,
			"bench: etcd: a reply is longer than %zu bytes",
			g->config.reply_max);
	memcpy(call->bytes + call->len, payload, frame->len);
	call->len += frame->len;
	return 0;
}

static void room_give(struct grpc *g, uint32_t len)
{
	g->taken += len;
	if (g->taken < WINDOW_GIVE)
		return;
	frame_add_word(g, GRPC_WINDOW_UPDATE, g->taken);
	g->taken = 0;
}

static void settings_take(
	struct grpc *g, const struct grpc_frame *frame, const unsigned char *payload)
{
	if (frame->flags & GRPC_ACK)
		return;
	for (size_t i = 0; i + GRPC_SETTING_LEN <= frame->len; i += GRPC_SETTING_LEN) {
		if (payload[i] == 0 && payload[i + 1] == GRPC_SETTING_WINDOW)
			g->window_of_stream = grpc_word_read(payload + i + 2);
	}
	(void)frame_add(g, GRPC_SETTINGS, GRPC_ACK, 0, 0);
}

static void ping_answer(
	struct grpc *g, const struct grpc_frame *frame, const unsigned char *payload)
{
	unsigned char *at = NULL;

	if (!(frame->flags & GRPC_ACK))
		at = frame_add(g, GRPC_PING, GRPC_ACK, 0, frame->len);
	if (at)
		memcpy(at, payload, frame->len);
}

/* What is about the connection. */
static int control_take(struct grpc *g, const struct grpc_frame *frame,
	const unsigned char *payload, struct error *err)
{
	switch (frame->type) {
	case GRPC_SETTINGS:
		settings_take(g, frame, payload);
		return 0;
	case GRPC_PING:
		ping_answer(g, frame, payload);
		return 0;
	case GRPC_WINDOW_UPDATE:
		if (frame->stream == 0 && frame->len == sizeof(uint32_t))
			g->window += grpc_word_read(payload);
		return 0;
	case GRPC_GO_AWAY:
		return broken("it says go away", err);
	default:
		return 0;
	}
}

static int frame_take(struct grpc *g, const struct grpc_frame *frame,
	const unsigned char *payload, struct error *err)
{
	struct call *call = call_find(g, frame->stream);
	int rc = 0;

	if (frame->type == GRPC_DATA)
		room_give(g, frame->len);
	if (!call || frame->type == GRPC_WINDOW_UPDATE)
		return control_take(g, frame, payload, err);
	if (frame->type == GRPC_DATA)
		rc = data_take(g, call, frame, payload, err);
	if (frame->type == GRPC_RESET)
		call->len = 0;
	if (!rc && (frame->type == GRPC_RESET || frame->flags & GRPC_END_STREAM))
		call_end(g, call);
	return rc;
}

static int frames_take(struct grpc *g, struct error *err)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && g->in_len - at >= GRPC_FRAME_HEADER) {
		struct grpc_frame frame = grpc_frame_read(g->in + at);

		if (frame.len > GRPC_FRAME_MAX)
			return broken("a frame is too long", err);
		if (g->in_len - at < GRPC_FRAME_HEADER + frame.len)
			break;
		rc = frame_take(g, &frame, g->in + at + GRPC_FRAME_HEADER, err);
		at += GRPC_FRAME_HEADER + frame.len;
	}
	memmove(g->in, g->in + at, g->in_len - at);
	g->in_len -= at;
	return rc;
}

static int in_receive(struct grpc *g, struct error *err)
{
	ssize_t got = recv(g->fd, g->in + g->in_len, IN_ROOM - g->in_len, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return error_set(err, got < 0 ? -errno : -ECONNRESET,
			"bench: etcd: has closed the connection; see its log, or start "
			"it "
			"anew");
	g->in_len += (size_t)got;
	return frames_take(g, err);
}

int grpc_move(struct grpc *g, int timeout_ms, struct error *err)
{
	struct pollfd line = {.fd = g->fd, .events = POLLIN};
	int rc = out_send(g, err);

	if (rc)
		return rc;
	if (g->out_len > 0)
		line.events |= POLLOUT;
	if (poll(&line, 1, timeout_ms) <= 0)
		return 0;
	rc = line.revents & ~POLLOUT ? in_receive(g, err) : 0;
	return rc ? rc : out_send(g, err);
}

/* ---- Life ---- */

static int line_open(int port, int *fd_p, struct error *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int at_once = 1;
	int rc;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
		*fd_p = fd;
		return 0;
	}
	rc = error_set(err, -errno, "bench: etcd: port %d of 127.0.0.1: %s", port,
		error_reason(-errno));
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static bool memory_make(struct grpc *g)
{
	uint32_t places = 64;
	size_t room = PREFIX_LEN + g->config.reply_max;

	while (places < 4 * g->config.calls_max)
		places *= 2;
	g->mask = places - 1;
	g->calls = calloc(places, sizeof(*g->calls));
	g->replies = malloc(places * room);
	g->out = malloc(OUT_ROOM);
	g->in = malloc(IN_ROOM);
	if (!g->calls || !g->replies || !g->out || !g->in)
		return false;
	for (uint32_t i = 0; i < places; i++)
		g->calls[i].bytes = g->replies + i * room;
	return true;
}

int grpc_open(const struct grpc_config *config, struct grpc **grpc_p, struct error *err)
{
	struct grpc *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return error_set(err, -ENOMEM, "bench: out of memory");
	g->config = *config;
	g->fd = -1;
	g->window = g->window_of_stream = WINDOW_FIRST;
	g->stream = (uint32_t)-1;
	for (unsigned int i = 0; i < config->methods_count && i < METHODS_MAX; i++)
		g->headers_len[i] = grpc_headers_write(
			config->methods[i], config->port, g->headers[i], HEADERS_MAX);
	rc = memory_make(g) ? line_open(config->port, &g->fd, err)
			    : error_set(err, -ENOMEM, "bench: out of memory");
	if (rc) {
		grpc_close(g);
		return rc;
	}
	greeting_add(g);
	*grpc_p = g;
	return 0;
}

void grpc_close(struct grpc *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		(void)close(g->fd);
	free(g->calls);
	free(g->replies);
	free(g->out);
	free(g->in);
	free(g);
}
