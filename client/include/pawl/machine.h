/*
 * State machines on a stream: everybody who applies the same commands in the same order has the
 * same state (state machine replication).
 *
 * An application brings a machine; a *participant* is one copy of it, kept up to date by the
 * messages of a stream.  A command is a message; it is done when it has come back in the stream
 * and was applied here, so its result is known, also after replicas died.  Part of libpawl:
 * handles, threads, fork and errors are as in pawl.h.
 *
 * Rules for a machine:
 *  - apply is deterministic: the same messages at the same positions give the same state and the
 *    same results in every process.  No clock, no randomness, no address, nothing of its own.
 *  - Every message of the stream is applied, whoever published it, in order, each once.  What is
 *    no command changes nothing; an empty message never is one.
 *  - query changes nothing, and neither does prepare.
 *  - None of its functions calls anything on the participant's handle.
 *
 * Snapshots.  A machine that can write down its state, and be restored from that, need not be fed
 * with every message that there ever was.  The replicas keep the newest snapshots beside the
 * archive of the stream, and with archive-retain=snapshot let go of the files before them
 * (pawld.conf(5)); whoever opens a participant later begins with the newest, and one that was
 * lapped (pawl_subscriber_poll, -EOVERFLOW) goes on from it by itself.  Snapshots are kept by
 * replicas that archive the stream.
 */
#ifndef PAWL_MACHINE_H
#define PAWL_MACHINE_H

#include <pawl/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Commands in flight on one participant, when nothing is said. */
#define PAWL_COMMANDS_DEPTH 1024

/* Messages that pawl_machine.prepare is told of at once, at most. */
#define PAWL_PREPARE_MAX 16

struct pawl_participant;

struct pawl_bytes {
	const void *bytes;
	size_t len;
};

/* A result is the machine's own, and good until the machine is called again. */
struct pawl_machine {
	size_t size; /* sizeof(struct pawl_machine) */
	void *context;
	void (*apply)(void *context, uint64_t position, const void *bytes, size_t len,
		struct pawl_bytes *result_p);
	void (*query)(void *context, const void *bytes, size_t len,
		struct pawl_bytes *result_p);
	/*
	 * Snapshots; NULL, both or all five: none can be written, or restored.  Pieces are as long as
	 * the machine likes, and its own until it is called again; false: that was all.  Nothing is
	 * applied between begin and the last piece.  The same state has the same bytes.
	 */
	void (*snapshot_begin)(void *context);
	bool (*snapshot_next)(void *context, struct pawl_bytes *piece_p);
	/*
	 * Whatever there was is forgotten, and what the pieces say is there once restore_end is 0; they
	 * may be cut anywhere.  Not 0: they are no snapshot; the machine is as new, and *reason_p is
	 * static text.  Of no pieces at all nothing but a new machine can be made.
	 */
	void (*restore_begin)(void *context);
	int (*restore_next)(
		void *context, const void *bytes, size_t len, const char **reason_p);
	int (*restore_end)(void *context, const char **reason_p);
	/*
	 * NULL, or: these messages, PAWL_PREPARE_MAX of them at most, are about to be applied, one after
	 * the other and before anything else.  A machine that is larger than the processor's caches
	 * fetches what they need here (__builtin_prefetch), so that it waits for memory once and not
	 * for each.  It may not be called for every message.
	 */
	void (*prepare)(void *context, const struct pawl_bytes *messages, size_t count);
};

/* What became of a command that was submitted.  Good during the call. */
struct pawl_outcome {
	uint64_t cookie;   /* as submitted; 0: of a call that gave up waiting */
	uint64_t position; /* where it is in the stream, with status 0 */
	struct pawl_bytes result;
	/*
	 * 0; -ECANCELED, -EUSERS: it is not in the stream, and never will be; -ENODATA: it is in,
	 * and was applied by others, but its result is not known: this participant was lapped, and
	 * restored from a snapshot that has it; -ENOTRECOVERABLE: it is not known whether it is in,
	 * for besides that the stream has lost what it knew of this publisher; -ESHUTDOWN, -EPROTO,
	 * -EACCES, -ENODEV, -ENOMEM: the handle has failed, and it may be in.
	 */
	int status;
};

