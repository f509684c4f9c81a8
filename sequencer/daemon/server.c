#include "sequencer/daemon/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/control/endpoint.h"
#include "sequencer/control/frame.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/inbox.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/peer.h"

#define LISTEN_BACKLOG 128
#define OUT_QUEUED_MAX (4u << 20) /* bytes; a peer that reads nothing is dropped */
#define KEEPALIVE_S 30

union stream {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_pipe_t pipe;
	uv_tcp_t tcp;
};

struct listener {
	union stream uv;
	struct server *server;
	struct endpoint endpoint;
	bool local;
};

struct connection {
	union stream uv;
	struct server *server;
	struct connection *next;
	struct connection **link;
	struct peer peer;
	struct session *session;
	struct mesh_guest *guest;
	struct inbox inbox;
	bool closing;
};

struct server {
	struct server_config config;
	struct listener listeners[SERVER_LISTENERS_MAX];
	unsigned int listeners_count;
	unsigned int handles_open; /* listeners and connections not yet closed */
	struct connection *connections;
	uint32_t connections_count;
};

struct out_frame {
	uv_write_t request;
	uint8_t bytes[];
};

int server_make(const struct server_config *config, struct server **server_p)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->config = *config;
	*server_p = server;
	return 0;
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;
	struct server *server = c->server;

	server->config.handlers.closed(server->config.handlers.context, c);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	server->connections_count--;
	server->handles_open--;
	inbox_free(&c->inbox);
	free(c);
}

static void connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close(&c->uv.handle, on_connection_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;

	(void)suggested;
	*buf = inbox_room(&c->inbox);
}

/* 0: a request was handled.  -EAGAIN: it is not whole yet.  Else the peer makes no sense.
 */
static int frame_handle(struct connection *c)
{
	struct server_handlers *handlers = &c->server->config.handlers;
	Control__Request *request;
	struct error err = {0};
	const uint8_t *payload;
	size_t payload_len;
	int rc = inbox_next(&c->inbox, &payload, &payload_len);

	if (rc)
		return rc;
	rc = request_decode(payload, payload_len, NULL, &request, &err);
	if (rc) {
		log_warning("%s", err.text);
		return rc;
	}
	handlers->request(handlers->context, c, request);
	control__request__free_unpacked(request, NULL);
	return 0;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct connection *c = stream->data;
	int rc = 0;

	(void)buf;
	if (got < 0) {
		connection_close(c);
		return;
	}
	inbox_add(&c->inbox, (size_t)got);
	while (!rc && !c->closing)
		rc = frame_handle(c);
	if (rc && rc != -EAGAIN)
		connection_close(c);
}

static void on_written(uv_write_t *request, int status)
{
	struct out_frame *out = (struct out_frame *)request;

	if (status < 0)
		connection_close(request->handle->data);
	free(out);
}

void connection_reply(struct connection *c, Control__Reply *reply)
{
	size_t len = message_frame_len(&reply->base);
	struct out_frame *out;
	uv_buf_t buf;

	if (c->closing)
		return;
	out = len <= FRAME_MAX ? malloc(sizeof(*out) + len) : NULL;
	if (!out || uv_stream_get_write_queue_size(&c->uv.stream) > OUT_QUEUED_MAX) {
		free(out);
		log_warning(
			"control: a connection is dropped: its replies do not get out");
		connection_close(c);
		return;
	}
	message_frame_write(&reply->base, out->bytes);
	buf = uv_buf_init((char *)out->bytes, (unsigned int)len);
	if (uv_write(&out->request, &c->uv.stream, &buf, 1, on_written)) {
		free(out);
		connection_close(c);
	}
}

static int stream_init(struct server *server, union stream *uv, bool local)
{
	server->handles_open++;
	return local ? uv_pipe_init(server->config.loop, &uv->pipe, 0)
		     : uv_tcp_init(server->config.loop, &uv->tcp);
}

static int connection_admit(struct connection *c, bool local)
{
	struct server *server = c->server;
	struct error err = {0};
	uv_os_fd_t fd;
	int rc;

	if (server->connections_count > server->config.connections_max) {
		log_warning("control: a connection is refused: there are %u already",
			server->config.connections_max);
		return -EUSERS;
	}
	if (!local)
		return uv_tcp_keepalive(&c->uv.tcp, 1, KEEPALIVE_S) ||
		       uv_tcp_nodelay(&c->uv.tcp, 1);
	rc = uv_fileno(&c->uv.handle, &fd);
	if (!rc)
		rc = peer_identify(fd, &c->peer, &err);
	if (!rc)
		rc = peer_check(&c->peer, fd, server->config.group_set,
			server->config.group, &err);
	if (rc)
		log_warning("%s", err.text);
	return rc;
}

