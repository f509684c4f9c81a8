/*
 * Linearizable storage on a stream: keys with values, claims, sessions, locks with fencing tokens,
 * and transactions.
 *
 *     struct pawl_store *names;
 *     struct pawl_reply reply;
 *
 *     if (pawl_store_open(pawl, "names", NULL, &names))
 *             errx(1, "%s", pawl_errmsg(pawl));
 *     if (pawl_store_claim(names, "ada", 3, "me", 2, &reply) == -EEXIST)
 *             printf("%.*s has it\n", (int)reply.value_len, (const char *)reply.value);
 *
 * A store is a participant (machine.h) of a stream, with Pawl's own machine.  Every command is a
 * message, and its position is its time: the version of what it wrote, and the fencing token of
 * the lock that it got.  Commands are linearizable, transactions strictly serializable; reads are
 * what each asks for (enum pawl_reading).
 *
 * Answers that are a no are errors as well, and change nothing:
 *   -ENOENT     there is no such key, holder or session
 *   -EEXIST     something else is there: the reply says what
 *   -EBUSY      somebody else holds the lock, or the session has spoken since
 *   -EINPROGRESS  the session waits for the lock: reply.number are before it
 *   -ESTALE     the session is over, or does not hold the lock (so)
 *   -ENOSPC     a limit of the store: the text says which
 *   -EMSGSIZE   a key, value or command is too long, or the reply would be
 *   -EINVAL     it is no command that the store takes
 * All others are those of pawl_participant_call.
 */
#ifndef PAWL_STORE_H
#define PAWL_STORE_H

#include <pawl/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Comparisons, and operations of a branch, of one transaction, at most. */
#define PAWL_OPERATIONS_MAX 128

struct pawl_store;

/* What a store holds at most.  0: as in the comment. */
struct pawl_store_limits {
	uint64_t bytes_max;    /* of all keys, values and names of locks; 64 MiB */
	uint32_t keys_max;     /* 65536 */
	uint32_t key_max;      /* bytes of a key, and of a lock's name; 256 */
	uint32_t value_max;    /* bytes; 65536 */
	uint32_t sessions_max; /* 1024 */
	uint32_t locks_max;    /* held at a time; 4096 */
	uint32_t waiters_max;  /* 16384 */
	uint32_t command_max;  /* bytes of a command; 256 KiB */
	uint32_t reply_max;    /* bytes of a reply: pages of lists end there; 256 KiB */
};

/* What a store holds, to compare with its limits. */
struct pawl_store_usage {
	uint64_t bytes;
	uint32_t keys;
	uint32_t sessions;
	uint32_t locks;	  /* that are held */
	uint32_t waiters; /* sessions in the queues of all locks */
};

/* What is there, or was done.  Its bytes are good until the next call on the store. */
struct pawl_reply {
	uint64_t
		version; /* of the key: of a write the position, of a delete what was deleted;
			     or the fencing token of the lock */
	uint64_t
		session; /* owner of an ephemeral key, holder of the lock, or the new session */
	uint64_t number; /* those who wait for the lock; of a session its ms */
	const void *key; /* of items only */
	size_t key_len;
	const void *value;
	size_t value_len;
	bool more;	    /* of a list: there is more behind the last item */
	bool otherwise;	    /* of a transaction: a comparison was not true */
	unsigned int items; /* that are still to come: pawl_reply_next */
	const void *rest;   /* where */
};

/* What became of a command that was submitted.  Good during the call. */
struct pawl_store_outcome {
	uint64_t cookie;
	uint64_t position; /* 0: it is not known */
	int status;	   /* as pawl_store_call would return */
	struct pawl_reply reply;
};

typedef void (*pawl_store_outcome_fn)(
	void *context, const struct pawl_store_outcome *outcome);

