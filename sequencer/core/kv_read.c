#include "sequencer/core/kv_internal.h"

void kv_entry_say(struct kv *kv, const struct kv_entry *entry, struct kv_reply *reply)
{
	reply->version = entry->version;
	reply->session = entry->session;
	reply->value.len = entry->value_len;
	kv_table_value_copy(&kv->keys, entry, kv_answer_take(kv, entry->value_len));
}

enum kv_status kv_do_get(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	const struct kv_entry *entry = kv_table_find(&turn->kv->keys, &o->key);

	if (!entry)
		return KV_ABSENT;
	kv_entry_say(turn->kv, entry, reply);
	return KV_OK;
}

/* False: the page has no room for it. */
static bool item_add(struct kv *kv, const struct kv_entry *entry, bool values)
{
	uint64_t value_len = values ? entry->value_len : 0;
	size_t at = kv->reply_len;
	struct kv_reply item = {.status = KV_OK, .kind = KV_GET};

	if (KV_REPLY_HEADER + entry->name_len + value_len > kv->limits.reply_max - at)
		return false;
	(void)kv_answer_take(kv, KV_REPLY_HEADER);
	item.key.len = entry->name_len;
	kv_table_name_copy(&kv->keys, entry, kv_answer_take(kv, entry->name_len));
	if (values) {
		kv_entry_say(kv, entry, &item);
	} else {
		item.version = entry->version;
		item.session = entry->session;
	}
	kv_answer_end(kv, at, &item);
	return true;
}

/* Where a list begins: at its prefix, or behind a key from which it goes on. */
static struct kv_entry *list_first(const struct kv *kv, const struct kv_operation *o)
{
	size_t len = o->key.len < o->other.len ? o->key.len : o->other.len;
	int order = len > 0 ? memcmp(o->other.bytes, o->key.bytes, len) : 0;

	if (order > 0 || (order == 0 && o->other.len >= o->key.len && o->other.len > 0))
		return kv_table_first(&kv->keys, &o->other, true);
	return kv_table_first(&kv->keys, &o->key, false);
}

enum kv_status kv_do_list(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;
	bool values = o->option != KV_KEYS_ONLY;
	struct kv_entry *entry = list_first(kv, o);
	bool few = o->number > 0 && o->number < KV_ITEMS_MAX;
	uint64_t count_max = few ? o->number : KV_ITEMS_MAX;

	while (entry && kv_table_name_begins(&kv->keys, entry, &o->key)) {
		struct kv_slice name;

		if (reply->items_count == count_max || !item_add(kv, entry, values)) {
			reply->flags |= KV_MORE;
			break;
		}
		reply->items_count++;
		name = kv_name(kv, &kv->keys, entry);
		entry = kv_table_first(&kv->keys, &name, true);
	}
	return KV_OK;
}
