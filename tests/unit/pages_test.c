/*
 * Memory files: who may make, adopt and attach them, and what happens when there is no
 * room and no right.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "hw/clock.h"
#include "tests/unit/pages_test.h"

static void make_file(size_t len, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, "old", 3, 0), 3);
	close(fd);
}

static void a_new_file_is_zero_private_and_of_whole_pages(void **state)
{
	struct pages_config config = plain(path, 5000);
	struct pages pages;
	struct stat at;
	struct error err;
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(pages_map(&config, &pages, &err), 0);
	umask(before);
	assert_int_equal(pages.len, pages_round(5000));
	assert_int_equal(pages.len % (size_t)sysconf(_SC_PAGESIZE), 0);
	assert_int_equal(fstat(pages.fd, &at), 0);
	assert_int_equal(at.st_size, pages.len);
	assert_int_equal(at.st_mode & 0777, 0600);
	assert_true((size_t)at.st_blocks * 512 >= pages.len);
	for (size_t i = 0; i < pages.len; i++)
		assert_int_equal(((char *)pages.base)[i], 0);
	assert_string_equal(pages.path, path);
	assert_false(pages.locked || pages.huge);
	assert_int_equal(pages.node, -1);
	pages_unmap(&pages);
	assert_true(file_exists());
}

static void a_group_may_write_whatever_the_umask(void **state)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct stat at;
	mode_t before = umask(077);

	(void)state;
	config.shared_with_group = true;
	config.group = geteuid() == 0 ? 12345 : getegid();
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	umask(before);
	assert_int_equal(stat(path, &at), 0);
	assert_int_equal(at.st_mode & 0777, 0660);
	assert_int_equal(at.st_gid, config.group);
	pages_remove(&pages);
	pages_unmap(&pages);
	assert_false(file_exists());
}

static int foreign_group(void)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct error err;

	if (geteuid() == 0)
		CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
			setuid(NOBODY) == 0);
	config.shared_with_group = true;
	config.group = 12345;
	CHECK(pages_map(&config, &pages, &err) == -EPERM);
	CHECK(strstr(err.text, "group 12345") != NULL);
	CHECK(!file_exists());
	return 0;
}

static void a_group_that_is_not_ours_leaves_no_file(void **state)
{
	(void)state;
	in_child(foreign_group);
}

static void an_existing_file_is_not_touched(void **state)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct error err;
	char bytes[4] = "";
	int fd;

	(void)state;
	make_file(4096, 0600);
	assert_int_equal(pages_map(&config, &pages, &err), -EEXIST);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "remove it, or adopt it"));
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, bytes, 3), 3);
	assert_string_equal(bytes, "old");
	close(fd);
}

static void an_adopted_file_keeps_its_bytes(void **state)
{
	struct pages_config config = plain(path, 8000);
	struct pages pages;
	struct stat at;

	(void)state;
	make_file(pages_round(8000), 0600);
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_memory_equal(pages.base, "old", 4);
	assert_int_equal(fstat(pages.fd, &at), 0);
	assert_true((size_t)at.st_blocks * 512 >= pages.len); /* its hole is filled */
	pages_unmap(&pages);
}

/* Whether this process has the page at @at in its tables. */
static bool is_mapped(const void *at)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &entry, sizeof(entry),
				 (off_t)((uintptr_t)at / page * sizeof(entry))),
		sizeof(entry));
	close(fd);
	return entry >> 63;
}

static void what_is_adopted_lazily_is_touched_by_nobody(void **state)
{
	struct pages_config config = plain(path, 1 << 20);
	struct pages pages;
	struct error err;

	(void)state;
	config.lazy = true;
	assert_int_equal(pages_map(&config, &pages, &err), -EINVAL);
	assert_non_null(strstr(err.text, "has its pages already"));
	config.lazy = false;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	memcpy(pages.base, "old", 3);
	pages_unmap(&pages);
	config.adopt = config.lazy = true;
	assert_int_equal(pages_map(&config, &pages, NULL), 0);
	assert_false(is_mapped((char *)pages.base + (1 << 19)));
	assert_memory_equal(pages.base, "old", 3);
	assert_true(is_mapped(pages.base));
	pages_unmap(&pages);
}

