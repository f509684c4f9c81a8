/*
 * A store: a participant whose machine is the core's (kv.h).  The machine is made when the
 * command that founds it is applied, by the limits that it says, whoever published it; before
 * that nothing counts.
 *
 *     store_open.c     opening and founding, the end
 *     store.c          calls, reads and outcomes
 *     store_command.c  the short forms
 *     store_reply.c    replies, and what they mean
 *     store_info.c     limits, and what is used of them
 *     store_watch.c    changes told
 *     store_kept.c     sessions of its own, kept
 *     store_silence.c  sessions of others, ended when they are silent
 *     store_lock.c     waiting for a lock
 *     store_snapshot.c snapshots, and restoring
 *
 * W1  Who watches is told of every change that is applied after the watch began, each once, in order;
 *     or that it was inside a snapshot.
 * W2  The store's own commands never block and are never waited for, but in pawl_lock_wait.
 * W3  A session is not kept any more once it is known to be over.
 * W4  A lock that pawl_lock_wait did not return is not held for it, or a command is on its way, behind
 *     the one that asked for it, that gives it back.
 */
#ifndef PAWL_CLIENT_STORE_H
#define PAWL_CLIENT_STORE_H

#include "client/include/pawl/store.h"
#include "client/lib/participant.h"
#include "sequencer/core/kv.h"

struct pawl_watch {
	struct pawl_watch *next;
	unsigned int what;
	pawl_change_fn fn;
	void *context;
	uint64_t after; /* changes up to here were told, or before it */
	size_t name_len;
	unsigned char name[];
};

/* What the store's own commands are for: their cookies. */
enum store_errand {
	ERRAND_KEEP,
	ERRAND_EXPIRE,
	ERRAND_LOCK,
	ERRAND_LEAVE,
};

/* A session of this handle. */
struct kept_session {
	uint64_t session;
	uint64_t silence_ns;
	uint64_t asked_ns; /* when the newest keep-alive was started, */
	uint64_t known_ns; /*   and the newest that was applied; 0: none */
	bool asking;	   /* one is in flight */
};

struct store_kept {
	struct kept_session *sessions;
	unsigned int count;
	unsigned int room;
	uint64_t due_ns; /* nothing to do before */
};

/* A session as this process has heard of it, at its place in the machine. */
struct heard_session {
	uint64_t session;
	uint64_t spoken;
	uint64_t heard_ns; /* when it was seen first that it had spoken so */
};

struct store_silence {
	struct heard_session *heard; /* sessions_max */
	bool always;		     /* else only while a lock is waited for */
	uint64_t after;		     /* the newest session that was looked at */
	uint64_t looked_ns;
	uint64_t since_ns; /* nothing before counts */
	uint64_t epoch;	   /*   for it was another chain, or none */
};

enum waiting_stage {
	WAITING_NOT,
	WAITING_ASKED,	 /* the lock's command is in flight */
	WAITING_QUEUED,	 /* the session is in the queue */
	WAITING_DECIDED, /* status says how */
	WAITING_LEAVING, /* the command that gives it up has to be submitted, or is in flight */
};

/* The lock that is waited for, or was last. */
struct store_waiting {
	enum waiting_stage stage;
	bool leave_submitted;
	bool settled; /* what is awaited has come */
	int status;
	struct error why;
	uint64_t session;
	uint64_t fence;
	size_t name_len;
	unsigned char name[KV_KEY_LIMIT];
};

struct pawl_store {
	struct pawl *pawl;
	struct pawl_participant *participant;
	struct kv *kv; /* NULL: not founded */
	pawl_store_outcome_fn on_outcome;
	void *outcome_context;
	unsigned char *command; /* encoded, limits.command_max bytes */
	unsigned char *reply;	/* of the newest call, limits.reply_max bytes */
	bool no_memory;		/* for the machine */
	pawl_change_fn on_change;
	void *change_context;
	uint64_t changes_after;
	uint64_t seen; /* changes up to here are dealt with, if they come again */
	bool opened;
	bool missed; /* changes behind changes_after are inside a snapshot */
	struct pawl_watch *watches; /* in the order in which they began */
	unsigned int watches_count;
	struct store_kept kept;
	struct store_silence silence;
	struct store_waiting waiting;
	unsigned char
		header[KV_SNAPSHOT_HEADER]; /* of a snapshot that is being restored; */
	size_t header_len;		    /*   so much of it is there */
};

/* 0, or what the answer means as an error, with its text; *reply_p is filled in any case. */
int store_reply_take(struct pawl_store *store, const void *bytes, size_t len,
	struct pawl_reply *reply_p) __attribute__((warn_unused_result));

/* What is published as it is: bytes of store->command. */
int store_call_encoded(struct pawl_store *store, size_t len, struct pawl_reply *reply_p)
	__attribute__((warn_unused_result));

/* The limits are possible ones; store->no_memory: it was not to be had. */
void store_machine_make(struct pawl_store *store, const struct kv_limits *limits);

/* store_snapshot.c: for struct pawl_machine; the context is the store. */
void store_snapshot_begin(void *context);
bool store_snapshot_next(void *context, struct pawl_bytes *piece_p);
void store_restore_begin(void *context);
int store_restore_next(
	void *context, const void *bytes, size_t len, const char **reason_p);
int store_restore_end(void *context, const char **reason_p);

/* For pawl_participant_options. */
void store_on_outcome(void *context, const struct pawl_outcome *outcome);

/*
 * Starts a command of the store's own; W2.  -EAGAIN, -ESTALE: try again at another turn.  -EINVAL: it
 * is none.  And the errors of pawl_participant_submit.
 */
int store_errand(struct pawl_store *store, const struct kv_operation *operation,
	uint64_t session, enum store_errand errand) __attribute__((warn_unused_result));
/* For struct participant_owner. */
void store_on_errand(void *context, const struct pawl_outcome *outcome);
void store_on_turn(void *context, bool all);

/* False: it is over, or never was. */
bool store_session_lives(const struct pawl_store *store, uint64_t session,
	struct kv_session_info *info_p) __attribute__((warn_unused_result));

/* ---- store_watch.c ---- */

/* For kv_create. */
void store_on_change(void *context, const struct kv_change *change);
void store_watches_free(struct pawl_store *store);
/* The machine is about to be restored. */
void store_restoring(struct pawl_store *store);
/* The machine was restored from a snapshot of @position: its changes were not reported. */
void store_restored(struct pawl_store *store, uint64_t position);

/* ---- store_kept.c ---- */

bool store_keeps(const struct pawl_store *store, uint64_t session);
void store_kept_turn(struct pawl_store *store, uint64_t now_ns);
/* What became of keep-alives; NULL: all in flight are not in the stream. */
void store_kept_answered(struct pawl_store *store, const struct pawl_reply *reply);
void store_kept_ended(struct pawl_store *store, uint64_t session);
void store_kept_restored(struct pawl_store *store);

/* ---- store_silence.c ---- */

/* After everything that has arrived was applied. */
void store_silence_turn(struct pawl_store *store, uint64_t now_ns);

/* ---- store_lock.c ---- */

void store_waiting_turn(struct pawl_store *store);
void store_waiting_restored(struct pawl_store *store);
void store_waiting_changed(struct pawl_store *store, const struct kv_change *change);
/* @status: of the outcome, or what the reply means. */
void store_waiting_answered(struct pawl_store *store, enum store_errand errand,
	int status, const struct pawl_reply *reply);

#endif
