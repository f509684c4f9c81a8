/*
 * Finding the node and the processors near a device, on machines that this one is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>

#include "hw/placement/devices.h"
#include "hw/placement/placement.h"
#include "tests/unit/fake_tree.h"

#define CARD_ON_NONE PAWL_TEST_DATA "/two-nodes-card-on-none.xml"
#define CARD_ON_1 PAWL_TEST_DATA "/two-nodes-card-on-1.xml"
#define TWO_NODES "pack:2 [numa] core:4 pu:2"
#define FOUR_NODES "pack:4 [numa] core:2 pu:1"

static void assert_near(const struct placement *placement, const char *expected)
{
	char text[PLACEMENT_CPUS_TEXT];

	placement_format_cpus(&placement->near, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(placement->near_count, CPU_COUNT(&placement->near));
}

static void fake_rdma(const char *name, const char *file, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "sys/class/infiniband/%s/node_type", name);
	fake_file(path, "1: CA\n");
	if (!file)
		return;
	(void)snprintf(path, sizeof(path), "sys/class/infiniband/%s/%s", name, file);
	fake_file(path, text);
}

static void a_card_in_the_topology_gives_its_node_and_cores(void **state)
{
	struct placement_source source = {.xml = CARD_ON_1};
	struct placement found;

	(void)state;
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(found.node, 1);
	assert_int_equal(found.basis, PLACEMENT_TOPOLOGY);
	assert_near(&found, "8-15");
	assert_int_equal(found.nodes_count, 2);
	assert_int_equal(found.nodes[0].node, 0);
	assert_int_equal(found.nodes[0].distance, 21);
	assert_int_equal(found.nodes[1].distance, 10);
	assert_int_equal(CPU_COUNT(&found.nodes[0].cpus), 8);
	assert_true(CPU_ISSET(7, &found.nodes[0].cpus));
}

static void the_first_card_is_taken_when_none_is_named(void **state)
{
	struct placement_source source = {.xml = CARD_ON_1};
	struct placement found;

	(void)state;
	assert_int_equal(placement_find_in(&source, NULL, &found, NULL), 0);
	assert_string_equal(found.device, "mlx5_0");
	assert_int_equal(found.node, 1);
	assert_int_equal(placement_find_in(&source, "mlx5_0/1", &found, NULL), 0);
	assert_string_equal(found.device, "mlx5_0");
}

static void a_network_interface_is_no_rdma_device(void **state)
{
	struct placement_source source = {.xml = CARD_ON_1};
	struct placement found;
	struct error err;

	(void)state;
	assert_int_equal(placement_find_in(&source, "eno1", &found, &err), -ENODEV);
	assert_non_null(strstr(err.text, "eno1: no RDMA device of that name"));
}

static void a_card_outside_the_topology_is_found_by_the_kernel_s_word(void **state)
{
	struct placement_source source = {.synthetic = FOUR_NODES, .root = fake_root};
	struct placement found;

	(void)state;
	fake_rdma("mlx5_7", "device/numa_node", "2\n");
	assert_int_equal(placement_find_in(&source, "mlx5_7", &found, NULL), 0);
	assert_int_equal(found.node, 2);
	assert_int_equal(found.basis, PLACEMENT_SYSFS);
	assert_near(&found, "4-5");
	assert_int_equal(found.nodes_count, 4);
	assert_int_equal(found.nodes[0].distance, 0); /* a made-up machine tells none */
}

static void a_software_device_is_where_its_interface_is(void **state)
{
	struct placement_source source = {.xml = CARD_ON_1, .root = fake_root};
	struct placement found;

	(void)state;
	fake_rdma("rxe0", "parent", "eno1\n");
	assert_int_equal(placement_find_in(&source, "rxe0", &found, NULL), 0);
	assert_int_equal(found.node, 0);
	assert_int_equal(found.basis, PLACEMENT_INTERFACE);
	assert_string_equal(found.interface, "eno1");
	assert_near(&found, "0-7");
}

