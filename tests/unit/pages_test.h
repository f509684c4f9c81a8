/*
 * What the tests of memory files share: a directory in memory, a config that asks for
 * nothing, and children that may drop rights and mount.
 */
#ifndef PAWL_TESTS_UNIT_PAGES_TEST_H
#define PAWL_TESTS_UNIT_PAGES_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "hw/pages.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLOCK_IS_REAL 0 /* the sanitizers replace mlock by nothing */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_IS_REAL 0
#endif
#endif
#ifndef MLOCK_IS_REAL
#define MLOCK_IS_REAL 1
#endif

#define NOBODY 65534
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* For children of a test, which can not use cmocka's own checks. */
#define CHECK(what)                                                               \
	do {                                                                      \
		if (!(what)) {                                                    \
			fprintf(stderr, "child: line %d: not so: %s\n", __LINE__, \
				#what);                                           \
			return 1;                                                 \
		}                                                                 \
	} while (0)

#define CHILD_SKIPS 77

static char dir[64];
static char path[128];

static inline int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/dev/shm/pawl-pages-XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0777) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/region", dir);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

/* A config that asks for nothing but a length. */
static inline struct pages_config plain(const char *file, size_t len)
{
	return (struct pages_config){.path = file,
		.len = len,
		.huge = PAGES_OFF,
		.lock = PAGES_OFF,
		.node = -1};
}

static inline bool file_exists(void)
{
	return access(path, F_OK) == 0;
}

/* Runs @story in a process of its own, which may drop rights and mount. */
static inline void in_child(int (*story)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(story());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIPS)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int skip_because(const char *reason)
{
	fprintf(stderr, "skipped: %s\n", reason);
	return CHILD_SKIPS;
}

/* A tmpfs of its own at dir, gone with the process; 77 when it can not be had. */
static inline int mount_private(const char *options)
{
	if (geteuid() != 0)
		return skip_because("needs root to mount a file system");
	if (unshare(CLONE_NEWNS) != 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return skip_because("may not have a mount namespace here");
	if (mount("tmpfs", dir, "tmpfs", 0, options) != 0)
		return skip_because("can not mount a tmpfs with these options here");
	return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
