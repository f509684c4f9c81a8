/* pawl kv watch: every change of a key, or of all keys that begin so, in order. */
#include <stdio.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/ending.h"
#include "client/command/kv.h"
#include "client/command/output.h"

#define BATCH 1024
#define LOOK_NS UINT64_C(100000000) /* between two looks at signals and at the output */

struct watching {
	struct kvcmd *kv;
	const char *name;
	size_t name_len;
	uint64_t written;
	struct pawl_watch *watch;
};

static bool is_meant(const struct watching *w, const void *key, size_t key_len)
{
	if (key_len < w->name_len || (!w->kv->a->prefix && key_len > w->name_len))
		return false;
	return memcmp(key, w->name, w->name_len) == 0;
}

/* False: that was the last one that is wanted. */
static bool item_put(struct watching *w, const struct kvcmd_item *item)
{
	if (w->written == w->kv->count)
		return false;
	kvcmd_item_print(w->kv, item);
	return ++w->written < w->kv->count;
}

static void on_change(void *context, const struct pawl_change *change)
{
	struct watching *w = context;
	bool put = change->kind == PAWL_WRITTEN;
	const struct pawl_reply reply = {.version = change->position,
		.session = change->session,
		.value = change->value,
		.value_len = change->value_len};
	const struct kvcmd_item item = {.op = put ? "put" : "del",
		.key = change->key,
		.key_len = change->key_len,
		.reply = &reply,
		.with_value = put && !w->kv->a->keys_only};

	if ((put || change->kind == PAWL_DELETED) &&
		is_meant(w, change->key, change->key_len))
		(void)item_put(w, &item);
}

/* What is there is told as if it were put now. */
static bool on_item(void *context, const struct pawl_reply *reply)
{
	struct watching *w = context;
	const struct kvcmd_item item = {.op = "put",
		.key = reply->key,
		.key_len = reply->key_len,
		.reply = reply,
		.with_value = !w->kv->a->keys_only};

	if (!is_meant(w, reply->key, reply->key_len))
		return false; /* the key itself stands before all that begin with it */
	return item_put(w, &item);
}

/* Both from the same state: nothing is applied between them. */
static int watch_begin(struct watching *w, bool with_state)
{
	struct kvcmd *kv = w->kv;
	unsigned int what = PAWL_WATCH_KEYS | (kv->a->prefix ? PAWL_WATCH_PREFIX : 0);

	if (pawl_store_watch(kv->target.store, what, w->name, w->name_len, on_change, w,
		    &w->watch, NULL))
		return target_fail(&kv->target);
	return with_state ? kvcmd_each(kv, PAWL_READ_LOCAL, w->name, on_item, w)
			  : COMMAND_OK;
}

static int watch_open(struct watching *w)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	const char *from = w->kv->a->from ? w->kv->a->from : "now";
	bool with_state = strcmp(from, "state") == 0;
	uint64_t position;
	int rc;

	if (with_state || strcmp(from, "now") == 0) {
		rc = kvcmd_open(w->kv, NULL, true);
		return rc ? rc : watch_begin(w, with_state);
	}
	if (!command_number(from, 1, INT64_MAX, &position))
		return command_misuse("pawl kv watch: --from=%s: use now, state, or a "
				      "position from 1",
			from);
	options.on_change = on_change;
	options.change_context = w;
	options.changes_after = position - 1;
	return kvcmd_open(w->kv, &options, true);
}

/* Whether anybody wants more, and can have it. */
static bool goes_on(const struct watching *w)
{
	return !ending_asked() && w->written < w->kv->count && !ferror(stdout) &&
	       output_is_read(stdout);
}

int kvcmd_watch(struct kvcmd *kv)
{
	const char *name = kv->a->words_count ? kv->a->words[0] : "";
	struct watching w = {.kv = kv, .name = name, .name_len = strlen(name)};
	int count = 0, rc;

	ending_watch();
	rc = watch_open(&w);
	while (!rc && goes_on(&w)) {
		if (count < BATCH)
			(void)fflush(stdout);
		rc = pawl_store_wait(kv->target.store, BATCH, LOOK_NS, &count);
		if (rc)
			rc = target_fail(&kv->target);
	}
	if (rc || !output_is_read(stdout))
		return rc; /* whoever read it has had enough */
	return command_finish_output();
}
