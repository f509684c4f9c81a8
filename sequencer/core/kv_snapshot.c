#include "sequencer/core/crc32c.h"
#include "sequencer/core/kv_internal.h"
#include "sequencer/core/kv_record.h"

void kv_snapshot_begin(struct kv *kv)
{
	PAWL_ASSERT(kv->restore.stage == KV_STAGE_NONE);
	kv->snapshot = (struct kv_progress){
		.stage = KV_STAGE_HEADER, .applied = kv->applied};
}

static void covered(struct kv *kv, const unsigned char *begin)
{
	size_t len = (size_t)(kv->reply + kv->reply_len - begin);

	kv->snapshot.crc = crc32c_update(kv->snapshot.crc, begin, len);
}

static void header_put(struct kv *kv)
{
	struct kv_snapshot_header header = {
		.limits = kv->limits, .applied = kv->applied, .founded = kv->founded};
	unsigned char *at = kv_answer_take(kv, KV_SNAPSHOT_HEADER);

	kv_usage_get(kv, &header.usage);
	kv_snapshot_header_write(&header, at);
	covered(kv, at);
}

static void record_put(struct kv *kv, const struct kv_record *record)
{
	unsigned char *at = kv_answer_take(kv, KV_RECORD_HEADER);

	kv_record_write(record, at);
	covered(kv, at);
}

/* A record of an entry; what follows it are name and value. */
static void entry_put(struct kv *kv, const struct kv_table *table,
	const struct kv_entry *entry, enum kv_record_kind kind)
{
	struct kv_record record = {.kind = kind,
		.name_len = entry->name_len,
		.value_len = entry->value_len,
		.number = entry->version,
		.session = entry->session};
	unsigned char *at;

	record_put(kv, &record);
	at = kv_answer_take(kv, entry->name_len + entry->value_len);
	kv_table_name_copy(table, entry, at);
	kv_table_value_copy(table, entry, at + entry->name_len);
	covered(kv, at);
}

/* Each of these puts the next record of its stage.  False: there is none. */
static bool session_next(struct kv *kv)
{
	struct kv_session_info info;
	struct kv_record record;

	if (!kv_session_next(kv, kv->snapshot.number, &info))
		return false;
	kv->snapshot.number = info.session;
	record = (struct kv_record){.kind = KV_RECORD_SESSION,
		.number = info.session,
		.session = info.spoken,
		.other = info.ttl_ms};
	record_put(kv, &record);
	return true;
}

/* The entry behind the newest one, which becomes it. */
static struct kv_entry *entry_next(struct kv *kv, const struct kv_table *table)
{
	struct kv_slice name = {"", 0};
	struct kv_progress *p = &kv->snapshot;
	bool beyond = p->entry != NULL;

	if (beyond)
		name = kv_name(kv, table, p->entry);
	p->entry = kv_table_first(table, &name, beyond);
	return p->entry;
}

static bool key_next(struct kv *kv)
{
	const struct kv_entry *entry = entry_next(kv, &kv->keys);

	if (entry)
		entry_put(kv, &kv->keys, entry, KV_RECORD_KEY);
	return entry != NULL;
}

static bool lock_next(struct kv *kv)
{
	struct kv_progress *p = &kv->snapshot;
	const struct kv_waiter *waiter = p->entry
						 ? kv_waiter_next(kv, p->entry, p->number)
						 : NULL;
	const struct kv_entry *entry;
	struct kv_record record;

	if (waiter) {
		p->number = waiter->position;
		record = (struct kv_record){.kind = KV_RECORD_WAITER,
			.number = waiter->position,
			.session = waiter->session};
		record_put(kv, &record);
		return true;
	}
	p->number = 0;
	entry = entry_next(kv, &kv->locks);
	if (entry)
		entry_put(kv, &kv->locks, entry, KV_RECORD_LOCK);
	return entry != NULL;
}

static void end_put(struct kv *kv)
{
	struct kv_record end = {.kind = KV_RECORD_END, .number = kv->snapshot.crc};

	record_put(kv, &end);
}

/* Puts what comes next, or goes to the next stage. */
static void step(struct kv *kv)
{
	struct kv_progress *p = &kv->snapshot;
	bool more = false;

	if (p->stage == KV_STAGE_HEADER)
		header_put(kv);
	else if (p->stage == KV_STAGE_SESSIONS)
		more = session_next(kv);
	else if (p->stage == KV_STAGE_KEYS)
		more = key_next(kv);
	else if (p->stage == KV_STAGE_LOCKS)
		more = lock_next(kv);
	else
		end_put(kv);
	if (more)
		return;
	p->stage++;
	p->number = 0;
	p->entry = NULL;
}

bool kv_snapshot_next(struct kv *kv, struct machine_piece *piece_p)
{
	const struct kv_limits *l = &kv->limits;
	size_t most = KV_SNAPSHOT_HEADER + (size_t)l->key_max + l->value_max;

	PAWL_ASSERT(kv->snapshot.stage != KV_STAGE_NONE);
	PAWL_ASSERT(kv->snapshot.applied == kv->applied); /* I9 */
	kv->reply_len = 0;
	while (kv->snapshot.stage != KV_STAGE_DONE &&
		l->reply_max - kv->reply_len >= most)
		step(kv);
	if (kv->reply_len == 0)
		return false;
	*piece_p = (struct machine_piece){kv->reply, kv->reply_len};
	return true;
}