static void an_interface_outside_the_topology_is_found_by_the_kernel_s_word(void **state)
{
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	struct placement found;

	(void)state;
	fake_rdma("rxe0", "parent", "eth3\n");
	fake_file("sys/class/net/eth3/device/numa_node", "1\n");
	assert_int_equal(placement_find_in(&source, NULL, &found, NULL), 0);
	assert_string_equal(found.device, "rxe0");
	assert_int_equal(found.node, 1);
	assert_int_equal(found.basis, PLACEMENT_INTERFACE);
	assert_near(&found, "8-15");
}

static void a_virtual_card_is_where_its_pci_device_is(void **state)
{
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	char path[256];
	struct placement found;

	(void)state;
	fake_rdma("rxe0", "parent", "eth0\n");
	fake_file("sys/devices/pci/numa_node", "1\n");
	fake_file("sys/devices/pci/virtio2/vendor", "0x1af4\n");
	fake_file("sys/class/net/eth0/operstate", "up\n");
	(void)snprintf(path, sizeof(path), "%s/sys/class/net/eth0/device", fake_root);
	assert_int_equal(symlink("../../../devices/pci/virtio2", path), 0);
	assert_int_equal(placement_find_in(&source, "rxe0", &found, NULL), 0);
	assert_int_equal(found.node, 1);
	assert_int_equal(found.basis, PLACEMENT_INTERFACE);
}

static void a_device_near_nothing_gives_no_preference(void **state)
{
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	struct placement found;

	(void)state;
	fake_rdma("rxe0", "parent", "dummy0\n");
	fake_rdma("mlx5_9", "device/numa_node", "-1\n");
	assert_int_equal(placement_find_in(&source, "rxe0", &found, NULL), 0);
	assert_int_equal(found.node, -1);
	assert_int_equal(found.basis, PLACEMENT_NOWHERE);
	assert_near(&found, "0-15");
	assert_int_equal(placement_find_in(&source, "mlx5_9", &found, NULL), 0);
	assert_int_equal(found.node, -1);
}

static void a_card_above_all_nodes_gives_no_preference(void **state)
{
	struct placement_source source = {.xml = CARD_ON_NONE, .root = fake_root};
	struct placement found;

	(void)state;
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(found.node, -1);
	assert_int_equal(found.basis, PLACEMENT_NOWHERE);
	assert_near(&found, "0-1");
	/* The kernel's word still counts. */
	fake_rdma("mlx5_0", "device/numa_node", "1\n");
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(found.node, 1);
	assert_int_equal(found.basis, PLACEMENT_SYSFS);
}

static void no_device_at_all_gives_no_preference(void **state)
{
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	struct placement found;

	(void)state;
	assert_int_equal(placement_find_in(&source, NULL, &found, NULL), 0);
	assert_string_equal(found.device, "");
	assert_int_equal(found.node, -1);
	assert_near(&found, "0-15");
}

static void a_node_without_memory_is_not_proposed(void **state)
{
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	struct placement found;

	(void)state;
	fake_rdma("mlx5_0", "device/numa_node", "1\n");
	fake_file("sys/devices/system/node/has_memory", "0\n");
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(found.node, -1);
	assert_near(&found, "8-15"); /* its processors are near all the same */
	fake_file("sys/devices/system/node/has_memory", "0-1\n");
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(found.node, 1);
}

static void nonsense_in_the_kernel_s_files_is_no_preference(void **state)
{
	static const char *const nonsense[] = {
		"", "\n", "one\n", "99\n", "999999999999999999999\n", "1 2\n"};
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct placement found;

		fake_rdma("mlx5_0", "device/numa_node", nonsense[i]);
		assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
		assert_int_equal(found.node, -1);
	}
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const names[] = {"", "/1", ".", "../net/lo",
		"a-name-that-is-much-longer-than-any-device-of-the-kernel-can-ever-have"};
	struct placement_source source = {.synthetic = TWO_NODES, .root = fake_root};
	struct placement found;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(
			placement_find_in(&source, names[i], &found, &err), -EINVAL);
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, &err), -ENODEV);
	assert_non_null(strstr(err.text, "pawl hw"));
}