static void a_cut_off_file_is_not_adopted(void **state)
{
	struct pages_config config = plain(path, 8192);
	struct pages pages;
	struct error err;

	(void)state;
	make_file(4096, 0600);
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "is 4096 bytes, expected 8192;"));
	assert_int_equal(pages_attach(path, 8192, &pages, &err), -EUCLEAN);
	assert_true(file_exists());
}

static void a_missing_file_is_named(void **state)
{
	struct pages_config config = plain(path, 4096);
	struct pages pages;
	struct error err;

	(void)state;
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(pages_attach(path, 4096, &pages, &err), -ENOENT);
	config = plain("/dev/shm/no-such-directory/region", 4096);
	assert_int_equal(pages_map(&config, &pages, &err), -ENOENT);
}

static void a_symbolic_link_is_not_followed(void **state)
{
	struct pages_config config = plain(path, 4096);
	char target[160];
	struct pages pages;
	struct error err;

	(void)state;
	make_file(4096, 0600);
	(void)snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(pages_attach(path, 4096, &pages, &err), -EINVAL);
	assert_non_null(strstr(err.text, "symbolic links are not followed"));
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, &err), -EINVAL);
	config.adopt = false;
	assert_int_equal(pages_map(&config, &pages, &err), -EEXIST);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(pages_map(&config, &pages, &err), -EEXIST); /* dangling */
	assert_int_equal(access(target, F_OK), -1);
}

static void a_pipe_is_refused_and_not_waited_for(void **state)
{
	struct pages pages;
	struct error err;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pages_attach(path, 4096, &pages, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(pages_attach(dir, 4096, &pages, &err), -EINVAL);
}

static int attach_as_nobody(void)
{
	struct pages pages;
	struct error err;

	CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
	CHECK(pages_attach(path, 4096, &pages, &err) == -EPERM);
	CHECK(strstr(err.text, "belongs to user 12345") != NULL);
	return 0;
}

static void a_stranger_s_file_is_not_trusted(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip_because("needs root to make another user's file");
		skip();
	}
	make_file(4096, 0666);
	assert_int_equal(chown(path, 12345, 12345), 0);
	in_child(attach_as_nobody);
	/* A group of ours makes it one of ours. */
	assert_int_equal(chown(path, 12345, NOBODY), 0);
	{
		gid_t group = NOBODY;
		struct pages pages;

		assert_int_equal(setgroups(1, &group), 0);
		assert_int_equal(pages_attach(path, 4096, &pages, NULL), 0);
		pages_unmap(&pages);
		assert_int_equal(setgroups(0, NULL), 0);
	}
}

static void two_sides_see_the_same_bytes(void **state)
{
	struct pages_config config = plain(path, 4096);
	struct pages owner;
	struct pages peer;

	(void)state;
	assert_int_equal(pages_map(&config, &owner, NULL), 0);
	assert_int_equal(pages_attach(path, owner.len, &peer, NULL), 0);
	strcpy(peer.base, "written by the peer");
	assert_string_equal(owner.base, "written by the peer");
	pages_remove(&owner);
	pages_unmap(&owner);
	assert_string_equal(peer.base, "written by the peer");
	pages_unmap(&peer);
}

static void anonymous_memory_has_an_address_and_a_fixed_length(void **state)
{
	struct pages_config config = plain(NULL, 10000);
	struct pages owner;
	struct pages peer;
	char expected[64];

	(void)state;
	assert_int_equal(pages_map(&config, &owner, NULL), 0);
	(void)snprintf(
		expected, sizeof(expected), "/proc/%d/fd/%d", (int)getpid(), owner.fd);
	assert_string_equal(owner.path, expected);
	assert_int_equal(pages_attach(owner.path, owner.len, &peer, NULL), 0);
	strcpy(owner.base, "written by the owner");
	assert_string_equal(peer.base, "written by the owner");
	assert_int_equal(ftruncate(peer.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	pages_remove(&peer); /* has no file, and so nothing to remove */
	pages_unmap(&peer);
	pages_unmap(&owner);
	assert_int_equal(pages_attach(expected, 12288, &peer, NULL), -ENOENT);
}

static int full_at_creation(void)
{
	struct pages_config config = plain(path, 2 * MIB);
	struct pages pages;
	struct error err;
	int rc = mount_private("size=1m");

	if (rc)
		return rc;
	CHECK(pages_map(&config, &pages, &err) == -ENOSPC);
	CHECK(strstr(err.text, path) && strstr(err.text, "2097152 bytes"));
	CHECK(strstr(err.text, "1048576 bytes are free"));
	CHECK(!file_exists());
	config.len = MIB; /* and what fits, fits to the last page */
	CHECK(pages_map(&config, &pages, &err) == 0);
	memset(pages.base, 0xff, pages.len);
	return 0;
}

static void a_full_file_system_is_an_error_and_leaves_no_file(void **state)
{
	(void)state;
	in_child(full_at_creation);
}

static int full_at_adoption(void)
{
	struct pages_config config = plain(path, 2 * MIB);
	struct pages pages;
	struct error err;
	int fd;
	int rc = mount_private("size=1m");

	if (rc)
		return rc;
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 2 * MIB) == 0);
	config.adopt = true;
	CHECK(pages_map(&config, &pages, &err) == -ENOSPC);
	CHECK(file_exists());
	return 0;
}

