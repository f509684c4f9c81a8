/* The owner's side: a word, and a thread that lets everybody in. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench/raw_verbs.h"
#include "bench/raw_verbs_internal.h"
#include "hw/verbs/address.h"

#define PEERS_MAX 256

struct raw_verbs_server {
	struct rdma_event_channel *channel;
	struct rdma_cm_id *listener;
	struct ibv_pd *pd;
	struct ibv_cq *cq; /* peers' queue pairs post nothing, but must have one */
	struct ibv_mr *mr;
	uint8_t *bytes;
	struct rdma_cm_id *peers[PEERS_MAX];
	uint8_t responder_resources;
	int stop_fd;
	bool running;
	pthread_t thread;
	char address[256];
};

int raw_verbs_target_read(const char *text, struct raw_verbs_target *target_p,
	union verbs_sockaddr *owner_p)
{
	struct verbs_address address;
	int rc = verbs_address_parse(text, &address, NULL);

	if (!rc)
		rc = verbs_sockaddr_parse(address.host, owner_p);
	if (rc)
		return rc;
	verbs_sockaddr_set_port(owner_p, address.port);
	target_p->base = address.target.base;
	target_p->key = address.target.key;
	return 0;
}

static void peer_end(struct rdma_cm_id *id)
{
	(void)rdma_disconnect(id);
	if (id->qp)
		rdma_destroy_qp(id);
	(void)rdma_destroy_id(id);
}

static bool peer_accept(
	struct raw_verbs_server *server, struct rdma_cm_id *id, uint8_t wanted)
{
	struct ibv_qp_init_attr init = {.qp_type = IBV_QPT_RC,
		.send_cq = server->cq,
		.recv_cq = server->cq,
		.cap = {.max_send_wr = 1,
			.max_recv_wr = 1,
			.max_send_sge = 1,
			.max_recv_sge = 1}};
	struct rdma_conn_param param = {.rnr_retry_count = 6,
		.responder_resources = wanted < server->responder_resources
					       ? wanted
					       : server->responder_resources};

	return id->verbs == server->listener->verbs &&
	       rdma_create_qp(id, server->pd, &init) == 0 && rdma_accept(id, &param) == 0;
}

static void peer_come(
	struct raw_verbs_server *server, struct rdma_cm_id *id, uint8_t wanted)
{
	int slot = 0;

	while (slot < PEERS_MAX && server->peers[slot])
		slot++;
	if (slot < PEERS_MAX && peer_accept(server, id, wanted)) {
		server->peers[slot] = id;
		return;
	}
	(void)rdma_reject(id, NULL, 0);
	peer_end(id);
}

static void peer_go(struct raw_verbs_server *server, struct rdma_cm_id *id)
{
	for (int slot = 0; slot < PEERS_MAX; slot++) {
		if (server->peers[slot] != id)
			continue;
		server->peers[slot] = NULL;
		peer_end(id);
		return;
	}
}

static void event_serve(struct raw_verbs_server *server)
{
	struct rdma_cm_event *event;
	enum rdma_cm_event_type type;
	struct rdma_cm_id *id;
	uint8_t wanted;

	if (rdma_get_cm_event(server->channel, &event))
		return;
	type = event->event;
	id = event->id;
	wanted = event->param.conn.responder_resources;
	(void)rdma_ack_cm_event(event);
	if (type == RDMA_CM_EVENT_CONNECT_REQUEST)
		peer_come(server, id, wanted);
	else if (type != RDMA_CM_EVENT_ESTABLISHED)
		peer_go(server, id);
}

static void *server_main(void *context)
{
	struct raw_verbs_server *server = context;
	struct pollfd fds[2] = {{.fd = server->channel->fd, .events = POLLIN},
		{.fd = server->stop_fd, .events = POLLIN}};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[1].revents)
			return NULL;
		if (fds[0].revents)
			event_serve(server);
	}
}

static int listener_start(
	struct raw_verbs_server *server, const char *where, struct error *err)
{
	union verbs_sockaddr probe, local;
	bool is_address = where && verbs_sockaddr_parse(where, &probe) == 0;
	struct device_config config = {.address = is_address ? where : NULL,
		.device = is_address ? NULL : where};
	int rc = verbs_find_local(&config, &local, err);

