#include "sequencer/stream/stretch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hw/clock.h"

#define LOCK_TIMEOUT_NS (1000 * NS_PER_MS)
#define PREFIX_LEN 160

int stretch_prefix(const struct stretch_common *common, char *text, size_t len)
{
	int made = snprintf(text, len, "pawl-%s-%016" PRIx64 "-%" PRIu32 "-s",
		common->cluster, common->instance, common->replica);

	return made > 0 && (size_t)made < len ? 0 : -ENAMETOOLONG;
}

int stretch_name(struct stretch *stretch, const struct stretch_common *common,
	uint32_t counter, const char *what, uint64_t epoch, struct error *err)
{
	char prefix[PREFIX_LEN], suffix[32] = "";
	int rc = stretch_prefix(common, prefix, sizeof(prefix));
	int made;

	*stretch = STRETCH_EMPTY;
	if (epoch > 0)
		(void)snprintf(suffix, sizeof(suffix), "-e%" PRIu64, epoch);
	made = snprintf(stretch->path, sizeof(stretch->path), "%s/%s%" PRIu32 "-%s%s",
		common->directory, prefix, counter, what, suffix);
	stretch->epoch = epoch;
	if (!rc && made > 0 && (size_t)made < sizeof(stretch->path))
		return 0;
	stretch->path[0] = '\0';
	return error_set(err, -ENAMETOOLONG,
		"stream: %s: the name of the directory is too long for its files; choose "
		"a shorter --memory-dir",
		common->directory);
}

int stretch_file_make(struct stretch *stretch, const struct stretch_common *common,
	uint64_t len, struct error *err)
{
	struct pages_config config = common->pages;
	struct pages pages;
	int rc;

	config.path = stretch->path;
	config.len = len;
	config.adopt = false;
	/* Locked when it is exposed, once. */
	config.lock = PAGES_OFF;
	(void)unlink(stretch->path); /* of a start that was not finished */
	rc = pages_map(&config, &pages, err);
	if (rc)
		return rc;
	pages_unmap(&pages);
	return 0;
}

/* A process that was killed may hold it a moment longer than it lived. */
static int lock_wait(struct stretch *stretch, struct error *err)
{
	uint64_t deadline_ns = clock_now_ns() + LOCK_TIMEOUT_NS;

	while (flock(stretch->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, -errno, "stream: %s: lock: %s",
				stretch->path, error_reason(-errno));
		if (clock_now_ns() >= deadline_ns)
			return error_set(err, -EBUSY,
				"stream: %s: another process serves from this log; give "
				"each replica an --id of its own",
				stretch->path);
		(void)poll(NULL, 0, 1);
	}
	return 0;
}

int stretch_lock(struct stretch *stretch, struct error *err)
{
	int rc;

	stretch->lock = open(stretch->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (stretch->lock < 0)
		return error_set(err, -errno, "stream: %s: %s", stretch->path,
			error_reason(-errno));
	rc = lock_wait(stretch, err);
	if (rc) {
		(void)close(stretch->lock);
		stretch->lock = -1;
	}
	return rc;
}

int stretch_expose(struct stretch *stretch, const struct stretch_common *common,
	struct device *device, uint64_t len, struct error *err)
{
	struct memory_config config = {.pages = common->pages};

	config.pages.path = stretch->path;
	config.pages.len = pages_round(len);
	config.pages.adopt = true;
	config.pages.lazy = stretch->epoch > 0;
	config.source = stretch->lock >= 0; /* slots are forwarded out of the log */
	return common->ops->expose(device, &config, &stretch->memory, err);
}

void *stretch_base(const struct stretch *stretch)
{
	return stretch->memory->ops->base(stretch->memory);
}

const char *stretch_address(const struct stretch *stretch)
{
	return stretch->memory ? stretch->memory->ops->address(stretch->memory) : "";
}

void stretch_close(struct stretch *stretch, bool remove)
{
	if (stretch->memory)
		stretch->memory->ops->withdraw(stretch->memory);
	if (remove && stretch->path[0])
		(void)unlink(stretch->path);
	if (stretch->lock >= 0)
		(void)close(stretch->lock);
	*stretch = STRETCH_EMPTY;
}
