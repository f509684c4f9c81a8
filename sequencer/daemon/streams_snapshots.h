/*
 * Snapshots of state machines that this replica keeps beside its archives (docs/protocol.md, "Snapshots
 * at the replicas").  A client writes one to one member of the chain; the others copy it from there, as
 * does whoever comes later (streams_snapshots_copy.c).
 *
 * When one is kept well enough the core says (snapshot_kept.h, Z12).
 *
 * Z13  The loop waits for no disk: files are a thread's (snapshot_thread.h).
 *
 * Everything runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_STREAMS_SNAPSHOTS_H
#define PAWL_DAEMON_STREAMS_SNAPSHOTS_H

#include "sequencer/stream/snapshot_thread.h"
#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/epoch.h"
#include "sequencer/core/stream_limits.h"

struct connection;
struct handlers;
struct replica;

/* One that is being copied from another replica. */
struct snapshot_fetch {
	struct epoch_member from; /* id 0: none is */
	uint64_t position;
	uint64_t upto;	   /* so many bytes are here */
	uint64_t asked_ns; /* for the next ones */
	bool writing;	   /* what came is on its way to the disk */
};

/* One stream; at the same place as in replica_streams.seats. */
struct snapshot_seat {
	bool keeps;
	bool known;	 /* what there is on the disk */
	uint32_t stream; /* for the thread */
	struct snapshot_id kept[SNAPSHOTS_KEPT];
	uint64_t coming; /* is being written; 0: none */
	struct snapshot_fetch fetch;
	int trouble;	   /* with the newest copy; 0: none */
	uint64_t again_ns; /* not before this is it tried again */
};

/* What the thread is asked, and for whom. */
struct errand {
	struct snapshot_job job; /* first */
	struct errand *next;	 /* of those that are under way */
	uint32_t seat;
	bool fetch;		       /* what came from another replica */
	struct connection *connection; /* of a client; NULL: of nobody, or gone */
	uint64_t request;
	struct epoch_member peer; /* that has asked; id 0: none */
};

struct streams_snapshots {
	struct snapshot_thread *thread; /* NULL: not needed yet */
	struct errand *errands;
	struct snapshot_seat seats[STREAMS_MAX];
};

/* The stream of seat @seat is known from now on. */
void snapshots_know(struct replica *replica, uint32_t seat);
/* Takes what the thread has done. */
void snapshots_look(struct replica *replica);
/* With all streams. */
void snapshots_end(struct replica *replica);

/* What is told of seat @seat. */
void snapshots_tell(
	const struct replica *replica, uint32_t seat, Control__StreamPlaces *places);

/* Clients. */
void snapshots_put_request(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__PutSnapshot *put);
void snapshots_get_request(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__GetSnapshot *get);
void snapshots_forget(struct replica *replica, const struct connection *connection);

/*
 * 0: it is kept well enough.  -EAGAIN: not yet.  -EOPNOTSUPP: nobody keeps any.  Else why a member
 * can not take it.
 */
int snapshots_check(struct replica *replica, uint32_t counter, uint64_t position,
	struct error *err) __attribute__((warn_unused_result));

/* What an errand has read. */
void snapshots_piece_fill(const struct replica *replica, const struct errand *errand,
	Control__SnapshotPiece *piece);

/* Another job for the thread; NULL: no memory. */
struct errand *snapshots_errand(
	struct replica *replica, uint32_t seat, enum snapshot_job_kind kind);
/* -EAGAIN: the thread has too much to do; the errand is gone. */
int snapshots_send(struct replica *replica, struct errand *errand)
	__attribute__((warn_unused_result));

/* streams_snapshots_copy.c: between replicas. */
/* Every now and then, and when somebody has told. */
void snapshots_copy_tick(struct replica *replica);
void snapshots_copy_asked(struct replica *replica, struct epoch_member from,
	const Control__GetSnapshot *get);
void snapshots_copy_told(struct replica *replica, struct epoch_member from,
	const Control__SnapshotPiece *piece);
/* What was asked by another replica, or is to be written here, is done. */
void snapshots_copy_give(struct replica *replica, const struct errand *errand);
void snapshots_copy_written(struct replica *replica, const struct errand *errand);

#endif
