/* Where files are looked for, and which directories are trusted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sequencer/control/paths.h"
#include "tests/scratch.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define STRANGER 54321

static struct scratch scratch;

static int set_up(void **state)
{
	static const char *const names[] = {"PAWL_RUNTIME_DIR", "PAWL_STATE_DIR",
		"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	return scratch_make(&scratch);
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static const char *below(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", scratch.path, name);
	return path;
}

/* Root becomes somebody else for a while; a user stays who he is. */
static void be_a_user(void)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(STRANGER), 0);
}

static void be_oneself(void)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void need_root(void)
{
	if (getuid() == 0)
		return;
	print_message("skipped: only root can play two users\n");
	skip();
}

typedef int (*dir_fn)(char *buf, size_t len, struct error *err);

static void assert_dir(dir_fn dir, const char *expected)
{
	char path[PATHS_LEN_MAX];
	struct error err = {.text = ""};

	assert_int_equal(dir(path, sizeof(path), &err), 0);
	assert_string_equal(path, expected);
}

static void own_variables_come_first(void **state)
{
	(void)state;
	assert_int_equal(setenv("PAWL_RUNTIME_DIR", "/own/run", 1), 0);
	assert_int_equal(setenv("PAWL_STATE_DIR", "/own/state", 1), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/xdg", 1), 0);
	assert_int_equal(setenv("HOME", "/home/u", 1), 0);
	assert_dir(paths_runtime_dir, "/own/run");
	assert_dir(paths_state_dir, "/own/state");
}

static void root_has_the_system_s_directories(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/xdg", 1), 0);
	assert_int_equal(setenv("HOME", "/root", 1), 0);
	assert_dir(paths_runtime_dir, "/run/pawl");
	assert_dir(paths_state_dir, "/var/lib/pawl");
}

static void a_user_has_the_desktop_s_directories(void **state)
{
	(void)state;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/xdg/run", 1), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "/xdg/state", 1), 0);
	be_a_user();
	assert_dir(paths_runtime_dir, "/xdg/run/pawl");
	assert_dir(paths_state_dir, "/xdg/state/pawl");
	be_oneself();
}

static void a_user_without_them_has_his_own(void **state)
{
	char runtime[64];

	(void)state;
	assert_int_equal(setenv("HOME", "/home/u", 1), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "", 1), 0);
	be_a_user();
	(void)snprintf(
		runtime, sizeof(runtime), "/tmp/pawl-%lu", (unsigned long)geteuid());
	assert_dir(paths_runtime_dir, runtime);
	assert_dir(paths_state_dir, "/home/u/.local/state/pawl");
	be_oneself();
}

static void a_user_without_a_home_is_told_what_to_set(void **state)
{
	char path[PATHS_LEN_MAX] = "untouched";
	struct error err = {.text = ""};

	(void)state;
	be_a_user();
	assert_int_equal(paths_state_dir(path, sizeof(path), &err), -ENOENT);
	be_oneself();
	assert_non_null(strstr(err.text, "PAWL_STATE_DIR"));
	assert_string_equal(path, "untouched");
}

static void a_relative_directory_of_ours_is_refused(void **state)
{
	char path[PATHS_LEN_MAX];
	struct error err = {.text = ""};

	(void)state;
	assert_int_equal(setenv("PAWL_RUNTIME_DIR", "run", 1), 0);
	assert_int_equal(paths_runtime_dir(path, sizeof(path), &err), -EINVAL);
	assert_non_null(strstr(err.text, "PAWL_RUNTIME_DIR"));
}

