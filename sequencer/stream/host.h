/*
 * The streams of one replica: their memory, the threads that move their slots, their archives
 * and their readers (docs/protocol.md).
 *
 * The daemon's loop calls what is below; the work is done by stream threads (thread.h).  To
 * change a stream the loop *holds* its thread: it asks, the thread stops between two turns, and
 * until it is let go everything of its streams belongs to the loop.  So every object has one
 * owner at any time, and the data path takes no lock.
 *
 * H1  A stream is touched by its thread, or by the loop while the thread is held.
 * H2  What others may write in an epoch is fresh (words.h of places.h), and neighbours are
 *     linked only after the epoch is active.
 * H3  An epoch begins here only when all logs end at their bases (C9).
 * H4  A subscriber is never waited for, unless the stream blocks; then only while its session
 *     lives.
 *
 * H5  Memory is made beside the loop (making.h), and what waits for it goes on in
 *     stream_host_look.
 *
 * Calls do not block for longer than a turn of a thread (and opening devices, taking up a log of
 * an earlier life), except where it is said.  A stream is named by the place of its counter in the region.
 */
#ifndef PAWL_STREAM_HOST_H
#define PAWL_STREAM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/archive/archive.h"
#include "sequencer/core/limits.h"
#include "sequencer/stream/places.h"

struct stream_archive_settings {
	const char *
		directory; /* of this replica's archives; one directory below per stream */
	enum archive_sync sync;
	uint64_t sync_interval_ns;
	uint64_t segment_len; /* 0: the default */
	uint64_t size_max;    /* of each stream's archive; 0: no limit */
	uint64_t age_max_ns;
	bool snapshots; /* nothing goes that is not in a snapshot (archive.h) */
};

struct stream_host_config {
	const struct memory_ops *ops;
	struct device_config device; /* every thread opens one of its own, listening */
	uint64_t link_timeout_ns;
	const char *directory; /* a memory file system */
	const char *cluster;
	uint32_t replica;
	uint64_t instance;
	uint64_t incarnation; /* of this life; the token of its links */
	struct pages_config pages;
	unsigned int threads; /* 1 or more */
	const char
		*pin; /* processors of the threads, "" for anywhere (config_pin_cpus) */
	struct stream_archive_settings archive;
	uint64_t
		tail_memory; /* bytes for storages that are read at the tail; 0: none are */
	/* Called on a thread: the loop should call stream_host_look soon. */
	void (*news)(void *context);
	/* Called by the loop's calls: other members should be asked for their places. */
	void (*ask)(void *context);
	/* Called by stream_host_look: memory was made, of which others should be told. */
	void (*made)(void *context);
	/* Called by stream_host_look and _follow: one line for people about what goes wrong. */
	void (*tell)(void *context, const char *line);
	void *context;
};

/* A member of a chain, by the life that it is. */
struct stream_member {
	uint32_t replica;
	uint64_t incarnation;
};

/* The same life of the same replica. */
static inline bool stream_member_same(struct stream_member a, struct stream_member b)
{
	return a.replica == b.replica && a.incarnation == b.incarnation;
}

struct stream_chain {
	uint32_t count;
	uint32_t place; /* of this replica */
	struct stream_member at[CHAIN_MAX];
};

/* How a stream comes into an epoch. */
struct stream_change {
	uint64_t epoch;
	uint64_t from; /* the active epoch before it; 0: nobody's log matters (E2) */
	uint64_t base;
	uint64_t ceiling;
	struct stream_chain chain;
};

struct stream_host;
struct answer; /* answers.h */

/* Errors of the device, -ENOMEM, -EAGAIN: no thread. */
int stream_host_start(const struct stream_host_config *config,
	struct stream_host **host_p, struct error *err)
	__attribute__((warn_unused_result));
/*
 * The cluster has stopped for good, and the stream's last active epoch was @epoch: what its log
 * here has up to @base is archived by stream_host_stop.
 */
void stream_host_finish(
	struct stream_host *host, uint32_t counter, uint64_t epoch, uint64_t base);
/* Ends threads and archives, for which it may wait seconds; @remove the files in memory. */
void stream_host_stop(struct stream_host *host, bool remove);

/*
 * The threads call the loop's attention: made, prepared, lost, archived.  Cheap when nothing is.
 * Errors of pages_map, of expose and of beginning a log: a stream can not be prepared.
 */
int stream_host_look(struct stream_host *host, struct error *err)
	__attribute__((warn_unused_result));

/*
 * The stream is known here from now on; there is no memory yet.  Again: nothing.  -ENOMEM,
 * -ENAMETOOLONG.
 */
