#include "hw/placement/placement.h"

#include <errno.h>
#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/placement/sysfs.h"

#define RDMA_DIR "sys/class/infiniband"

/* One search: where it looks and what it has found. */
struct search {
	hwloc_topology_t topology;
	const char *root; /* NULL: there is no /sys to look at */
	struct placement *out;
};

const char *placement_basis_name(enum placement_basis basis)
{
	static const char *const names[] = {
		[PLACEMENT_TOPOLOGY] = "topology",
		[PLACEMENT_SYSFS] = "sysfs",
		[PLACEMENT_INTERFACE] = "interface",
		[PLACEMENT_NOWHERE] = "none",
	};

	return names[basis];
}

static bool source_set(hwloc_topology_t topology, const struct placement_source *source)
{
	if (source->xml)
		return hwloc_topology_set_xml(topology, source->xml) == 0;
	if (source->synthetic)
		return hwloc_topology_set_synthetic(topology, source->synthetic) == 0;
	return true;
}

static int topology_load(const struct placement_source *source,
	hwloc_topology_t *topology_p, struct error *err)
{
	const char *name = source->xml	       ? source->xml
			   : source->synthetic ? source->synthetic
					       : "this machine";
	hwloc_topology_t topology;

	if (hwloc_topology_init(&topology) != 0)
		return error_set(err, -EIO,
			"placement: %s: can not look at the topology: no memory", name);
	if (source_set(topology, source) &&
		hwloc_topology_set_io_types_filter(
			topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT) == 0 &&
		hwloc_topology_load(topology) == 0) {
		*topology_p = topology;
		return 0;
	}
	hwloc_topology_destroy(topology);
	return error_set(err, -EIO,
		"placement: %.300s: can not read the topology; check it with: lstopo",
		name);
}

/* The device called @name (NULL: any) of the given type, or NULL. */
static hwloc_obj_t osdev_find(
	hwloc_topology_t topology, const char *name, hwloc_obj_osdev_type_t type)
{
	hwloc_obj_t object = NULL;

	while ((object = hwloc_get_next_osdev(topology, object)) != NULL) {
		if (object->attr->osdev.type == type &&
			(!name || strcmp(object->name, name) == 0))
			return object;
	}
	return NULL;
}

/* Memory can be put on the node: some nodes are processors only. */
static bool node_has_memory(const char *root, int node)
{
	cpu_set_t nodes;
	char text[PLACEMENT_CPUS_TEXT];

	if (!root || sysfs_text(text, sizeof(text), root,
			     "sys/devices/system/node/has_memory"))
		return true;
	if (placement_parse_cpus(text, NULL, &nodes, NULL))
		return true;
	return CPU_ISSET((size_t)node, &nodes);
}

/*
 * Takes the processors and the node of @place, unless that is the whole of a machine with
 * several nodes, which is near nothing in particular.
 */
static bool place_take(
	struct search *search, hwloc_obj_t place, enum placement_basis basis)
{
	hwloc_obj_t machine = hwloc_get_root_obj(search->topology);
	int node;

	if (!place || !place->cpuset || !place->nodeset)
		return false;
	if (hwloc_bitmap_weight(machine->nodeset) > 1 &&
		hwloc_bitmap_isequal(place->nodeset, machine->nodeset))
		return false;
	node = hwloc_bitmap_first(place->nodeset);
	search->out->basis = basis;
	search->out->node = node >= 0 && node_has_memory(search->root, node) ? node : -1;
	if (!hwloc_bitmap_iszero(place->cpuset))
		(void)hwloc_cpuset_to_glibc_sched_affinity(search->topology,
			place->cpuset, &search->out->near, sizeof(search->out->near));
	return true;
}

static bool osdev_take(
	struct search *search, hwloc_obj_t osdev, enum placement_basis basis)
{
	if (!osdev)
		return false;
	return place_take(
		search, hwloc_get_non_io_ancestor_obj(search->topology, osdev), basis);
}

/* The node that the kernel tells for a device of a class, or -1. */
static int sysfs_node(const char *root, const char *class, const char *name)
{
	/* The device of a virtual card is a part of the PCI device that has the node. */
	static const char *const places[] = {"device", "device/.."};
	long long node;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (sysfs_number(&node, root, "sys/class/%s/%s/%s/numa_node", class, name,
			    places[i]) == 0)
			return node >= 0 && node < CPU_SETSIZE ? (int)node : -1;
	}
	return -1;
}

static bool sysfs_take(struct search *search, const char *class, const char *name,
	enum placement_basis basis)
{
	int node = search->root ? sysfs_node(search->root, class, name) : -1;

	return node >= 0 && place_take(search,
				    hwloc_get_numanode_obj_by_os_index(
					    search->topology, (unsigned int)node),
				    basis);
}

static bool interface_take(struct search *search)
{
	const char *name = search->out->interface;

	if (name[0] == '\0')
		return false;
	return osdev_take(search,
		       osdev_find(search->topology, name, HWLOC_OBJ_OSDEV_NETWORK),
		       PLACEMENT_INTERFACE) ||
	       sysfs_take(search, "net", name, PLACEMENT_INTERFACE);
}

