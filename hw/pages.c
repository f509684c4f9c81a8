#include "hw/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/pages_place.h"

#define PAGES_HUGE_LEN ((size_t)2 << 20) /* or a part of a larger one */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older headers do not have it */
#endif

size_t pages_round(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page;
}

static int failed(const struct pages *pages, const char *what, struct error *err)
{
	int code = errno;

	return error_set(err, pages_error(code), "pages: %s: can not %s: %s", pages->path,
		what, error_reason(-code));
}

static int open_failed(const char *path, const char *what, struct error *err)
{
	int code = errno;
	const char *fix = "check the path and its permissions";

	if (code == EEXIST)
		fix = "remove it, or adopt it";
	else if (code == ENOENT)
		fix = "check the path";
	else if (code == ELOOP)
		fix = "symbolic links are not followed, name the file itself";
	return error_set(err, pages_error(code), "pages: %s: can not %s: %s; %s", path,
		what, error_reason(-code), fix);
}

/* Opens a new file for its owner alone, or for a group where the config says so. */
static int file_create(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	mode_t mode = config->shared_with_group ? 0660 : 0600;

	pages->fd = open(
		config->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (pages->fd < 0)
		return open_failed(config->path, "create", err);
	if (config->shared_with_group && fchown(pages->fd, (uid_t)-1, config->group) != 0)
		return error_set(err, pages_error(errno),
			"pages: %s: can not give it to group %u: %s; be a member of that "
			"group",
			config->path, (unsigned int)config->group, error_reason(-errno));
	/* The mode given to open is cut by the umask; this one is not. */
	if (fchmod(pages->fd, mode) != 0)
		return failed(pages, "set its mode", err);
	return 0;
}

static bool group_is_ours(gid_t group)
{
	gid_t groups[1024];
	int count = getgroups((int)(sizeof(groups) / sizeof(groups[0])), groups);

	for (int i = 0; i < count; i++) {
		if (groups[i] == group)
			return true;
	}
	return group == getegid();
}

/* A file that somebody else made is trusted only as far as its owner is. */
static int file_check(const struct pages *pages, size_t len, struct error *err)
{
	struct stat at;

	if (fstat(pages->fd, &at) != 0)
		return failed(pages, "stat", err);
	if (!S_ISREG(at.st_mode))
		return error_set(err, -EINVAL,
			"pages: %s: is no regular file; name a file", pages->path);
	if (at.st_uid != geteuid() && at.st_uid != 0 && !group_is_ours(at.st_gid))
		return error_set(err, -EPERM,
			"pages: %s: belongs to user %u, not to us, root or one of our "
			"groups; run as "
			"that user or share it with a group",
			pages->path, (unsigned int)at.st_uid);
	if ((size_t)at.st_size != len)
		return error_set(err, -EUCLEAN,
			"pages: %s: is %lld bytes, expected %zu; it is cut off or made "
			"with other "
			"settings: remove it to start afresh",
			pages->path, (long long)at.st_size, len);
	return 0;
}

/* A peer finds an anonymous memory file behind a link of the kernel's, which is no
 * symlink. */
static bool path_is_descriptor(const char *path)
{
	int end = 0;

	return sscanf(path, "/proc/%*u/fd/%*u%n", &end) == 0 && end > 0 &&
	       path[end] == '\0';
}

static int file_open(const char *path, size_t len, struct pages *pages, struct error *err)
{
	/* Not blocking: opening a pipe must fail the check below and not wait for a
	 * writer. */
	int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK;

	pages->fd = open(path, path_is_descriptor(path) ? flags : flags | O_NOFOLLOW);
	if (pages->fd < 0)
		return open_failed(path, "open", err);
	return file_check(pages, len, err);
}

static int memory_create(unsigned int flags, struct pages *pages, struct error *err)
{
	pages->fd = memfd_create("pawl", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (pages->fd < 0)
		return failed(pages, "create a memory file", err);
	(void)snprintf(pages->path, sizeof(pages->path), "/proc/%d/fd/%d", (int)getpid(),
		pages->fd);
	return 0;
}

static int pages_mmap(struct pages *pages, struct error *err)
{
	pages->base = mmap(
		NULL, pages->len, PROT_READ | PROT_WRITE, MAP_SHARED, pages->fd, 0);
	if (pages->base != MAP_FAILED)
		return 0;
	pages->base = NULL;
	return failed(pages, "map", err);
}

/*
 * Maps the file and allocates it.  Touching comes before reserving, because only a touch
 * can get a transparent huge page; what it could not get, the reservation reports.
 */
static int pages_fill(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	int rc = config->adopt ? 0 : pages_room(pages, err);

	if (rc)
		return rc;
	if (!config->adopt && ftruncate(pages->fd, (off_t)pages->len) != 0)
		return failed(pages, "set its length", err);
	rc = pages_mmap(pages, err);
	if (rc)
		return rc;
	rc = pages_prefer(pages, config->node, err);
	if (rc)
		return rc;
	(void)madvise(pages->base, pages->len,
		config->huge == PAGES_OFF ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	if (config->lazy)
		return 0;
	(void)madvise(pages->base, pages->len, MADV_POPULATE_WRITE);
	return pages_reserve(pages, err);
}

/* Undoes a map that failed.  Only a file that this call made is removed. */
static void pages_drop(const struct pages_config *config, struct pages *pages)
{
	if (pages->fd >= 0 && config->path && !config->adopt)
		pages_remove(pages);
	pages_unmap(pages);
}

/* An anonymous memory file from the administrator's pool of huge pages. */
static int pool_map(const struct pages_config *config, struct pages *pages)
{
	bool hugetlb;
	size_t page;
	int rc = memory_create(MFD_HUGETLB, pages, NULL);

	if (rc)
		return rc;
	page = pages_step(pages, &hugetlb);
	pages->len = (pages->len + page - 1) / page * page;
	return pages_fill(config, pages, NULL);
}

static int anonymous_map(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	struct pages fresh = *pages;
	int rc;

	if (config->huge != PAGES_OFF) {
		if (pool_map(config, pages) == 0)
			return 0;
		pages_unmap(pages);
		*pages = fresh;
	}
	rc = memory_create(0, pages, err);
	return rc ? rc : pages_fill(config, pages, err);
}

static int file_map(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	bool hugetlb;
	int rc;

	(void)snprintf(pages->path, sizeof(pages->path), "%s", config->path);
	rc = config->adopt ? file_open(config->path, pages->len, pages, err)
			   : file_create(config, pages, err);
	if (rc)
		return rc;
	(void)pages_step(pages, &hugetlb);
	if (hugetlb)
		return error_set(err, -EINVAL,
			"pages: %s: is on hugetlbfs; use a tmpfs mounted with "
			"huge=always",
			config->path);
	return pages_fill(config, pages, err);
}

/* Sees to node and huge pages of what is mapped and allocated. */
static int pages_look(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	bool asked = config->huge == PAGES_REQUIRE ||
		     (config->tell_huge && config->huge != PAGES_OFF);
	bool hugetlb;
	size_t step = pages_step(pages, &hugetlb);

	pages_settle(pages, config->node, step);
	pages->huge = hugetlb || (asked && pages_are_huge(pages));
	if (config->huge == PAGES_REQUIRE && !pages->huge)
		return pages_not_huge(pages, !config->path, err);
	return 0;
}

static int pages_finish(
	const struct pages_config *config, struct pages *pages, struct error *err)
{
	bool must = config->lock == PAGES_REQUIRE;
	int rc = config->lazy ? 0 : pages_look(config, pages, err);

	if (!rc && config->lock != PAGES_OFF) {
		rc = pages_lock(pages, config->lazy, must ? err : NULL);
		rc = must ? rc : 0;
	}
	if (rc)
		return rc;
	/* Nobody can take pages away under those who have it mapped. */
	if (!config->path && fcntl(pages->fd, F_ADD_SEALS,
				     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return failed(pages, "seal its length", err);
	return 0;
}

static int config_check(const struct pages_config *config, struct error *err)
{
	struct pages unused;

	if (config->len == 0 || config->len > PTRDIFF_MAX / 2)
		return error_set(err, -EINVAL,
			"pages: %s: can not hold %zu bytes; give a length",
			config->path ? config->path : "memory", config->len);
	if (config->lazy && !config->adopt)
		return error_set(err, -EINVAL,
			"pages: %s: only what is adopted has its pages already",
			config->path ? config->path : "memory");
	if (!config->path)
		return config->adopt ? error_set(err, -EINVAL,
					       "pages: memory: nothing to adopt without "
					       "a path; give one")
				     : 0;
	if (config->path[0] != '/' || strlen(config->path) >= sizeof(unused.path))
		return error_set(err, -EINVAL,
			"pages: %s: must be an absolute path of at most %zu bytes",
			config->path, sizeof(unused.path) - 1);
	return 0;
}

int pages_map(const struct pages_config *config, struct pages *pages_p, struct error *err)
{
	struct pages pages = {.fd = -1, .node = -1, .path = "memory"};
	int rc = config_check(config, err);

	if (rc)
		return rc;
	pages.len = pages_round(config->len);
	rc = config->path ? file_map(config, &pages, err)
			  : anonymous_map(config, &pages, err);
	if (rc == 0)
		rc = pages_finish(config, &pages, err);
	if (rc) {
		pages_drop(config, &pages);
		return rc;
	}
	*pages_p = pages;
	return 0;
}

int pages_attach(const char *path, size_t len, struct pages *pages_p, struct error *err)
{
	struct pages_config config = {.path = path, .len = len, .adopt = true};
	struct pages pages = {.fd = -1, .len = len, .node = -1};
	bool hugetlb;
	int rc = config_check(&config, err);

	if (rc)
		return rc;
	(void)snprintf(pages.path, sizeof(pages.path), "%s", path);
	rc = file_open(path, len, &pages, err);
	if (rc == 0)
		rc = pages_mmap(&pages, err);
	if (rc) {
		pages_unmap(&pages);
		return rc;
	}
	/*
	 * The pages are there already, and a peer touches a few of them: small ones are
	 * faulted in faster as they are met than all of them during a takeover.  A huge one
	 * comes whole with any of its bytes.
	 */
	for (size_t at = 0; at < len; at += PAGES_HUGE_LEN)
		(void)madvise((char *)pages.base + at, 1, MADV_POPULATE_WRITE);
	(void)pages_step(&pages, &hugetlb);
	pages.huge = hugetlb;
	*pages_p = pages;
	return 0;
}

void pages_unmap(struct pages *pages)
{
	if (pages->base)
		(void)munmap(pages->base, pages->len);
	if (pages->fd >= 0)
		(void)close(pages->fd);
	pages->base = NULL;
	pages->fd = -1;
}

void pages_remove(const struct pages *pages)
{
	if (!path_is_descriptor(pages->path))
		(void)unlink(pages->path);
}
