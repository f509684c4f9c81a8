/* What `pawl hw` has gathered, and its two ways to say it. */
#ifndef PAWL_CLIENT_COMMAND_HW_REPORT_H
#define PAWL_CLIENT_COMMAND_HW_REPORT_H

#include <stdbool.h>

#include "hw/error.h"
#include "hw/placement/devices.h"
#include "hw/placement/inspect.h"
#include "hw/placement/placement.h"

struct hw_test {
	const char *back_end; /* "shm", "verbs" */
	bool run;
	int rc;			   /* of opening a device, which tests it */
	char text[ERROR_TEXT_MAX]; /* what it is, or why not */
};

#define HW_TESTS_COUNT 2

struct hw_report {
	struct placement placement;
	struct rdma_device devices[RDMA_DEVICES_MAX];
	int devices_count;
	struct inspection inspection;
	struct hw_test tests[HW_TESTS_COUNT];
};

/* Prints for people, or as one JSON object with a newline.  -ENOMEM, -EIO. */
int hw_report_print(const struct hw_report *report) __attribute__((warn_unused_result));
int hw_report_print_json(const struct hw_report *report)
	__attribute__((warn_unused_result));

/* What is known of a port, in words: "down", "init", "armed", "active". */
const char *hw_port_state_name(const struct rdma_port *port);

/* True when the back end can be used on this machine. */
bool hw_back_end_available(
	const struct hw_report *report, const struct hw_test *back_end);

#endif
