/*
 * Rules of the protocol that can be broken on purpose, one at a time, so that the
 * simulator can show that it would notice (docs/protocol.md).  Only an archive made
 * with -DPAWL_MUTATIONS contains any of it; everywhere else MUTATED() is false and the
 * compiler removes the branch.
 */
#ifndef PAWL_CORE_MUTATION_H
#define PAWL_CORE_MUTATION_H

#include <stdbool.h>

enum mutation {
	MUTATION_NONE,
	/* of the ticket machine */
	MUTATION_MARK_AFTER_READ, /* the state is read before the mark is written */
	MUTATION_NO_STATE_READ,	  /* whatever a backup's state says counts as open */
	MUTATION_ONE_BACKUP,	  /* the first backup that answers confirms */
	MUTATION_READ_STANDS,	  /* a read stands across epochs */
	MUTATION_LEASE_IGNORED,	  /* a lease never lapses */
	MUTATION_LEASE_LATE,	  /* it counts from the answer, not from the question */
	MUTATION_CEILING_IGNORED, /* numbers above the ceiling are confirmed */
	/* of the marks of a region */
	MUTATION_FLOOR_IGNORED, /* a backup reports its marks without the floor */
	MUTATION_FOLD_LEFT_OUT, /* a row is reused without being folded */
	/* of the epoch machine */
	MUTATION_HEAD_MARKS,	  /* the base of a lone head comes from marks */
	MUTATION_STAND_AT_BASE,	  /* marks written ahead let tickets stand */
	MUTATION_WRONG_EPOCH,	  /* tickets resolve against the newest epoch */
	MUTATION_NO_LEASE_WAIT,	  /* nobody waits for the leases of an unsealed head */
	MUTATION_STRANGER_CLAIMS, /* a replica that is no member claims */
	MUTATION_LOSS_FORGOTTEN,  /* incarnations are not looked at */
	MUTATION_BLIND_WRITE,	  /* an epoch is activated without compare-and-set */
	MUTATION_UNKNOWN_IS_DONE, /* an unknown outcome of a write counts as success */
	MUTATION_EARLY_SERVICE,	  /* an epoch is served before it is active */
	MUTATION_NOBODY_SEALED, /* an epoch begins without a sealed member of the last */
	MUTATION_CEILING_EARLY, /* a ceiling is shown before the store has it */
	MUTATION_RECOVER_AT_BASE, /* recovery begins at the last base, not at the ceiling */
	MUTATION_DRIFT_IGNORED,	  /* leases are waited for by one clock, without the 1% */
	MUTATION_COUNTER_AGAIN, /* a counter whose write is unknown is just made again */
	MUTATION_COUNTER_DROPPED, /* a counter is taken back while a write of it is out */
	MUTATION_BEGIN_LASTS, /* a replica that may begin a cluster may do so for ever */
	MUTATION_PASSED_OBEYED, /* a claim that the record has passed is obeyed */
	/* of the driver: what it does to memory for the machines */
	MUTATION_HEAD_NOT_SEALED,  /* the old head reports its values and goes on */
	MUTATION_SEAL_MISSES,	   /* a backup reports without sealing */
	MUTATION_REPORT_THEN_SEAL, /* a backup reads its marks before it seals */
	MUTATION_REGION_REUSED,	   /* the next epoch's region is the same memory */
	MUTATION_LINK_OUTLIVED,	   /* a link is replaced before it has ended */
	MUTATION_DIRECT_IN_ROUND, /* marks are stored directly while a link writes some */
	/* of streams */
	MUTATION_STREAM_NO_CRC,	      /* a slot is trusted whatever its checksum says */
	MUTATION_STREAM_NO_EPOCH,     /* a slot of any epoch counts */
	MUTATION_STREAM_ANY_ID,	      /* a head accepts messages with any id */
	MUTATION_STREAM_BACKUP_VOIDS, /* a backup decides that a position is void */
	MUTATION_STREAM_ACK_COMMIT,   /* the commit point alone acknowledges */
	MUTATION_STREAM_BASE_COMMIT,  /* a sealed log reports the commit point it knows */
	MUTATION_STREAM_OVERWRITE, /* rings are written without looking who is behind */
	MUTATION_STREAM_LOG_KEPT,  /* a log is kept whatever epochs it missed */
	MUTATION_STREAM_FED_EARLY, /* subscribers get what is not committed yet */
	MUTATION_STREAM_INBOX_REUSED,	/* a backup's inbox is the same in every epoch */
	MUTATION_STREAM_FOLLOW_AHEAD,	/* a follower copies what is not committed */
	MUTATION_STREAM_FOLLOW_EARLY,	/* its log counts though its table is ahead */
	MUTATION_STREAM_FOLLOW_SHORT,	/*   or though it lacks what the source retains */
	MUTATION_STREAM_RELEASED_ALONE, /* what successors' readers need is not asked */
	MUTATION_STREAM_LOST_READERS,	/* a lost member's readers get no time */
	MUTATION_STREAM_HOLD_AT_BASE,	/* what they get time for is only what is new */
	MUTATION_STREAM_DEAD_READER,	/* a reader that is dead is waited for */
	MUTATION_STREAM_LEFT_AT_ONCE,	/*   and one that moves is not, where it was */
	/* of reads at the tail */
	MUTATION_TAIL_READ_UNCHECKED,	/* an answer counts without its epoch's check */
	MUTATION_TAIL_READ_CHECK_FIRST, /* what an earlier read found open counts as open */
	MUTATION_TAIL_READ_TAIL_ONLY,	/* only the tail's own state is looked at */
	MUTATION_TAIL_READ_APPLIED, /* the tail answers from what it has applied already */
	/* of storage */
	MUTATION_STORE_OWN_BY_ID,      /* a command is one's own if its id is */
	MUTATION_STORE_EXPIRE_ANYWAY,  /* a session that has spoken since is expired */
	MUTATION_STORE_QUEUE_REVERSED, /* a lock goes to who came last */
	MUTATION_STORE_COMPARE_LATE,   /* a transaction compares after it has written */
	MUTATION_STORE_HALF_BRANCH,    /*   or stops in the middle of a branch */
	MUTATION_STORE_SYNC_BEYOND,    /* a sync waits for what an epoch left undone */
	MUTATION_STORE_FENCE_IGNORED,  /* old tokens are let in */
	/* of the driver: what it does for a participant */
	MUTATION_STORE_LOCAL_READ,  /* a local read is offered as a linearizable one */
	MUTATION_STORE_SYNC_EARLY,  /* a sync is over before the end was applied */
	MUTATION_STORE_DOUBT_EARLY, /* a doubt is resolved by a sync from before it */
	MUTATION_STORE_GAP_IGNORED, /* who was lapped goes on */
	MUTATION_STORE_JOIN_LATE,   /* who comes with a snapshot begins one too late */
	MUTATIONS_COUNT,
};

#ifdef PAWL_MUTATIONS
extern enum mutation mutation_chosen;
#define MUTATED(name) (mutation_chosen == MUTATION_##name)
#else
#define MUTATED(name) false
#endif

#endif