int stream_host_know(struct stream_host *host, uint32_t counter, const char *name,
	const struct stream_limits *limits, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Takes up the log that an earlier life of this replica left.  -ENOENT: there is none.
 * -EUCLEAN: it is not whole.
 */
int stream_host_adopt(struct stream_host *host, uint32_t counter, struct error *err)
	__attribute__((warn_unused_result));

/* Removes logs that earlier lives left and that were not adopted. */
void stream_host_clean(struct stream_host *host);

/*
 * Epoch @epoch is over for the stream; *len_p: how long the log is (C6).  False: the log is not
 * one of that epoch, or there is none; then it has nothing, and *len_p is 0.
 */
bool stream_host_seal(
	struct stream_host *host, uint32_t counter, uint64_t epoch, uint64_t *len_p);

/*
 * Brings the stream's log to where an epoch begins (C9), which may take a while; a stream that
 * nobody has yet begins empty.  A change that is under way is given up.  It is under way when this
 * returns, and what goes wrong with it stream_host_look says.  -ENAMETOOLONG.
 */
int stream_host_prepare(struct stream_host *host, uint32_t counter,
	const struct stream_change *change, struct error *err)
	__attribute__((warn_unused_result));
/* True when every stream that was prepared for @epoch is (H3). */
bool stream_host_prepared(const struct stream_host *host, uint64_t epoch);

/* What a member says about its memory of one stream: a source to fill from, a neighbour. */
void stream_host_told(struct stream_host *host, uint32_t counter,
	struct stream_member member, const struct stream_addresses *addresses);
/* True while somebody's places are missing: the loop asks again every now and then. */
bool stream_host_asks(const struct stream_host *host);

/*
 * The epoch for which the stream was prepared is active.  @region: this replica's region, if it
 * is the head; its word at @word_offset is the counter's.  It stays until stream_host_retire.
 */
void stream_host_enter(struct stream_host *host, uint32_t counter, uint64_t epoch,
	const struct memory *region, uint64_t word_offset);
void stream_host_ceiling(struct stream_host *host, uint32_t counter, uint64_t ceiling);
/* Epoch @epoch is history: nothing of it is served or written any more. */
void stream_host_retire(struct stream_host *host, uint64_t epoch);

/* This replica is outside the chain, and @member serves epoch @epoch: copy from it. */
void stream_host_follow(
	struct stream_host *host, struct stream_member member, uint64_t epoch);

/* Everything that is followed keeps up, or there is nothing to follow. */
bool stream_host_followed(const struct stream_host *host);

/*
 * Where this replica's memory of the stream is now.  False: there is none.  The words are those
 * of the newest epoch that it is prepared for: for neighbours, which come when it is active;
 * clients get them only if that is the epoch that is served.
 */
bool stream_host_addresses(const struct stream_host *host, uint32_t counter,
	struct stream_addresses *addresses_p);

/*
 * The table's entry of @row; of the head of the served epoch.  The entry may be written
 * meanwhile: then the id is still the one before.
 */
bool stream_host_entry(const struct stream_host *host, uint32_t counter, uint32_t row,
	struct stream_entry *entry_p);

/* What the archive of a stream wants of another replica (copy.h). */
enum stream_copy_need {
	STREAM_COPY_NEEDS_NOTHING,
	STREAM_COPY_NEEDS_SOURCE, /* somebody who has archived more: stream_host_copy_begin */
	STREAM_COPY_NEEDS_ASKING, /* the source is to feed the inbox: stream_host_copy_fed */
};

struct stream_copy_want {
	uint64_t consumed; /* this replica's archive wants nothing up to here */
	uint32_t inbox_slots;
	char inbox[MEMORY_ADDRESS_MAX];
};

/* Looked at every now and then; what is decided meanwhile is done. */
enum stream_copy_need stream_host_copy(struct stream_host *host, uint32_t counter,
	uint64_t now_ns, struct stream_copy_want *want_p);
/* There is a source.  Errors of expose, and -ENOMEM. */
int stream_host_copy_begin(struct stream_host *host, uint32_t counter, uint64_t now_ns,
	struct error *err) __attribute__((warn_unused_result));
/* The source feeds it: @inbox is where its readers' lines are, @reader as in the answer. */
int stream_host_copy_fed(struct stream_host *host, uint32_t counter, const char *inbox,
	uint32_t reader, struct error *err) __attribute__((warn_unused_result));

/* A subscriber; @token: its session. */
struct stream_reader_config {
	uint64_t token;
	uint64_t consumed;
	bool oldest;	   /* begin with the oldest there is, archive included */
	const char *inbox; /* "": it reads in place */
	uint32_t inbox_slots;
	uint32_t reader;     /* it goes on as this one; 0: it is new, or does not know */
	uint32_t subscriber; /* the session's own number for it; 0: it has none */
	uint64_t pid;
	const char *program;
	bool replica; /* another replica's archive: one for each token, and not waited for */
};

struct stream_reader_answer {
	uint32_t reader; /* its line, and one more */
	uint64_t consumed;
	uint64_t archive_oldest;
};

/* -EUSERS: STREAM_READERS_MAX are there.  -EINVAL.  -EAGAIN: the stream is not served now. */
int stream_host_reader_add(struct stream_host *host, uint32_t counter,
	const struct stream_reader_config *config, struct stream_reader_answer *answer_p,
	struct error *err) __attribute__((warn_unused_result));
/* @reader 0: the one that is the session's @subscriber. */
void stream_host_reader_remove(struct stream_host *host, uint32_t counter, uint64_t token,
	uint32_t reader, uint32_t subscriber);

/*
 * Who may link to the streams' memory, and whose links end: sessions, and replicas outside the
 * chain that copy.  Members of the chains that streams were prepared for need no admission.
 * Stream threads sleep deeply only when nobody is admitted.
 */
void stream_host_admit(struct stream_host *host, uint64_t token);
void stream_host_evict(struct stream_host *host, uint64_t token);

/* Somebody may publish: threads that wait for an event look again. */
void stream_host_wake(struct stream_host *host);

/*
 * Snapshots of applications: whether everything up to @position can be in one.  0: it is
 * committed.  -EINVAL: the stream does not go so far.  -EAGAIN: that is not committed yet, or the
 * head is not here.
 */
int stream_host_snapshot_check(struct stream_host *host, uint32_t counter,
	uint64_t position, struct error *err) __attribute__((warn_unused_result));
/*
 * A snapshot has everything up to @position, as its application or another replica says: this
 * archive may let go of it.  False: that was known, or there is no archive.
 */
bool stream_host_snapshot(struct stream_host *host, uint32_t counter, uint64_t position);
/* The newest of those that are known here; 0: none. */
uint64_t stream_host_acknowledged(const struct stream_host *host, uint32_t counter);

/* A read at the tail (core/stream_tail_read.h), of whatever storage the stream has. */
struct stream_question {
	uint64_t number; /* the caller's; the answer has it */
	uint64_t epoch;	 /* that whoever asks knows */
	uint64_t deadline_ns;
	const void *bytes;
	uint32_t len;
};
/*
 * The answer is told by news, and taken with stream_host_answer, which may give it after the
 * deadline, or never if there is no memory for it.  -EAGAIN: this replica is not the tail of that
 * epoch, or too many questions wait.  -ENOTSUP: reads at the tail are not possible here.  -ENOMEM.
 */
int stream_host_question(struct stream_host *host, uint32_t counter,
	const struct stream_question *question, struct error *err)
	__attribute__((warn_unused_result));
struct answer *stream_host_answer(struct stream_host *host);

/* For people. */
struct stream_status {
	const char *name;
	struct stream_limits limits;
	uint64_t oldest;
	uint64_t end;
	uint64_t commit;
	struct stream_counts counts;
	double rate;
	uint64_t runs;	 /* forwarded to the successor, */
	uint64_t writes; /*   with so many writes of slots */
	bool archiving;
	uint64_t archive_oldest;
	uint64_t archived;
	uint64_t synced;
	uint64_t archive_missing;
	uint64_t acknowledged; /* in snapshots of applications */
	uint64_t tail_reads;   /* answered here */
	uint64_t tail_refused;
	uint64_t tail_applied; /* by the storage here; 0: nothing is */
	char archive_alarm[ERROR_TEXT_MAX];
};

struct stream_reader_status {
	uint32_t reader;
	uint64_t pid;
	char program[64];
	uint64_t consumed;
	uint64_t lag;
	bool fed;
	bool archive;
	bool slow;
};

/* False: no such stream here. */
bool stream_host_status(
	struct stream_host *host, uint32_t counter, struct stream_status *status_p);
/* The readers from 0; false past the last. */
bool stream_host_reader_status(struct stream_host *host, uint32_t counter, uint32_t index,
	struct stream_reader_status *status_p);

/* Newest position in this replica's archive of the stream; 0: none. */
uint64_t stream_host_archived(const struct stream_host *host, uint32_t counter);

#endif
