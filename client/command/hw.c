#include "client/command/hw.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/hw_report.h"
#include "hw/memory.h"

#define EXIT_USAGE 2
#define TEST_TIMEOUT_NS 2000000000ull

enum {
	OPTION_JSON = 'j',
	OPTION_DEVICE = 'd',
	OPTION_TEST = 't'
};

struct options {
	bool json;
	bool test;
	const char *device;
};

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_DEVICE:
		options->device = arg;
		return 0;
	case OPTION_TEST:
		options->test = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option option_list[] = {
	{"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
	{"device", OPTION_DEVICE, "NAME", 0,
		"RDMA device to judge, as mlx5_0 or mlx5_0/2 (default: the first)", 0},
	{"test", OPTION_TEST, NULL, 0,
		"Open each back end, which tests that its atomics are right", 0},
	{0},
};

static const struct argp parser = {
	.options = option_list,
	.parser = option_parse,
	.doc = "Shows the hardware that Pawl can use, where it sits, and what stands in "
	       "the way "
	       "of low latency, with the command that clears it.\v"
	       "The exit status is 0 when the report was made, whatever it says; 1 when "
	       "it could "
	       "not be made or a test failed; 2 for wrong usage.",
};

/* The device that placement has settled on, or NULL. */
static const struct rdma_device *device_judged(const struct hw_report *report)
{
	for (int i = 0; i < report->devices_count; i++) {
		if (strcmp(report->devices[i].name, report->placement.device) == 0)
			return &report->devices[i];
	}
	return NULL;
}

/* The port in "mlx5_0/2"; 0 where there is none, -EINVAL for anything else. */
static int device_port(const char *device, struct error *err)
{
	const char *slash = device ? strchr(device, '/') : NULL;
	char *end;
	long port;

	if (!slash)
		return 0;
	port = strtol(slash + 1, &end, 10);
	if (slash[1] < '1' || slash[1] > '9' || *end != '\0' || port > 255)
		return error_set(err, -EINVAL,
			"hw: %s: is no device and port; write it as mlx5_0/1", device);
	return (int)port;
}

static void back_end_test(const char *device, struct hw_test *test)
{
	const struct memory_ops *ops = memory_ops_find(test->back_end);
	struct device_config config = {.device = device, .timeout_ns = TEST_TIMEOUT_NS};
	struct device *opened;
	struct error err = {.text = ""};

	test->run = true;
	test->rc = ops->open(&config, &opened, &err);
	if (test->rc) {
		memcpy(test->text, err.text, sizeof(test->text));
		return;
	}
	(void)snprintf(test->text, sizeof(test->text), "%s", ops->describe(opened));
	ops->close(opened);
}

/* Fills in the report; what can not be looked at at all is an error. */
static int report_make(
	const struct options *options, struct hw_report *report, struct error *err)
{
	struct inspect_input input = {.root = "", .placement = &report->placement};
	int rc = device_port(options->device, err);

	if (rc < 0)
		return rc;
	input.port = rc;
	rc = placement_find(options->device, &report->placement, err);
	if (rc)
		return rc;
	rc = rdma_devices_list(
		report->devices, RDMA_DEVICES_MAX, &report->devices_count, err);
	if (rc)
		return rc;
	input.device = device_judged(report);
	inspect_self(&input);
	inspect_run(&input, &report->inspection);
	return 0;
}

/* Runs the tests; a machine without any RDMA device has not failed one. */
static bool report_test(const struct options *options, struct hw_report *report)
{
	bool passed = true;

	for (int i = 0; i < HW_TESTS_COUNT; i++) {
		struct hw_test *test = &report->tests[i];

		if (strcmp(test->back_end, "verbs") == 0 && report->devices_count == 0)
			continue;
		back_end_test(options->device, test);
		passed = passed && test->rc == 0;
	}
	return passed;
}

static int hw_run(const struct options *options, struct hw_report *report)
{
	struct error err = {.text = ""};
	bool passed = true;
	int rc = report_make(options, report, &err);

	if (rc) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	if (options->test)
		passed = report_test(options, report);
	rc = options->json ? hw_report_print_json(report) : hw_report_print(report);
	if (rc) {
		fprintf(stderr, "hw: report: can not be printed: %s\n", error_reason(rc));
		return EXIT_FAILURE;
	}
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_hw(int argc, char **argv)
{
	static char name[] = "pawl hw"; /* as messages and the help call it */
	struct options options = {0};
	struct hw_report *report;
	int status;

	argv[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&parser, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	report = calloc(1, sizeof(*report));
	if (!report) {
		fprintf(stderr, "hw: report: out of memory\n");
		return EXIT_FAILURE;
	}
	report->tests[0].back_end = "shm";
	report->tests[1].back_end = "verbs";
	status = hw_run(&options, report);
	free(report);
	return status;
}
