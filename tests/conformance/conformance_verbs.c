/*
 * The suite on an RDMA device: the first usable one, or the one named by PAWL_TEST_DEVICE.
 * Exits with 77, which means skipped, where there is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/conformance/conformance.h"

/* An emulated device whose processor is busy elsewhere must not retry: see hw/verbs/poll.c. */
#define LINK_TIMEOUT_NS UINT64_C(4000000000)
#define SKIPPED 77

static int device_open(bool owner, struct device **device_p, struct error *err)
{
	struct device_config config = {
		.device = getenv("PAWL_TEST_DEVICE"),
		.listen = owner,
		.timeout_ns = LINK_TIMEOUT_NS,
	};

	return verbs_memory_ops.open(&config, device_p, err);
}

static void link_break(struct fixture *fixture)
{
	fixture->ops->evict(fixture->memory, FIXTURE_TOKEN);
}

/* Whether there is a device at all. */
static int device_probe(struct error *err)
{
	struct device *device;
	int rc = device_open(false, &device, err);

	if (!rc)
		verbs_memory_ops.close(device);
	return rc;
}

int main(int argc, char **argv)
{
	const struct conformance_bed beds[2] = {{
		.name = "verbs",
		.ops = &verbs_memory_ops,
		.open = device_open,
		.break_link = link_break,
		.silent_peers = true,
		.has_gate = true,
		.can_evict = true,
		.has_processes = true,
		.dies_with_owner = true,
		.litmus_rounds = 1000,
		.hammer_count = 2000,
		.cycles_count = 50,
	}};
	struct error err = {""};
	int rc = argc > 1 ? 0 : device_probe(&err);

	if (rc == -ENODEV) {
		(void)printf("skipped: %s\n", err.text);
		return SKIPPED;
	}
	if (rc) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return conformance_main(argc, argv, beds);
}
