/* What the parts of the storage machine (kv.h) share. */
#ifndef PAWL_CORE_KV_INTERNAL_H
#define PAWL_CORE_KV_INTERNAL_H

#include "sequencer/core/kv.h"
#include "sequencer/core/kv_table.h"

struct kv_session {
	uint64_t id;
	uint64_t spoken;
	uint64_t ttl_ms;
	struct kv_node by_id;
};

/* A session in the queue of a lock. */
struct kv_waiter {
	uint64_t session;
	uint64_t position;	   /* of the command by which it waits */
	uint32_t lock;		   /* its number in the pool of locks */
	struct kv_node of_lock;	   /* in the order of positions */
	struct kv_node of_session; /* in that of locks' numbers, which means nothing */
};

/* The stages of a snapshot, in their order. */
enum kv_stage {
	KV_STAGE_NONE,
	KV_STAGE_HEADER,
	KV_STAGE_SESSIONS,
	KV_STAGE_KEYS,
	KV_STAGE_LOCKS,
	KV_STAGE_END,
	KV_STAGE_DONE,
};

/* How far a snapshot has been made, or taken. */
struct kv_progress {
	enum kv_stage stage;
	uint64_t applied;	/* when it was begun */
	uint64_t number;	/* newest session; or waiter of the lock @entry */
	struct kv_entry *entry; /* newest key or lock; NULL: none of the stage */
	uint32_t crc;
	size_t held; /* bytes in the reply buffer that are no whole record yet */
	struct kv_usage promised; /* by the header */
	uint64_t founded;
};

struct kv {
	struct kv_limits limits;
	uint64_t founded; /* position; 0: not yet */
	uint64_t applied;
	uint64_t bytes; /* that count against bytes_max */
	struct kv_pool cells;
	struct kv_table keys;
	struct kv_table locks;
	struct kv_pool sessions;
	struct kv_tree sessions_by_id;
	struct kv_pool waiters;
	struct kv_tree waiters_of_lock;
	struct kv_tree waiters_of_session;
	kv_changed_fn changed;
	void *changed_context;
	struct kv_progress snapshot;
	struct kv_progress restore;
	unsigned char *reply; /* reply_max bytes */
	size_t reply_len;
	unsigned char name[KV_KEY_LIMIT]; /* the newest that kv_name was asked for */
};

/* Makes everything as new. */
void kv_empty(struct kv *kv);

/* The entry's name in one piece, until the next is asked for. */
struct kv_slice kv_name(
	struct kv *kv, const struct kv_table *table, const struct kv_entry *entry);

/* The machine's state in the middle of a command. */
struct kv_turn {
	struct kv *kv;
	uint64_t position;
	uint64_t session; /* it lives; 0: nobody speaks */
};

static inline void kv_report(const struct kv_turn *turn, enum kv_change_kind kind,
	const struct kv_slice *key, const struct kv_slice *value, uint64_t version,
	uint64_t session)
{
	struct kv_change change = {.kind = kind,
		.position = turn->position,
		.version = version,
		.session = session};

	if (key)
		change.key = *key;
	if (value)
		change.value = *value;
	if (turn->kv->changed)
		turn->kv->changed(turn->kv->changed_context, &change);
}

/*
 * An operation: what it answers goes into @reply, and a value or items behind its header in the
 * buffer.  It changes the state only if it returns KV_OK or KV_WAITING (I3).
 */
typedef enum kv_status (*kv_operation_fn)(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);

/* kv_read.c */
enum kv_status kv_do_get(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_list(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
/* Says what @entry is: version, owner, and the value behind the header. */
void kv_entry_say(struct kv *kv, const struct kv_entry *entry, struct kv_reply *reply);

/* kv_write.c */
struct kv_growth {
	int64_t keys;
	int64_t bytes;
};
/* Adds what a KV_PUT or KV_DELETE would make of @entry, which is the key's now; NULL: none is. */
void kv_growth_add(struct kv_growth *growth, const struct kv_entry *entry,
	const struct kv_operation *o);
/* KV_OK: within the limits (I8). */
enum kv_status kv_growth_fits(const struct kv *kv, const struct kv_growth *growth);
/* Of a write that fits.  @entry is the key's; NULL: none is.  Its answer is made. */
void kv_put(const struct kv_turn *turn, struct kv_entry *entry,
	const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_delete(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
void kv_key_remove(const struct kv_turn *turn, struct kv_entry *entry);
enum kv_status kv_do_put(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_claim(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_set_version(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_set_value(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);

/* kv_session.c */
struct kv_session *kv_session_find(const struct kv *kv, uint64_t id);
void kv_sessions_init(struct kv *kv, void *sessions, uint32_t max);
/* A new one, with an id above 0 that is not there. */
struct kv_session *kv_session_add(struct kv *kv, uint64_t id);
enum kv_status kv_do_session(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_open(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_keep_alive(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_close(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_expire(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);

/* kv_wait.c */
void kv_waiters_init(struct kv *kv, void *waiters, uint32_t max);
void kv_waiter_add(
	struct kv *kv, struct kv_entry *lock, uint64_t session, uint64_t position);
/* NULL: it does not wait for it. */
struct kv_waiter *kv_waiter_find(
	const struct kv *kv, const struct kv_entry *lock, uint64_t session);
/* The first of a lock's queue behind @position; NULL: there is none. */
struct kv_waiter *kv_waiter_next(
	const struct kv *kv, const struct kv_entry *lock, uint64_t position);
/* Any wait of the session. */
struct kv_waiter *kv_waiter_any(const struct kv *kv, uint64_t session);
void kv_waiter_remove(struct kv *kv, struct kv_waiter *waiter);

/* kv_lock.c */
enum kv_status kv_do_look(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_lock(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
enum kv_status kv_do_unlock(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply);
/* The holder is done with it: the next one holds it, or nobody (I6). */
void kv_lock_pass_on(const struct kv_turn *turn, struct kv_entry *lock);

/* kv_txn.c: like an operation. */
enum kv_status kv_transact(const struct kv_turn *turn, const struct kv_command *command,
	struct kv_reply *reply);

/* Whether lengths are within the limits. */
bool kv_lens_fit(const struct kv_limits *limits, const struct kv_operation *o);

/* kv_answer.c: the reply while it is made. */
void kv_answer_begin(struct kv *kv);
/* Room for @len bytes behind what is there; there is, for it was counted before. */
unsigned char *kv_answer_take(struct kv *kv, size_t len);
/* Writes the header of the reply or item that begins at @at and ends here. */
void kv_answer_end(struct kv *kv, size_t at, const struct kv_reply *reply);

#endif
