#include <errno.h>

#include "sequencer/core/crc32c.h"
#include "sequencer/core/kv_internal.h"
#include "sequencer/core/kv_record.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/words.h"

/*
 * A snapshot comes from somebody else: every number is looked at as if it were meant to do harm,
 * since the checksum protects from damage only.  What these functions return is what is wrong;
 * NULL: nothing.
 */

void kv_restore_begin(struct kv *kv)
{
	kv_empty(kv);
	kv->restore = (struct kv_progress){.stage = KV_STAGE_HEADER};
}

static const char *header_take(struct kv *kv)
{
	struct kv_progress *p = &kv->restore;
	struct kv_snapshot_header h;

	if (!kv_snapshot_header_read(kv->reply, &h))
		return "it does not begin as a snapshot of a storage does";
	if (!kv_limits_same(&h.limits, &kv->limits))
		return "it is of a storage with other limits";
	if (h.founded > h.applied || h.applied >= COUNTER_LIMIT ||
		(h.founded == 0 && (h.usage.keys || h.usage.sessions || h.usage.locks ||
					   h.usage.waiters)))
		return "its positions are impossible";
	p->applied = h.applied;
	p->founded = h.founded;
	p->promised = h.usage;
	p->stage = KV_STAGE_SESSIONS;
	return NULL;
}

/* The position of something that happened after @after. */
static bool happened(const struct kv *kv, uint64_t position, uint64_t after)
{
	return position > after && position <= kv->restore.applied;
}

static const char *session_take(struct kv *kv, const struct kv_record *r)
{
	struct kv_progress *p = &kv->restore;
	struct kv_session *session;

	if (p->stage != KV_STAGE_SESSIONS || r->number <= p->number)
		return "its sessions are not in order";
	if (!happened(kv, r->number, p->founded) ||
		!happened(kv, r->session, r->number - 1) || r->name_len || r->value_len)
		return "a session is impossible";
	if (kv->sessions.count == kv->limits.sessions_max)
		return "it has more sessions than it may";
	session = kv_session_add(kv, r->number);
	session->spoken = r->session;
	session->ttl_ms = r->other;
	p->number = r->number;
	return NULL;
}

/* A session that lived when something happened at @position. */
static bool session_lived(const struct kv *kv, uint64_t id, uint64_t position)
{
	return kv_session_find(kv, id) && position > id;
}

/* What is next in the stage, behind the newest entry. */
static const char *name_check(struct kv *kv, const struct kv_table *table,
	enum kv_stage stage, const struct kv_slice *name)
{
	struct kv_progress *p = &kv->restore;

	if (p->stage > stage)
		return "its parts are not in order";
	if (p->stage < stage)
		p->entry = NULL;
	p->stage = stage;
	if (name->len == 0)
		return "a name is empty";
	if (p->entry && kv_cells_compare(&kv->cells, name, p->entry->cells, 0,
				p->entry->name_len) <= 0)
		return "its names are not in order";
	if (table->pool.count ==
		(table == &kv->keys ? kv->limits.keys_max : kv->limits.locks_max))
		return "it has more keys or locks than it may";
	if (kv->bytes + name->len > kv->limits.bytes_max)
		return "it has more bytes than it may";
	return NULL;
}

static const char *key_take(struct kv *kv, const struct kv_record *r)
{
	struct kv_slice name = {kv->reply + KV_RECORD_HEADER, r->name_len};
	struct kv_slice value = {
		kv->reply + KV_RECORD_HEADER + r->name_len, r->value_len};
	const char *wrong = name_check(kv, &kv->keys, KV_STAGE_KEYS, &name);

	if (wrong)
		return wrong;
	if (kv->bytes + name.len + value.len > kv->limits.bytes_max)
		return "it has more bytes than it may";
	if (!happened(kv, r->number, kv->restore.founded) || r->other != 0 ||
		(r->session != 0 && !session_lived(kv, r->session, r->number)))
		return "a key is impossible";
	kv->restore.entry = kv_table_add(&kv->keys, &name, &value);
	kv->restore.entry->version = r->number;
	kv_table_session_set(&kv->keys, kv->restore.entry, r->session);
	kv->bytes += name.len + value.len;
	return NULL;
}

static const char *lock_take(struct kv *kv, const struct kv_record *r)
{
	struct kv_slice name = {kv->reply + KV_RECORD_HEADER, r->name_len};
	struct kv_slice nothing = {"", 0};
	const char *wrong = name_check(kv, &kv->locks, KV_STAGE_LOCKS, &name);

	if (wrong)
		return wrong;
	if (!happened(kv, r->number, kv->restore.founded) || r->value_len || r->other ||
		!session_lived(kv, r->session, r->number))
		return "a lock is impossible";
	kv->restore.entry = kv_table_add(&kv->locks, &name, &nothing);
	kv->restore.entry->version = r->number;
	kv_table_session_set(&kv->locks, kv->restore.entry, r->session);
	kv->bytes += name.len;
	kv->restore.number = 0;
	return NULL;
}