enum pawl_change_kind {
	PAWL_WRITTEN = 0,  /* [key value version session] */
	PAWL_DELETED = 1,  /* [key version session]: those it had */
	PAWL_GRANTED = 2,  /* the lock [key] to [session], with the token [version] */
	PAWL_RELEASED = 3, /* the lock [key] by [session]; nobody has waited */
	PAWL_SESSION_OPENED = 4, /* [session] */
	PAWL_SESSION_ENDED = 5,	 /* [session], after everything of its own */
	/*
	 * This store was lapped, and has gone on from a snapshot: what changed up to the position is
	 * not told one by one.  Look again.
	 */
	PAWL_RESTORED = 6,
};

/* What a command has changed.  Good during the call; what a kind does not name is 0. */
struct pawl_change {
	enum pawl_change_kind kind;
	uint64_t position; /* of the command: one can change more than one thing */
	const void *key;
	size_t key_len;
	const void *value;
	size_t value_len;
	uint64_t version;
	uint64_t session;
};

/*
 * Called from within calls that apply, on their thread, in the order of the changes, each once, and
 * before the outcome of the command.  It calls nothing on the store or its handle.
 */
typedef void (*pawl_change_fn)(void *context, const struct pawl_change *change);

/* Begin with PAWL_STORE_OPTIONS_INIT. */
struct pawl_store_options {
	size_t size;
	const struct pawl_stream_options
		*stream;		  /* NULL: an archive, if there is none yet */
	struct pawl_store_limits limits;  /* count when this founds the store */
	unsigned int depth;		  /* as for pawl_participant_options */
	pawl_store_outcome_fn on_outcome; /* NULL: nobody listens; as pawl_outcome_fn */
	void *outcome_context;
	/*
	 * Told of every change behind the position @changes_after, from within pawl_store_open
	 * already: who notes pawl_store_position when he has dealt with all that calls told him
	 * goes on there after a restart.  NULL: nobody is.
	 */
	pawl_change_fn on_change;
	void *change_context;
	uint64_t changes_after;
	bool expires; /* calls that apply end the sessions of others that are silent */
	uint64_t snapshot_every; /* positions; as for pawl_participant_options */
};

