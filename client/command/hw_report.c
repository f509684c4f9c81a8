#include "client/command/hw_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *hw_port_state_name(const struct rdma_port *port)
{
	switch (port->state) {
	case IBV_PORT_ACTIVE:
		return "active";
	case IBV_PORT_ARMED:
		return "armed";
	case IBV_PORT_INIT:
		return "init";
	case IBV_PORT_ACTIVE_DEFER:
		return "deferred";
	default:
		return "down";
	}
}

bool hw_back_end_available(const struct hw_report *report, const struct hw_test *back_end)
{
	if (back_end->run)
		return back_end->rc == 0;
	if (strcmp(back_end->back_end, "shm") == 0)
		return true;
	for (int i = 0; i < report->devices_count; i++) {
		if (!report->devices[i].fault[0] && report->devices[i].atomics)
			return true;
	}
	return false;
}

static void print_port(const struct rdma_device *device, const struct rdma_port *port)
{
	printf("  %s/%d  %s, %s", device->name, port->number, hw_port_state_name(port),
		port->ethernet ? "Ethernet" : "InfiniBand");
	if (port->gid.index >= 0)
		printf(", GID %d %s %s", port->gid.index,
			rdma_gid_type_name(port->gid.type), port->gid.text);
	else
		printf(", no GID");
	if (port->gid.interface[0])
		printf(" on %s", port->gid.interface);
	printf("\n");
}

static void print_device(const struct rdma_device *device)
{
	if (device->fault[0]) {
		printf("  %s  %s\n", device->name, device->fault);
		return;
	}
	for (int i = 0; i < device->ports_count; i++)
		print_port(device, &device->ports[i]);
	printf("  %s    %s, %s, %d in flight, ", device->name,
		device->software ? "software" : "hardware",
		device->atomics ? "64-bit atomics" : "no 64-bit atomics",
		device->reads_in < device->reads_out ? device->reads_in
						     : device->reads_out);
	if (device->memory_len)
		printf("%llu KiB of its own memory\n",
			(unsigned long long)(device->memory_len / 1024));
	else
		printf("no memory of its own\n");
}

static void print_back_ends(const struct hw_report *report)
{
	for (int i = 0; i < HW_TESTS_COUNT; i++) {
		const struct hw_test *test = &report->tests[i];

		printf("  %-6s %s", test->back_end,
			hw_back_end_available(report, test) ? "yes" : "no");
		if (test->run)
			printf(", test %s: %s", test->rc ? "failed" : "passed",
				test->text);
		printf("\n");
	}
}

static void print_placement(const struct placement *placement)
{
	char cpus[PLACEMENT_CPUS_TEXT];

	placement_format_cpus(&placement->near, cpus, sizeof(cpus));
	printf("  device      %s\n", placement->device[0] ? placement->device : "none");
	if (placement->node >= 0)
		printf("  node        %d (from %s%s%s)\n", placement->node,
			placement_basis_name(placement->basis),
			placement->interface[0] ? " " : "", placement->interface);
	else
		printf("  node        any\n");
	printf("  processors  %s\n", cpus);
	if (placement->node < 0 || placement->nodes_count < 2)
		return;
	printf("  distances  ");
	for (int i = 0; i < placement->nodes_count; i++)
		printf(" %d:%d", placement->nodes[i].node, placement->nodes[i].distance);
	printf("\n");
}

static void print_finding(const struct finding *finding)
{
	printf("  %-8s %-18s %s\n", inspect_severity_name(finding->severity),
		finding->what, finding->found);
	if (finding->fix[0])
		printf("  %-8s %-18s fix: %s\n", "", "", finding->fix);
}

int hw_report_print(const struct hw_report *report)
{
	printf("back ends\n");
	print_back_ends(report);
	printf("\nRDMA devices\n");
	for (int i = 0; i < report->devices_count; i++)
		print_device(&report->devices[i]);
	if (report->devices_count == 0)
		printf("  none\n");
	printf("\nplacement\n");
	print_placement(&report->placement);
	printf("\nchecks\n");
	for (int i = 0; i < report->inspection.count; i++)
		print_finding(&report->inspection.findings[i]);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}