static const char *waiter_take(struct kv *kv, const struct kv_record *r)
{
	struct kv_progress *p = &kv->restore;

	if (p->stage != KV_STAGE_LOCKS || r->number <= p->number)
		return "its waiters are not in order";
	if (kv->waiters.count == kv->limits.waiters_max)
		return "it has more waiters than it may";
	if (!happened(kv, r->number, p->founded) || r->name_len || r->value_len ||
		r->other || !session_lived(kv, r->session, r->number) ||
		r->session == p->entry->session ||
		kv_waiter_find(kv, p->entry, r->session))
		return "a waiter is impossible";
	kv_waiter_add(kv, p->entry, r->session, r->number);
	p->number = r->number;
	return NULL;
}

static const char *end_take(struct kv *kv, const struct kv_record *r)
{
	struct kv_progress *p = &kv->restore;
	struct kv_usage usage;

	kv_usage_get(kv, &usage);
	if (r->number != p->crc || r->name_len || r->value_len || r->session || r->other)
		return "its checksum is wrong";
	if (usage.bytes != p->promised.bytes || usage.keys != p->promised.keys ||
		usage.sessions != p->promised.sessions ||
		usage.locks != p->promised.locks || usage.waiters != p->promised.waiters)
		return "it has not what it says at its begin";
	p->stage = KV_STAGE_DONE;
	return NULL;
}

static const char *record_take(struct kv *kv)
{
	struct kv_record r;

	if (!kv_record_read(kv->reply, &r))
		return "a record is damaged";
	switch (r.kind) {
	case KV_RECORD_SESSION:
		return session_take(kv, &r);
	case KV_RECORD_KEY:
		return key_take(kv, &r);
	case KV_RECORD_LOCK:
		return lock_take(kv, &r);
	case KV_RECORD_WAITER:
		return waiter_take(kv, &r);
	case KV_RECORD_END:
		return end_take(kv, &r);
	}
	return "a record is of no kind";
}

/* How many bytes the header or the record has that is being held, as far as can be said yet. */
static const char *wanted(const struct kv *kv, size_t *len_p)
{
	const struct kv_progress *p = &kv->restore;
	struct kv_record r;

	*len_p = p->stage == KV_STAGE_HEADER ? KV_SNAPSHOT_HEADER : KV_RECORD_HEADER;
	if (p->stage == KV_STAGE_DONE)
		return "it goes on behind its end";
	if (p->stage == KV_STAGE_HEADER || p->held < KV_RECORD_HEADER)
		return NULL;
	if (!kv_record_read(kv->reply, &r) || r.name_len > kv->limits.key_max ||
		r.value_len > kv->limits.value_max)
		return "a record is damaged";
	*len_p += r.name_len + r.value_len;
	return NULL;
}

/* The header or record is whole. */
static const char *held_take(struct kv *kv)
{
	struct kv_progress *p = &kv->restore;
	const char *wrong = p->stage == KV_STAGE_HEADER ? header_take(kv)
							: record_take(kv);

	p->crc = crc32c_update(p->crc, kv->reply, p->held);
	p->held = 0;
	return wrong;
}

static const char *bytes_take(struct kv *kv, const unsigned char *bytes, size_t len)
{
	struct kv_progress *p = &kv->restore;
	const char *wrong = NULL;
	size_t whole, here;

	while (len > 0 && !wrong) {
		wrong = wanted(kv, &whole);
		if (wrong)
			break;
		here = (size_t)least(len, whole - p->held);
		memcpy(kv->reply + p->held, bytes, here);
		p->held += here;
		bytes += here;
		len -= here;
		if (p->held == whole)
			wrong = wanted(kv, &whole);
		if (!wrong && p->held == whole)
			wrong = held_take(kv);
	}
	return wrong;
}

static int refuse(struct kv *kv, const char *wrong, const char **reason_p)
{
	kv_empty(kv);
	*reason_p = wrong;
	return -EBADMSG;
}

int kv_restore_next(struct kv *kv, const void *bytes, size_t len, const char **reason_p)
{
	const char *wrong;

	PAWL_ASSERT(kv->restore.stage != KV_STAGE_NONE);
	wrong = bytes_take(kv, bytes, len);
	return wrong ? refuse(kv, wrong, reason_p) : 0;
}

int kv_restore_end(struct kv *kv, const char **reason_p)
{
	struct kv_progress *p = &kv->restore;

	PAWL_ASSERT(p->stage != KV_STAGE_NONE);
	if (p->stage != KV_STAGE_DONE)
		return refuse(kv, "it ends too early", reason_p);
	kv->applied = p->applied;
	kv->founded = p->founded;
	p->stage = KV_STAGE_NONE;
	return 0;
}