#define PAWL_STORE_OPTIONS_INIT                                                          \
	{                                                                                \
		sizeof(struct pawl_store_options), NULL, {0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, \
			NULL, NULL, NULL, NULL, 0, false, 0                              \
	}

enum pawl_command_kind {
	/* Reads. */
	PAWL_GET = 2, /* [key] */
	PAWL_LIST =
		3, /* keys that begin with [key], behind [other]; [number] at most, or 0 */
	PAWL_LOOK = 4,	  /* at the lock [key] */
	PAWL_SESSION = 5, /* at the session [number] */

	/* Writes. */
	PAWL_PUT = 6,	 /* [key value] */
	PAWL_DELETE = 7, /* [key] */
	PAWL_CLAIM = 8,	 /* [key value], if there is no such key */
	PAWL_SET_VERSION =
		9, /* [key value], if the version is [number]; 0: there is none */
	PAWL_SET_VALUE = 10, /* [key value], if the value is [other] */

	/* Sessions.  An opened one is called by the position of the command that opened it. */
	PAWL_SESSION_OPEN =
		11, /* [number]: ms of silence after which it may be expired */
	PAWL_SESSION_KEEP = 12,
	PAWL_SESSION_CLOSE = 13,
	/* [number], unless it has spoken after the position [since] */
	PAWL_SESSION_EXPIRE = 14,

	/* Locks; [key] is the name, and the owner is the session that speaks. */
	PAWL_LOCK = 15,
	PAWL_UNLOCK = 16, /* or leave the queue; [number]: only with this token, 0: any */

	/* Comparisons, of transactions only; the option is an enum pawl_relation. */
	PAWL_IF_VERSION = 32, /* of [key] with [number]; 0: there is no such key */
	PAWL_IF_VALUE = 33,   /* of [key] with [value] */
	PAWL_IF_HOLDER = 34,  /* of the lock [key] with the session [number]; 0: nobody */
	PAWL_IF_FENCE = 35,   /* of the lock [key] with [number]; 0: nobody */
};

/* Options. */
#define PAWL_EPHEMERAL 1u /* put, claim, set: the key ends with the session that speaks */
#define PAWL_KEYS_ONLY 1u /* list: without values */
#define PAWL_TRY 1u	  /* lock: now or not at all */

enum pawl_relation {
	PAWL_EQUAL = 0,
	PAWL_NOT_EQUAL = 1,
	PAWL_LESS = 2,
	PAWL_GREATER = 3,
};

/* What a kind does not name is 0.  Begin with {0}. */
struct pawl_command {
	enum pawl_command_kind kind;
	unsigned int option;
	const void *key;
	size_t key_len;
	const void *value;
	size_t value_len;
	const void *other;
	size_t other_len;
	uint64_t number;
	uint64_t since;
	uint64_t session; /* who speaks; 0: nobody.  Not of a transaction's parts */
};

/*
 * If all comparisons are true, thens are done, else elses: PAWL_GET, PAWL_PUT and PAWL_DELETE,
 * each key once in a branch.  All of a branch or nothing; the reply's items are their answers.
 */
struct pawl_transaction {
	const struct pawl_command *comparisons;
	const struct pawl_command *thens;
	const struct pawl_command *elses;
	unsigned int comparisons_count;
	unsigned int thens_count;
	unsigned int elses_count;
	uint64_t session;
};

/*
 * Opens the store in the stream called @name, and founds it if nobody has; with
 * options.stream->existing neither is made.  Everything that the stream has is applied.  Blocks up
 * to a few times the handle's timeout; memory is given for the limits, and touched as it is needed.
 *
 * -EINVAL: an option, or limits that are not possible; also when a message of the stream is too
 * short for a command, or changes_after a position that the stream does not have yet.  -ENOENT: it
 * was to exist, and nobody has founded it.  -EOVERFLOW: the changes behind changes_after are not all
 * there any more.  And the errors of pawl_participant_open, _sync and _call.
 */
PAWL_API int pawl_store_open(struct pawl *pawl, const char *name,
	const struct pawl_store_options *options,
	struct pawl_store **store_p) PAWL_MUST_CHECK;

/* Frees it, before its handle is closed.  NULL is allowed. */
PAWL_API void pawl_store_close(struct pawl_store *store);

/* A command, and its answer when it has come back.  @reply_p may be NULL. */
PAWL_API int pawl_store_call(struct pawl_store *store, const struct pawl_command *command,
	struct pawl_reply *reply_p) PAWL_MUST_CHECK;

PAWL_API int pawl_store_transact(struct pawl_store *store,
	const struct pawl_transaction *transaction,
	struct pawl_reply *reply_p) PAWL_MUST_CHECK;

/* Starts a command and returns at once; options.on_outcome is told.  As pawl_participant_submit. */
PAWL_API int pawl_store_submit(struct pawl_store *store,
	const struct pawl_command *command, uint64_t cookie) PAWL_MUST_CHECK;

PAWL_API int pawl_store_submit_transaction(struct pawl_store *store,
	const struct pawl_transaction *transaction, uint64_t cookie) PAWL_MUST_CHECK;

/*
 * As pawl_participant_snapshot and pawl_participant_kept: the replicas keep a snapshot of the store, and
 * archives may let go of what is in it.  Whoever opens the store later begins with it, and who was
 * lapped goes on from it.
 */
PAWL_API int pawl_store_snapshot(
	struct pawl_store *store, uint64_t *position_p) PAWL_MUST_CHECK;
PAWL_API uint64_t pawl_store_kept(
	const struct pawl_store *store, int *status_p, const char **why_p);

/* As pawl_participant_poll, _wait, _sync and _position. */
PAWL_API int pawl_store_poll(
	struct pawl_store *store, int max, int *count_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_wait(struct pawl_store *store, int max, uint64_t timeout_ns,
	int *count_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_sync(struct pawl_store *store) PAWL_MUST_CHECK;
PAWL_API uint64_t pawl_store_position(const struct pawl_store *store);

/* What the store was founded with, by whomever. */
PAWL_API void pawl_store_limits_get(
	const struct pawl_store *store, struct pawl_store_limits *limits_p);

/* What it holds as far as it was applied here; pawl_store_sync makes that linearizable. */
PAWL_API void pawl_store_usage_get(
	const struct pawl_store *store, struct pawl_store_usage *usage_p);

/*
 * A read, from the state that @how says.  With PAWL_READ_TAIL also -ENOTSUP: the tail can not apply
 * this store, and the text says why (its memory for that is taken, or it has not all of the stream);
 * -EMSGSIZE: the answer is longer than 1 MiB; -ETIMEDOUT: no answer counted in time, for the chain
 * was changing, or the tail still applies what there was before.
 */
PAWL_API int pawl_store_read(struct pawl_store *store, enum pawl_reading how,
	const struct pawl_command *command, struct pawl_reply *reply_p) PAWL_MUST_CHECK;

/* The next item of a reply.  False: that was the last one. */
PAWL_API bool pawl_reply_next(struct pawl_reply *reply, struct pawl_reply *item_p);

/* ---- The same in short, without a session; @reply_p may be NULL ---- */

PAWL_API int pawl_store_get(struct pawl_store *store, enum pawl_reading how,
	const void *key, size_t key_len, struct pawl_reply *reply_p) PAWL_MUST_CHECK;
/* Keys that begin with @prefix, behind @after, as many as fit in a reply. */
PAWL_API int pawl_store_list(struct pawl_store *store, enum pawl_reading how,
	const void *prefix, size_t prefix_len, const void *after, size_t after_len,
	struct pawl_reply *reply_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_put(struct pawl_store *store, const void *key, size_t key_len,
	const void *value, size_t value_len, struct pawl_reply *reply_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_delete(struct pawl_store *store, const void *key, size_t key_len,
	struct pawl_reply *reply_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_claim(struct pawl_store *store, const void *key, size_t key_len,
	const void *value, size_t value_len, struct pawl_reply *reply_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_set_version(struct pawl_store *store, const void *key,
	size_t key_len, uint64_t version, const void *value, size_t value_len,
	struct pawl_reply *reply_p) PAWL_MUST_CHECK;
PAWL_API int pawl_store_set_value(struct pawl_store *store, const void *key,
	size_t key_len, const void *old_value, size_t old_value_len, const void *value,
	size_t value_len, struct pawl_reply *reply_p) PAWL_MUST_CHECK;

/* ---- Changes ---- */

struct pawl_watch;

/* Watches at a time on a store. */
#define PAWL_WATCHES_MAX 1024

/* What is watched, one or more of them; and how the name is meant. */
#define PAWL_WATCH_KEYS 1u /* the key, or lock, that is called so */
#define PAWL_WATCH_LOCKS 2u
#define PAWL_WATCH_SESSIONS 4u /* all of them, whatever the name is */
#define PAWL_WATCH_PREFIX 8u   /* all whose names begin so */

/*
 * Tells @fn of every change of what is watched, whoever makes it, also this handle.  It begins
 * behind *position_p (may be NULL), which is what was applied here; so what a local read says before
 * the next call that applies, and the changes from then on, are everything: none missing, none
 * twice.  Every watch is told of PAWL_RESTORED.  Nothing blocks; the name is copied.
 *
 * -EINVAL: nothing is watched, or the name is longer than names can be.  -ENOSPC: PAWL_WATCHES_MAX.
 * -ENOMEM.  -EBADF.
 */
PAWL_API int pawl_store_watch(struct pawl_store *store, unsigned int what,
	const void *name, size_t name_len, pawl_change_fn fn, void *context,
	struct pawl_watch **watch_p, uint64_t *position_p) PAWL_MUST_CHECK;

/* Ends it; that of the store does too.  NULL is allowed. */
PAWL_API void pawl_store_unwatch(struct pawl_store *store, struct pawl_watch *watch);

/* ---- Sessions and locks ---- */

/*
 * Sessions are kept and ended by calls that apply: poll, wait, sync and everything that waits for an
 * outcome.  There is no thread for it.
 *
 *  - A session that this handle has opened or adopted is kept: a keep-alive is started when a third
 *    of its silence has passed since the one before.
 *  - With options.expires, and in pawl_lock_wait, sessions of others are ended when no command of
 *    theirs was applied here for their silence, by the clock of this process.  It counts only while
 *    the chain stays the same and this store is polled; a pause of a second begins it anew.
 *
 * So an owner that does not call for longer than its silence may lose its session, with its locks
 * and ephemeral keys, and does not know before its next call.  Clocks decide only when somebody
 * is asked to be ended, and the log whether he is: all agree on that.  Nothing makes a holder stop in
 * time that sleeps; what a lock guards has to ask pawl_fence_check.
 */

/* Sessions that are kept at a time. */
#define PAWL_SESSIONS_KEPT_MAX 4096

/*
 * -EINVAL: a silence of 0, or above a year.  -ENOSPC: a limit of the store, or as many are kept as
 * can be.  After -ETIMEDOUT the session may be opened later, is not kept, and will be ended.
 */
PAWL_API int pawl_session_open(struct pawl_store *store, uint64_t silence_ms,
	uint64_t *session_p) PAWL_MUST_CHECK;
/*
 * From now on this handle keeps the session: one that was submitted, or that a process before
 * this one had.  -ESTALE: it is over, as far as it is known here.  -ENOSPC, -ENOMEM.
 */
PAWL_API int pawl_session_adopt(
	struct pawl_store *store, uint64_t session) PAWL_MUST_CHECK;
/* Keeps it by hand, once. */
PAWL_API int pawl_session_keep(
	struct pawl_store *store, uint64_t session) PAWL_MUST_CHECK;
/*
 * How long nobody can have had a reason to end it, from now on: its silence, less the time
 * since the newest keep-alive was started that is known to have been applied.  0: it may be over at
 * any moment.  Only looks; poll before.  The answer is old when it is read, so it is for giving up
 * early, and never instead of a fencing token.
 *
 * -ESTALE: it is over.  -ENOENT: this handle does not keep it.  -EBADF.
 */
PAWL_API int pawl_session_left(
	struct pawl_store *store, uint64_t session, uint64_t *left_ms_p) PAWL_MUST_CHECK;
/* With its keys, locks and waits. */
PAWL_API int pawl_session_close(
	struct pawl_store *store, uint64_t session) PAWL_MUST_CHECK;
/*
 * Ends the session unless it has spoken after @since, the newest position at which the caller has
 * seen it speak (the version that PAWL_SESSION answers).  -EBUSY: it has.
 */
PAWL_API int pawl_session_expire(
	struct pawl_store *store, uint64_t session, uint64_t since) PAWL_MUST_CHECK;

/*
 * Takes the lock, or with @waits a place in its queue: -EINPROGRESS, and once PAWL_LOOK shows the
 * session as its holder, or a watch that it was granted, it has it.  To lock again what one holds or
 * waits for changes nothing.  *fence_p is the fencing token of the holder.
 */
PAWL_API int pawl_lock(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, bool waits, uint64_t *fence_p) PAWL_MUST_CHECK;
/*
 * Takes the lock, and waits for it in its queue for @timeout_ns at most; *fence_p is the session's
 * token.  Meanwhile sessions of this handle are kept, and silent ones of others ended.  An answer
 * is waited for in any case, as in every call for the handle's timeout.
 *
 * -ETIMEDOUT: it is not held, and its place in the queue was given up.  If replicas do not answer
 * that is still on its way, and done before anything that is called later; if the lock was granted
 * meanwhile, it is given back.  -ESTALE: the session is over.  And the errors of pawl_store_submit.
 */
PAWL_API int pawl_lock_wait(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, uint64_t timeout_ns, uint64_t *fence_p) PAWL_MUST_CHECK;
PAWL_API int pawl_unlock(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, uint64_t fence) PAWL_MUST_CHECK;

/*
 * For what a lock guards: *newest_p is the highest token that it has seen, 0 at first, and is to
 * be kept with it.  -ESTALE: @fence is older, and its bearer must not touch it any more.
 */
PAWL_API int pawl_fence_check(uint64_t *newest_p, uint64_t fence) PAWL_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