static void on_connect(uv_stream_t *stream, int status)
{
	struct listener *listener = stream->data;
	struct server *server = listener->server;
	struct connection *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	c->server = server;
	c->uv.handle.data = c;
	if (stream_init(server, &c->uv, listener->local)) {
		server->handles_open--;
		free(c);
		return;
	}
	c->uv.handle.data = c;
	c->next = server->connections;
	c->link = &server->connections;
	if (c->next)
		c->next->link = &c->next;
	server->connections = c;
	server->connections_count++;
	if (uv_accept(stream, &c->uv.stream) || connection_admit(c, listener->local) ||
		uv_read_start(&c->uv.stream, on_alloc, on_read))
		connection_close(c);
}

/* Binds the socket with its final mode, so that there is no moment when others may in. */
static int pipe_bind(struct server *server, struct listener *listener)
{
	const char *path = listener->endpoint.address.local.sun_path;
	mode_t before;
	int rc;

	(void)unlink(path);
	before = umask(0177);
	rc = uv_pipe_bind(&listener->uv.pipe, path);
	(void)umask(before);
	if (rc || !server->config.group_set)
		return rc;
	if (chown(path, (uid_t)-1, server->config.group) || chmod(path, 0660))
		return -errno;
	return 0;
}

static int listener_start(struct server *server, struct listener *listener)
{
	int rc = listener->local ? pipe_bind(server, listener)
				 : uv_tcp_bind(&listener->uv.tcp,
					   &listener->endpoint.address.any, 0);

	return rc ? rc : uv_listen(&listener->uv.stream, LISTEN_BACKLOG, on_connect);
}

int server_listen(struct server *server, const char *endpoint, struct error *err)
{
	struct listener *listener = &server->listeners[server->listeners_count];
	int rc;

	if (server->listeners_count == SERVER_LISTENERS_MAX)
		return error_set(err, -EINVAL,
			"pawld: %s: more than %d addresses to listen on", endpoint,
			SERVER_LISTENERS_MAX);
	rc = endpoint_parse(endpoint, true, &listener->endpoint, err);
	if (rc)
		return rc;
	listener->server = server;
	listener->local = listener->endpoint.address.any.sa_family == AF_UNIX;
	rc = stream_init(server, &listener->uv, listener->local);
	listener->uv.handle.data = listener;
	server->listeners_count++;
	if (!rc)
		rc = listener_start(server, listener);
	if (rc)
		return error_set(err, rc,
			"pawld: %s: can not listen: %s; choose another address "
			"with --listen, or end whoever has it",
			endpoint, error_reason(rc));
	return 0;
}

const char *server_endpoint(const struct server *server, unsigned int index)
{
	return index < server->listeners_count ? server->listeners[index].endpoint.text
					       : NULL;
}

void server_tell_all(struct server *server, Control__Reply *reply)
{
	for (struct connection *c = server->connections; c; c = c->next)
		connection_reply(c, reply);
}

void server_for_each(struct server *server,
	void (*visit)(void *context, struct connection *connection), void *context)
{
	for (struct connection *c = server->connections; c; c = c->next)
		visit(context, c);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	listener->server->handles_open--;
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	(void)status;
	connection_close(request->handle->data);
	free(request);
}

/* Lets the replies out first; a peer that does not read them is cut by server_close's
 * caller. */
static void connection_finish(struct connection *c)
{
	uv_shutdown_t *request = malloc(sizeof(*request));

	if (!request || uv_shutdown(request, &c->uv.stream, on_shutdown)) {
		free(request);
		connection_close(c);
	}
}

void server_close(struct server *server)
{
	for (unsigned int i = 0; i < server->listeners_count; i++) {
		struct listener *listener = &server->listeners[i];

		if (!uv_is_closing(&listener->uv.handle))
			uv_close(&listener->uv.handle, on_listener_closed);
		if (listener->local)
			(void)unlink(listener->endpoint.address.local.sun_path);
	}
	for (struct connection *c = server->connections; c; c = c->next) {
		if (!c->closing)
			connection_finish(c);
	}
}

void server_cut(struct server *server)
{
	for (struct connection *c = server->connections; c; c = c->next)
		connection_close(c);
}

bool server_closed(const struct server *server)
{
	return server->handles_open == 0;
}

void server_free(struct server *server)
{
	PAWL_ASSERT(!server || server_closed(server));
	free(server);
}

void connection_end(struct connection *connection)
{
	connection_close(connection);
}

const struct peer *connection_peer(const struct connection *connection)
{
	return &connection->peer;
}

struct session *connection_session(const struct connection *connection)
{
	return connection->session;
}

void connection_session_set(struct connection *connection, struct session *session)
{
	connection->session = session;
}

struct mesh_guest *connection_mesh(const struct connection *connection)
{
	return connection->guest;
}

void connection_mesh_set(struct connection *connection, struct mesh_guest *guest)
{
	connection->guest = guest;
}
