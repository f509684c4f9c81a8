#include "sequencer/stream/neighbour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/clock.h"

#define PAUSE_MIN_NS NS_PER_MS
#define PAUSE_MAX_NS (100 * NS_PER_MS)
#define LOOK_NS NS_PER_MS

void neighbour_close(struct neighbour *n)
{
	if (n->link)
		n->link->ops->disconnect(n->link);
	n->link = NULL;
	n->up = false;
	n->fresh = false;
	n->flight = 0;
}

void neighbour_begin(struct neighbour *n, const struct stream_member *member)
{
	neighbour_close(n);
	*n = (struct neighbour){.member = *member, .pause_ns = PAUSE_MIN_NS};
}

void neighbour_told(struct neighbour *n, const char *address)
{
	if (!strcmp(n->address, address))
		return;
	neighbour_close(n);
	(void)snprintf(n->address, sizeof(n->address), "%s", address);
	n->again_ns = 0;
}

static bool give_up(struct neighbour *n, uint64_t now_ns, int rc, const char *what)
{
	neighbour_close(n);
	n->again_ns = now_ns + n->pause_ns;
	n->pause_ns = n->pause_ns * 2 < PAUSE_MAX_NS ? n->pause_ns * 2 : PAUSE_MAX_NS;
	n->failures++;
	(void)error_set(&n->trouble, rc, "link to replica %u: %s: %s; it is tried again",
		n->member.replica, what, error_reason(rc));
	return false;
}

static bool link_open(
	struct neighbour *n, const struct neighbour_ways *ways, uint64_t now_ns)
{
	struct link_config config = {.depth = NEIGHBOUR_DEPTH, .token = ways->token};
	int rc = ways->device->ops->connect(
		ways->device, n->address, &config, &n->link, NULL);

	if (rc) {
		n->link = NULL;
		return give_up(n, now_ns, rc, "connect");
	}
	n->since_ns = now_ns;
	return true;
}

/* A link that was made, or is being made. */
static bool link_look(
	struct neighbour *n, const struct neighbour_ways *ways, uint64_t now_ns)
{
	int rc = n->link->ops->state(n->link, NULL);

	n->looked_ns = now_ns;
	if (rc == -EAGAIN && now_ns - n->since_ns > ways->timeout_ns)
		return give_up(n, now_ns, -ETIMEDOUT, "connect");
	if (rc == -EAGAIN)
		return false;
	if (rc)
		return give_up(n, now_ns, rc, "connection");
	if (!n->up) {
		n->up = n->fresh = true;
		n->pause_ns = PAUSE_MIN_NS;
		n->failures = 0;
	}
	return true;
}

/* Takes what has been answered. */
static bool collect(
	struct neighbour *n, const struct neighbour_ways *ways, uint64_t now_ns)
{
	struct completion done[NEIGHBOUR_DEPTH];
	int count = 0;

	(void)n->link->ops->poll(n->link, done, NEIGHBOUR_DEPTH, &count);
	for (int i = 0; i < count; i++) {
		if (done[i].status)
			return give_up(n, now_ns, done[i].status, "write");
	}
	n->flight -= (uint32_t)count;
	if (count > 0)
		n->since_ns = now_ns;
	if (n->flight > 0 && now_ns - n->since_ns > ways->timeout_ns)
		return give_up(n, now_ns, -ETIMEDOUT, "write");
	return true;
}

bool neighbour_tend(
	struct neighbour *n, const struct neighbour_ways *ways, uint64_t now_ns)
{
	if (!n->link) {
		if (n->address[0] == '\0' || now_ns < n->again_ns ||
			!link_open(n, ways, now_ns))
			return false;
	}
	if (!n->up || now_ns - n->looked_ns >= LOOK_NS) {
		if (!link_look(n, ways, now_ns))
			return false;
	}
	return n->flight == 0 || collect(n, ways, now_ns);
}

/* What a post has said. */
static bool posted(struct neighbour *n, int rc, uint64_t now_ns)
{
	if (rc)
		return give_up(n, now_ns, rc, "write");
	if (n->flight++ == 0)
		n->since_ns = now_ns;
	return true;
}

bool neighbour_write(struct neighbour *n, uint64_t offset, const void *bytes, size_t len,
	uint64_t now_ns)
{
	return posted(n, n->link->ops->write(n->link, offset, bytes, len, 0), now_ns);
}

bool neighbour_put(struct neighbour *n, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t now_ns)
{
	return posted(n,
		n->link->ops->put(n->link, offset, source, source_offset, len, 0),
		now_ns);
}
