/* What 'pawl kv' writes, and what it says of a no. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "client/command/command.h"
#include "client/command/json_text.h"
#include "client/command/kv.h"

#define SHOWN_MAX 60 /* bytes of a key or value in a line of error */

void kvcmd_item_json(const struct kvcmd_item *item)
{
	(void)putchar('{');
	if (item->op)
		(void)printf("\"op\": \"%s\", ", item->op);
	json_bytes_put(stdout, "key", "key_base64", item->key, item->key_len);
	(void)printf(", \"version\": %" PRIu64, item->reply->version);
	if (item->reply->session)
		(void)printf(", \"session\": %" PRIu64, item->reply->session);
	if (item->with_value) {
		(void)fputs(", ", stdout);
		json_bytes_put(stdout, "value", "value_base64", item->reply->value,
			item->reply->value_len);
	}
	(void)putchar('}');
}

static void item_line(const struct kvcmd_item *item)
{
	(void)printf("%" PRIu64, item->reply->version);
	if (item->op)
		(void)printf("\t%s", item->op);
	if (item->key) {
		(void)putchar('\t');
		(void)fwrite(item->key, 1, item->key_len, stdout);
	}
	if (!item->with_value)
		return;
	(void)putchar('\t');
	if (item->reply->value_len > 0)
		(void)fwrite(item->reply->value, 1, item->reply->value_len, stdout);
}

void kvcmd_item_print(const struct kvcmd *kv, const struct kvcmd_item *item)
{
	if (kv->a->json)
		kvcmd_item_json(item);
	else
		item_line(item);
	(void)putchar('\n');
}

static int shown(size_t len)
{
	return len < SHOWN_MAX ? (int)len : SHOWN_MAX;
}

static int not_there(
	struct kvcmd *kv, const char *key, size_t key_len, const struct pawl_reply *reply)
{
	if (reply->version == 0)
		(void)command_fail("pawl kv: %s: '%.*s' is not there", kv->target.text,
			shown(key_len), key);
	else
		(void)command_fail("pawl kv: %s: '%.*s' has version %" PRIu64
				   " and the value '%.*s'%s; nothing was changed",
			kv->target.text, shown(key_len), key, reply->version,
			shown(reply->value_len),
			reply->value_len ? (const char *)reply->value : "",
			reply->value_len > SHOWN_MAX ? " and so on" : "");
	return kv->refused;
}

int kvcmd_refuse(struct kvcmd *kv, int rc, const void *key, size_t key_len,
	const struct pawl_reply *reply)
{
	if (rc == -ENOENT || rc == -EEXIST)
		return not_there(kv, key, key_len, reply);
	return target_fail(&kv->target);
}
