#include "client/command/hw_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/*
 * Jansson's constructors give NULL when there is no memory and its setters pass that on
 * as an error, which json_pack does for a whole object at once.
 */

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

/* Appends @item to @array, or spoils the array: then NULL comes back. */
static json_t *append(json_t *array, json_t *item)
{
	if (array && json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *cpus_to_json(const cpu_set_t *cpus)
{
	json_t *array = json_array();

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, cpus))
			array = append(array, json_integer((json_int_t)cpu));
	}
	return array;
}

static json_t *gid_to_json(const struct rdma_gid *gid)
{
	if (gid->index < 0)
		return json_null();
	return json_pack("{s:i, s:s, s:s, s:o}", "index", gid->index, "type",
		rdma_gid_type_name(gid->type), "address", gid->text, "interface",
		text_or_null(gid->interface));
}

static json_t *port_to_json(const struct rdma_port *port)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:o}", "number", port->number, "state",
		hw_port_state_name(port), "link_layer",
		port->ethernet ? "ethernet" : "infiniband", "mtu_bytes", port->mtu_len,
		"gid", gid_to_json(&port->gid));
}

static json_t *device_to_json(const struct rdma_device *device)
{
	json_t *ports;

	if (device->fault[0])
		return json_pack(
			"{s:s, s:s}", "name", device->name, "fault", device->fault);
	ports = json_array();
	for (int i = 0; i < device->ports_count; i++)
		ports = append(ports, port_to_json(&device->ports[i]));
	return json_pack("{s:s, s:b, s:b, s:i, s:i, s:I, s:o}", "name", device->name,
		"software", device->software, "atomics", device->atomics, "reads_in",
		device->reads_in, "reads_out", device->reads_out, "device_memory_bytes",
		(json_int_t)device->memory_len, "ports", ports);
}

static json_t *devices_to_json(const struct hw_report *report)
{
	json_t *devices = json_array();

	for (int i = 0; i < report->devices_count; i++)
		devices = append(devices, device_to_json(&report->devices[i]));
	return devices;
}

static json_t *nodes_to_json(const struct placement *placement)
{
	json_t *nodes = json_array();

	for (int i = 0; i < placement->nodes_count; i++) {
		const struct placement_node *node = &placement->nodes[i];

		nodes = append(nodes,
			json_pack("{s:i, s:o, s:o}", "node", node->node, "distance",
				node->distance ? json_integer(node->distance)
					       : json_null(),
				"cpus", cpus_to_json(&node->cpus)));
	}
	return nodes;
}

static json_t *placement_to_json(const struct placement *placement)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "device",
		text_or_null(placement->device), "interface",
		text_or_null(placement->interface), "basis",
		placement_basis_name(placement->basis), "node",
		placement->node >= 0 ? json_integer(placement->node) : json_null(),
		"near_cpus", cpus_to_json(&placement->near), "nodes",
		nodes_to_json(placement));
}

static json_t *back_ends_to_json(const struct hw_report *report)
{
	json_t *back_ends = json_array();

	for (int i = 0; i < HW_TESTS_COUNT; i++) {
		const struct hw_test *test = &report->tests[i];
		const char *result = !test->run ? "not run"
				     : test->rc ? "failed"
						: "passed";

		back_ends = append(back_ends,
			json_pack("{s:s, s:b, s:s, s:o}", "name", test->back_end,
				"available", hw_back_end_available(report, test), "test",
				result, "text", text_or_null(test->text)));
	}
	return back_ends;
}

static json_t *findings_to_json(const struct inspection *inspection)
{
	json_t *findings = json_array();

	for (int i = 0; i < inspection->count; i++) {
		const struct finding *finding = &inspection->findings[i];

		findings = append(
			findings, json_pack("{s:s, s:s, s:s, s:o}", "severity",
					  inspect_severity_name(finding->severity),
					  "what", finding->what, "found", finding->found,
					  "fix", text_or_null(finding->fix)));
	}
	return findings;
}

int hw_report_print_json(const struct hw_report *report)
{
	json_t *root = json_pack("{s:o, s:o, s:o, s:o}", "back_ends",
		back_ends_to_json(report), "devices", devices_to_json(report),
		"placement", placement_to_json(&report->placement), "findings",
		findings_to_json(&report->inspection));
	int rc;

	if (!root)
		return -ENOMEM;
	rc = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	if (rc != 0 || putchar('\n') == EOF || fflush(stdout) != 0)
		return -EIO;
	return 0;
}