static void an_unreadable_topology_is_one_error(void **state)
{
	struct placement_source source = {.xml = "/no/such/file.xml"};
	struct placement found;
	struct error err;

	(void)state;
	assert_int_equal(placement_find_in(&source, NULL, &found, &err), -EIO);
	assert_non_null(strstr(err.text, "/no/such/file.xml"));
	source = (struct placement_source){.synthetic = "nonsense:-3"};
	assert_int_equal(placement_find_in(&source, NULL, &found, &err), -EIO);
}

static void this_machine_can_be_looked_at(void **state)
{
	struct placement found;

	(void)state;
	assert_int_equal(placement_find(NULL, &found, NULL), 0);
	assert_true(found.near_count > 0);
	assert_true(found.nodes_count > 0);
}

static void lists_of_processors_are_read_and_written(void **state)
{
	static const char *const lists[] = {"0", "2-5,8", "0-1023", "1,3,5,1022-1023"};
	cpu_set_t cpus;
	char text[PLACEMENT_CPUS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(placement_parse_cpus(lists[i], NULL, &cpus, NULL), 0);
		placement_format_cpus(&cpus, text, sizeof(text));
		assert_string_equal(text, lists[i]);
	}
	assert_int_equal(placement_parse_cpus("8,2-3,3-5", NULL, &cpus, NULL), 0);
	placement_format_cpus(&cpus, text, sizeof(text));
	assert_string_equal(text, "2-5,8");
	CPU_ZERO(&cpus);
	placement_format_cpus(&cpus, text, sizeof(text));
	assert_string_equal(text, "none");
}

static void a_long_list_is_cut_where_there_is_no_room(void **state)
{
	cpu_set_t cpus;
	char text[16];

	(void)state;
	CPU_ZERO(&cpus);
	for (size_t cpu = 100; cpu < 200; cpu += 2)
		CPU_SET(cpu, &cpus);
	placement_format_cpus(&cpus, text, sizeof(text));
	assert_string_equal(text, "100,102,104...");
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const wrong[] = {"", ",", "1,", ",1", "1-", "-1", "5-2", "1 2",
		"0x1", "1024", "1-1024", "99999999999999999999", "all", "1--2", "1,,2",
		"near,1"};
	cpu_set_t cpus;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(
			placement_parse_cpus(wrong[i], NULL, &cpus, &err), -EINVAL);
	assert_int_equal(placement_parse_cpus("near", NULL, &cpus, &err), -EINVAL);
}

static void near_stands_for_the_processors_near_the_device(void **state)
{
	struct placement_source source = {.xml = CARD_ON_1};
	struct placement found;
	cpu_set_t cpus;

	(void)state;
	assert_int_equal(placement_find_in(&source, "mlx5_0", &found, NULL), 0);
	assert_int_equal(placement_parse_cpus("near", &found, &cpus, NULL), 0);
	assert_true(CPU_EQUAL(&cpus, &found.near));
}

/* Pins its thread to the last processor that it may use; NULL when that went well. */
static void *pin_to_last(void *context)
{
	cpu_set_t allowed;
	cpu_set_t one;
	size_t last = 0;

	(void)context;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return "no affinity";
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		last = CPU_ISSET(cpu, &allowed) ? cpu : last;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	if (placement_pin_thread(&one, NULL) != 0)
		return "not pinned";
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 ||
		!CPU_EQUAL(&allowed, &one))
		return "affinity is another";
	return sched_getcpu() == (int)last ? NULL : "runs elsewhere";
}

static void a_thread_is_pinned_and_its_process_is_not(void **state)
{
	cpu_set_t before;
	cpu_set_t after;
	pthread_t thread;
	void *wrong = NULL;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, pin_to_last, NULL), 0);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
}

static void a_thread_is_not_pinned_where_there_is_nothing(void **state)
{
	cpu_set_t cpus;
	struct error err;

	(void)state;
	CPU_ZERO(&cpus);
	CPU_SET(CPU_SETSIZE - 1, &cpus);
	assert_int_equal(placement_pin_thread(&cpus, &err), -EINVAL);
	assert_non_null(strstr(err.text, "cpus 1023"));
}

