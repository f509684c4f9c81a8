/*
 * Where the pages of memory files are: locked, in huge pages, on a NUMA node.
 */
#include <numaif.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "hw/pages_place.h"
#include "tests/unit/pages_test.h"

static int over_lock_limit(void)
{
	struct rlimit limit = {.rlim_cur = 64 * KIB, .rlim_max = 64 * KIB};
	struct pages_config config = plain(path, 1 * MIB);
	struct pages pages;
	struct error err;

	if (!MLOCK_IS_REAL)
		return skip_because("a sanitizer has replaced mlock");
	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	if (geteuid() == 0)
		CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
			setuid(NOBODY) == 0);
	config.lock = PAGES_REQUIRE;
	CHECK(pages_map(&config, &pages, &err) == -ENOMEM);
	CHECK(strstr(err.text, "can not lock 1024 KiB") &&
		strstr(err.text, "limit is 64 KiB"));
	CHECK(strstr(err.text, "ulimit -l") && strstr(err.text, "LimitMEMLOCK=") &&
		strstr(err.text, "limits.conf"));
	CHECK(!file_exists());
	config.lock = PAGES_AUTO;
	CHECK(pages_map(&config, &pages, &err) == 0);
	CHECK(!pages.locked);
	pages_remove(&pages);
	return 0;
}

static void a_low_lock_limit_is_told_with_its_cure(void **state)
{
	(void)state;
	in_child(over_lock_limit);
}

static size_t status_kib(const char *format)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	size_t kib = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, format, &kib) == 1)
			break;
	}
	fclose(file);
	return kib;
}

static void locked_pages_are_locked(void **state)
{
	struct pages_config config = plain(path, 32 * KIB);
	struct pages pages;
	size_t before = status_kib("VmLck: %zu kB");

	(void)state;
	if (!MLOCK_IS_REAL) {
		skip_because("a sanitizer has replaced mlock");
		skip();
	}
	config.lock = PAGES_REQUIRE;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_true(pages.locked);
	assert_true(status_kib("VmLck: %zu kB") >= before + 32);
	pages_unmap(&pages);
}

static int huge_by_mount(void)
{
	struct pages_config config = plain(path, 8 * MIB);
	struct pages pages;
	struct error err;
	int rc = mount_private("size=64m,huge=always");

	if (rc)
		return rc;
	config.huge = PAGES_REQUIRE;
	CHECK(pages_map(&config, &pages, &err) == 0);
	CHECK(pages.huge && pages.len == 8 * MIB);
	pages_unmap(&pages);
	CHECK(pages_attach(path, 8 * MIB, &pages, &err) == 0);
	CHECK(pages_are_huge(&pages));
	return 0;
}

static void transparent_huge_pages_are_used_where_they_are_mounted(void **state)
{
	(void)state;
	in_child(huge_by_mount);
}

static int huge_without_mount(void)
{
	struct pages_config config = plain(path, 8 * MIB);
	struct pages pages;
	struct error err;
	int rc = mount_private("size=64m,huge=never");

	if (rc)
		return rc;
	config.huge = PAGES_REQUIRE;
	CHECK(pages_map(&config, &pages, &err) == -ENOMEM);
	CHECK(strstr(err.text, "mount -o remount,huge="));
	CHECK(!file_exists());
	config.huge = PAGES_AUTO;
	config.tell_huge = true;
	CHECK(pages_map(&config, &pages, &err) == 0);
	CHECK(!pages.huge);
	return 0;
}

static void huge_pages_that_are_required_and_missing_are_an_error(void **state)
{
	(void)state;
	in_child(huge_without_mount);
}

static long meminfo(const char *format)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long number = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, format, &number) == 1)
			break;
	}
	fclose(file);
	return number;
}

static void reserved_huge_pages_are_used_for_anonymous_memory(void **state)
{
	struct pages_config config = plain(NULL, 100);
	struct pages owner;
	struct pages peer;

	(void)state;
	if (meminfo("HugePages_Free: %ld") - meminfo("HugePages_Rsvd: %ld") < 1) {
		skip_because("no huge pages are reserved; sysctl vm.nr_hugepages=4");
		skip();
	}
	config.huge = PAGES_REQUIRE;
	assert_int_equal(pages_map(&config, &owner, NULL), 0);
	assert_true(owner.huge);
	assert_int_equal(owner.len, (size_t)meminfo("Hugepagesize: %ld kB") * KIB);
	assert_int_equal(pages_attach(owner.path, owner.len, &peer, NULL), 0);
	assert_true(peer.huge);
	((char *)peer.base)[owner.len - 1] = 7;
	assert_int_equal(((char *)owner.base)[owner.len - 1], 7);
	pages_unmap(&peer);
	pages_unmap(&owner);
}

