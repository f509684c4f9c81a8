/* A made-up /sys under a temporary directory, for code that reads it under a root. */
#ifndef PAWL_TESTS_UNIT_FAKE_TREE_H
#define PAWL_TESTS_UNIT_FAKE_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fake_root[64];

static inline void fake_fail(const char *what)
{
	perror(what);
	abort();
}

static inline int fake_setup(void **state)
{
	(void)state;
	(void)snprintf(fake_root, sizeof(fake_root), "/tmp/pawl-fake-XXXXXX");
	return mkdtemp(fake_root) ? 0 : -1;
}

static inline int fake_remove(
	const char *path, const struct stat *at, int type, struct FTW *where)
{
	(void)at;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int fake_teardown(void **state)
{
	(void)state;
	return nftw(fake_root, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the directories above the last component of @path. */
static inline void fake_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
}

/* Writes @len bytes as the file @name ("sys/class/...") of the tree. */
static inline void fake_bytes(const char *name, const void *bytes, size_t len)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", fake_root, name);
	fake_dirs(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		fake_fail(path);
	close(fd);
}

static inline void fake_file(const char *name, const char *text)
{
	fake_bytes(name, text, strlen(text));
}

#endif
