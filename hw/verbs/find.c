/*
 * Finds the local IP address that stands for the device asked for.  The connection
 * manager alone knows which address belongs to which device (InfiniBand, RoCE, iWARP and
 * Soft-RoCE differ), so every address of this host is offered to it and its answer
 * compared.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "hw/verbs/verbs_internal.h"

#define SOFT_ROCE_HINT                                                                  \
	"for Soft-RoCE run deploy/soft-roce-up IFACE, or: rdma link add rxe0 type rxe " \
	"netdev IFACE"

/* What "dev" or "dev/port" asks for. */
struct wanted {
	char name[IBV_SYSFS_NAME_MAX]; /* "": any device */
	uint8_t port;		       /* 0: any port */
	bool seen;		       /* an address led to it */
	bool down;		       /* but its port is not active */
};

void verbs_sockaddr_set_port(union verbs_sockaddr *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET6)
		address->v6.sin6_port = htons(port);
	else
		address->v4.sin_port = htons(port);
}

int verbs_sockaddr_parse(const char *host, union verbs_sockaddr *address_p)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return -EINVAL;
	memset(address_p, 0, sizeof(*address_p));
	memcpy(address_p, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static int wanted_parse(const char *device, struct wanted *wanted, struct error *err)
{
	const char *slash = device ? strchr(device, '/') : NULL;
	size_t len = slash ? (size_t)(slash - device) : strlen(device ? device : "");
	char *end = NULL;
	unsigned long port = slash ? strtoul(slash + 1, &end, 10) : 0;

	memset(wanted, 0, sizeof(*wanted));
	if (!device)
		return 0;
	if (len == 0 || len >= sizeof(wanted->name) ||
		(slash &&
			(slash[1] < '1' || slash[1] > '9' || *end != '\0' || port > 254)))
		return error_set(err, -EINVAL,
			"verbs: %s: not the name of a device: Invalid argument; use "
			"device=NAME or "
			"device=NAME/PORT, with a port from 1 to 254",
			device);
	memcpy(wanted->name, device, len);
	wanted->port = (uint8_t)port;
	return 0;
}

static int devices_check(const struct wanted *wanted, struct error *err)
{
	int count = 0;
	bool found = false;
	struct ibv_device **list = ibv_get_device_list(&count);

	for (int i = 0; list && i < count; i++)
		found = found || strcmp(ibv_get_device_name(list[i]), wanted->name) == 0;
	if (list)
		ibv_free_device_list(list);
	if (!list || count == 0)
		return error_set(err, -ENODEV,
			"verbs: this host has no rdma device: No such "
			"device; " SOFT_ROCE_HINT);
	if (*wanted->name && !found)
		return error_set(err, -ENODEV,
			"verbs: %s: No such device; `rdma link` lists the "
			"devices, " SOFT_ROCE_HINT,
			wanted->name);
	return 0;
}

static bool port_active(struct rdma_cm_id *id)
{
	struct ibv_port_attr port;

	return ibv_query_port(id->verbs, id->port_num, &port) == 0 &&
	       port.state == IBV_PORT_ACTIVE;
}

static bool id_fits(struct rdma_cm_id *id, struct wanted *wanted)
{
	if (!id->verbs)
		return false;
	if (*wanted->name &&
		strcmp(ibv_get_device_name(id->verbs->device), wanted->name) != 0)
		return false;
	if (wanted->port && id->port_num != wanted->port)
		return false;
	wanted->seen = true;
	if (port_active(id))
		return true;
	wanted->down = true;
	return false;
}

static bool address_fits(const union verbs_sockaddr *address, struct wanted *wanted)
{
	union verbs_sockaddr local = *address;
	struct rdma_cm_id *id;
	bool fits;

	if (rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP))
		return false;
	fits = rdma_bind_addr(id, &local.any) == 0 && id_fits(id, wanted);
	rdma_destroy_id(id);
	return fits;
}

/* Whether the interface's address may stand for a device: up, no loopback, @family. */
static bool candidate(
	const struct ifaddrs *entry, int family, union verbs_sockaddr *address_p)
{
	if (!entry->ifa_addr || entry->ifa_addr->sa_family != family ||
		!(entry->ifa_flags & IFF_UP) || (entry->ifa_flags & IFF_LOOPBACK))
		return false;
	memset(address_p, 0, sizeof(*address_p));
	if (family == AF_INET)
		memcpy(address_p, entry->ifa_addr, sizeof(address_p->v4));
	else
		memcpy(address_p, entry->ifa_addr, sizeof(address_p->v6));
	return true;
}

static int search_error(const struct wanted *wanted, struct error *err)
{
	const char *name = *wanted->name ? wanted->name : "every rdma device";

	if (wanted->down)
		return error_set(err, -ENODEV,
			"verbs: %s: port is not active: No such device; bring its "
			"network "
			"interface up (ip link set IFACE up)",
			name);
	return error_set(err, -EADDRNOTAVAIL,
		"verbs: %s: no ip address on its network interface%s: Cannot assign "
		"requested "
		"address; give it one (ip addr add ADDRESS/24 dev IFACE), and check that "
		"the "
		"module rdma_ucm is loaded",
		name, wanted->port ? " at that port" : "");
}

static int search(struct wanted *wanted, union verbs_sockaddr *local_p, struct error *err)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list))
		return error_set(err, -ENOMEM,
			"verbs: can not list this host's addresses: %s",
			error_reason(-errno));
	for (size_t i = 0; i < 2 && !found; i++) {
		for (struct ifaddrs *entry = list; entry && !found;
			entry = entry->ifa_next)
			found = candidate(entry, families[i], local_p) &&
				address_fits(local_p, wanted);
	}
	freeifaddrs(list);
	return found ? 0 : search_error(wanted, err);
}

int verbs_find_local(const struct device_config *config, union verbs_sockaddr *local_p,
	struct error *err)
{
	union verbs_sockaddr local;
	struct wanted wanted;
	int rc = wanted_parse(config->address ? NULL : config->device, &wanted, err);

	if (rc)
		return rc;
	if (config->address && verbs_sockaddr_parse(config->address, &local))
		return error_set(err, -EINVAL,
			"verbs: %s: not a numeric ip address: Invalid argument; correct "
			"address=",
			config->address);
	rc = devices_check(&wanted, err);
	if (rc)
		return rc;
	if (!config->address)
		rc = search(&wanted, &local, err);
	if (rc)
		return rc;
	*local_p = local;
	return 0;
}
