#include "hw/memory.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "hw/clock.h"

#define CONNECT_POLL_MS 20 /* a device may need progress without its fd saying so */

const struct memory_ops *memory_ops_find(const char *name)
{
	static const struct memory_ops *const all[] = {
		&shm_memory_ops, &verbs_memory_ops};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}

static void wait_for_device(const struct device *device, uint64_t left_ns)
{
	struct pollfd fd = {.fd = device->ops->fd(device), .events = POLLIN};
	uint64_t left_ms = left_ns / 1000000 + 1;

	(void)poll(&fd, fd.fd >= 0,
		left_ms < CONNECT_POLL_MS ? (int)left_ms : CONNECT_POLL_MS);
}

int link_wait_connected(struct link *link, uint64_t timeout_ns, struct error *err)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;

	for (;;) {
		int rc = link->ops->state(link, err);
		uint64_t now;

		if (rc != -EAGAIN)
			return rc;
		now = clock_now_ns();
		if (now >= deadline)
			return error_set(err, -ETIMEDOUT,
				"%s: link: not connected within %llu ms; is the other "
				"side running "
				"and reachable?",
				link->ops->name,
				(unsigned long long)(timeout_ns / 1000000));
		wait_for_device(link->device, deadline - now);
		rc = link->device->ops->progress(link->device, err);
		if (rc)
			return rc;
	}
}

int link_wait_completion(
	struct link *link, uint64_t timeout_ns, struct completion *done_p)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;
	int count = 0;

	for (;;) {
		int rc = link->ops->poll(link, done_p, 1, &count);

		if (rc)
			return rc;
		if (count == 1)
			return 0;
		if (clock_now_ns() >= deadline)
			return -ETIMEDOUT;
	}
}
