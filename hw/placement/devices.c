#include "hw/placement/devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *rdma_gid_type_name(enum ibv_gid_type type)
{
	switch (type) {
	case IBV_GID_TYPE_ROCE_V2:
		return "RoCE v2";
	case IBV_GID_TYPE_ROCE_V1:
		return "RoCE v1";
	default:
		return "InfiniBand";
	}
}

static struct in6_addr gid_address(const struct ibv_gid_entry *entry)
{
	struct in6_addr address;

	memcpy(&address, entry->gid.raw, sizeof(address));
	return address;
}

static bool gid_is_ipv4(const struct ibv_gid_entry *entry)
{
	struct in6_addr address = gid_address(entry);

	return IN6_IS_ADDR_V4MAPPED(&address);
}

static bool gid_is_link_local(const struct ibv_gid_entry *entry)
{
	struct in6_addr address = gid_address(entry);

	if (IN6_IS_ADDR_V4MAPPED(&address))
		return address.s6_addr[12] == 169 && address.s6_addr[13] == 254;
	return IN6_IS_ADDR_LINKLOCAL(&address);
}

/* Higher is better; only entries of one port are compared. */
static int gid_rank(const struct ibv_gid_entry *entry)
{
	if (entry->gid_type == IBV_GID_TYPE_ROCE_V1)
		return 0;
	if (entry->gid_type == IBV_GID_TYPE_IB)
		return 1;
	return 1 + (gid_is_ipv4(entry) ? 1 : 0) + (gid_is_link_local(entry) ? 0 : 2);
}

const struct ibv_gid_entry *rdma_gid_choose(
	const struct ibv_gid_entry *entries, int count, int port)
{
	const struct ibv_gid_entry *best = NULL;

	for (int i = 0; i < count; i++) {
		if (entries[i].port_num != (uint32_t)port)
			continue;
		if (!best || gid_rank(&entries[i]) > gid_rank(best))
			best = &entries[i];
	}
	return best;
}

static void gid_read(const struct ibv_gid_entry *entry, struct rdma_gid *gid)
{
	struct in6_addr address = gid_address(entry);
	char interface[IF_NAMESIZE];

	gid->index = (int)entry->gid_index;
	gid->type = (enum ibv_gid_type)entry->gid_type;
	gid->ipv4 = gid_is_ipv4(entry);
	gid->link_local = gid_is_link_local(entry);
	if (gid->ipv4)
		(void)inet_ntop(
			AF_INET, &address.s6_addr[12], gid->text, sizeof(gid->text));
	else
		(void)inet_ntop(AF_INET6, &address, gid->text, sizeof(gid->text));
	if (entry->ndev_ifindex && if_indextoname(entry->ndev_ifindex, interface))
		(void)snprintf(gid->interface, sizeof(gid->interface), "%s", interface);
}

static void port_read(struct ibv_context *context, int number,
	const struct ibv_gid_entry *gids, int gids_count, struct rdma_port *port)
{
	struct ibv_port_attr attr = {.state = IBV_PORT_NOP};
	const struct ibv_gid_entry *gid = rdma_gid_choose(gids, gids_count, number);

	port->number = number;
	port->gid.index = -1;
	if (ibv_query_port(context, (uint8_t)number, &attr) != 0)
		return;
	port->state = attr.state;
	port->active = attr.state == IBV_PORT_ACTIVE;
	port->ethernet = attr.link_layer == IBV_LINK_LAYER_ETHERNET;
	port->mtu_len = attr.active_mtu ? 128 << attr.active_mtu : 0;
	if (gid)
		gid_read(gid, &port->gid);
}

static void ports_read(struct ibv_context *context, int count, struct rdma_device *device)
{
	struct ibv_gid_entry gids[RDMA_GIDS_MAX];
	ssize_t gids_count = ibv_query_gid_table(context, gids, RDMA_GIDS_MAX, 0);

	device->ports_count = count < RDMA_PORTS_MAX ? count : RDMA_PORTS_MAX;
	for (int i = 0; i < device->ports_count; i++)
		port_read(context, i + 1, gids, gids_count > 0 ? (int)gids_count : 0,
			&device->ports[i]);
}

/* The kernel keeps devices without hardware in a directory of their own. */
static bool device_is_software(const char *ibdev_path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(ibdev_path, target, sizeof(target) - 1);

	if (len < 0)
		return false;
	target[len] = '\0';
	return strstr(target, "/virtual/") != NULL;
}

static void device_read(struct ibv_device *from, struct rdma_device *device)
{
	struct ibv_device_attr_ex attr = {0};
	struct ibv_context *context;
	int rc;

	memset(device, 0, sizeof(*device));
	(void)snprintf(
		device->name, sizeof(device->name), "%s", ibv_get_device_name(from));
	device->software = device_is_software(from->ibdev_path);
	context = ibv_open_device(from);
	rc = context ? ibv_query_device_ex(context, NULL, &attr) : errno;
	if (rc) {
		(void)snprintf(device->fault, sizeof(device->fault),
			"can not open it: %s", error_reason(-rc));
	} else {
		device->atomics = attr.orig_attr.atomic_cap != IBV_ATOMIC_NONE;
		device->reads_in = attr.orig_attr.max_qp_rd_atom;
		device->reads_out = attr.orig_attr.max_qp_init_rd_atom;
		device->memory_len = attr.max_dm_size;
		ports_read(context, attr.orig_attr.phys_port_cnt, device);
	}
	if (context)
		(void)ibv_close_device(context);
}

int rdma_devices_list(
	struct rdma_device *devices, int max, int *count_p, struct error *err)
{
	int count = 0;
	struct ibv_device **list = ibv_get_device_list(&count);

	if (!list) {
		if (errno != ENOSYS && errno != ENOENT)
			return error_set(err, -EIO,
				"placement: RDMA devices: can not list them: %s",
				error_reason(-errno));
		*count_p = 0; /* a kernel without RDMA */
		return 0;
	}
	if (count > max)
		count = max;
	for (int i = 0; i < count; i++)
		device_read(list[i], &devices[i]);
	ibv_free_device_list(list);
	*count_p = count;
	return 0;
}
