/*
 * Snapshots of a participant, at the replicas: written from here, and restored here.
 *
 *     participant_talk.c      what members of the chain are asked
 *     participant_snapshot.c  one is taken, and written to the replicas
 *     participant_restore.c   the newest one is restored: when opening, and when lapped
 *
 * I5  A snapshot is taken between two commands, and all of it at once; writing it takes as long as it
 *     likes, while commands are applied.
 * I6  After a restore an own command that was in flight is decided by the log alone: delivered behind
 *     the snapshot, its result is known; if it is in the stream, but not behind the snapshot, it is
 *     inside (-ENODATA); and if the stream has forgotten this publisher meanwhile, nobody knows
 *     (-ENOTRECOVERABLE).
 * I7  A machine is restored from bytes with the right CRC32C, or is as new.
 */
#ifndef PAWL_CLIENT_PARTICIPANT_SNAPSHOT_H
#define PAWL_CLIENT_PARTICIPANT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/stream.h"
#include "hw/error.h"

struct pawl_participant;

/* One question at a time, to one member of the chain. */
struct participant_talk {
	struct stream_listener listener; /* first */
	struct pawl_participant *participant;
	bool ready; /* members may be asked */
	enum stream_asking asking;
	uint32_t member;
	uint64_t request;
	Control__Reply__BodyCase expects;
	/* Its answer: talk->code is 0, and @reply what was expected; or an error, with its text. */
	void (*answered)(struct pawl_participant *p, const Control__Reply *reply);
	uint64_t since_ns;
	uint64_t looked_ns;
	int code;
	struct error why;
};

enum writing_stage {
	WRITING_NOTHING,
	WRITING_LOOKS, /* whether somebody else has written one lately */
	WRITING_PUTS,
	WRITING_ACKNOWLEDGES, /* until all that keep snapshots have it */
};

struct participant_writing {
	enum writing_stage stage;
	uint64_t due; /* one is taken when this position was applied; UINT64_MAX: never */
	unsigned char *bytes;
	uint64_t room;
	uint64_t len;
	uint64_t position;
	uint32_t crc;
	uint64_t upto; /* so many bytes are at the member */
	uint32_t member;
	uint64_t again_ns; /* nobody is asked before */
	uint64_t begun_ns;
	bool wanted;   /* pawl_participant_snapshot waits for it */
	uint64_t kept; /* the newest one of this participant's that was acknowledged */
	int status;    /* of the newest that is over */
	struct error why;
};

enum restoring_stage {
	RESTORING_NOTHING,
	RESTORING_LISTS, /* what members have */
	RESTORING_READS,
	RESTORING_SETTLES, /* behind what was restored */
};

struct restoring_candidate {
	uint32_t member;
	uint64_t position;
};

struct participant_restoring {
	enum restoring_stage stage;
	bool opening;	/* nothing was applied yet, and nothing is lost */
	bool touched;	/* the machine is not what it was */
	bool leaves;	/* the subscriber of before */
	bool fell_back; /* to the first position; nothing was applied since */
	uint64_t above; /* positions that are of use */
	struct restoring_candidate candidates[2 * CHAIN_MAX];
	unsigned int count;
	uint32_t member; /* that is asked next what it has */
	struct restoring_candidate at;
	uint64_t len;
	uint32_t wanted_crc;
	uint64_t offset; /* so much of it is restored */
	uint32_t crc;
	struct error why; /* the newest reason why a snapshot was of no use */
};

/* ---- participant_talk.c ---- */

void talk_begin(struct pawl_participant *p);
void talk_end(struct pawl_participant *p);
/* True: a question may be asked. */
bool talk_is_free(const struct pawl_participant *p);
/* Reads answers, now and then; stream_turn's errors. */
int talk_move(struct pawl_participant *p) __attribute__((warn_unused_result));
/* Asks; nothing happens when there is no room, and it is to be asked again. */
void talk_ask(struct pawl_participant *p, uint32_t member, Control__Request *request,
	Control__Reply__BodyCase expects,
	void (*answered)(struct pawl_participant *p, const Control__Reply *reply));
/* Members of the chain; 0 while there is none. */
uint32_t talk_members(const struct pawl_participant *p);

/* ---- participant_snapshot.c ---- */

/* Takes one if it is due, and brings on the one that is being written. */
void writing_step(struct pawl_participant *p);
void writing_lost(struct pawl_participant *p);
void writing_free(struct pawl_participant *p);

/* ---- participant_restore.c ---- */

/* Whether lost positions may be made up for. */
bool restoring_can(const struct pawl_participant *p);
/*
 * The newest snapshot above @above is restored by the steps that follow; @opening: or else it begins
 * behind options.applied, and else positions are lost for good.
 */
void restoring_begin(struct pawl_participant *p, uint64_t above, bool opening);
/* 0: it is over, and p->subscriber is there.  -EAGAIN: under way.  Else it is not to be had. */
int restoring_step(struct pawl_participant *p) __attribute__((warn_unused_result));
/* The same until it is over or the handle's time is. */
int restoring_finish(struct pawl_participant *p) __attribute__((warn_unused_result));
void restoring_lost(struct pawl_participant *p);

#endif
