/* Changes of a store, told to those who watch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/store.h"

_Static_assert(PAWL_WRITTEN == (int)KV_WRITTEN && PAWL_DELETED == (int)KV_DELETED &&
		       PAWL_GRANTED == (int)KV_GRANTED &&
		       PAWL_RELEASED == (int)KV_RELEASED &&
		       PAWL_SESSION_OPENED == (int)KV_SESSION_OPENED &&
		       PAWL_SESSION_ENDED == (int)KV_SESSION_ENDED,
	"public numbers of changes");

#define WATCH_ALL \
	(PAWL_WATCH_KEYS | PAWL_WATCH_LOCKS | PAWL_WATCH_SESSIONS | PAWL_WATCH_PREFIX)

static unsigned int what_of(enum kv_change_kind kind)
{
	switch (kind) {
	case KV_WRITTEN:
	case KV_DELETED:
		return PAWL_WATCH_KEYS;
	case KV_GRANTED:
	case KV_RELEASED:
		return PAWL_WATCH_LOCKS;
	case KV_SESSION_OPENED:
	case KV_SESSION_ENDED:
		break;
	}
	return PAWL_WATCH_SESSIONS;
}

static bool name_is_watched(const struct pawl_watch *watch, const struct kv_slice *name)
{
	if (name->len < watch->name_len)
		return false;
	if (name->len > watch->name_len && !(watch->what & PAWL_WATCH_PREFIX))
		return false;
	return watch->name_len == 0 ||
	       memcmp(name->bytes, watch->name, watch->name_len) == 0;
}

static bool is_watched(const struct pawl_watch *watch, const struct kv_change *change)
{
	unsigned int what = what_of(change->kind);

	if (!(watch->what & what))
		return false;
	return what == PAWL_WATCH_SESSIONS || name_is_watched(watch, &change->key);
}

static struct pawl_change public_change(const struct kv_change *change)
{
	return (struct pawl_change){.kind = (enum pawl_change_kind)change->kind,
		.position = change->position,
		.key = change->key.bytes,
		.key_len = change->key.len,
		.value = change->value.bytes,
		.value_len = change->value.len,
		.version = change->version,
		.session = change->session};
}

/* W1: the machine reports every change once (I10), and a watch that is here has begun. */
void store_on_change(void *context, const struct kv_change *change)
{
	const struct pawl_change told = public_change(change);
	struct pawl_store *store = context;

	if (change->position > store->seen) {
		if (change->kind == KV_SESSION_ENDED)
			store_kept_ended(store, change->session); /* W3 */
		store_waiting_changed(store, change);
	}
	if (store->on_change && change->position > store->changes_after)
		store->on_change(store->change_context, &told);
	for (const struct pawl_watch *w = store->watches; w; w = w->next) {
		if (change->position > w->after && is_watched(w, change))
			w->fn(w->context, &told);
	}
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What has been told is applied once more, if the snapshot is older than that. */
void store_restoring(struct pawl_store *store)
{
	uint64_t seen = store->kv ? kv_applied(store->kv) : 0;

	store->seen = later_of(store->seen, seen);
	store->changes_after = later_of(store->changes_after, seen);
	for (struct pawl_watch *w = store->watches; w; w = w->next)
		w->after = later_of(w->after, seen);
}

void store_restored(struct pawl_store *store, uint64_t position)
{
	const struct pawl_change told = {.kind = PAWL_RESTORED, .position = position};

	if (position > store->seen) {
		store_kept_restored(store);
		store_waiting_restored(store);
	}
	if (store->on_change && position > store->changes_after) {
		store->missed = true;
		if (store->opened)
			store->on_change(store->change_context, &told);
	}
	for (const struct pawl_watch *w = store->watches; w; w = w->next) {
		if (position > w->after)
			w->fn(w->context, &told);
	}
}

/* ---- Watches ---- */

static int refused(struct pawl_store *store, int code, const char *why)
{
	return error_set(&store->pawl->err, code, "pawl: %s/%s: watch: %s",
		store->pawl->where, pawl_stream_name(store->participant->stream), why);
}

static int watch_check(struct pawl_store *store, unsigned int what, size_t name_len)
{
	bool named = what & (PAWL_WATCH_KEYS | PAWL_WATCH_LOCKS);
	int rc = handle_check(store->pawl);

	if (rc)
		return rc;
	if ((what & ~WATCH_ALL) || !(what & ~PAWL_WATCH_PREFIX))
		return refused(store, -EINVAL,
			"nothing is watched; say keys, locks or sessions");
	if (named && name_len == 0 && !(what & PAWL_WATCH_PREFIX))
		return refused(
			store, -EINVAL, "a name is empty only with PAWL_WATCH_PREFIX");
	if (name_len > kv_limits_of(store->kv)->key_max)
		return refused(store, -EINVAL,
			"the name is longer than names in this store can be");
	if (store->watches_count >= PAWL_WATCHES_MAX)
		return refused(store, -ENOSPC,
			"there are PAWL_WATCHES_MAX of them; end one, or watch a prefix");
	return 0;
}

static void watch_append(struct pawl_store *store, struct pawl_watch *watch)
{
	struct pawl_watch **at = &store->watches;

	while (*at)
		at = &(*at)->next;
	*at = watch;
	store->watches_count++;
}

int pawl_store_watch(struct pawl_store *store, unsigned int what, const void *name,
	size_t name_len, pawl_change_fn fn, void *context, struct pawl_watch **watch_p,
	uint64_t *position_p)
{
	struct pawl_watch *watch;
	int rc = watch_check(store, what, name_len);

	if (rc)
		return rc;
	watch = malloc(sizeof(*watch) + name_len);
	if (!watch)
		return refused(store, -ENOMEM, "out of memory");
	*watch = (struct pawl_watch){.what = what,
		.fn = fn,
		.context = context,
		.after = pawl_store_position(store),
		.name_len = name_len};
	if (name_len > 0)
		memcpy(watch->name, name, name_len);
	watch_append(store, watch);
	*watch_p = watch;
	if (position_p)
		*position_p = watch->after;
	return 0;
}

void pawl_store_unwatch(struct pawl_store *store, struct pawl_watch *watch)
{
	struct pawl_watch **at = &store->watches;

	while (*at && *at != watch)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = watch->next;
	store->watches_count--;
	free(watch);
}

void store_watches_free(struct pawl_store *store)
{
	while (store->watches)
		pawl_store_unwatch(store, store->watches);
}
