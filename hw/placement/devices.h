/*
 * The RDMA devices of this machine and what of them matters to Pawl.
 */
#ifndef PAWL_HW_PLACEMENT_DEVICES_H
#define PAWL_HW_PLACEMENT_DEVICES_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/placement/placement.h"

#define RDMA_DEVICES_MAX 32 /* devices that are told of; more are left out */
#define RDMA_PORTS_MAX 4
#define RDMA_GIDS_MAX 512 /* entries of a device's table that are looked at */

/* The address of a port that connections use. */
struct rdma_gid {
	int index; /* in the port's table, or -1: the port has none */
	enum ibv_gid_type type;
	bool ipv4;	    /* an IPv4 address */
	bool link_local;    /* good on one cable only, and no address to route by */
	char text[64];	    /* "10.0.0.1" or "fe80::1" */
	char interface[32]; /* network interface that carries it, or "" */
};

struct rdma_port {
	int number; /* from 1 */
	bool active;
	bool ethernet; /* RoCE; else InfiniBand */
	enum ibv_port_state state;
	int mtu_len; /* bytes */
	struct rdma_gid gid;
};

struct rdma_device {
	char name[PLACEMENT_NAME_MAX];
	char fault[128]; /* why the device could not be opened, or "": then the rest holds
			  */
	bool software;	 /* Soft-RoCE and the like */
	bool atomics;	 /* 64-bit fetch-add and compare-swap */
	int reads_in;	 /* reads and atomics in flight that it answers, per connection */
	int reads_out;	 /* and that it can have in flight itself */
	uint64_t memory_len; /* bytes on the device itself */
	int ports_count;
	struct rdma_port ports[RDMA_PORTS_MAX];
};

/*
 * Lists up to @max devices, in the system's order.  None is no error.  Opens each one and
 * closes it again; some milliseconds.  -EIO: the system's list can not be read.
 */
int rdma_devices_list(struct rdma_device *devices, int max, int *count_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * The entry of @port that connections best use, or NULL: on Ethernet RoCE v2 with an IPv4
 * address before IPv6, addresses that can be routed before those of one link, and RoCE v1
 * last; on InfiniBand the first.
 */
const struct ibv_gid_entry *rdma_gid_choose(
	const struct ibv_gid_entry *entries, int count, int port);

/* "RoCE v2", "RoCE v1", "InfiniBand". */
const char *rdma_gid_type_name(enum ibv_gid_type type);

#endif
