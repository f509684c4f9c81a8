/* Opens and closes a device: its event channel, its anchor and its limits. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/verbs/verbs_internal.h"

#define BACKLOG 128
#define REQUEST_MIN (1 << 20) /* bytes of one request, that a device must do */

static int channel_open(struct verbs_device *device, struct error *err)
{
	int flags;

	device->channel = rdma_create_event_channel();
	if (!device->channel)
		return error_set(err, -ENODEV,
			"verbs: rdma connection manager can not be opened: %s; modprobe "
			"rdma_ucm, and "
			"check the permissions of /dev/infiniband/rdma_cm",
			error_reason(-errno));
	flags = fcntl(device->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(device->channel->fd, F_SETFL, flags | O_NONBLOCK) ||
		fcntl(device->channel->fd, F_SETFD, FD_CLOEXEC))
		return error_set(err, -EINVAL,
			"verbs: event channel can not be set up: %s",
			error_reason(-errno));
	return 0;
}

static void host_write(struct verbs_device *device)
{
	const union verbs_sockaddr *local = &device->local;
	const void *bytes = local->any.sa_family == AF_INET6
				    ? (const void *)&local->v6.sin6_addr
				    : (const void *)&local->v4.sin_addr;

	(void)inet_ntop(local->any.sa_family, bytes, device->host, sizeof(device->host));
}

static int anchor_bind_error(
	const struct verbs_device *device, uint16_t port, int code, struct error *err)
{
	if (code == -EADDRINUSE)
		return error_set(err, code,
			"verbs: %s port %u: %s; choose another port, or stop who has it",
			device->host, port, error_reason(code));
	if (code == -EACCES || code == -EPERM)
		return error_set(err, -EACCES,
			"verbs: %s port %u: %s; use a port above 1023, and check the "
			"permissions of "
			"/dev/infiniband",
			device->host, port, error_reason(code));
	if (code == -ENOMEM)
		return error_set(
			err, code, "verbs: %s: %s", device->host, error_reason(code));
	return error_set(err, -EADDRNOTAVAIL,
		"verbs: %s: no rdma device has this address: %s; `rdma link` and `ip "
		"addr` show "
		"which there are",
		device->host, error_reason(code));
}

static int anchor_bind(struct verbs_device *device, uint16_t port, struct error *err)
{
	union verbs_sockaddr local = device->local;
	struct rdma_cm_id *id;

	verbs_sockaddr_set_port(&local, port);
	if (rdma_create_id(device->channel, &id, &device->anchor, RDMA_PS_TCP))
		return anchor_bind_error(device, port, -errno, err);
	device->anchor = (struct verbs_endpoint){.kind = VERBS_ANCHOR, .id = id};
	if (rdma_bind_addr(id, &local.any))
		return anchor_bind_error(device, port, -errno, err);
	if (!id->verbs)
		return anchor_bind_error(device, port, -ENODEV, err);
	device->context = id->verbs;
	(void)snprintf(device->name, sizeof(device->name), "%s/%u",
		ibv_get_device_name(id->verbs->device), id->port_num);
	(void)snprintf(
		device->text, sizeof(device->text), "%s %s", device->name, device->host);
	return 0;
}

/* A put of the longest kind must not need more than some dozens of requests. */
static int request_max_read(struct verbs_device *device, struct error *err)
{
	struct ibv_port_attr port;
	int rc = ibv_query_port(device->context, device->anchor.id->port_num, &port);

	if (rc)
		return error_set(err, -ENODEV, "verbs: %s: port can not be queried: %s",
			device->name, error_reason(-rc));
	if (port.max_msg_sz < REQUEST_MIN)
		return error_set(err, -EOPNOTSUPP,
			"verbs: %s: messages of at most %u bytes: Operation not "
			"supported; pick another with device=",
			device->name, port.max_msg_sz);
	device->request_max = port.max_msg_sz < LINK_PUT_MAX ? port.max_msg_sz
							     : (uint32_t)LINK_PUT_MAX;
	return 0;
}

static int limits_read(struct verbs_device *device, struct error *err)
{
	int rc = ibv_query_device_ex(device->context, NULL, &device->limits);

	if (rc)
		return error_set(err, -ENODEV, "verbs: %s: device can not be queried: %s",
			device->name, error_reason(-rc));
	if (device->limits.orig_attr.atomic_cap == IBV_ATOMIC_NONE)
		return error_set(err, -EOPNOTSUPP,
			"verbs: %s: device has no 64-bit atomics: Operation not "
			"supported; pick "
			"another with device=",
			device->name);
	return request_max_read(device, err);
}

static int resources_create(struct verbs_device *device, struct error *err)
{
	device->pd = ibv_alloc_pd(device->context);
	if (device->pd)
		device->idle_cq = ibv_create_cq(device->context, 1, NULL, NULL, 0);
	if (device->idle_cq)
		return 0;
	return error_set(err, -ENOMEM, "verbs: %s: device is out of resources: %s",
		device->name, error_reason(-errno));
}

static int listen_start(struct verbs_device *device, struct error *err)
{
	if (rdma_listen(device->anchor.id, BACKLOG))
		return anchor_bind_error(
			device, ntohs(rdma_get_src_port(device->anchor.id)), -errno, err);
	device->listening = true;
	return 0;
}

int verbs_device_start(const struct device_config *config,
	const union verbs_sockaddr *local, struct verbs_device **device_p,
	struct error *err)
{
	struct verbs_device *device = calloc(1, sizeof(*device));
	int rc;

	if (!device)
		return error_set(err, -ENOMEM, "verbs: no memory for a device");
	(void)pthread_mutex_init(&device->memories_mutex, NULL);
	device->base.ops = &verbs_memory_ops;
	device->local = *local;
	device->retry = verbs_retry_choose(config->timeout_ns);
	host_write(device);
	rc = channel_open(device, err);
	if (!rc)
		rc = anchor_bind(device, config->listen ? config->port : 0, err);
	if (!rc)
		rc = limits_read(device, err);
	if (!rc)
		rc = resources_create(device, err);
	if (!rc && config->listen)
		rc = listen_start(device, err);
	if (rc) {
		verbs_close(&device->base);
		return rc;
	}
	device->card_memory = config->device_memory && device->limits.max_dm_size > 0;
	*device_p = device;
	return 0;
}

int verbs_open(
	const struct device_config *config, struct device **device_p, struct error *err)
{
	struct verbs_device *device;
	union verbs_sockaddr local;
	int rc = verbs_find_local(config, &local, err);

	if (rc)
		return rc;
	/*
	 * Keeps a child's first store from moving a pinned page away under the card.  It
	 * fails only where something else in this process has registered memory already,
	 * and then that has decided about forking for all of us.
	 */
	(void)ibv_fork_init();
	rc = verbs_device_start(config, &local, &device, err);
	if (rc)
		return rc;
	rc = verbs_selftest(device, err);
	if (rc) {
		verbs_close(&device->base);
		return rc;
	}
	*device_p = &device->base;
	return 0;
}

void verbs_close(struct device *base)
{
	struct verbs_device *device = verbs_device_of(base);

	if (device->idle_cq)
		(void)ibv_destroy_cq(device->idle_cq);
	if (device->pd)
		(void)ibv_dealloc_pd(device->pd);
	if (device->anchor.id)
		(void)rdma_destroy_id(device->anchor.id);
	if (device->channel)
		rdma_destroy_event_channel(device->channel);
	(void)pthread_mutex_destroy(&device->memories_mutex);
	free(device);
}

const char *verbs_describe(const struct device *device)
{
	return verbs_device_of(device)->text;
}