static struct ibv_gid_entry gid(
	int index, int port, enum ibv_gid_type type, const char *address)
{
	struct ibv_gid_entry entry = {.gid_index = (uint32_t)index,
		.port_num = (uint32_t)port,
		.gid_type = type};

	assert_int_equal(inet_pton(AF_INET6, address, entry.gid.raw), 1);
	return entry;
}

static void the_address_that_connections_use_is_chosen(void **state)
{
	struct ibv_gid_entry all[] = {
		gid(0, 1, IBV_GID_TYPE_ROCE_V1, "fe80::1"),
		gid(1, 1, IBV_GID_TYPE_ROCE_V2, "fe80::1"),
		gid(2, 1, IBV_GID_TYPE_ROCE_V1, "::ffff:10.0.0.1"),
		gid(3, 1, IBV_GID_TYPE_ROCE_V2, "::ffff:169.254.0.1"),
		gid(4, 1, IBV_GID_TYPE_ROCE_V2, "2001:db8::1"),
		gid(5, 1, IBV_GID_TYPE_ROCE_V2, "::ffff:10.0.0.1"),
		gid(0, 2, IBV_GID_TYPE_IB, "fe80::2"),
		gid(1, 2, IBV_GID_TYPE_IB, "fe80::3"),
	};

	(void)state;
	/* With every better one taken away, the next best is chosen. */
	assert_ptr_equal(rdma_gid_choose(all, 6, 1), &all[5]);
	assert_ptr_equal(rdma_gid_choose(all, 5, 1), &all[4]);
	assert_ptr_equal(rdma_gid_choose(all, 4, 1), &all[3]);
	assert_ptr_equal(rdma_gid_choose(all, 3, 1), &all[1]);
	assert_ptr_equal(rdma_gid_choose(all, 1, 1), &all[0]);
	assert_ptr_equal(rdma_gid_choose(all, 8, 2), &all[6]);
	assert_null(rdma_gid_choose(all, 8, 3));
	assert_null(rdma_gid_choose(all, 0, 1));
}

static void listing_devices_never_fails_for_want_of_them(void **state)
{
	static struct rdma_device devices[RDMA_DEVICES_MAX];
	int count = -1;

	(void)state;
	assert_int_equal(rdma_devices_list(devices, RDMA_DEVICES_MAX, &count, NULL), 0);
	assert_in_range(count, 0, RDMA_DEVICES_MAX);
	for (int i = 0; i < count; i++)
		assert_string_not_equal(devices[i].name, "");
	if (count > 0) {
		assert_int_equal(rdma_devices_list(devices, 0, &count, NULL), 0);
		assert_int_equal(count, 0);
	}
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_card_in_the_topology_gives_its_node_and_cores),
		STORY(the_first_card_is_taken_when_none_is_named),
		STORY(a_network_interface_is_no_rdma_device),
		STORY(a_card_outside_the_topology_is_found_by_the_kernel_s_word),
		STORY(a_software_device_is_where_its_interface_is),
		STORY(an_interface_outside_the_topology_is_found_by_the_kernel_s_word),
		STORY(a_virtual_card_is_where_its_pci_device_is),
		STORY(a_device_near_nothing_gives_no_preference),
		STORY(a_card_above_all_nodes_gives_no_preference),
		STORY(no_device_at_all_gives_no_preference),
		STORY(a_node_without_memory_is_not_proposed),
		STORY(nonsense_in_the_kernel_s_files_is_no_preference),
		STORY(names_that_are_none_are_refused),
		STORY(an_unreadable_topology_is_one_error),
		STORY(this_machine_can_be_looked_at),
		STORY(lists_of_processors_are_read_and_written),
		STORY(a_long_list_is_cut_where_there_is_no_room),
		STORY(what_is_no_list_is_refused),
		STORY(near_stands_for_the_processors_near_the_device),
		STORY(a_thread_is_pinned_and_its_process_is_not),
		STORY(a_thread_is_not_pinned_where_there_is_nothing),
		STORY(the_address_that_connections_use_is_chosen),
		STORY(listing_devices_never_fails_for_want_of_them),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
