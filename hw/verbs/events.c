/* Takes events from a device's channel and hands each to its endpoint. */
#include <errno.h>
#include <string.h>

#include "hw/verbs/verbs_internal.h"

#define endpoint_owner(endpoint, type) \
	((type *)(void *)((char *)(endpoint)-offsetof(type, endpoint)))

/*
 * Copies the next event and acknowledges it at once, because whoever acts on it may
 * destroy the id that it belongs to (V1).  -EAGAIN: there is none.
 */
static int event_take(struct verbs_device *device, struct verbs_event *event_p)
{
	struct rdma_cm_event *event;
	const struct rdma_conn_param *conn;

	if (rdma_get_cm_event(device->channel, &event))
		return -errno;
	conn = &event->param.conn;
	memset(event_p, 0, sizeof(*event_p));
	event_p->type = event->event;
	event_p->status = event->status;
	event_p->id = event->id;
	if (conn->private_data) {
		event_p->private_len = conn->private_data_len;
		memcpy(event_p->private, conn->private_data, conn->private_data_len);
	}
	/* In a request, the peer's initiator depth arrives as what we are to answer. */
	event_p->initiator_depth = conn->responder_resources;
	(void)rdma_ack_cm_event(event);
	return 0;
}

static void event_handle(struct verbs_device *device, const struct verbs_event *event)
{
	struct verbs_endpoint *endpoint = event->id->context;

	if (event->type == RDMA_CM_EVENT_CONNECT_REQUEST) {
		verbs_listen_event(device, event);
		return;
	}
	switch (endpoint->kind) {
	case VERBS_ANCHOR:
		device->lost = device->lost ||
			       event->type == RDMA_CM_EVENT_DEVICE_REMOVAL;
		return;
	case VERBS_PEER:
		verbs_peer_event(
			device, endpoint_owner(endpoint, struct verbs_peer), event);
		return;
	case VERBS_LINK:
		verbs_link_event(
			device, endpoint_owner(endpoint, struct verbs_link), event);
		return;
	}
}

int verbs_progress(struct device *base, struct error *err)
{
	struct verbs_device *device = verbs_device_of(base);
	struct verbs_event event;

	for (int i = 0; i < VERBS_EVENTS_MAX && event_take(device, &event) == 0; i++)
		event_handle(device, &event);
	if (device->lost)
		return error_set(err, -EIO,
			"verbs: %s: device is gone: Input/output error; open it again "
			"when it is back",
			device->name);
	return 0;
}

int verbs_fd(const struct device *device)
{
	return verbs_device_of(device)->channel->fd;
}
