/*
 * Where things sit: which NUMA node and which processors are nearest to a network card,
 * so that memory and threads can be put there.
 *
 * A card that sits on no node in particular, and a machine with one node, give no
 * preference: nothing then has to be placed, and nothing is wrong.
 */
#ifndef PAWL_HW_PLACEMENT_PLACEMENT_H
#define PAWL_HW_PLACEMENT_PLACEMENT_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "hw/error.h"

#define PLACEMENT_NODES_MAX 64	/* NUMA nodes that are told of; more are left out */
#define PLACEMENT_NAME_MAX 64	/* bytes of a device name, with its terminator */
#define PLACEMENT_CPUS_TEXT 512 /* bytes that placement_format_cpus likes to have */

/* How the place of a device was found, best first. */
enum placement_basis {
	PLACEMENT_TOPOLOGY,  /* the device is in the hardware topology */
	PLACEMENT_SYSFS,     /* the kernel names its node */
	PLACEMENT_INTERFACE, /* a software device: the place of its network interface */
	PLACEMENT_NOWHERE,   /* near no node in particular, or there is no device */
};

struct placement_node {
	int node;     /* as the system numbers it */
	int distance; /* from the device's node, 10 is local; 0: not known */
	cpu_set_t cpus;
};

struct placement {
	char device[PLACEMENT_NAME_MAX];    /* without its port; "" when there is none */
	char interface[PLACEMENT_NAME_MAX]; /* what a software device sits on, or "" */
	enum placement_basis basis;
	int node;	/* that memory should be on, or -1: no preference */
	cpu_set_t near; /* processors near the device that we may use; all, if none is
			   nearer */
	int near_count;
	int nodes_count;
	struct placement_node nodes[PLACEMENT_NODES_MAX];
};

/* A machine to look at.  All NULL is this one; the others are for tests. */
struct placement_source {
	const char *xml;       /* hwloc topology file */
	const char *synthetic; /* hwloc description: "numa:2 core:4 pu:2" */
	const char
		*root; /* where /sys is looked up; with neither of the above NULL is "" */
};

/*
 * Finds the place of @device ("mlx5_0" or "mlx5_0/1"; NULL: the first RDMA device, if
 * there is one).  Takes some 10 ms; not for the data path.  -ENODEV: no device of that
 * name.  -EINVAL: no valid name.  -EIO: the topology can not be read.
 */
int placement_find(const char *device, struct placement *placement_p, struct error *err)
	__attribute__((warn_unused_result));

/* As placement_find, on another machine. */
int placement_find_in(const struct placement_source *source, const char *device,
	struct placement *placement_p, struct error *err)
	__attribute__((warn_unused_result));

/* "topology", "sysfs", "interface", "none". */
const char *placement_basis_name(enum placement_basis basis);

/*
 * Reads a list of processors: "2-5,8", or "near" for those of @placement (which may be
 * NULL: then "near" is -EINVAL).  -EINVAL: anything else, or one beyond CPU_SETSIZE.
 */
int placement_parse_cpus(const char *text, const struct placement *placement,
	cpu_set_t *cpus_p, struct error *err) __attribute__((warn_unused_result));

/* Writes "2-5,8" ("none" for an empty set), cut with a trailing "..." where it is too
 * long. */
void placement_format_cpus(const cpu_set_t *cpus, char *text, size_t len);

/*
 * Lets the calling thread run on @cpus only.  -EINVAL: none of them exists and is
 * allowed. -EPERM.
 */
int placement_pin_thread(const cpu_set_t *cpus, struct error *err)
	__attribute__((warn_unused_result));

#endif
