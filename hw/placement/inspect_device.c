#include "hw/placement/inspect_topic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/placement/sysfs.h"

#define READS_GOOD 16 /* reads and atomics in flight that most cards allow */

/* A network interface that could carry a software device; some kinds do not tell. */
static int interface_is_up(const char *root, const char *name)
{
	char state[32];

	return strcmp(name, "lo") != 0 &&
	       sysfs_text(state, sizeof(state), root, "sys/class/net/%s/operstate",
		       name) == 0 &&
	       (strcmp(state, "up") == 0 || strcmp(state, "unknown") == 0);
}

static void report_no_device(
	const struct inspect_input *input, struct inspection *inspection)
{
	char interface[32];
	struct finding *finding = finding_add(inspection, INSPECT_BROKEN, "RDMA device",
		"none, so only processes of this machine can use its memory (shm)");

	if (sysfs_first(input->root, "sys/class/net", interface_is_up, interface,
		    sizeof(interface)))
		(void)snprintf(interface, sizeof(interface), "INTERFACE");
	finding_fix(finding,
		"sudo modprobe rdma_rxe && sudo rdma link add rxe0 type rxe netdev %s",
		interface);
}

static void inspect_kind(const struct rdma_device *device, struct inspection *inspection)
{
	struct finding *finding;

	if (!device->software) {
		finding_add(inspection, INSPECT_OK, "RDMA device", "%s", device->name);
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, "RDMA device",
		"%s is software: good for tests, ten times slower than a card",
		device->name);
	finding_fix(finding,
		"use a machine with an RDMA card; see its devices with: pawl hw");
}

static void inspect_atomics(
	const struct rdma_device *device, struct inspection *inspection)
{
	struct finding *finding;

	if (device->atomics) {
		finding_add(inspection, INSPECT_OK, "atomics", "64-bit, on the device");
		return;
	}
	finding = finding_add(inspection, INSPECT_BROKEN, "atomics",
		"%s has no 64-bit atomics", device->name);
	finding_fix(finding, "pick another device with device=; see them with: pawl hw");
}

static void inspect_reads(const struct rdma_device *device, struct inspection *inspection)
{
	int in_flight = device->reads_in < device->reads_out ? device->reads_in
							     : device->reads_out;
	struct finding *finding;

	if (in_flight >= READS_GOOD) {
		finding_add(inspection, INSPECT_OK, "atomics in flight",
			"%d per connection", in_flight);
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, "atomics in flight",
		"%d per connection, %d are usual", in_flight, READS_GOOD);
	finding_fix(finding,
		"update the card's firmware, or pick another device with device=");
}

static void inspect_memory(
	const struct rdma_device *device, struct inspection *inspection)
{
	struct finding *finding;

	if (device->memory_len > 0) {
		finding_add(inspection, INSPECT_OK, "device memory", "%llu KiB on %s",
			(unsigned long long)(device->memory_len / 1024), device->name);
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, "device memory",
		"none on %s: counters live in the host's memory, about four times slower "
		"under load",
		device->name);
	finding_fix(finding,
		"nothing to set; use a card that has memory, as ConnectX-5 and later");
}

/* The port to judge: the one asked for, else the first active, else the first; or NULL.
 */
static const struct rdma_port *port_choose(const struct inspect_input *input)
{
	const struct rdma_device *device = input->device;

	for (int i = 0; i < device->ports_count; i++) {
		const struct rdma_port *port = &device->ports[i];

		if (input->port ? port->number == input->port : port->active)
			return port;
	}
	return input->port == 0 && device->ports_count > 0 ? &device->ports[0] : NULL;
}

/* The network interface under a port: its address tells, or the kernel. */
static void port_interface(const struct inspect_input *input,
	const struct rdma_port *port, char *name, size_t len)
{
	if (port->gid.interface[0])
		(void)snprintf(name, len, "%s", port->gid.interface);
	else if (sysfs_text(name, len, input->root,
			 "sys/class/infiniband/%s/ports/%d/gid_attrs/ndevs/0",
			 input->device->name, port->number))
		(void)snprintf(name, len, "INTERFACE");
}

static void inspect_port(const struct inspect_input *input, const struct rdma_port *port,
	struct inspection *inspection)
{
	char interface[32];
	struct finding *finding;

	if (port->active) {
		finding_add(inspection, INSPECT_OK, "port", "%s/%d is active",
			input->device->name, port->number);
		return;
	}
	finding = finding_add(inspection, INSPECT_BROKEN, "port", "%s/%d is not active",
		input->device->name, port->number);
	port_interface(input, port, interface, sizeof(interface));
	if (port->ethernet)
		finding_fix(finding, "sudo ip link set %s up", interface);
	else
		finding_fix(finding,
			"check the cable, and start a subnet manager somewhere: "
			"sudo systemctl start opensm");
}

static void inspect_gid(const struct inspect_input *input, const struct rdma_port *port,
	struct inspection *inspection)
{
	const struct rdma_gid *gid = &port->gid;
	const char *name = input->device->name;
	const char *type = rdma_gid_type_name(gid->type);
	char interface[32];
	struct finding *finding;

	if (gid->index < 0 || (port->ethernet && gid->link_local)) {
		finding = finding_add(inspection, INSPECT_BROKEN, "address",
			"%s/%d has no address that peers can connect to", name,
			port->number);
		port_interface(input, port, interface, sizeof(interface));
		finding_fix(finding, "sudo ip addr add ADDRESS/24 dev %s", interface);
	} else if (port->ethernet && gid->type != IBV_GID_TYPE_ROCE_V2) {
		finding = finding_add(inspection, INSPECT_SLOW, "address",
			"GID %d, %s, %s: can not pass a router", gid->index, type,
			gid->text);
		finding_fix(finding, "pick a device with RoCE v2 with device=; see them "
				     "with: pawl hw");
	} else {
		finding_add(inspection, INSPECT_OK, "address", "GID %d, %s, %s",
			gid->index, type, gid->text);
	}
}

static void inspect_no_port(
	const struct inspect_input *input, struct inspection *inspection)
{
	struct finding *finding = finding_add(inspection, INSPECT_BROKEN, "port",
		"%s has no port %d", input->device->name, input->port ? input->port : 1);

	finding_fix(finding, "pick one of its %d with device=%s/1",
		input->device->ports_count, input->device->name);
}

void inspect_device(const struct inspect_input *input, struct inspection *inspection)
{
	const struct rdma_device *device = input->device;
	const struct rdma_port *port;
	struct finding *finding;

	if (!device) {
		report_no_device(input, inspection);
		return;
	}
	if (device->fault[0]) {
		finding = finding_add(inspection, INSPECT_BROKEN, "RDMA device", "%s: %s",
			device->name, device->fault);
		finding_fix(finding,
			"ls -l /dev/infiniband   # and be allowed to open uverbs*");
		return;
	}
	inspect_kind(device, inspection);
	inspect_atomics(device, inspection);
	inspect_reads(device, inspection);
	inspect_memory(device, inspection);
	port = port_choose(input);
	if (!port) {
		inspect_no_port(input, inspection);
		return;
	}
	inspect_port(input, port, inspection);
	inspect_gid(input, port, inspection);
}
