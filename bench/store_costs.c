#include "bench/store_costs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench/result.h"
#include "hw/clock.h"
#include "sequencer/store/store.h"

#define PUT_TIMEOUT_MS 5000
#define LOOK_TIMEOUT_MS 1000
#define LOOK_MS 100
#define VALUE_LEN 1500 /* about what the record of a chain of two takes */

struct call {
	bool done;
	int status;
	uint64_t revision;
	struct error err;
};

static void call_done(void *context, const struct store_result *result)
{
	struct call *call = context;

	call->done = true;
	call->status = result->status;
	call->revision = result->revision;
	call->err = *result->err;
}

/* The store ends every request within its time-out. */
static int call_end(struct store *store, struct call *call, int rc, struct error *err)
{
	if (rc)
		return error_set(err, rc, "bench: the store takes no request: %s",
			error_reason(rc));
	while (!call->done)
		store_wait(store, LOOK_MS);
	if (call->status)
		*err = call->err;
	return call->status;
}

static int put(struct store *store, uint64_t *revision, struct error *err)
{
	char value[VALUE_LEN];
	struct call call = {0};
	int rc;

	memset(value, 'x', sizeof(value));
	rc = store_put_if(store, *revision, value, sizeof(value), call_done, &call);
	rc = call_end(store, &call, rc, err);
	*revision = call.revision;
	return rc;
}

static int revision_find(struct store *store, uint64_t *revision_p, struct error *err)
{
	struct call call = {0};
	int rc = call_end(store, &call, store_get(store, call_done, &call), err);

	*revision_p = call.revision;
	return rc;
}

static int erase(struct store *store, uint64_t revision, struct error *err)
{
	struct call call = {0};
	int rc = store_erase_if(store, revision, call_done, &call);

	return call_end(store, &call, rc, err);
}

static int sample_add(struct series *samples, uint64_t begin_ns, struct error *err)
{
	if (series_add(samples, (double)(clock_now_ns() - begin_ns)) == 0)
		return 0;
	return error_set(err, -ENOMEM, "bench: out of memory");
}

static int puts_measure(struct store *store, struct series *samples, struct error *err)
{
	uint64_t revision;
	int rc = revision_find(store, &revision, err);

	for (int i = 0; i < STORE_COSTS_TRIES && !rc; i++) {
		uint64_t begin_ns = clock_now_ns();

		rc = put(store, &revision, err);
		if (!rc)
			rc = sample_add(samples, begin_ns, err);
	}
	return rc ? rc : erase(store, revision, err);
}

static int store_measure(
	const char *address, const char *cluster, uint64_t *put_ns_p, struct error *err)
{
	struct store_config config = {
		.address = address, .cluster = cluster, .timeout_ms = PUT_TIMEOUT_MS};
	struct series samples = {0};
	struct store *store;
	int rc = store_open(&config, &store, err);

	if (rc)
		return rc;
	rc = puts_measure(store, &samples, err);
	store_close(store);
	*put_ns_p = (uint64_t)series_spread(&samples).median;
	free(samples.values);
	return rc;
}

/* A small file written beside another, made safe, and put in its place. */
static int file_replace(const char *path, const char *new_path)
{
	char bytes[VALUE_LEN];
	int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	memset(bytes, 'x', sizeof(bytes));
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		rc = errno ? -errno : -ENOSPC;
	else if (fsync(fd) || rename(new_path, path))
		rc = -errno;
	(void)close(fd);
	return rc;
}

static int files_measure(const char *directory, uint64_t *sync_ns_p, struct error *err)
{
	char path[PATH_MAX], new_path[PATH_MAX];
	struct series samples = {0};
	int rc = 0;

	(void)snprintf(path, sizeof(path), "%s/probe", directory);
	(void)snprintf(new_path, sizeof(new_path), "%s/probe.new", directory);
	for (int i = 0; i < STORE_COSTS_TRIES && !rc; i++) {
		uint64_t begin_ns = clock_now_ns();

		rc = file_replace(path, new_path);
		if (rc)
			(void)error_set(err, rc,
				"bench: %s: can not be written: %s; name another with "
				"--store",
				path, error_reason(rc));
		else
			rc = sample_add(&samples, begin_ns, err);
	}
	(void)unlink(path);
	(void)unlink(new_path);
	*sync_ns_p = (uint64_t)series_spread(&samples).median;
	free(samples.values);
	return rc;
}

static void filesystem_name(const char *directory, char *name, size_t len)
{
	static const struct {
		long magic;
		const char *name;
	} known[] = {{EXT4_SUPER_MAGIC, "ext4"}, {XFS_SUPER_MAGIC, "xfs"},
		{BTRFS_SUPER_MAGIC, "btrfs"}, {TMPFS_MAGIC, "tmpfs"},
		{OVERLAYFS_SUPER_MAGIC, "overlay"}, {F2FS_SUPER_MAGIC, "f2fs"},
		{NFS_SUPER_MAGIC, "nfs"}, {V9FS_MAGIC, "9p"}};
	struct statfs status;

	(void)snprintf(name, len, "unknown");
	if (statfs(directory, &status))
		return;
	(void)snprintf(name, len, "0x%lx", (unsigned long)status.f_type);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((long)status.f_type == known[i].magic)
			(void)snprintf(name, len, "%s", known[i].name);
	}
}

int store_costs_measure(const char *address, const char *cluster, const char *directory,
	struct store_costs *costs_p, struct error *err)
{
	struct store_costs costs = {0};
	int rc = store_measure(address, cluster, &costs.put_ns, err);

	if (!rc && directory)
		rc = files_measure(directory, &costs.sync_ns, err);
	if (rc)
		return rc;
	if (directory)
		filesystem_name(directory, costs.filesystem, sizeof(costs.filesystem));
	*costs_p = costs;
	return 0;
}

bool store_answers(const char *address)
{
	struct store_config config = {
		.address = address, .cluster = "bench", .timeout_ms = LOOK_TIMEOUT_MS};
	struct store *store;
	struct error ignored;
	uint64_t revision;
	bool answers;

	if (store_open(&config, &store, &ignored))
		return false;
	answers = revision_find(store, &revision, &ignored) == 0;
	store_close(store);
	return answers;
}
