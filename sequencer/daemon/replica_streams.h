/*
 * The streams of one replica, as epochs come and go (sequencer/stream/host.h): what the epoch
 * machine wants of regions is wanted of logs too.  A stream is a counter in the record; its
 * place there names it.
 *
 * The host is started with the first stream that is known, so that a cluster of counters has
 * neither its threads nor its second device.
 *
 * B1  A stream's length takes the place of its counter's value in what is reported of a sealed
 *     epoch, and its log is sealed before the region is: a head that took a sealed word for
 *     draws would log voids.
 * B2  A region is reported to be installed only when all logs end at its bases (H3).
 * B3  A region of an earlier life is taken up with all its logs, or not at all.
 * B4  A stream's memory is made before its name is in the region, so that who finds the name in
 *     a region finds the log too.  It is made beside the loop; names that come later wait.
 *
 * Everything runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_REPLICA_STREAMS_H
#define PAWL_DAEMON_REPLICA_STREAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "hw/error.h"
#include "sequencer/control/control.pb-c.h"
#include "sequencer/control/paths.h"
#include "sequencer/core/epoch.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/daemon/rows.h"
#include "sequencer/daemon/streams_snapshots.h"
#include "sequencer/stream/host.h"

#define STREAMS_PEERS_MAX 16

struct replica;
struct record;

/* One stream here. */
struct stream_seat {
	uint32_t counter;
	uint64_t prepared;	    /* the newest epoch that its log was made ready for */
	uint64_t entered;	    /* ... that it serves, or served */
	uint64_t sealed;	    /* length of the log when it was sealed last */
	struct rows rows;	    /* while this replica is the head */
	struct epoch_member source; /* feeds its archive; id 0: nobody */
	uint64_t asked_ns;	    /* it to do so */
};

/* Feeds that were granted to another replica. */
struct streams_fed {
	size_t count;
	Control__StreamFed *list[STREAMS_MAX];
	Control__StreamFed at[STREAMS_MAX];
};

/* What another replica said of the snapshots of a stream. */
struct streams_peer_snapshot {
	bool keeps;
	uint64_t position; /* of its newest; 0: none */
	int trouble;	   /* why it could not copy one; or 0 */
};

/* What another replica said of its archives. */
struct streams_peer {
	struct epoch_member member; /* id 0: the place is free */
	uint64_t heard_ns;
	uint64_t archived[STREAMS_MAX]; /* by seat */
	struct streams_peer_snapshot snapshots[STREAMS_MAX];
};

struct replica_streams {
	struct stream_host *host; /* NULL: no stream is known */
	struct stream_seat seats[STREAMS_MAX];
	uint32_t seats_count;
	uint64_t installing; /* the epoch whose logs are being made ready; 0: none */
	bool headed;	     /* the newest epoch that was served was served as its head */
	bool pending;	     /* one was made mid-epoch and is not entered yet */
	char archive_dir[PATHS_LEN_MAX];
	struct streams_snapshots snapshots;

	struct epoch_member
		admitted[STREAMS_PEERS_MAX]; /* outside the chain, that copy */
	uint32_t admitted_next;
	struct streams_peer peers[STREAMS_PEERS_MAX];
	uint64_t told_ns; /* while it waits: when it told others last */

	struct epoch_member
		source; /* while outside the chain: copied from; id 0: nobody */
	uint64_t source_epoch;
	uint64_t source_ns; /* since when something is copied */

	uv_async_t news;
	uv_timer_t ask;
	unsigned int handles_open;
};

/* Handles on the loop; closed by streams_close.  What libuv says. */
int streams_init(struct replica *replica, struct error *err)
	__attribute__((warn_unused_result));

/* Every stream of the catalog is known from now on.  Errors of stream_host_start and _know. */
int streams_know(struct replica *replica, struct error *err)
	__attribute__((warn_unused_result));

/* The seat of the stream at @counter, or NULL. */
struct stream_seat *streams_seat(struct replica *replica, uint32_t counter);

