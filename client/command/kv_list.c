/* pawl kv list: the keys of a prefix, in order, page by page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/kv.h"

struct listing {
	struct kvcmd *kv;
	struct pawl_command command;
	unsigned char *after; /* the last key of the page before */
	uint64_t written;
};

/* As 'pawl kv put --framed' takes it: a length of 4 bytes, key, tab and value. */
static void frame_put(const struct kvcmd *kv, const struct pawl_reply *item)
{
	bool value = !kv->a->keys_only;
	size_t len = item->key_len + (value ? item->value_len + 1 : 0);
	unsigned char head[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len};

	(void)fwrite(head, 1, sizeof(head), stdout);
	(void)fwrite(item->key, 1, item->key_len, stdout);
	if (!value)
		return;
	(void)putchar('\t');
	if (item->value_len > 0)
		(void)fwrite(item->value, 1, item->value_len, stdout);
}

static void item_put(const struct kvcmd *kv, const struct pawl_reply *reply)
{
	const struct kvcmd_item item = {.key = reply->key,
		.key_len = reply->key_len,
		.reply = reply,
		.with_value = !kv->a->keys_only};

	if (kv->a->framed)
		frame_put(kv, reply);
	else
		kvcmd_item_print(kv, &item);
}

/* Writes the page, and takes note of where the next one begins. */
static void page_put(struct listing *l, struct pawl_reply *page)
{
	struct pawl_reply item;

	while (l->written < l->kv->count && pawl_reply_next(page, &item)) {
		item_put(l->kv, &item);
		l->written++;
		memcpy(l->after, item.key, item.key_len);
		l->command.other = l->after;
		l->command.other_len = item.key_len;
	}
}

/*
 * Only the first page moves this participant on.  The others are read from the same state, so all
 * of them together are the store at one moment.
 */
static int pages_put(struct listing *l)
{
	enum pawl_reading how = l->kv->how;
	struct pawl_reply page = {.more = true};

	while (page.more && l->written < l->kv->count && !ferror(stdout)) {
		if (pawl_store_read(l->kv->target.store, how, &l->command, &page))
			return target_fail(&l->kv->target);
		page_put(l, &page);
		how = PAWL_READ_LOCAL;
	}
	return command_finish_output();
}

int kvcmd_list(struct kvcmd *kv)
{
	const char *prefix = kv->a->words_count ? kv->a->words[0] : "";
	struct listing l = {.kv = kv,
		.command = {.kind = PAWL_LIST,
			.option = kv->a->keys_only ? PAWL_KEYS_ONLY : 0,
			.key = prefix,
			.key_len = strlen(prefix)}};
	struct pawl_store_limits limits;
	int rc;

	pawl_store_limits_get(kv->target.store, &limits);
	l.after = malloc(limits.key_max);
	if (!l.after)
		return command_fail("pawl kv: out of memory");
	rc = pages_put(&l);
	free(l.after);
	return rc;
}
