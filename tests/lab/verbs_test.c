/*
 * The verbs back end on a real device: what the conformance suite, which knows no back
 * end by name, can not ask.  Skipped where there is no device; tests/lab/guest has one.
 */
#include "tests/lab/verbs_lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 77 without a device; 1 with one that Pawl refuses, for that is no reason to skip. */
static int device_check(void)
{
	struct device_config config = {.device = NULL};
	struct device *device;
	struct error err = {""};
	int rc = ops->open(&config, &device, &err);

	if (rc) {
		printf("%s: %s\n", rc == -ENODEV ? "skipped" : "failed", err.text);
		return rc == -ENODEV ? 77 : 1;
	}
	ops->close(device);
	return 0;
}

/* The status of a role, or -1 when no role is asked for. */
static int role_run(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "owner") == 0)
		return lab_owner_role();
	if (argc == 4 && strcmp(argv[1], "adder") == 0)
		return lab_adder_role(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 5 && strcmp(argv[1], "loser") == 0)
		return lab_loser_role(argv[2], argv[3], argv[4]);
	return -1;
}

/* Links first: the last story about data gives up a capability. */
int main(int argc, char **argv)
{
	int rc = role_run(argc, argv);

	if (rc >= 0)
		return rc;
	rc = device_check();
	if (rc)
		return rc;
	rc = _cmocka_run_group_tests(
		"links", verbs_link_stories, verbs_link_stories_count, NULL, NULL);
	return rc + _cmocka_run_group_tests("data", verbs_data_stories,
			    verbs_data_stories_count, NULL, NULL);
}