/*
 * Takes up the logs that belong to the region of @epoch, which has @counters_count counters (B3).
 * -ENOENT, -EUCLEAN: one is lost.
 */
int streams_adopt(struct replica *replica, uint32_t counters_count, struct error *err)
	__attribute__((warn_unused_result));
/* streams_clean.c: removes what earlier lives left and was not taken up. */
void streams_clean(const struct replica *replica);
/* The same when no host runs here: all files of that replica's streams. */
void streams_files_remove(
	const char *directory, const char *cluster, uint64_t instance, uint32_t replica);

/* Before the region of @epoch is sealed; afterwards streams_report fills in the lengths. */
void streams_seal(struct replica *replica, uint64_t epoch);
void streams_report(struct replica *replica, uint32_t counters_count, uint64_t *values);

/* The region of @record's epoch is there; *ready_p: there is nothing to wait for (B2). */
int streams_install(struct replica *replica, const struct epoch_record *record,
	bool *ready_p, struct error *err) __attribute__((warn_unused_result));

/* The replica serves replica->served. */
void streams_serve(struct replica *replica);
/*
 * Counter @index came into the record mid-epoch, and is a stream; *made_p: its memory is there, and
 * its name may be shown (B4).  Until then this is called again.
 */
int streams_added(struct replica *replica, uint32_t index, bool *made_p,
	struct error *err) __attribute__((warn_unused_result));
void streams_retire(struct replica *replica, uint64_t epoch);
void streams_ceilings(struct replica *replica, const struct epoch_record *record);

/* Those that were made mid-epoch, when they are ready and their names are in the region. */
void streams_enter(struct replica *replica);
/*
 * Looks at what the host has done meanwhile; the machine may have something to do then.  The replica
 * ends when memory can not be had.
 */
void streams_look(struct replica *replica);

/* Memory of some that were made mid-epoch is still on its way, and takes of the room. */
bool streams_being_made(const struct replica *replica);

/* Whether the head has room for one more such stream.  -ENOSPC. */
int streams_room_check(const struct replica *replica, const char *name,
	const struct stream_limits *limits, struct error *err)
	__attribute__((warn_unused_result));

/* The record says that the cluster is stopped: archives get all that logs have up to the bases. */
void streams_finish(struct replica *replica);
/* Ends the host; may block for seconds.  @remove: the files in memory too. */
void streams_end(struct replica *replica, bool remove);
/* Takes the handles off the loop. */
void streams_close(struct replica *replica);

/* streams_talk.c: between replicas. */
void streams_ask_all(struct replica *replica);
void streams_tell_all(struct replica *replica);
/* Every now and then. */
void streams_tick(struct replica *replica);
void streams_on_ask(
	void *context, struct epoch_member from, const Control__StreamAsk *ask);
void streams_on_tell(
	void *context, struct epoch_member from, const Control__StreamTell *tell);
/* A replica in reach has more of a stream archived than this one.  -EREMCHG, and says who. */
int streams_archives_check(struct replica *replica, struct error *err)
	__attribute__((warn_unused_result));

/* streams_copy.c: archives that lack what another replica has archived. */
/* Every now and then. */
void streams_copy_tick(struct replica *replica);
/* @from has told: perhaps that it feeds. */
void streams_copy_told(struct replica *replica, struct epoch_member from,
	const Control__StreamTell *tell);
/* Feeds what @from asks for, as far as it is served here; the others ask again. */
void streams_copy_feed(struct replica *replica, struct epoch_member from,
	const Control__StreamAsk *ask, struct streams_fed *fed);

/* streams_join.c: a replica outside the chain. */
/* Copies from the chain, if this replica wants to join it. */
void streams_follow(struct replica *replica);
/* Whether it is to wait with joining: most of what it lacks is still being copied. */
bool streams_lag(const struct replica *replica);

/* streams_sessions.c: clients. */
void streams_session_begin(struct replica *replica, uint64_t token);
void streams_session_end(struct replica *replica, uint64_t token);

#endif
