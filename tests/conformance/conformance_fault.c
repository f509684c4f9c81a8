/*
 * The suite over the fault back end around shared memory: first with a plan in which
 * nothing goes wrong, then with completions that are late.
 */
#include "hw/fault/fault.h"
#include "tests/conformance/conformance.h"

static struct fault_plan plan;

static int device_open(bool owner, struct device **device_p, struct error *err)
{
	struct device_config config = {.listen = owner};
	struct device *inner;
	int rc = shm_memory_ops.open(&config, &inner, err);

	if (rc)
		return rc;
	rc = fault_device_open(&plan, &shm_memory_ops, inner, device_p);
	if (rc)
		shm_memory_ops.close(inner);
	return rc;
}

static void link_break(struct fixture *fixture)
{
	fault_link_cut(fixture->link);
}

static int nothing_plan(void)
{
	plan = (struct fault_plan){.seed = 1};
	return 0;
}

static int delay_plan(void)
{
	plan = (struct fault_plan){.seed = 5, .delay = 300000, .delay_polls = 7};
	return 0;
}

int main(int argc, char **argv)
{
	struct conformance_bed beds[3] = {
		{
			.name = "fault, nothing planned",
			.ops = &fault_memory_ops,
			.begin = nothing_plan,
			.open = device_open,
			.break_link = link_break,
			.unreachable = "shm path=/proc/2147483647/fd/3 len=4096",
			.silent_peers = true,
			.has_processes = true,
			.litmus_rounds = 50000,
			.hammer_count = 50000,
			.cycles_count = 200,
		},
	};

	beds[1] = beds[0];
	beds[1].name = "fault, late completions";
	beds[1].begin = delay_plan;
	return conformance_main(argc, argv, beds);
}
