/*
 * What the configuration names, looked up on this machine: the group that may use the
 * cluster, the NUMA node for the region, the processors for the daemon.
 */
#ifndef PAWL_DAEMON_SURROUNDINGS_H
#define PAWL_DAEMON_SURROUNDINGS_H

#include <stdbool.h>
#include <sys/types.h>

#include "hw/error.h"
#include "sequencer/daemon/config.h"

struct surroundings {
	bool group_set;
	gid_t group;
	int node; /* nearest to the RDMA device; -1: no preference */
};

/*
 * Looks everything up, and pins the calling thread if the configuration asks for it.
 * -EINVAL: the memory directory is on a disk.  -ENOENT: no such group or directory.  -ENODEV, -EINVAL, -EPERM: errors of placement_find,
 * placement_parse_cpus and placement_pin_thread.
 */
int surroundings_find(const struct daemon_config *config,
	struct surroundings *surroundings_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
