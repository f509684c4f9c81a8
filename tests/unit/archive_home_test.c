/* The directory of archives belongs to one cluster, and keeps what another one left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sequencer/daemon/archive_home.h"
#include "tests/scratch.h"

#define OLD UINT64_C(0x00000000000000aa)

static struct scratch base;
static char home[160], aside[200], stream[200];

static int set_up(void **state)
{
	(void)state;
	if (scratch_make(&base))
		return -1;
	(void)snprintf(home, sizeof(home), "%s/desk/1.archive", base.path);
	(void)snprintf(aside, sizeof(aside), "%s.00000000000000aa", home);
	(void)snprintf(stream, sizeof(stream), "%s/orders", home);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&base);
	return 0;
}

static void what_an_erased_cluster_left_is_moved_aside(void **state)
{
	struct error err = {.text = ""};
	char moved[220];

	(void)state;
	assert_int_equal(archive_home_take(home, OLD, &err), 0);
	assert_int_equal(mkdir(stream, 0700), 0);
	assert_int_equal(archive_home_take(home, OLD, &err), 0); /* its own */
	assert_int_equal(access(stream, F_OK), 0);
	assert_int_equal(archive_home_take(home, OLD + 1, &err), 0);
	assert_int_equal(access(home, F_OK), 0);
	assert_int_equal(access(stream, F_OK), -1);
	(void)snprintf(moved, sizeof(moved), "%s/orders", aside);
	assert_int_equal(access(moved, F_OK), 0);
	assert_int_equal(archive_home_take(home, OLD + 1, &err), 0);
}

static void a_directory_that_can_not_be_made_is_told(void **state)
{
	struct error err = {.text = ""};

	(void)state;
	assert_true(archive_home_take("/proc/none/1.archive", OLD, &err) < 0);
	assert_int_not_equal(err.text[0], '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_erased_cluster_left_is_moved_aside),
		cmocka_unit_test(a_directory_that_can_not_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
