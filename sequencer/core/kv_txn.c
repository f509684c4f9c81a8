#include "sequencer/core/kv_internal.h"

/* Whether what is there is what the comparison says; @order compares the first with the second. */
static bool relation_holds(enum kv_relation relation, int order)
{
	switch (relation) {
	case KV_EQUAL:
		return order == 0;
	case KV_NOT_EQUAL:
		return order != 0;
	case KV_LESS:
		return order < 0;
	default:
		return order > 0;
	}
}

static int number_order(uint64_t there, uint64_t said)
{
	return there < said ? -1 : there > said;
}

static bool value_holds(const struct kv *kv, const struct kv_operation *o)
{
	const struct kv_entry *entry = kv_table_find(&kv->keys, &o->key);

	if (!entry)
		return o->option == KV_NOT_EQUAL;
	return relation_holds((enum kv_relation)o->option,
		-kv_table_value_compare(&kv->keys, &o->value, entry));
}

static bool comparison_holds(const struct kv *kv, const struct kv_operation *o)
{
	bool of_key = o->kind == KV_IF_VERSION;
	const struct kv_entry *entry;
	uint64_t there = 0;

	if (o->kind == KV_IF_VALUE)
		return value_holds(kv, o);
	entry = kv_table_find(of_key ? &kv->keys : &kv->locks, &o->key);
	if (entry)
		there = o->kind == KV_IF_HOLDER ? entry->session : entry->version;
	return relation_holds(
		(enum kv_relation)o->option, number_order(there, o->number));
}

static bool comparisons_hold(const struct kv *kv, const struct kv_command *command)
{
	const unsigned char *at = command->operations;
	struct kv_operation o;

	for (uint32_t i = 0; i < command->comparisons_count; i++) {
		at = kv_operation_read(at, &o);
		if (!comparison_holds(kv, &o))
			return false;
	}
	return true;
}

/* Operations of a branch, all with different keys. */
struct branch {
	const unsigned char *at;
	uint32_t count;
};

/* Bytes of an operation's answer. */
static uint64_t item_len(const struct kv *kv, const struct kv_operation *o)
{
	const struct kv_entry *entry = o->kind == KV_GET
					       ? kv_table_find(&kv->keys, &o->key)
					       : NULL;

	return KV_REPLY_HEADER + (entry ? entry->value_len : UINT64_C(0));
}

/* Looks at the whole branch before anything of it is done, so that it can not fail then (I4). */
static enum kv_status branch_fits(const struct kv *kv, struct branch branch)
{
	struct kv_growth growth = {0};
	uint64_t len = KV_REPLY_HEADER;
	struct kv_operation o;

	for (uint32_t i = 0; i < branch.count; i++) {
		branch.at = kv_operation_read(branch.at, &o);
		len += item_len(kv, &o);
		if (o.kind != KV_GET)
			kv_growth_add(&growth, kv_table_find(&kv->keys, &o.key), &o);
	}
	if (len > kv->limits.reply_max)
		return KV_TOO_LONG;
	return kv_growth_fits(kv, &growth);
}

static enum kv_status branch_operation(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *item)
{
	if (o->kind == KV_GET)
		return kv_do_get(turn, o, item);
	if (o->kind == KV_DELETE)
		return kv_delete(turn, o, item);
	PAWL_ASSERT(o->kind == KV_PUT);
	kv_put(turn, kv_table_find(&turn->kv->keys, &o->key), o, item);
	return KV_OK;
}

static void branch_make(const struct kv_turn *turn, struct branch branch)
{
	struct kv_operation o;

	for (uint32_t i = 0; i < branch.count; i++) {
		size_t at = turn->kv->reply_len;
		struct kv_reply item = {.status = KV_OK};

		branch.at = kv_operation_read(branch.at, &o);
		item.kind = (uint8_t)o.kind;
		(void)kv_answer_take(turn->kv, KV_REPLY_HEADER);
		if (i == 0 || o.kind == KV_GET || !MUTATED(STORE_HALF_BRANCH))
			item.status = branch_operation(turn, &o, &item);
		kv_answer_end(turn->kv, at, &item);
	}
}

/* The broken rule: what is written comes before what is compared. */
static enum kv_status transact_late(const struct kv_turn *turn,
	const struct kv_command *command, struct kv_reply *reply)
{
	struct branch branch = {command->thens, command->thens_count};
	size_t len = turn->kv->reply_len;

	branch_make(turn, branch);
	reply->items_count = branch.count;
	if (comparisons_hold(turn->kv, command))
		return KV_OK;
	turn->kv->reply_len = len;
	branch = (struct branch){command->elses, command->elses_count};
	branch_make(turn, branch);
	reply->flags |= KV_ELSE;
	reply->items_count = branch.count;
	return KV_OK;
}

enum kv_status kv_transact(const struct kv_turn *turn, const struct kv_command *command,
	struct kv_reply *reply)
{
	struct branch branch = {command->thens, command->thens_count};
	enum kv_status status;

	if (MUTATED(STORE_COMPARE_LATE) && branch_fits(turn->kv, branch) == KV_OK)
		return transact_late(turn, command, reply);
	if (!comparisons_hold(turn->kv, command)) {
		branch = (struct branch){command->elses, command->elses_count};
		reply->flags |= KV_ELSE;
	}
	status = branch_fits(turn->kv, branch);
	if (status != KV_OK)
		return status;
	branch_make(turn, branch);
	reply->items_count = branch.count;
	return KV_OK;
}