/*
 * Called from within calls that apply, on their thread, in the order of submission.  It calls
 * nothing on the participant's handle.
 */
typedef void (*pawl_outcome_fn)(void *context, const struct pawl_outcome *outcome);

/* Begin with PAWL_PARTICIPANT_OPTIONS_INIT. */
struct pawl_participant_options {
	size_t size;
	const struct pawl_stream_options
		*stream; /* as for pawl_stream_open; may be NULL */
	uint64_t
		applied; /* the machine has this position already, as from a snapshot of one's own */
	unsigned int depth;	    /* commands in flight, a power of two up to
			       PAWL_PUBLISH_DEPTH_MAX; 0: PAWL_COMMANDS_DEPTH */
	pawl_outcome_fn on_outcome; /* NULL: nobody listens */
	void *outcome_context;
	/*
	 * A snapshot is written whenever the newest one that the replicas have is so many positions
	 * old, by whichever participant comes first; 0: only by pawl_participant_snapshot.
	 */
	uint64_t snapshot_every;
};

#define PAWL_PARTICIPANT_OPTIONS_INIT                                              \
	{                                                                          \
		sizeof(struct pawl_participant_options), NULL, 0, 0, NULL, NULL, 0 \
	}

/* Which state a read answers from. */
enum pawl_reading {
	/* Linearizable: a marker goes through the stream, and the answer is from when it is back. */
	PAWL_READ_LOG = 0,
	/* Linearizable: the end of the stream is asked for, and everything up to it applied. */
	PAWL_READ_SYNC = 1,
	/*
	 * Sequentially consistent only: what was applied here by the calls before.  It has this
	 * participant's own commands that are done, never goes back, and may be older than what
	 * others have been told already.
	 */
	PAWL_READ_LOCAL = 2,
	/*
	 * Linearizable: the tail of the chain is asked, which applies the storage too, and the
	 * answer counts only if no later chain had begun.  Nothing is applied here for it.  Of
	 * stores only (store.h).
	 */
	PAWL_READ_TAIL = 3,
};

/*
 * Opens the stream called @name and takes part in it.  If options.applied is 0 and the machine can be
 * restored, it is, from the newest snapshot that the replicas keep; one that is damaged is passed
 * over.  Messages are not applied yet: the calls below do.  It begins behind the snapshot, or behind
 * options.applied, with the first message of all if that is 0; a stream that is longer than its
 * ring needs an archive for that.  Blocks up to the timeout.
 *
 * -EINVAL: an option out of range, or a machine without its functions.  The errors of
 * pawl_stream_open and pawl_subscribe.
 */
PAWL_API int pawl_participant_open(struct pawl *pawl, const char *name,
	const struct pawl_machine *machine,
	const struct pawl_participant_options *options,
	struct pawl_participant **participant_p) PAWL_MUST_CHECK;

/*
 * Ends it and frees it, before its handle is closed.  Commands in flight may or may not come into
 * the stream.  NULL is allowed.
 */
PAWL_API void pawl_participant_close(struct pawl_participant *participant);

/*
 * Publishes a command, and waits until it was applied here.  Its result is copied to @room, as
 * far as it fits; *len_p (may be NULL) is its whole length, and *position_p (may be NULL) its
 * place.
 *
 * -ENODATA, -ENOTRECOVERABLE: see struct pawl_outcome.
 * -ETIMEDOUT: no outcome yet; the command stays in flight, and its outcome is told later, with the
 * cookie 0.  -ECANCELED: the stream had lost what it knew of this publisher; the log was looked at,
 * and the command is not in it.  -EAGAIN: depth commands are in flight.  -EMSGSIZE, -EUSERS: as for
 * pawl_publish.  -EOVERFLOW: the participant is over: positions are lost to it, and its state is
 * not whole: the machine can not be restored, or no replica has a newer snapshot that is of use;
 * open another one, from an archive.  And the errors of pawl.h; the command may be in then.
 */
PAWL_API int pawl_participant_call(struct pawl_participant *participant,
	const void *bytes, size_t len, void *room, size_t room_len, size_t *len_p,
	uint64_t *position_p) PAWL_MUST_CHECK;

