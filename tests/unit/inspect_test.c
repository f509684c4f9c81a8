/*
 * What stands in the way of low latency, on made-up machines: every topic is seen good,
 * bad and unknown, and what is bad comes with the command that mends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "hw/placement/inspect.h"
#include "tests/unit/fake_tree.h"

#define CPU_DIR "sys/devices/system/cpu/"

static struct placement placement;
static struct rdma_device card;
static struct inspect_input input;
static struct inspection result;

static void cpus_set(cpu_set_t *cpus, const char *text)
{
	assert_int_equal(placement_parse_cpus(text, NULL, cpus, NULL), 0);
}

/* A good card on node 1 of two, and a process that runs near it. */
static int setup(void **state)
{
	placement = (struct placement){.device = "mlx5_0",
		.basis = PLACEMENT_TOPOLOGY,
		.node = 1,
		.near_count = 4,
		.nodes_count = 2,
		.nodes = {{.node = 0, .distance = 21}, {.node = 1, .distance = 10}}};
	cpus_set(&placement.near, "4-7");
	cpus_set(&placement.nodes[0].cpus, "0-3");
	cpus_set(&placement.nodes[1].cpus, "4-7");
	card = (struct rdma_device){.name = "mlx5_0",
		.atomics = true,
		.reads_in = 16,
		.reads_out = 16,
		.memory_len = 131072,
		.ports_count = 2};
	for (int i = 0; i < 2; i++)
		card.ports[i] = (struct rdma_port){.number = i + 1,
			.active = true,
			.ethernet = true,
			.gid = {.index = 3,
				.type = IBV_GID_TYPE_ROCE_V2,
				.ipv4 = true,
				.text = "10.0.0.1",
				.interface = "ens1f0"}};
	input = (struct inspect_input){.root = fake_root,
		.placement = &placement,
		.device = &card,
		.locked_max = UINT64_MAX};
	cpus_set(&input.running, "4-5");
	return fake_setup(state);
}

static const struct finding *find(const char *what)
{
	for (int i = 0; i < result.count; i++) {
		if (strcmp(result.findings[i].what, what) == 0)
			return &result.findings[i];
	}
	return NULL;
}

/* Inspects, and holds one topic to a severity and to parts of its two texts. */
static void expect(const char *what, enum inspect_severity severity, const char *found,
	const char *fix)
{
	const struct finding *finding;

	inspect_run(&input, &result);
	finding = find(what);
	if (!finding)
		fail_msg("nothing about %s", what);
	if (finding->severity != severity)
		fail_msg("%s is %s: %s", what, inspect_severity_name(finding->severity),
			finding->found);
	if (!strstr(finding->found, found))
		fail_msg("%s: found '%s', not '%s'", what, finding->found, found);
	if (fix ? !strstr(finding->fix, fix) : finding->fix[0] != '\0')
		fail_msg("%s: fix is '%s', not '%s'", what, finding->fix, fix ? fix : "");
}

static void each_topic_is_told_once_and_each_problem_has_a_fix(void **state)
{
	(void)state;
	card = (struct rdma_device){.name = "mlx5_0", .software = true, .ports_count = 1};
	input.locked_max = 0;
	inspect_run(&input, &result);
	assert_int_equal(result.count, 11);
	for (int i = 0; i < result.count; i++) {
		const struct finding *finding = &result.findings[i];

		assert_ptr_equal(find(finding->what), finding);
		assert_int_equal(
			finding->fix[0] != '\0', finding->severity >= INSPECT_SLOW);
	}
}

static void an_empty_tree_is_not_known_and_not_wrong(void **state)
{
	(void)state;
	expect("huge pages", INSPECT_UNKNOWN, "not known here", NULL);
	expect("processor governor", INSPECT_UNKNOWN, "not known here", NULL);
	expect("idle states", INSPECT_UNKNOWN, "not known here", NULL);
}

static void a_low_lock_limit_is_told_in_kib(void **state)
{
	(void)state;
	expect("locked memory", INSPECT_OK, "no limit", NULL);
	input.locked_max = 64 << 20;
	expect("locked memory", INSPECT_OK, "65536 KiB", NULL);
	input.locked_max = (64 << 20) - 1;
	expect("locked memory", INSPECT_BROKEN, "65535 KiB", "memlock unlimited");
	input.locked_max = 8 << 20;
	expect("locked memory", INSPECT_BROKEN, "limit is 8192 KiB",
		"/etc/security/limits.d/");
}