static void too_many_huge_pages_are_refused_with_the_number_to_reserve(void **state)
{
	struct pages_config config = plain(NULL, 0);
	long huge_kib = meminfo("Hugepagesize: %ld kB");
	long free_count = meminfo("HugePages_Free: %ld");
	char expected[64];
	struct pages pages;
	struct error err;
	int rc;

	(void)state;
	if (huge_kib == 0) {
		skip_because("this kernel has no huge pages");
		skip();
	}
	config.len = (size_t)(free_count + 1) * (size_t)huge_kib * KIB;
	config.huge = PAGES_REQUIRE;
	rc = pages_map(&config, &pages, &err);
	if (rc == 0) { /* transparent ones are on for memory files */
		assert_true(pages.huge);
		pages_unmap(&pages);
		return;
	}
	assert_int_equal(rc, -ENOMEM);
	(void)snprintf(expected, sizeof(expected), "vm.nr_hugepages=%ld",
		free_count + 1 + meminfo("HugePages_Total: %ld"));
	assert_non_null(strstr(err.text, expected));
}

static int on_hugetlbfs(void)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct error err;
	int rc = mount_private("size=1m");

	if (rc)
		return rc;
	if (mount("none", dir, "hugetlbfs", 0, NULL) != 0)
		return skip_because("no hugetlbfs in this kernel");
	CHECK(pages_map(&config, &pages, &err) == -EINVAL);
	CHECK(strstr(err.text, "hugetlbfs") != NULL);
	CHECK(!file_exists());
	return 0;
}

static void a_path_on_hugetlbfs_is_refused(void **state)
{
	(void)state;
	in_child(on_hugetlbfs);
}

static void a_node_that_does_not_exist_is_refused(void **state)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct error err;

	(void)state;
	if (mbind(NULL, 0, MPOL_DEFAULT, NULL, 0, 0) != 0) {
		skip_because("may not place memory here");
		skip();
	}
	config.node = 1000;
	assert_int_equal(pages_map(&config, &pages, &err), -EINVAL);
	assert_non_null(strstr(err.text, "node 1000"));
	assert_false(file_exists());
	config.node = 1 << 20;
	assert_int_equal(pages_map(&config, &pages, &err), -EINVAL);
}

/* The node that holds the page at @at, by the kernel's word. */
static int node_of(void *at)
{
	int node = -1;

	assert_int_equal(get_mempolicy(&node, NULL, 0, at, MPOL_F_NODE | MPOL_F_ADDR), 0);
	return node;
}

/* All pages are on @node, and those that are brought back from swap will be. */
static void assert_all_on(const struct pages *pages, int node)
{
	unsigned long mask = 0;
	int policy = -1;

	assert_int_equal(get_mempolicy(&policy, &mask, 64, pages->base, MPOL_F_ADDR), 0);
	assert_int_equal(policy, MPOL_PREFERRED);
	assert_int_equal(mask, 1UL << node);
	assert_int_equal(pages->node, node);
	for (size_t at = 0; at < pages->len; at += 4096)
		assert_int_equal(node_of((char *)pages->base + at), node);
}

static void place_on(int node)
{
	struct pages_config config = plain(path, 4 * MIB);
	struct pages pages;

	config.node = node;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_all_on(&pages, node);
	pages_unmap(&pages);
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_all_on(&pages, node);
	pages_unmap(&pages);
}

/* The kernel lets this process put a page on @node. */
static bool may_place_on(int node)
{
	unsigned long mask = 1UL << node;
	void *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool may;

	assert_ptr_not_equal(page, MAP_FAILED);
	may = mbind(page, 4096, MPOL_BIND, &mask, 64, 0) == 0;
	assert_int_equal(munmap(page, 4096), 0);
	return may;
}

static void pages_land_on_the_node_that_was_asked_for(void **state)
{
	int placed = 0;

	(void)state;
	for (int node = 0; node < 63; node++) {
		if (!may_place_on(node))
			continue;
		place_on(node);
		assert_int_equal(unlink(path), 0);
		placed++;
	}
	printf("nodes placed on: %d\n", placed);
	if (placed == 0) {
		skip_because("may not place memory here");
		skip();
	}
}

static void an_adopted_file_moves_to_the_node_that_is_asked_for(void **state)
{
	struct pages_config config = plain(path, 1 * MIB);
	struct pages pages;

	(void)state;
	if (access("/sys/devices/system/node/node1", F_OK) != 0) {
		skip_because("one NUMA node only");
		skip();
	}
	config.node = 0;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_all_on(&pages, 0);
	pages_unmap(&pages);
	config.adopt = true;
	config.node = 1;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_all_on(&pages, 1);
	pages_unmap(&pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_low_lock_limit_is_told_with_its_cure),
		STORY(locked_pages_are_locked),
		STORY(transparent_huge_pages_are_used_where_they_are_mounted),
		STORY(huge_pages_that_are_required_and_missing_are_an_error),
		STORY(reserved_huge_pages_are_used_for_anonymous_memory),
		STORY(too_many_huge_pages_are_refused_with_the_number_to_reserve),
		STORY(a_path_on_hugetlbfs_is_refused),
		STORY(a_node_that_does_not_exist_is_refused),
		STORY(pages_land_on_the_node_that_was_asked_for),
		STORY(an_adopted_file_moves_to_the_node_that_is_asked_for),
	};

	return cmocka_run_group_tests_name("pages_place", tests, NULL, NULL);
}
