/* pawl kv list: the keys of a prefix, in order, page by page. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/kv.h"

/* All keys of a prefix. */
struct pages {
	struct kvcmd *kv;
	struct pawl_command command;
	unsigned char *after; /* the last key of the page before */
	kvcmd_each_fn each;
	void *context;
	bool enough;
};

/* Gives a page away, and takes note of where the next one begins. */
static void page_give(struct pages *p, struct pawl_reply *page)
{
	struct pawl_reply item;

	while (!p->enough && pawl_reply_next(page, &item)) {
		p->enough = !p->each(p->context, &item);
		memcpy(p->after, item.key, item.key_len);
		p->command.other = p->after;
		p->command.other_len = item.key_len;
	}
}

/* The tail goes on between two answers: what is more than a page is not read there. */
static int first_page(struct pages *p, enum pawl_reading how, struct pawl_reply *page_p)
{
	struct pawl_store *store = p->kv->target.store;
	int rc = pawl_store_read(store, how, &p->command, page_p);

	if (how == PAWL_READ_TAIL && (rc == -EMSGSIZE || (!rc && page_p->more)))
		rc = pawl_store_read(store, PAWL_READ_SYNC, &p->command, page_p);
	return rc;
}

/*
 * Only the first page moves this participant on.  The others are read from the same state, so all
 * of them together are the store at one moment.
 */
static int pages_give(struct pages *p, enum pawl_reading how)
{
	struct pawl_reply page;
	int rc = first_page(p, how, &page);

	while (!rc) {
		page_give(p, &page);
		if (!page.more || p->enough || ferror(stdout))
			return COMMAND_OK;
		rc = pawl_store_read(
			p->kv->target.store, PAWL_READ_LOCAL, &p->command, &page);
	}
	return target_fail(&p->kv->target);
}

int kvcmd_each(struct kvcmd *kv, enum pawl_reading how, const char *prefix,
	kvcmd_each_fn each, void *context)
{
	struct pages p = {.kv = kv,
		.command = {.kind = PAWL_LIST,
			.option = kv->a->keys_only ? PAWL_KEYS_ONLY : 0,
			.key = prefix,
			.key_len = strlen(prefix)},
		.each = each,
		.context = context};
	struct pawl_store_limits limits;
	int rc;

	pawl_store_limits_get(kv->target.store, &limits);
	p.after = malloc(limits.key_max);
	if (!p.after)
		return command_fail("pawl kv: out of memory");
	rc = pages_give(&p, how);
	free(p.after);
	return rc;
}

/* ---- list ---- */

struct listing {
	struct kvcmd *kv;
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

static bool on_item(void *context, const struct pawl_reply *item)
{
	struct listing *l = context;

	item_put(l->kv, item);
	return ++l->written < l->kv->count;
}

int kvcmd_list(struct kvcmd *kv)
{
	struct listing l = {.kv = kv};
	int rc = kvcmd_each(
		kv, kv->how, kv->a->words_count ? kv->a->words[0] : "", on_item, &l);

	return rc ? rc : command_finish_output();
}
