#include "sequencer/store/store.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "sequencer/core/names.h"

static const struct store_ops *find_ops(const char *address)
{
	static const struct store_ops *const all[] = {&file_store_ops, &etcd_store_ops};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t len = strlen(all[i]->scheme);

		if (strncmp(address, all[i]->scheme, len) == 0 && address[len] == ':')
			return all[i];
	}
	return NULL;
}

int store_open(
	const struct store_config *config, struct store **store_p, struct error *err)
{
	const struct store_ops *ops = find_ops(config->address);

	if (!ops)
		return error_set(err, -EINVAL,
			"store: %s: no store of this kind; give file:DIR or "
			"etcd:URL,.../PREFIX",
			config->address);
	if (!names_cluster_valid(config->cluster))
		return error_set(err, -EINVAL,
			"store: cluster '%s': not a cluster's name; use 1 to 63 of A-Z "
			"a-z 0-9 . _ - and begin with none of . -",
			config->cluster);
	if (config->timeout_ms == 0)
		return error_set(
			err, -EINVAL, "store: time-out: is 0 ms; give 1 ms or more");
	return ops->open(config, store_p, err);
}

void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}

int store_fd(const struct store *store)
{
	return store->ops->fd(store);
}

int store_timeout_ms(const struct store *store)
{
	return store->ops->timeout_ms(store);
}

void store_progress(struct store *store)
{
	store->ops->progress(store);
}

void store_wait(struct store *store, int timeout_ms)
{
	struct pollfd fd = {.fd = store_fd(store), .events = POLLIN};
	int due_ms = store_timeout_ms(store);

	if (due_ms < 0 || (timeout_ms >= 0 && timeout_ms < due_ms))
		due_ms = timeout_ms;
	(void)poll(&fd, 1, due_ms);
	store_progress(store);
}

int store_get(struct store *store, store_done_fn done, void *context)
{
	return store->ops->get(store, done, context);
}

int store_put_if(struct store *store, uint64_t expected_revision, const void *bytes,
	size_t len, store_done_fn done, void *context)
{
	if (len == 0 || len > STORE_VALUE_MAX)
		return -EINVAL;
	return store->ops->put_if(store, expected_revision, bytes, len, done, context);
}

int store_erase_if(struct store *store, uint64_t expected_revision, store_done_fn done,
	void *context)
{
	if (expected_revision == 0)
		return -EINVAL;
	return store->ops->erase_if(store, expected_revision, done, context);
}

void store_watch(struct store *store, store_changed_fn changed, void *context)
{
	store->ops->watch(store, changed, context);
}