static void holes_that_can_not_be_filled_are_an_error(void **state)
{
	(void)state;
	in_child(full_at_adoption);
}

static int over_file_limit(void)
{
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
	struct pages_config config = plain(path, 8192);
	struct pages pages;
	struct error err;

	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(pages_map(&config, &pages, &err) == -ENOSPC);
	CHECK(strstr(err.text, "limit of 4096 bytes") && strstr(err.text, "ulimit -f"));
	CHECK(!file_exists());
	return 0;
}

static void the_file_size_limit_is_an_error_and_no_signal(void **state)
{
	(void)state;
	in_child(over_file_limit);
}

static void more_than_the_machine_has_is_refused_at_once(void **state)
{
	struct pages_config config = plain(NULL, (size_t)1 << 50);
	struct pages pages;
	struct error err;

	(void)state;
	assert_int_equal(pages_map(&config, &pages, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "memory"));
}

static void ignore_signal(int number)
{
	(void)number;
}

static void a_storm_of_signals_does_not_stop_it(void **state)
{
	struct itimerval storm = {{0, 200}, {0, 200}};
	struct itimerval calm = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = ignore_signal};
	struct pages_config config = plain(path, 64 * MIB);
	struct pages pages;
	uint64_t start_ns = clock_now_ns();
	int rc;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &storm, NULL), 0);
	rc = pages_map(&config, &pages, NULL);
	assert_int_equal(setitimer(ITIMER_REAL, &calm, NULL), 0);
	assert_int_equal(rc, 0);
	assert_true(clock_now_ns() - start_ns < 10000000000u);
	pages_unmap(&pages);
}

static void a_config_that_makes_no_sense_is_refused(void **state)
{
	struct pages_config config = plain(path, 0);
	char long_path[400];
	struct pages pages;

	(void)state;
	assert_int_equal(pages_map(&config, &pages, NULL), -EINVAL);
	config = plain("relative/region", 4096);
	assert_int_equal(pages_map(&config, &pages, NULL), -EINVAL);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	config = plain(long_path, 4096);
	assert_int_equal(pages_map(&config, &pages, NULL), -EINVAL);
	config = plain(NULL, 4096);
	config.adopt = true;
	assert_int_equal(pages_map(&config, &pages, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_new_file_is_zero_private_and_of_whole_pages),
		STORY(a_group_may_write_whatever_the_umask),
		STORY(a_group_that_is_not_ours_leaves_no_file),
		STORY(an_existing_file_is_not_touched),
		STORY(an_adopted_file_keeps_its_bytes),
		STORY(what_is_adopted_lazily_is_touched_by_nobody),
		STORY(a_cut_off_file_is_not_adopted),
		STORY(a_missing_file_is_named),
		STORY(a_symbolic_link_is_not_followed),
		STORY(a_pipe_is_refused_and_not_waited_for),
		STORY(a_stranger_s_file_is_not_trusted),
		STORY(two_sides_see_the_same_bytes),
		STORY(anonymous_memory_has_an_address_and_a_fixed_length),
		STORY(a_full_file_system_is_an_error_and_leaves_no_file),
		STORY(holes_that_can_not_be_filled_are_an_error),
		STORY(the_file_size_limit_is_an_error_and_no_signal),
		STORY(more_than_the_machine_has_is_refused_at_once),
		STORY(a_storm_of_signals_does_not_stop_it),
		STORY(a_config_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
