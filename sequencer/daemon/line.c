#include "sequencer/daemon/line.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "sequencer/control/frame.h"
#include "sequencer/daemon/inbox.h"
#include "sequencer/daemon/log.h"

#define OUT_QUEUED_MAX (4u << 20) /* bytes */
#define KEEPALIVE_S 10
#define SILENCE_MS_MIN 1000

struct line {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	struct line_config config;
	uv_connect_t connect;
	struct inbox inbox;
	bool local;
	bool over; /* nobody is told anything any more */
};

struct line_frame {
	uv_write_t request;
	uint8_t bytes[];
};

static void line_end(struct line *line, int code)
{
	if (line->over)
		return;
	line->over = true;
	line->config.handlers.ended(line->config.handlers.context, code);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct line *line = handle->data;

	(void)suggested;
	*buf = inbox_room(&line->inbox);
}

/* 0: a reply was handled.  -EAGAIN: it is not whole yet.  Else it makes no sense. */
static int frame_handle(struct line *line)
{
	struct line_handlers *handlers = &line->config.handlers;
	Control__Reply *reply;
	struct error err = {0};
	const uint8_t *payload;
	size_t payload_len;
	int rc = inbox_next(&line->inbox, &payload, &payload_len);

	if (rc)
		return rc;
	rc = reply_decode(payload, payload_len, NULL, &reply, &err);
	if (rc) {
		log_warning("%s", err.text);
		return rc;
	}
	handlers->reply(handlers->context, reply);
	control__reply__free_unpacked(reply, NULL);
	return 0;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct line *line = stream->data;
	int rc = 0;

	(void)buf;
	if (got < 0) {
		line_end(line, got == UV_EOF ? -ENODATA : (int)got);
		return;
	}
	inbox_add(&line->inbox, (size_t)got);
	while (!rc && !line->over)
		rc = frame_handle(line);
	if (rc && rc != -EAGAIN)
		line_end(line, rc);
}

/* Failing these only makes a dead machine be noticed later. */
static void tcp_tune(struct line *line)
{
	uint64_t silence_ms = line->config.silence_ns / 1000000;
	unsigned int user_timeout_ms = silence_ms < SILENCE_MS_MIN
					       ? SILENCE_MS_MIN
					       : (unsigned int)silence_ms;
	uv_os_fd_t fd;

	(void)uv_tcp_nodelay(&line->uv.tcp, 1);
	(void)uv_tcp_keepalive(&line->uv.tcp, 1, KEEPALIVE_S);
	if (uv_fileno(&line->uv.handle, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
			sizeof(user_timeout_ms));
}

static void on_connected(uv_connect_t *request, int status)
{
	struct line *line = request->handle->data;

	if (line->over)
		return;
	if (!status && !line->local)
		tcp_tune(line);
	if (!status)
		status = uv_read_start(&line->uv.stream, on_alloc, on_read);
	if (status)
		line_end(line, status);
	else
		line->config.handlers.connected(line->config.handlers.context);
}

static void on_closed(uv_handle_t *handle)
{
	struct line *line = handle->data;

	(*line->config.handles_open)--;
	inbox_free(&line->inbox);
	free(line);
}

static int line_connect(struct line *line, const struct sockaddr *address)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)
		address;

	if (!line->local)
		return uv_tcp_connect(
			&line->connect, &line->uv.tcp, address, on_connected);
	uv_pipe_connect(&line->connect, &line->uv.pipe, local->sun_path, on_connected);
	return 0;
}

int line_open(const struct line_config *config, const struct sockaddr *address,
	struct line **line_p)
{
	struct line *line = calloc(1, sizeof(*line));
	int rc;

	if (!line)
		return -ENOMEM;
	line->config = *config;
	line->local = address->sa_family == AF_UNIX;
	rc = line->local ? uv_pipe_init(config->loop, &line->uv.pipe, 0)
			 : uv_tcp_init(config->loop, &line->uv.tcp);
	if (rc) {
		free(line);
		return rc;
	}
	(*config->handles_open)++;
	line->uv.handle.data = line;
	rc = line_connect(line, address);
	if (rc) {
		line_close(line);
		return rc;
	}
	*line_p = line;
	return 0;
}

static void on_written(uv_write_t *request, int status)
{
	struct line *line = request->handle->data;

	free(request);
	if (status < 0)
		line_end(line, status);
}

void line_send(struct line *line, const uint8_t *frame, size_t len)
{
	struct line_frame *out;
	uv_buf_t buf;

	if (line->over ||
		uv_stream_get_write_queue_size(&line->uv.stream) > OUT_QUEUED_MAX)
		return;
	out = malloc(sizeof(*out) + len);
	if (!out)
		return;
	memcpy(out->bytes, frame, len);
	buf = uv_buf_init((char *)out->bytes, (unsigned int)len);
	if (uv_write(&out->request, &line->uv.stream, &buf, 1, on_written))
		free(out);
}

void line_close(struct line *line)
{
	line->over = true;
	if (!uv_is_closing(&line->uv.handle))
		uv_close(&line->uv.handle, on_closed);
}
