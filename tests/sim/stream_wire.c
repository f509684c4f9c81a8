/* Links that are made again whenever they fail. */
#include <errno.h>
#include <string.h>

#include "tests/sim/streams.h"

#define LINKING_NS 400000

void wire_close(struct wire *w)
{
	if (w->link)
		w->link->ops->disconnect(w->link);
	memset(w, 0, sizeof(*w));
}

static void wire_open(struct wire *w, struct cluster *c, struct device *device,
	const char *address, uint64_t token)
{
	struct link_config config = {.depth = WIRE_DEPTH, .token = token};
	struct error err;

	(void)strcpy(w->address, address);
	w->since_ns = cluster_now(c);
	if (device->ops->connect(device, address, &config, &w->link, &err))
		w->link = NULL;
}

bool wire_tend(struct wire *w, struct cluster *c, struct device *device,
	const char *address, uint64_t token)
{
	struct error err;
	int rc;

	if (w->link && strcmp(w->address, address) != 0)
		wire_close(w);
	if (!w->link) {
		if (address[0] != '\0')
			wire_open(w, c, device, address, token);
		return false;
	}
	rc = w->link->ops->state(w->link, &err);
	if (rc == 0) {
		w->fresh = !w->up;
		w->up = true;
		return true;
	}
	if (rc != -EAGAIN ||
		cluster_now(c) - w->since_ns > LINKING_NS + 3 * c->config.straggle_ns)
		wire_close(w);
	return false;
}

bool wire_collect(
	struct wire *w, void (*done)(void *, const struct completion *), void *context)
{
	struct completion completions[WIRE_DEPTH];
	int count = 0;

	if (!w->link)
		return false;
	if (w->link->ops->poll(w->link, completions, WIRE_DEPTH, &count))
		count = 0;
	for (int i = 0; i < count; i++) {
		if (completions[i].status) {
			wire_close(w);
			return false;
		}
		w->flight--;
		if (done)
			done(context, &completions[i]);
	}
	return true;
}

bool wire_has_room(const struct wire *w, uint32_t operations)
{
	return w->up && w->flight + operations <= WIRE_DEPTH;
}

bool wire_write(struct wire *w, uint64_t offset, const void *bytes, size_t len)
{
	if (!w->up || w->link->ops->write(w->link, offset, bytes, len, 0))
		return false;
	w->flight++;
	return true;
}