static void huge_pages_are_reserved_transparent_or_missing(void **state)
{
	(void)state;
	fake_file("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n");
	fake_file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	expect("huge pages", INSPECT_SLOW, "hugepages-2048kB",
		"echo 64 | sudo tee "
		"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	fake_file("sys/kernel/mm/transparent_hugepage/shmem_enabled",
		"always within_size advise [never] deny force\n");
	expect("huge pages", INSPECT_SLOW, "transparent ones are off", "nr_hugepages");
	fake_file("sys/kernel/mm/transparent_hugepage/shmem_enabled",
		"always within_size [advise] never deny force\n");
	expect("huge pages", INSPECT_OK, "transparent: advise", NULL);
	fake_file("sys/kernel/mm/transparent_hugepage/shmem_enabled",
		"always within_size advise never [deny] force\n");
	fake_file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "7\n");
	expect("huge pages", INSPECT_OK, "7 free", NULL);
}

static void a_machine_with_other_huge_pages_is_understood(void **state)
{
	(void)state;
	fake_file("sys/kernel/mm/hugepages/hugepages-524288kB/free_hugepages", "0\n");
	expect("huge pages", INSPECT_SLOW, "hugepages-524288kB",
		"hugepages-524288kB/nr_hugepages");
}

static void running_far_from_the_card_is_told_with_its_distance(void **state)
{
	(void)state;
	expect("NUMA", INSPECT_OK, "near mlx5_0, on node 1", NULL);
	cpus_set(&input.running, "0-7");
	expect("NUMA", INSPECT_SLOW, "processors 0-7, up to distance 21",
		"taskset -c 4-7 ");
	placement.nodes[0].distance = 0;
	placement.nodes[1].distance = 0;
	expect("NUMA", INSPECT_SLOW, "not all near mlx5_0", "taskset -c 4-7 ");
}

static void one_node_or_a_card_near_none_is_fine(void **state)
{
	(void)state;
	cpus_set(&input.running, "0-7");
	placement.basis = PLACEMENT_NOWHERE;
	placement.node = -1;
	expect("NUMA", INSPECT_OK, "2 nodes, mlx5_0 is near none", NULL);
	placement.device[0] = '\0';
	expect("NUMA", INSPECT_OK, "2 nodes, and no RDMA device", NULL);
	placement.nodes_count = 1;
	expect("NUMA", INSPECT_OK, "one node", NULL);
}