static void files_are_named_for_cluster_and_replica(void **state)
{
	char path[PATHS_LEN_MAX];

	(void)state;
	assert_int_equal(
		paths_socket("/run/pawl", "c", 65535, path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/run/pawl/c/65535.sock");
	assert_int_equal(paths_lock("/run/pawl", "c", 1, path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/run/pawl/c/1.lock");
	assert_int_equal(paths_log("/var/lib/pawl", "c", 1, path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/var/lib/pawl/c/1.log");
	assert_int_equal(
		paths_cluster_dir("/run/pawl", "c", path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/run/pawl/c");
}

static void a_socket_s_path_must_fit_its_address(void **state)
{
	char runtime[256], path[PATHS_LEN_MAX] = "untouched";
	struct error err = {.text = ""};

	(void)state;
	memset(runtime, 'r', sizeof(runtime));
	runtime[107 - strlen("/c/1.sock")] = '\0';
	assert_int_equal(paths_socket(runtime, "c", 1, path, sizeof(path), &err), 0);
	assert_int_equal(strlen(path), 107);
	assert_int_equal(
		paths_socket(runtime, "c", 12, path, sizeof(path), &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "107 bytes"));
}

static void a_path_must_fit_its_buffer(void **state)
{
	char path[8] = "before";

	(void)state;
	assert_int_equal(
		paths_lock("/r", "c", 1, path, sizeof(path), NULL), -ENAMETOOLONG);
	assert_string_equal(path, "before");
}

static void missing_directories_are_made_with_their_mode(void **state)
{
	struct stat status;
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(paths_make(below("a/b//c/"), 0750, NULL), 0);
	umask(before);
	assert_int_equal(stat(below("a/b/c"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(stat(below("a"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(paths_make(below("a/b/c"), 0700, NULL), 0);
	assert_int_equal(stat(below("a/b/c"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
}

static void assert_not_made(const char *name, int code)
{
	struct error err = {.text = ""};

	assert_int_equal(paths_make(below(name), 0700, &err), code);
	assert_non_null(strstr(err.text, scratch.path));
}

static void a_directory_that_all_may_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(below("open"), 0700), 0);
	assert_int_equal(chmod(below("open"), 0777), 0);
	assert_not_made("open", -EPERM);
	assert_not_made("open/inside", -EPERM);
	assert_int_equal(chmod(below("open"), 01777), 0);
	assert_not_made("open", -EPERM);
	assert_int_equal(paths_make(below("open/mine"), 0700, NULL), 0);
}

/* Somebody made the name in /tmp before us. */
static void a_squatter_s_directory_is_refused(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(chmod(scratch.path, 01777), 0);
	assert_int_equal(mkdir(below("pawl-0"), 0755), 0);
	assert_int_equal(chown(below("pawl-0"), STRANGER, STRANGER), 0);
	assert_not_made("pawl-0", -EPERM);
	assert_not_made("pawl-0/cluster", -EPERM);
}

static void a_squatter_s_link_is_refused(void **state)
{
	char target[256];

	(void)state;
	need_root();
	assert_int_equal(chmod(scratch.path, 01777), 0);
	assert_int_equal(mkdir(below("mine"), 0700), 0);
	(void)snprintf(target, sizeof(target), "%s", below("mine"));
	assert_int_equal(symlink(target, below("link")), 0);
	assert_int_equal(paths_make(below("link"), 0700, NULL), 0);
	assert_int_equal(lchown(below("link"), STRANGER, STRANGER), 0);
	assert_not_made("link", -EPERM);
}

static void a_stranger_s_directory_is_refused(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(mkdir(below("theirs"), 0755), 0);
	assert_int_equal(chown(below("theirs"), STRANGER, STRANGER), 0);
	assert_not_made("theirs", -EPERM);
	assert_int_equal(paths_make(below("theirs/mine"), 0700, NULL), 0);
}

static void a_file_in_the_way_is_named(void **state)
{
	FILE *file = fopen(below("file"), "w");

	(void)state;
	assert_non_null(file);
	(void)fclose(file);
	assert_not_made("file", -ENOTDIR);
	assert_not_made("file/inside", -ENOTDIR);
}

static void no_path_and_a_path_too_long_are_refused(void **state)
{
	char path[PATHS_LEN_MAX + 10];
	struct error err = {.text = ""};

	(void)state;
	memset(path, 'd', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(paths_make(path, 0700, &err), -ENAMETOOLONG);
	assert_int_equal(paths_make("", 0700, &err), -ENOENT);
	assert_string_not_equal(err.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(own_variables_come_first),
		STORY(root_has_the_system_s_directories),
		STORY(a_user_has_the_desktop_s_directories),
		STORY(a_user_without_them_has_his_own),
		STORY(a_user_without_a_home_is_told_what_to_set),
		STORY(a_relative_directory_of_ours_is_refused),
		STORY(files_are_named_for_cluster_and_replica),
		STORY(a_socket_s_path_must_fit_its_address),
		STORY(a_path_must_fit_its_buffer),
		STORY(missing_directories_are_made_with_their_mode),
		STORY(a_directory_that_all_may_write_is_refused),
		STORY(a_squatter_s_directory_is_refused),
		STORY(a_squatter_s_link_is_refused),
		STORY(a_stranger_s_directory_is_refused),
		STORY(a_file_in_the_way_is_named),
		STORY(no_path_and_a_path_too_long_are_refused),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