/* Fills in out->device; stays "" when nobody asked for one and there is none. */
static int device_name(struct search *search, const char *device, struct error *err)
{
	char *name = search->out->device;
	hwloc_obj_t first;
	size_t len;

	if (device) {
		len = strcspn(device, "/");
		if (len == 0 || len >= PLACEMENT_NAME_MAX || device[0] == '.')
			return error_set(err, -EINVAL,
				"placement: %s: is no device name; see the names with: "
				"pawl hw",
				device);
		(void)snprintf(name, PLACEMENT_NAME_MAX, "%.*s", (int)len, device);
		return 0;
	}
	first = osdev_find(search->topology, NULL, HWLOC_OBJ_OSDEV_OPENFABRICS);
	if (first)
		(void)snprintf(name, PLACEMENT_NAME_MAX, "%s", first->name);
	else if (search->root &&
		 sysfs_first(search->root, RDMA_DIR, NULL, name, PLACEMENT_NAME_MAX))
		name[0] = '\0';
	return 0;
}

static bool device_in_sysfs(struct search *search)
{
	char text[PLACEMENT_NAME_MAX];
	struct placement *out = search->out;

	if (!search->root || sysfs_text(text, sizeof(text), search->root,
				     RDMA_DIR "/%s/node_type", out->device))
		return false;
	if (sysfs_text(out->interface, sizeof(out->interface), search->root,
		    RDMA_DIR "/%s/parent", out->device))
		out->interface[0] = '\0';
	return true;
}

static int device_locate(struct search *search, struct error *err)
{
	const char *name = search->out->device;
	hwloc_obj_t osdev = osdev_find(
		search->topology, name, HWLOC_OBJ_OSDEV_OPENFABRICS);
	bool in_sysfs = device_in_sysfs(search);

	if (!osdev && !in_sysfs)
		return error_set(err, -ENODEV,
			"placement: %s: no RDMA device of that name; see the names with: "
			"pawl hw",
			name);
	(void)(osdev_take(search, osdev, PLACEMENT_TOPOLOGY) ||
		sysfs_take(search, "infiniband", name, PLACEMENT_SYSFS) ||
		interface_take(search));
	return 0;
}

static void nodes_list(struct search *search)
{
	struct placement *out = search->out;
	hwloc_obj_t node = NULL;

	while (out->nodes_count < PLACEMENT_NODES_MAX &&
		(node = hwloc_get_next_obj_by_type(
			 search->topology, HWLOC_OBJ_NUMANODE, node)) != NULL) {
		struct placement_node *entry = &out->nodes[out->nodes_count++];

		entry->node = (int)node->os_index;
		(void)hwloc_cpuset_to_glibc_sched_affinity(search->topology, node->cpuset,
			&entry->cpus, sizeof(entry->cpus));
	}
}

static int distance_in(
	hwloc_topology_t topology, struct hwloc_distances_s *matrix, int from, int to)
{
	hwloc_obj_t a = hwloc_get_numanode_obj_by_os_index(topology, (unsigned int)from);
	hwloc_obj_t b = hwloc_get_numanode_obj_by_os_index(topology, (unsigned int)to);
	hwloc_uint64_t there;
	hwloc_uint64_t back;

	if (!a || !b || hwloc_distances_obj_pair_values(matrix, a, b, &there, &back) != 0)
		return 0;
	return there > 0 && there < 1000000 ? (int)there : 0;
}

static void distances_list(struct search *search)
{
	struct hwloc_distances_s *matrix;
	struct placement *out = search->out;
	unsigned int count = 1;

	if (out->node < 0 ||
		hwloc_distances_get_by_type(search->topology, HWLOC_OBJ_NUMANODE, &count,
			&matrix, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) != 0 ||
		count == 0)
		return;
	for (int i = 0; i < out->nodes_count; i++)
		out->nodes[i].distance = distance_in(
			search->topology, matrix, out->node, out->nodes[i].node);
	hwloc_distances_release(search->topology, matrix);
}

static int search_run(struct search *search, const char *device, struct error *err)
{
	struct placement *out = search->out;
	int rc = device_name(search, device, err);

	if (rc)
		return rc;
	(void)hwloc_cpuset_to_glibc_sched_affinity(search->topology,
		hwloc_topology_get_allowed_cpuset(search->topology), &out->near,
		sizeof(out->near));
	if (out->device[0] != '\0') {
		rc = device_locate(search, err);
		if (rc)
			return rc;
	}
	out->near_count = CPU_COUNT(&out->near);
	nodes_list(search);
	distances_list(search);
	return 0;
}

int placement_find_in(const struct placement_source *source, const char *device,
	struct placement *placement_p, struct error *err)
{
	bool here = !source->xml && !source->synthetic;
	struct placement out = {.basis = PLACEMENT_NOWHERE, .node = -1};
	struct search search = {
		.root = source->root ? source->root : (here ? "" : NULL),
		.out = &out,
	};
	int rc = topology_load(source, &search.topology, err);

	if (rc)
		return rc;
	rc = search_run(&search, device, err);
	hwloc_topology_destroy(search.topology);
	if (rc == 0)
		*placement_p = out;
	return rc;
}

int placement_find(const char *device, struct placement *placement_p, struct error *err)
{
	static const struct placement_source here;

	return placement_find_in(&here, device, placement_p, err);
}