static void a_saving_governor_near_the_card_is_slow(void **state)
{
	(void)state;
	fake_file(
		CPU_DIR "cpu0/cpufreq/scaling_governor", "powersave\n"); /* is not near */
	expect("processor governor", INSPECT_UNKNOWN, "", NULL);
	fake_file(CPU_DIR "cpu4/cpufreq/scaling_governor", "performance\n");
	expect("processor governor", INSPECT_OK, "performance", NULL);
	fake_file(CPU_DIR "cpu5/cpufreq/scaling_governor", "schedutil\n");
	expect("processor governor", INSPECT_SLOW, "schedutil on 1 of the 2",
		"echo performance | sudo tee "
		"/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
}

static void fake_state(const char *state, const char *latency_us, const char *disabled)
{
	char name[128];

	(void)snprintf(name, sizeof(name), CPU_DIR "cpu4/cpuidle/%s/latency", state);
	fake_file(name, latency_us);
	(void)snprintf(name, sizeof(name), CPU_DIR "cpu4/cpuidle/%s/disable", state);
	fake_file(name, disabled);
}

static void deep_idle_states_are_slow_unless_held_off(void **state)
{
	int32_t bound_us = 2000000000;

	(void)state;
	fake_state("state0", "0\n", "0\n");
	fake_state("state1", "2\n", "0\n");
	expect("idle states", INSPECT_OK, "none", NULL);
	fake_state("state2", "40\n", "0\n");
	fake_state("state3", "133\n", "0\n");
	expect("idle states", INSPECT_SLOW, "133 us", "cpu*/cpuidle/state[2-9]/disable");
	fake_bytes("dev/cpu_dma_latency", &bound_us, sizeof(bound_us));
	expect("idle states", INSPECT_SLOW, "133 us", "state[2-9]");
	bound_us = 0;
	fake_bytes("dev/cpu_dma_latency", &bound_us, sizeof(bound_us));
	expect("idle states", INSPECT_OK, "held to 0 us", NULL);
	bound_us = -1;
	fake_bytes("dev/cpu_dma_latency", &bound_us, 2); /* cut off: not believed */
	fake_state("state3", "133\n", "1\n");
	expect("idle states", INSPECT_SLOW, "40 us", "state[2-9]");
	fake_state("state2", "40\n", "1\n");
	expect("idle states", INSPECT_OK, "none", NULL);
}

static void a_good_card_has_nothing_against_it(void **state)
{
	(void)state;
	expect("RDMA device", INSPECT_OK, "mlx5_0", NULL);
	expect("atomics", INSPECT_OK, "", NULL);
	expect("atomics in flight", INSPECT_OK, "16", NULL);
	expect("device memory", INSPECT_OK, "128 KiB on mlx5_0", NULL);
	expect("port", INSPECT_OK, "mlx5_0/1 is active", NULL);
	expect("address", INSPECT_OK, "GID 3, RoCE v2, 10.0.0.1", NULL);
}

static void without_a_device_the_software_one_is_proposed(void **state)
{
	(void)state;
	input.device = NULL;
	expect("RDMA device", INSPECT_BROKEN, "none",
		"modprobe rdma_rxe && sudo rdma link add rxe0 type rxe netdev INTERFACE");
	fake_file("sys/class/net/lo/operstate", "up\n");
	fake_file("sys/class/net/eth0/operstate", "down\n");
	fake_file("sys/class/net/eth2/operstate", "unknown\n");
	expect("RDMA device", INSPECT_BROKEN, "none", "netdev eth2");
	fake_file("sys/class/net/eth1/operstate", "up\n");
	expect("RDMA device", INSPECT_BROKEN, "none", "netdev eth1");
	assert_null(find("port"));
}

static void a_device_that_may_not_be_opened_is_told(void **state)
{
	(void)state;
	strcpy(card.fault, "can not open it: Permission denied");
	expect("RDMA device", INSPECT_BROKEN, "Permission denied",
		"ls -l /dev/infiniband");
	assert_null(find("atomics"));
}

static void missing_abilities_of_a_device_are_told(void **state)
{
	(void)state;
	card.software = true;
	card.atomics = false;
	card.reads_in = 1;
	card.memory_len = 0;
	expect("RDMA device", INSPECT_SLOW, "software", "card");
	expect("atomics", INSPECT_BROKEN, "no 64-bit atomics", "device=");
	expect("atomics in flight", INSPECT_SLOW, "1 per connection", "device=");
	expect("device memory", INSPECT_SLOW, "none on mlx5_0", "card");
}

static void a_port_that_is_down_is_told(void **state)
{
	(void)state;
	card.ports[0].active = false;
	expect("port", INSPECT_OK, "mlx5_0/2 is active", NULL); /* another one serves */
	input.port = 1;
	expect("port", INSPECT_BROKEN, "mlx5_0/1 is not active", "ip link set ens1f0 up");
	input.port = 0;
	card.ports[1].active = false;
	card.ports[0].gid = (struct rdma_gid){.index = -1};
	expect("port", INSPECT_BROKEN, "mlx5_0/1 is not active",
		"ip link set INTERFACE up");
	fake_file("sys/class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/0", "ens9\n");
	expect("port", INSPECT_BROKEN, "mlx5_0/1 is not active", "ip link set ens9 up");
	card.ports[0].ethernet = false;
	expect("port", INSPECT_BROKEN, "mlx5_0/1 is not active", "opensm");
	input.port = 3;
	expect("port", INSPECT_BROKEN, "no port 3", "mlx5_0/1");
	assert_null(find("address"));
}

static void an_address_that_can_not_be_used_is_told(void **state)
{
	struct rdma_gid *gid = &card.ports[0].gid;

	(void)state;
	gid->type = IBV_GID_TYPE_ROCE_V1;
	expect("address", INSPECT_SLOW, "RoCE v1", "RoCE v2");
	gid->type = IBV_GID_TYPE_ROCE_V2;
	gid->link_local = true;
	expect("address", INSPECT_BROKEN, "no address",
		"ip addr add ADDRESS/24 dev ens1f0");
	card.ports[0].ethernet = false; /* InfiniBand's own prefix looks just like that */
	gid->type = IBV_GID_TYPE_IB;
	expect("address", INSPECT_OK, "InfiniBand", NULL);
	*gid = (struct rdma_gid){.index = -1};
	expect("address", INSPECT_BROKEN, "no address", "ip addr add");
}

static int limited_self(void)
{
	struct rlimit limit = {.rlim_cur = 65536, .rlim_max = 65536};

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return 1;
	if (geteuid() == 0 && setuid(65534) != 0)
		return 2;
	inspect_self(&input);
	return input.locked_max == 65536 && CPU_COUNT(&input.running) > 0 ? 0 : 3;
}

static void this_process_is_looked_at(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(limited_self());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(each_topic_is_told_once_and_each_problem_has_a_fix),
		STORY(an_empty_tree_is_not_known_and_not_wrong),
		STORY(a_low_lock_limit_is_told_in_kib),
		STORY(huge_pages_are_reserved_transparent_or_missing),
		STORY(a_machine_with_other_huge_pages_is_understood),
		STORY(running_far_from_the_card_is_told_with_its_distance),
		STORY(one_node_or_a_card_near_none_is_fine),
		STORY(a_saving_governor_near_the_card_is_slow),
		STORY(deep_idle_states_are_slow_unless_held_off),
		STORY(a_good_card_has_nothing_against_it),
		STORY(without_a_device_the_software_one_is_proposed),
		STORY(a_device_that_may_not_be_opened_is_told),
		STORY(missing_abilities_of_a_device_are_told),
		STORY(a_port_that_is_down_is_told),
		STORY(an_address_that_can_not_be_used_is_told),
		STORY(this_process_is_looked_at),
	};

	return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
