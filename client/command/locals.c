#include "client/command/locals.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/limits.h"

#define LOOK_MS 5

/* Nobody holds the lock behind @fd, which is one's own open file. */
static bool lock_is_free(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB))
		return false;
	(void)flock(fd, LOCK_UN);
	return true;
}

/* The number in RUNTIME/CLUSTER/ID.lock, or 0. */
static uint16_t id_of(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *end;
	unsigned long id = strtoul(name, &end, 10);

	if (name[0] < '1' || name[0] > '9' || strcmp(end, ".lock") != 0 ||
		id > UINT16_MAX)
		return 0;
	return (uint16_t)id;
}

static void locals_add(struct locals *locals, const char *path)
{
	struct local_replica replica = {.id = id_of(path)};

	if (replica.id == 0 || locals->count == LOCALS_MAX)
		return;
	replica.lock = open(path, O_RDONLY | O_CLOEXEC);
	if (replica.lock < 0 && errno != EACCES)
		return; /* it ended meanwhile */
	replica.runs = replica.lock < 0 || !lock_is_free(replica.lock);
	locals->at[locals->count++] = replica;
}

static int by_id(const void *a, const void *b)
{
	const struct local_replica *one = a, *other = b;

	return (int)one->id - (int)other->id;
}

int locals_find(const char *cluster, struct locals *locals_p, struct error *err)
{
	char pattern[PATHS_LEN_MAX + CLUSTER_NAME_MAX + 16];
	struct locals locals = {.cluster = cluster};
	glob_t found;
	int rc = paths_runtime_dir(locals.runtime, sizeof(locals.runtime), err);

	if (rc)
		return rc;
	(void)snprintf(pattern, sizeof(pattern), "%s/%s/*.lock", locals.runtime, cluster);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			locals_add(&locals, found.gl_pathv[i]);
		globfree(&found);
	}
	qsort(locals.at, locals.count, sizeof(locals.at[0]), by_id);
	*locals_p = locals;
	return 0;
}

void locals_close(struct locals *locals)
{
	for (unsigned int i = 0; i < locals->count; i++) {
		if (locals->at[i].lock >= 0)
			(void)close(locals->at[i].lock);
	}
	locals->count = 0;
}

bool local_has_ended(const struct local_replica *replica)
{
	return replica->lock < 0 || lock_is_free(replica->lock);
}

const struct local_replica *locals_living(const struct locals *locals)
{
	for (unsigned int i = 0; i < locals->count; i++) {
		if (locals->at[i].runs && !local_has_ended(&locals->at[i]))
			return &locals->at[i];
	}
	return NULL;
}

const struct local_replica *locals_await_end(
	const struct locals *locals, uint64_t timeout_ns)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;
	const struct local_replica *left;

	while ((left = locals_living(locals)) && clock_now_ns() < deadline)
		(void)poll(NULL, 0, LOOK_MS);
	return left;
}

void local_pid(const struct locals *locals, uint16_t id, char pid[16])
{
	char path[PATHS_LEN_MAX], text[16] = "";
	ssize_t len = 0;
	int fd = -1;

	if (paths_lock(locals->runtime, locals->cluster, id, path, sizeof(path), NULL) ==
		0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	text[strspn(text, "0123456789")] = '\0';
	(void)snprintf(pid, 16, "%s", text[0] ? text : "?");
}

int local_endpoint(const char *runtime, const char *cluster, uint16_t id,
	struct endpoint *endpoint_p, struct error *err)
{
	char path[PATHS_LEN_MAX], text[PATHS_LEN_MAX + 8];
	int rc = paths_socket(runtime, cluster, id, path, sizeof(path), err);

	if (rc)
		return rc;
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	return endpoint_parse(text, false, endpoint_p, err);
}
