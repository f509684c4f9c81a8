/* The owner's side of connections: who may come in, and how they are thrown out. */
#include <errno.h>
#include <stdlib.h>

#include "hw/verbs/hello.h"
#include "hw/verbs/verbs_internal.h"

void verbs_admit(struct device *base, device_admit_fn admit, void *context)
{
	struct verbs_device *device = verbs_device_of(base);

	device->admit = admit;
	device->admit_context = context;
}

/* Frees a peer that is on no list.  Afterwards nothing of it can take effect any more. */
static void peer_destroy(struct verbs_device *device, struct verbs_peer *peer)
{
	struct rdma_cm_id *id = peer->endpoint.id;

	(void)rdma_disconnect(
		id); /* so that the other side need not find out by waiting */
	if (id->qp)
		rdma_destroy_qp(id);
	(void)rdma_destroy_id(id);
	device->peers_count--;
	free(peer);
}

static void peers_remove(struct verbs_memory *memory, bool all, uint64_t token)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct verbs_peer **place = &memory->peers;

	while (*place) {
		struct verbs_peer *peer = *place;

		if (!all && peer->token != token) {
			place = &peer->next;
			continue;
		}
		*place = peer->next;
		peer_destroy(device, peer);
	}
}

void verbs_evict(struct memory *memory, uint64_t token)
{
	peers_remove(verbs_memory_of(memory), false, token);
}

void verbs_evict_all(struct verbs_memory *memory)
{
	peers_remove(memory, true, 0);
}

static void peer_drop(struct verbs_device *device, struct verbs_peer *peer)
{
	struct verbs_peer **place = &peer->memory->peers;

	while (*place != peer)
		place = &(*place)->next;
	*place = peer->next;
	peer_destroy(device, peer);
}

void verbs_peer_event(struct verbs_device *device, struct verbs_peer *peer,
	const struct verbs_event *event)
{
	switch (event->type) {
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
	case RDMA_CM_EVENT_REJECTED:
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		peer_drop(device, peer);
		return;
	default: /* established: nothing to do until it ends */
		return;
	}
}

static struct verbs_memory *memory_find(struct verbs_device *device, uint64_t id)
{
	struct verbs_memory *memory;

	(void)pthread_mutex_lock(&device->memories_mutex);
	memory = device->memories;
	while (memory && memory->where.memory != id)
		memory = memory->next;
	(void)pthread_mutex_unlock(&device->memories_mutex);
	return memory;
}

/* 0 and the memory, or an enum verbs_refusal. */
static int request_judge(struct verbs_device *device, const struct verbs_event *event,
	struct verbs_hello *hello, struct verbs_memory **memory_p)
{
	struct verbs_memory *memory;

	if (verbs_hello_decode(event->private, event->private_len, hello))
		return VERBS_REFUSED_VERSION;
	memory = memory_find(device, hello->memory);
	if (!memory)
		return VERBS_REFUSED_MEMORY;
	if (device->admit &&
		!device->admit(device->admit_context, &memory->base, hello->token))
		return VERBS_REFUSED_TOKEN;
	memory = memory_find(device, hello->memory); /* the gate may have withdrawn it */
	if (!memory)
		return VERBS_REFUSED_MEMORY;
	if (device->peers_count >= VERBS_PEERS_MAX)
		return VERBS_REFUSED_FULL;
	*memory_p = memory;
	return 0;
}

static int peer_queue_create(struct verbs_memory *memory, struct rdma_cm_id *id)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct ibv_qp_init_attr init = {
		.send_cq = device->idle_cq,
		.recv_cq = device->idle_cq,
		.qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = 1,
			.max_recv_wr = 1,
			.max_send_sge = 1,
			.max_recv_sge = 1},
	};

	/* The link may have come in on another device with the same address (bonding). */
	if (id->verbs != device->context)
		return -ENODEV;
	return rdma_create_qp(id, memory->pd, &init) ? -errno : 0;
}

/* As many reads and atomics at once as the peer asks for and this device can answer. */
static uint8_t answers_at_once(const struct verbs_device *device, uint8_t wanted)
{
	int limit = device->limits.orig_attr.max_qp_rd_atom;

	if (limit < wanted)
		return limit > 0 ? (uint8_t)limit : 1;
	return wanted;
}

static int peer_accept(
	struct verbs_memory *memory, const struct verbs_event *event, uint64_t token)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct rdma_conn_param param = {
		.responder_resources = answers_at_once(device, event->initiator_depth),
		.rnr_retry_count = VERBS_RNR_RETRY,
	};
	struct verbs_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return VERBS_REFUSED_FULL;
	if (peer_queue_create(memory, event->id)) {
		free(peer);
		return VERBS_REFUSED_FULL;
	}
	peer->endpoint = (struct verbs_endpoint){.kind = VERBS_PEER, .id = event->id};
	peer->memory = memory;
	peer->token = token;
	event->id->context = &peer->endpoint;
	if (rdma_accept(event->id, &param)) {
		rdma_destroy_qp(event->id);
		free(peer);
		return VERBS_REFUSED_FULL;
	}
	peer->next = memory->peers;
	memory->peers = peer;
	device->peers_count++;
	return 0;
}

void verbs_listen_event(struct verbs_device *device, const struct verbs_event *event)
{
	struct verbs_memory *memory = NULL;
	struct verbs_hello hello;
	uint8_t bytes[VERBS_REFUSAL_LEN];
	int refusal = request_judge(device, event, &hello, &memory);

	if (!refusal)
		refusal = peer_accept(memory, event, hello.token);
	if (!refusal)
		return;
	verbs_refusal_encode((enum verbs_refusal)refusal, bytes);
	(void)rdma_reject(event->id, bytes, sizeof(bytes));
	(void)rdma_destroy_id(event->id);
}
