#include "hw/pages_place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <numaif.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NODES_MAX 1024 /* what the kernel can be built for */
#define WORD_BITS (8 * sizeof(unsigned long))
#define SETTLE_BATCH 256		/* pages asked about in one system call */
#define ALLOCATE_STEP ((off_t)64 << 20) /* bytes; between two steps signals get in */
#define KIB ((size_t)1024)
#define PMD_SIZE_FILE "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

int pages_error(int code)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	case ENOENT:
	case ENOTDIR:
		return -ENOENT;
	case EACCES:
	case EROFS:
		return -EACCES;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
		return -ENOMEM;
	case EPERM:
	case EEXIST:
		return -code;
	default:
		return -EINVAL;
	}
}

size_t pages_step(const struct pages *pages, bool *hugetlb_p)
{
	struct statfs fs;

	*hugetlb_p = fstatfs(pages->fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC;
	return *hugetlb_p ? (size_t)fs.f_bsize : (size_t)sysconf(_SC_PAGESIZE);
}

/* The bytes that a line of /proc/meminfo or /proc/self/status gives in kB, 0 without one.
 */
static size_t kib_read(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t key_len = strlen(key);
	char line[128];
	size_t kib = 0;

	if (!file)
		return 0;
	while (kib == 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, key_len) == 0 &&
			sscanf(line + key_len, ": %zu kB", &kib) != 1)
			kib = 0;
	}
	fclose(file);
	return kib * KIB;
}

/* A file beyond this process's limit would end it by a signal. */
static int limit_check(const struct pages *pages, struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || pages->len <= limit.rlim_cur)
		return 0;
	return error_set(err, -ENOSPC,
		"pages: %s: %zu bytes are over the file size limit of %llu bytes; raise "
		"it: ulimit "
		"-f unlimited",
		pages->path, pages->len, (unsigned long long)limit.rlim_cur);
}

static int fill_failed(const struct pages *pages, int code, struct error *err)
{
	struct statfs fs = {0};

	if (code == -EOPNOTSUPP)
		return error_set(err, -EINVAL,
			"pages: %s: its file system can not reserve room; use one in "
			"memory, such as "
			"/dev/shm",
			pages->path);
	if (pages_error(-code) != -ENOSPC)
		return error_set(err, pages_error(-code),
			"pages: %s: no memory for %zu bytes: %s; end something, or ask "
			"for less",
			pages->path, pages->len, error_reason(code));
	(void)fstatfs(pages->fd, &fs);
	return error_set(err, -ENOSPC,
		"pages: %s: no room for %zu bytes: %s (%llu bytes are free); remove "
		"files there, or "
		"enlarge it: mount -o remount,size=BYTES DIRECTORY",
		pages->path, pages->len, error_reason(code),
		(unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize);
}

/*
 * Touching pages until memory runs out would have the kernel kill somebody, so what can
 * be known beforehand is looked at beforehand.
 */
static int memory_check(const struct pages *pages, struct error *err)
{
	size_t available = kib_read("/proc/meminfo", "MemAvailable");

	if (available == 0 || pages->len <= available)
		return 0;
	return error_set(err, -ENOMEM,
		"pages: %s: %zu KiB are more than the %zu KiB of memory available; ask "
		"for less, or "
		"end something",
		pages->path, pages->len / KIB, available / KIB);
}

int pages_room(const struct pages *pages, struct error *err)
{
	struct statfs fs;
	int rc = limit_check(pages, err);

	if (rc)
		return rc;
	if (fstatfs(pages->fd, &fs) != 0)
		return error_set(err, pages_error(errno), "pages: %s: can not stat: %s",
			pages->path, error_reason(-errno));
	if (fs.f_type == HUGETLBFS_MAGIC)
		return 0; /* mapping it takes the pages from the pool, or fails */
	if (fs.f_blocks > 0 && pages->len / (size_t)fs.f_bsize > fs.f_bavail)
		return fill_failed(pages, -ENOSPC, err);
	return fs.f_type == TMPFS_MAGIC ? memory_check(pages, err) : 0;
}

/*
 * Gives every byte of the file a page.  Signals wait meanwhile, for the kernel undoes a
 * step that a signal interrupts, and a steady timer would undo it for ever.
 */
static int file_fill(const struct pages *pages)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	for (off_t at = 0, end = (off_t)pages->len; at < end; at += ALLOCATE_STEP) {
		off_t step = end - at < ALLOCATE_STEP ? end - at : ALLOCATE_STEP;
		int rc;

		(void)pthread_sigmask(SIG_SETMASK, &all, &before);
		do
			rc = fallocate(pages->fd, 0, at, step) ? errno : 0;
		while (rc == EINTR);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (rc)
			return -rc;
	}
	return 0;
}

int pages_reserve(const struct pages *pages, struct error *err)
{
	int rc = file_fill(pages);

	return rc ? fill_failed(pages, rc, err) : 0;
}