/*
 * Publishes a command and returns at once; the bytes are copied.  Its outcome is told to
 * options.on_outcome.
 *
 * -EAGAIN: depth commands are in flight: poll.  -ESTALE: the stream has lost what it knew of this
 * publisher; pawl_participant_sync finds out what became of the commands in flight, and then it
 * goes on.  -EMSGSIZE.  -EOVERFLOW.  -EBADF.
 */
PAWL_API int pawl_participant_submit(struct pawl_participant *participant,
	const void *bytes, size_t len, uint64_t cookie) PAWL_MUST_CHECK;

/*
 * Moves everything on and applies up to @max messages that have arrived; *count_p is how many.
 * Never blocks.  A participant that is not polled or called for longer than the stream's ring
 * lasts loses what it did not apply, unless there is an archive; then it is restored by the polls
 * that follow, if it can be, and until it is they apply nothing.  All other calls that read or sync
 * wait for that.  One poll may take as long as the machine needs to write or read a piece of a
 * snapshot; to write all of it, if snapshot_every is set.
 *
 * -EINVAL: @max is not positive.  -ESTALE: as of pawl_participant_submit, and something is in flight.
 * The errors of pawl_subscriber_poll, of which -EOVERFLOW and -EMSGSIZE are for good.
 */
PAWL_API int pawl_participant_poll(
	struct pawl_participant *participant, int max, int *count_p) PAWL_MUST_CHECK;

/*
 * As poll, but waits until at least one message was applied, for @timeout_ns at most; then *count_p
 * is 0.  How it waits is the handle's strategy.  Where poll says -ESTALE it does what sync does, for
 * the handle's timeout at most.
 */
PAWL_API int pawl_participant_wait(struct pawl_participant *participant, int max,
	uint64_t timeout_ns, int *count_p) PAWL_MUST_CHECK;

/*
 * Linearizable: applies everything that was acknowledged, to anybody, before the call.  If what
 * became of commands in flight was unknown, it is known afterwards, and has been told.  The
 * errors of pawl_subscriber_sync; -EOVERFLOW and -EMSGSIZE are for good.
 */
PAWL_API int pawl_participant_sync(struct pawl_participant *participant) PAWL_MUST_CHECK;

/*
 * Asks the machine.  *answer_p is the machine's own, good until the next call.  With
 * PAWL_READ_LOG the errors of pawl_participant_call, with PAWL_READ_SYNC those of
 * pawl_participant_sync; -ENOTSUP: with PAWL_READ_TAIL; else -EOVERFLOW, -EMSGSIZE and -EBADF.
 */
PAWL_API int pawl_participant_read(struct pawl_participant *participant,
	enum pawl_reading how, const void *query, size_t len,
	struct pawl_bytes *answer_p) PAWL_MUST_CHECK;

/*
 * Writes a snapshot of the machine as it is to the replicas, and returns when every member of the
 * chain that archives the stream has it on stable storage; archives may let go of what is in it
 * then.  *position_p (may be NULL) is its position.  Commands are applied meanwhile.  It takes memory
 * for a copy until it is written.  Blocks up to the timeout.
 *
 * -ETIMEDOUT: not yet, and the text says who lacks it; it is written on by the calls that follow.
 * -EOPNOTSUPP: the machine has no functions for it, or no replica of the chain archives the stream.
 * -EINVAL: nothing was applied yet.  -EFBIG: it is larger than snapshot-max of a replica.  -ENOSPC, -EIO: of a
 * replica's disk; nothing half-written is left, and the stream goes on.  -ENOMEM.  The errors of
 * pawl_participant_poll.
 */
PAWL_API int pawl_participant_snapshot(
	struct pawl_participant *participant, uint64_t *position_p) PAWL_MUST_CHECK;

/*
 * Position of the newest snapshot that this participant has written and all have; 0: none.
 * *status_p and *why_p (may be NULL): what became of the newest try, as pawl_participant_snapshot
 * returns it, and the text, good until the next call.
 */
PAWL_API uint64_t pawl_participant_kept(
	const struct pawl_participant *participant, int *status_p, const char **why_p);

/* The newest position that was applied. */
PAWL_API uint64_t pawl_participant_position(const struct pawl_participant *participant);

#ifdef __cplusplus
}
#endif

#endif
