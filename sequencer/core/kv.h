/*
 * The storage: keys with values, claims, sessions, locks and transactions, as a state machine that
 * is applied to the messages of a stream (machine.h; docs/protocol.md, "Storage").
 *
 * I1  Commands are applied in the order of their positions, each once.  The state is a function of
 *     the founding limits and the commands; nothing before the founding counts.
 * I2  A version is the position of the command that wrote the key; so a key's versions grow, also
 *     across its removal.
 * I3  A command that is refused, fails or meets a limit changes nothing, but that its session has
 *     spoken.
 * I4  All comparisons of a transaction see the state before any of its writes, and either all
 *     writes of one branch are made or none.
 * I5  A lock has one holder, which is a living session.  Its fence is the position of the command
 *     that made it the holder, and grows with every holder.
 * I6  Sessions that wait for a lock become its holder in the order of the positions of their
 *     commands.  A lock that is waited for is held; nobody waits twice for it, or holds it and waits.
 * I7  A session ends when it says so, or when a command expires it that knows of everything that it
 *     has said.  With it, in the same command, end its keys, waits and locks.
 * I8  Limits count keys, bytes, sessions, locks and waiters, never memory.
 * I9  A snapshot is a function of the state, and what is restored goes on as the original.
 * I10 Every change is reported once, in order, before its command's reply; nothing else is.
 *
 * A machine belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_KV_H
#define PAWL_CORE_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/kv_command.h"
#include "sequencer/core/kv_limits.h"
#include "sequencer/core/kv_reply.h"
#include "sequencer/core/machine.h"
#include "sequencer/core/mutation.h"

struct kv;

enum kv_change_kind {
	KV_WRITTEN, /* [key value version session] */
	KV_DELETED, /* [key version session]: those it had */
	KV_GRANTED, /* the lock [key] to [session], with the fence [version] */
	KV_RELEASED, /* the lock [key] by [session], which held it with [version]; nobody waited */
	KV_SESSION_OPENED, /* [session] */
	KV_SESSION_ENDED,  /* [session], after everything of its own */
};

/* Good during the call.  A field that a kind does not name is 0. */
struct kv_change {
	enum kv_change_kind kind;
	uint64_t position; /* of the command that made it */
	struct kv_slice key;
	struct kv_slice value;
	uint64_t version;
	uint64_t session;
};

/* Takes note; it may not call the machine, which is in the middle of a command. */
typedef void (*kv_changed_fn)(void *context, const struct kv_change *change);

/* False: kv_limits_valid says so. */
bool kv_memory_len(const struct kv_limits *limits, uint64_t *len_p)
	__attribute__((warn_unused_result));

/*
 * A machine that is not founded, in kv_memory_len bytes on a multiple of 64.  They are touched as
 * they are needed.  @changed may be NULL.
 */
struct kv *kv_create(const struct kv_limits *limits, void *memory, kv_changed_fn changed,
	void *context);

const struct kv_limits *kv_limits_of(const struct kv *kv);

/* The newest position that was applied; 0: none. */
uint64_t kv_applied(const struct kv *kv);

/* What there is, to compare with the limits. */
struct kv_usage {
	uint64_t bytes;
	uint32_t keys;
	uint32_t sessions;
	uint32_t locks;
	uint32_t waiters;
};
void kv_usage_get(const struct kv *kv, struct kv_usage *usage_p);

/*
 * Applies the message at @position, which is above all before (I1).  The reply is the machine's, and
 * good until it is called again.
 */
void kv_apply(struct kv *kv, uint64_t position, const void *payload, size_t len,
	struct machine_result *reply_p);

/*
 * These messages are about to be applied, KV_PREPARE_MAX of them at most: begins to fetch what that
 * needs into the processor's caches, of all of them at once.  Changes nothing, whatever they are.
 */
#define KV_PREPARE_MAX 16
void kv_prepare(const struct kv *kv, const struct kv_slice *messages, size_t count);

/* Answers a read from the state as it is, and KV_REFUSED to anything else. */
void kv_query(
	struct kv *kv, const void *payload, size_t len, struct machine_result *reply_p);

/* A session, for those who watch over it. */
struct kv_session_info {
	uint64_t session;
	uint64_t spoken; /* position of the newest command that it spoke */
	uint64_t ttl_ms;
	uint32_t place; /* below sessions_max; nobody else's while it lives */
};
/* The first session above @after; begin with 0.  False: there is none. */
bool kv_session_next(const struct kv *kv, uint64_t after, struct kv_session_info *info_p)
	__attribute__((warn_unused_result));

/* struct machine_ops around it; the context is the struct kv. */
extern const struct machine_ops kv_machine_ops;

/*
 * Snapshots, in pieces of at most reply_max bytes, which are the machine's until it is called
 * again.  The same rules as machine.h.
 */
void kv_snapshot_begin(struct kv *kv);
bool kv_snapshot_next(struct kv *kv, struct machine_piece *piece_p)
	__attribute__((warn_unused_result));

/* Bytes at the begin of a snapshot that say which limits it needs. */
#define KV_SNAPSHOT_HEADER 96
/* False: it is no snapshot. */
bool kv_snapshot_limits(const void *bytes, size_t len, struct kv_limits *limits_p)
	__attribute__((warn_unused_result));

/*
 * The machine is emptied, and is what the snapshot says when kv_restore_end is 0; no change is
 * reported.  -EBADMSG: damaged, impossible or for other limits; *reason_p says what, and the machine
 * is empty and not founded.
 */
void kv_restore_begin(struct kv *kv);
int kv_restore_next(struct kv *kv, const void *bytes, size_t len, const char **reason_p)
	__attribute__((warn_unused_result));
int kv_restore_end(struct kv *kv, const char **reason_p)
	__attribute__((warn_unused_result));

/*
 * What guards a resource remembers the newest fence that it has seen, and lets nobody with an older
 * one in any more.  False: this one is older; *newest_p is as it was.
 */
static inline bool kv_fence_admit(uint64_t *newest_p, uint64_t fence)
{
	if (fence < *newest_p && !MUTATED(STORE_FENCE_IGNORED))
		return false;
	*newest_p = fence;
	return true;
}

/*
 * Whether everything in the machine fits together (I2, I5, I6, I8, and its own books); *reason_p
 * says what does not.  It looks at everything: for tests.
 */
bool kv_sound(const struct kv *kv, const char **reason_p)
	__attribute__((warn_unused_result));

#endif