int pages_prefer(const struct pages *pages, int node, struct error *err)
{
	unsigned long mask[NODES_MAX / WORD_BITS] = {0};

	if (node < 0)
		return 0;
	if (node >= NODES_MAX)
		return error_set(err, -EINVAL,
			"pages: node %d: no such NUMA node; use 0 to %d or -1", node,
			NODES_MAX - 1);
	mask[(size_t)node / WORD_BITS] |= 1UL << ((size_t)node % WORD_BITS);
	/*
	 * A preference and not a binding: when a bound node is full the kernel kills the
	 * process instead of failing the call.
	 */
	if (mbind(pages->base, pages->len, MPOL_PREFERRED, mask, NODES_MAX + 1, 0) == 0)
		return 0;
	if (errno == EINVAL)
		return error_set(err, -EINVAL,
			"pages: node %d: no such NUMA node with memory; see "
			"/sys/devices/system/node/has_memory",
			node);
	return 0; /* EPERM in a container, ENOSYS without NUMA: not placed. */
}

/* True when all @count pages from @start on are on @node, after moving those that are
 * not. */
static bool batch_settle(char *start, size_t count, size_t step, int node)
{
	void *pages[SETTLE_BATCH];
	int nodes[SETTLE_BATCH];
	int status[SETTLE_BATCH];

	for (size_t i = 0; i < count; i++) {
		pages[i] = start + i * step;
		nodes[i] = node;
		status[i] = -1;
	}
	if (move_pages(0, count, pages, nodes, status, MPOL_MF_MOVE) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (status[i] != node)
			return false;
	}
	return true;
}

void pages_settle(struct pages *pages, int node, size_t step)
{
	size_t left = pages->len / step;
	char *at = pages->base;
	bool all = node >= 0;

	while (node >= 0 && left > 0) {
		size_t count = left < SETTLE_BATCH ? left : SETTLE_BATCH;

		all = batch_settle(at, count, step, node) && all;
		at += count * step;
		left -= count;
	}
	pages->node = all ? node : -1;
}

/* The number that a file of the kernel holds, 0 when it has none. */
static size_t number_read(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%zu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/* How many bytes of the mapping that starts at @base are mapped by huge entries. */
static size_t huge_bytes(const void *base)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;
	size_t sum = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		uintptr_t start;
		uintptr_t end;
		size_t kib;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
			inside = start == (uintptr_t)base;
		else if (inside &&
			 (sscanf(line, "ShmemPmdMapped: %zu kB", &kib) == 1 ||
				 sscanf(line, "FilePmdMapped: %zu kB", &kib) == 1))
			sum += kib * KIB;
	}
	fclose(file);
	return sum;
}

bool pages_are_huge(const struct pages *pages)
{
	size_t huge = number_read(PMD_SIZE_FILE);

	if (huge == 0 || pages->len < huge)
		return false;
	return huge_bytes(pages->base) >= pages->len - pages->len % huge;
}

int pages_not_huge(const struct pages *pages, bool anonymous, struct error *err)
{
	size_t huge = kib_read("/proc/meminfo", "Hugepagesize");
	size_t need;

	if (!anonymous)
		return error_set(err, -ENOMEM,
			"pages: %s: %zu bytes are not in huge pages; mount its file "
			"system with "
			"them (mount -o remount,huge=always DIRECTORY), or use huge "
			"pages only if "
			"there are any",
			pages->path, pages->len);
	if (huge == 0)
		return error_set(err, -ENOMEM,
			"pages: memory: no huge pages in this kernel; do without them");
	need = (pages->len + huge - 1) / huge;
	return error_set(err, -ENOMEM,
		"pages: memory: %zu huge pages of %zu KiB needed and not free; reserve "
		"them "
		"with: sysctl vm.nr_hugepages=%zu",
		need, huge / KIB, need + number_read("/proc/sys/vm/nr_hugepages"));
}

int pages_lock(struct pages *pages, bool lazy, struct error *err)
{
	struct rlimit limit = {0};
	unsigned int flags = lazy ? MLOCK_ONFAULT : 0;

	if (mlock2(pages->base, pages->len, flags) == 0) {
		pages->locked = true;
		return 0;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return error_set(err, -ENOMEM,
			"pages: %s: can not lock %zu KiB: %s; free some memory",
			pages->path, pages->len / KIB, error_reason(-errno));
	return error_set(err, -ENOMEM,
		"pages: %s: can not lock %zu KiB beside %zu KiB locked already: the "
		"limit "
		"is %llu "
		"KiB; raise it: ulimit -l unlimited, or LimitMEMLOCK=infinity in the "
		"service's "
		"unit, or '* - memlock unlimited' in /etc/security/limits.conf",
		pages->path, pages->len / KIB,
		kib_read("/proc/self/status", "VmLck") / KIB,
		(unsigned long long)(limit.rlim_cur / KIB));
}
