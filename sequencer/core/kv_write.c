#include "sequencer/core/kv_internal.h"

static int64_t entry_len(const struct kv_entry *entry)
{
	return (int64_t)entry->name_len + entry->value_len;
}

void kv_growth_add(struct kv_growth *growth, const struct kv_entry *entry,
	const struct kv_operation *o)
{
	if (entry) {
		growth->keys--;
		growth->bytes -= entry_len(entry);
	}
	if (o->kind != KV_DELETE) {
		growth->keys++;
		growth->bytes += (int64_t)(o->key.len + o->value.len);
	}
}

enum kv_status kv_growth_fits(const struct kv *kv, const struct kv_growth *growth)
{
	if ((int64_t)kv->keys.pool.count + growth->keys > (int64_t)kv->limits.keys_max)
		return KV_KEYS_FULL;
	if ((int64_t)kv->bytes + growth->bytes > (int64_t)kv->limits.bytes_max)
		return KV_BYTES_FULL;
	return KV_OK;
}

void kv_put(const struct kv_turn *turn, struct kv_entry *entry,
	const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;

	if (entry) {
		PAWL_ASSERT(turn->position > entry->version); /* I2 */
		kv->bytes -= entry->value_len;
		kv_table_value_set(&kv->keys, entry, &o->key, &o->value);
	} else {
		kv->bytes += o->key.len;
		entry = kv_table_add(&kv->keys, &o->key, &o->value);
	}
	kv->bytes += o->value.len;
	entry->version = turn->position;
	kv_table_session_set(
		&kv->keys, entry, o->option == KV_EPHEMERAL ? turn->session : 0);
	reply->version = entry->version;
	reply->session = entry->session;
	kv_report(turn, KV_WRITTEN, &o->key, &o->value, entry->version, entry->session);
}

void kv_key_remove(const struct kv_turn *turn, struct kv_entry *entry)
{
	struct kv *kv = turn->kv;
	struct kv_slice name = kv_name(kv, &kv->keys, entry);

	kv_report(turn, KV_DELETED, &name, NULL, entry->version, entry->session);
	kv->bytes -= (uint64_t)entry_len(entry);
	kv_table_remove(&kv->keys, entry);
}

enum kv_status kv_delete(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_entry *entry = kv_table_find(&turn->kv->keys, &o->key);

	if (!entry)
		return KV_ABSENT;
	reply->version = entry->version;
	reply->session = entry->session;
	kv_key_remove(turn, entry);
	return KV_OK;
}

static enum kv_status put_if_it_fits(const struct kv_turn *turn, struct kv_entry *entry,
	const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_growth growth = {0};
	enum kv_status status;

	kv_growth_add(&growth, entry, o);
	status = kv_growth_fits(turn->kv, &growth);
	if (status == KV_OK)
		kv_put(turn, entry, o, reply);
	return status;
}

enum kv_status kv_do_put(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	return put_if_it_fits(turn, kv_table_find(&turn->kv->keys, &o->key), o, reply);
}

/* Instead of what was to be written: what is there, if anything is. */
static enum kv_status say_instead(const struct kv_turn *turn,
	const struct kv_entry *entry, enum kv_status status, struct kv_reply *reply)
{
	if (entry)
		kv_entry_say(turn->kv, entry, reply);
	return status;
}

enum kv_status kv_do_claim(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_entry *entry = kv_table_find(&turn->kv->keys, &o->key);

	if (entry)
		return say_instead(turn, entry, KV_TAKEN, reply);
	return put_if_it_fits(turn, entry, o, reply);
}

enum kv_status kv_do_set_version(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_entry *entry = kv_table_find(&turn->kv->keys, &o->key);

	if ((entry ? entry->version : 0) != o->number)
		return say_instead(turn, entry, KV_DIFFERENT, reply);
	return put_if_it_fits(turn, entry, o, reply);
}

enum kv_status kv_do_set_value(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_entry *entry = kv_table_find(&turn->kv->keys, &o->key);

	if (!entry || kv_table_value_compare(&turn->kv->keys, &o->other, entry) != 0)
		return say_instead(turn, entry, KV_DIFFERENT, reply);
	return put_if_it_fits(turn, entry, o, reply);
}