	if (rc)
		return rc;
	server->channel = rdma_create_event_channel();
	if (server->channel &&
		rdma_create_id(server->channel, &server->listener, NULL, RDMA_PS_TCP) ==
			0 &&
		rdma_bind_addr(server->listener, &local.any) == 0 &&
		server->listener->verbs && rdma_listen(server->listener, 64) == 0)
		return 0;
	return error_set(err, -EADDRNOTAVAIL, "raw: %s: can not listen: %s",
		where ? where : "first device", error_reason(errno ? -errno : -ENODEV));
}

static int memory_expose(struct raw_verbs_server *server, struct error *err)
{
	struct ibv_context *context = server->listener->verbs;
	struct ibv_device_attr limits;

	if (ibv_query_device(context, &limits))
		return error_set(err, -EIO, "raw: device can not be queried");
	server->responder_resources = raw_verbs_clamp(limits.max_qp_rd_atom);
	server->bytes = aligned_alloc(64, RAW_VERBS_LEN);
	if (!server->bytes)
		return error_set(err, -ENOMEM, "raw: no memory for the word");
	memset(server->bytes, 0, RAW_VERBS_LEN);
	server->pd = ibv_alloc_pd(context);
	server->cq = ibv_create_cq(context, 1, NULL, NULL, 0);
	if (server->pd)
		server->mr = ibv_reg_mr(server->pd, server->bytes, RAW_VERBS_LEN,
			IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
				IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC);
	if (!server->cq || !server->mr)
		return error_set(err, -ENOMEM, "raw: device is out of resources: %s",
			error_reason(-errno));
	return 0;
}

static int address_make(struct raw_verbs_server *server, struct error *err)
{
	const struct sockaddr *local = rdma_get_local_addr(server->listener);
	const union verbs_sockaddr *at = (const union verbs_sockaddr *)(const void *)
		local;
	struct verbs_address address = {
		.port = ntohs(rdma_get_src_port(server->listener)),
		.target = {.base = (uintptr_t)server->bytes,
			.len = RAW_VERBS_LEN,
			.key = server->mr->rkey},
	};
	const void *host = local->sa_family == AF_INET6 ? (const void *)&at->v6.sin6_addr
							: (const void *)&at->v4.sin_addr;

	if (!inet_ntop(local->sa_family, host, address.host, sizeof(address.host)) ||
		verbs_address_write(&address, server->address, sizeof(server->address)))
		return error_set(err, -EINVAL, "raw: address can not be written");
	return 0;
}

static int thread_start(struct raw_verbs_server *server, struct error *err)
{
	int rc;

	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (server->stop_fd < 0)
		return error_set(err, -ENOMEM, "raw: no event descriptor: %s",
			error_reason(-errno));
	rc = pthread_create(&server->thread, NULL, server_main, server);
	if (rc)
		return error_set(err, -ENOMEM, "raw: no thread: %s", error_reason(-rc));
	server->running = true;
	return 0;
}

int raw_verbs_serve(
	const char *where, struct raw_verbs_server **server_p, struct error *err)
{
	struct raw_verbs_server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		return error_set(err, -ENOMEM, "raw: no memory for a server");
	server->stop_fd = -1;
	rc = listener_start(server, where, err);
	if (!rc)
		rc = memory_expose(server, err);
	if (!rc)
		rc = address_make(server, err);
	if (!rc)
		rc = thread_start(server, err);
	if (rc) {
		raw_verbs_stop(server);
		return rc;
	}
	*server_p = server;
	return 0;
}

const char *raw_verbs_address(const struct raw_verbs_server *server)
{
	return server->address;
}

uint64_t raw_verbs_word(const struct raw_verbs_server *server)
{
	return __atomic_load_n(
		(const uint64_t *)(const void *)(server->bytes + RAW_VERBS_COUNTER),
		__ATOMIC_ACQUIRE);
}

static void thread_stop(struct raw_verbs_server *server)
{
	if (server->running) {
		(void)eventfd_write(server->stop_fd, 1);
		(void)pthread_join(server->thread, NULL);
	}
	if (server->stop_fd >= 0)
		(void)close(server->stop_fd);
}

void raw_verbs_stop(struct raw_verbs_server *server)
{
	thread_stop(server);
	for (int slot = 0; slot < PEERS_MAX; slot++) {
		if (server->peers[slot])
			peer_end(server->peers[slot]);
	}
	if (server->mr)
		(void)ibv_dereg_mr(server->mr);
	if (server->cq)
		(void)ibv_destroy_cq(server->cq);
	if (server->pd)
		(void)ibv_dealloc_pd(server->pd);
	if (server->listener)
		(void)rdma_destroy_id(server->listener);
	if (server->channel)
		rdma_destroy_event_channel(server->channel);
	free(server->bytes);
	free(server);
}
