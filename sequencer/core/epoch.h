/*
 * The epoch machine: one replica's part in every change of the chain (docs/protocol.md
 * says why each step is there).
 *
 * Any change is: claim the next epoch in the store, seal members of the newest active
 * one, compute bases, install fresh regions, activate.  The machine does no I/O.  The
 * driver tells it what happened (epoch_on_...), then takes effects (epoch_next_effect)
 * until there are none, and calls epoch_on_time not later than epoch_wake_ns.
 *
 * E1  An epoch number is claimed once: the record of an epoch has one proposer and one
 *     chain, whatever becomes of it.
 * E2  Only a holder claims: a replica that holds the region of the newest active epoch,
 *     installed under the incarnation that the active chain names.  Exceptions: nobody's
 *     memory matters (no epoch was ever active, or the cluster was stopped and the record
 *     has the bases), and an operator's recovery, which begins at the ceilings.
 * E3  A new epoch begins only after a member of the newest active epoch was sealed and
 *     its report is in the bases.
 * E4  A base is the head's exact value if the head was sealed, else the largest of the
 *     sealed backups' floors and marks.  Bases never go back.
 * E5  A ticket of the epoch before stands up to `stand`, no further: the base if it is
 *     exact or the counter is dense, else the base less reserve_max, for what marks
 *     written ahead cover may be drawn from the old head at any later time.
 * E6  A region is open from its installation on, and nobody is told of it before its epoch
 *     is active.  An epoch that never became active never existed.
 * E7  When the head was not sealed and a counter may be reserved, the new epoch becomes
 *     active only lease_ns and 1% after the newest seal's report.
 * E8  A region is retired only when a later epoch is known to be active, or when it is
 *     known that its own never will be.
 * E9  Tickets of epoch e are resolved against the active epoch that followed e, which a
 *     region remembers for as long as it is held (region_history.h).
 * E10 A ceiling is shown to clients only after the store has it, and it never goes back.
 * E11 What the store answers decides: after an unknown outcome or a conflict the record is
 *     read back, and a step goes on only if the record names this proposer and its claim.
 * E12 A replica obeys a proposer only if the claim is not older than any it has obeyed, nor
 *     than the record that it knows.
 *
 * A machine belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_EPOCH_H
#define PAWL_CORE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/epoch_record.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/panic.h"

/* Members that one replica can have doubts about at once; the oldest is forgotten. */
#define EPOCH_SUSPECTS_MAX 32
#define EPOCH_RETIRES_MAX 8

enum epoch_message_kind {
	EPOCH_SEAL,	 /* proposer to member of @target: seal and report */
	EPOCH_SEALED,	 /* back: @exact, @values */
	EPOCH_INSTALL,	 /* proposer to member of the new chain */
	EPOCH_INSTALLED, /* back */
	EPOCH_REFUSED,	 /* back, to either: it has no such region, or is another life */
	EPOCH_ACTIVATED, /* proposer to the new chain: @claim is active */
	EPOCH_JOIN,	 /* to a member: take me into the chain */
};

/* Pointers are good until the next call into the machine that named the message. */
struct epoch_message {
	enum epoch_message_kind kind;
	struct epoch_member from;
	struct epoch_member to;
	uint64_t claim;
	uint64_t target;
	bool exact;
	uint32_t counters_count;
	const uint64_t *values;
	struct epoch_chain chain;
	const struct epoch_counter *counters;
	const struct epoch_history *history;
};

enum epoch_effect_kind {
	/* Read the record; answer with epoch_on_record or epoch_on_store_failed. */
	EPOCH_READ_RECORD,
	/* Put @record if the revision is still @revision; answer with epoch_on_written. */
	EPOCH_WRITE_RECORD,
	EPOCH_SEND,
	/*
	 * Seal the region of @epoch and report its first @counters_count counters
	 * (epoch_on_sealed_here), also if the region is gone by then.  A backup stores the
	 * sealed state (sequentially consistent) and then reports region_report of every
	 * counter.  The head (@head) stores the sealed state, adds COUNTER_LIMIT to every
	 * counter through its own device, and reports the exact values.  Sealing again
	 * reports what a head reported before, and not less than a backup did.
	 */
	EPOCH_SEAL_HERE,
	/* Make a fresh, open region of @epoch from @record; then epoch_on_installed_here. */
	EPOCH_INSTALL_HERE,
	/* The region of @epoch is history.  Take it out of service when convenient. */
	EPOCH_RETIRE_HERE,
	/* @epoch is active: clients may be told. */
	EPOCH_SERVE,
	/* Show the ceilings of @record in the head's region of @epoch. */
	EPOCH_SHOW_CEILINGS,
};

struct epoch_effect {
	enum epoch_effect_kind kind;
	uint64_t epoch;
	uint32_t counters_count;
	bool head;
	bool blind; /* a broken rule in tests: write without comparing */
	uint64_t revision;
	const struct epoch_record *record;
	struct epoch_message message;
};

enum epoch_written {
	EPOCH_WRITTEN,	   /* it is the record now */
	EPOCH_CONFLICT,	   /* the revision was another; nothing was written */
	EPOCH_UNKNOWN,	   /* it may have been written, or may be later */
	EPOCH_NOT_WRITTEN, /* it failed without effect */
};

struct epoch_config {
	struct epoch_member self; /* incarnation: random, new in every life */
	uint32_t counters_max;
	uint64_t turn_ns; /* each place in the chain waits this much longer to propose */
	uint64_t step_ns; /* a member that does not answer for so long is left out */
	uint64_t resend_ns;   /* unanswered messages go out again */
	uint64_t takeover_ns; /* a claim that gets nowhere for so long is taken over */
	uint64_t store_ns;    /* after a failed request the store is asked again */
	uint64_t join_ns;     /* asking to join is repeated */
	uint64_t ceiling_ahead;
	bool rejoin; /* ask to join whenever it is not in the chain */
};

enum epoch_step {
	EPOCH_IDLE,
	EPOCH_CLAIMING,	  /* step 1 */
	EPOCH_SEALING,	  /* step 2, and 3 at its end */
	EPOCH_INSTALLING, /* step 4 */
	EPOCH_LEASING,	  /* leases of an unsealed head run out (E7) */
	EPOCH_ACTIVATING, /* step 5 */
};

/* A region that this replica holds. */
struct epoch_region {
	uint64_t epoch;	      /* 0: none */
	uint64_t from;	      /* the active epoch before it */
	uint64_t incarnation; /* it was installed under */
	struct epoch_chain chain;
	bool installed;
	struct epoch_history history;
};

enum epoch_store {
	EPOCH_STORE_READY,
	EPOCH_STORE_READING,
	EPOCH_STORE_WRITE_WANTED,
	EPOCH_STORE_WRITING,
};

enum epoch_write {
	EPOCH_WRITE_NONE,
	EPOCH_WRITE_CLAIM,
	EPOCH_WRITE_ACTIVE,
	EPOCH_WRITE_CHANGE, /* ceilings, or another counter */
};

/*
 * What operators and joiners asked of the head.  A wish waits while a change of epoch that
 * began without it goes on, and is forgotten when another replica leads.
 *
 * A counter wish names the place that the counter will have.  It is written until the
 * record has a counter at that place, whatever became of the writes before: by then it is
 * either this one, or another head's.  Only the names in the record tell which.  It can be
 * taken back while no write of it can have reached the store.  One whose outcome is unknown
 * can take effect later, but only as long as the record has the revision that it compares.
 */
struct epoch_wishes {
	uint64_t active_epoch; /* they are about the chain of this one */
	struct epoch_chain join;
	uint32_t removed[CHAIN_MAX];
	uint32_t removed_count;
	uint32_t promoted; /* id; 0: none */
	bool stop;
	bool counter;
	uint32_t counter_index;
	uint64_t counter_reserve_max;
	uint64_t counter_unknown; /* a write of it compared this revision; 0: none */
};

/* What the proposer of @claim knows. */
struct epoch_proposal {
	enum epoch_step step;
	uint64_t claim;
	uint64_t since_ns;  /* of this step */
	uint64_t resend_ns; /* when unanswered messages go out again */
	uint64_t newest_seal_ns;
	uint32_t sealed; /* bit per member of the former chain */
	uint32_t refused;
	uint32_t installed; /* bit per member of the new chain */
	uint32_t
		outbox; /* members of either chain that are to be sent this step's message */
	bool head_sealed;
	bool recovers;
	bool stops;
};

struct epoch_machine {
	struct epoch_config config;
	uint64_t now_ns;

	struct epoch_record seen; /* what the store held, as far as known */
	uint64_t revision;
	bool known;	  /* seen is good, and nothing hints at something newer */
	uint64_t seen_ns; /* since when the record is what it is */
	enum epoch_store store;
	enum epoch_write writing;
	bool read_wanted;
	uint64_t store_retry_ns;
	struct epoch_record want; /* being written */

	struct epoch_region serving; /* of an active epoch */
	struct epoch_region pending; /* of one that may become active */
	uint64_t obeyed;	     /* newest claim obeyed (E12) */
	bool seal_wanted, seal_running;
	bool install_wanted;
	bool serve_wanted;
	bool show_wanted;
	uint64_t retires[EPOCH_RETIRES_MAX];
	uint32_t retires_count;
	struct epoch_message reply; /* one answer waiting; proposers ask again */
	bool reply_wanted;
	struct epoch_member sealed_for;
	uint64_t sealed_claim;
	uint64_t sealed_target; /* the epoch that was to be sealed, no other */
	uint32_t sealed_count;	/* of counters */
	bool sealed_asked;
	struct epoch_record fresh; /* what the pending region is made from */

	struct epoch_member suspects[EPOCH_SUSPECTS_MAX];
	uint32_t suspects_count;
	struct epoch_chain doubts; /* did not answer in time during this change */
	uint64_t
		reason_ns; /* since when there is a reason to propose; UINT64_MAX: none */
	struct epoch_wishes wishes;
	bool begin_wanted; /* this replica may begin a cluster that is stopped or new */
	bool begin_dated;  /* what the record said when it was allowed is known: */
	uint64_t begin_active_epoch;
	bool recover_wanted;
	uint64_t join_ns;
	bool join_out;

	struct epoch_proposal proposal;
	struct epoch_history next; /* of the epoch being made */
	struct epoch_chain told;   /* who is still to hear that @told_epoch is active */
	uint64_t told_epoch;
	uint64_t *exact;  /* the former head's values */
	uint64_t *marks;  /* largest of the sealed backups */
	uint64_t *report; /* of this replica's own region */
	uint64_t *wanted; /* ceilings that the head wants; 0: none */
};

/* Words that a machine for @counters_max counters needs. */
size_t epoch_words_count(uint32_t counters_max);

/* @words: epoch_words_count elements, the caller's, outliving the machine. */
void epoch_init(struct epoch_machine *m, const struct epoch_config *config,
	uint64_t *words, uint64_t now_ns);

/*
 * In a new life, the region of an earlier life was found whole: it is held, installed
 * under @incarnation.  Before anything else.
 */
void epoch_adopt(struct epoch_machine *m, uint64_t epoch, uint64_t incarnation);
/* And what it remembers, of @counters_count counters; it is copied. */
void epoch_adopt_history(struct epoch_machine *m, const struct epoch_history *history,
	uint32_t counters_count);

/*
 * This replica may begin the cluster, once: @counters and @lease_ns if there is no record.
 * When an epoch becomes active, here or elsewhere, the permission is used up, and a cluster
 * that is stopped after that stays stopped until somebody is told again.
 */
void epoch_begin(struct epoch_machine *m, const struct epoch_counter *counters,
	uint32_t counters_count, uint64_t lease_ns, uint64_t now_ns);

/*
 * An operator says that every member's memory is lost: begin again at the ceilings, with
 * this replica alone.
 */
void epoch_recover(struct epoch_machine *m, uint64_t now_ns);

/*
 * Wishes of an operator.  0: it will be tried, watch the record.  -EREMCHG: this replica
 * is not the one to ask, the first living member of the chain is.  -EINVAL: no such
 * member; or the chain would be empty or too long.  -EBUSY: another of its kind waits, or
 * too many do.
 */
int epoch_add(struct epoch_machine *m, struct epoch_member member, uint64_t now_ns);
int epoch_remove(struct epoch_machine *m, uint32_t id, uint64_t now_ns);
int epoch_promote(struct epoch_machine *m, uint32_t id, uint64_t now_ns);
int epoch_stop(struct epoch_machine *m, uint64_t now_ns);

/*
 * Another counter, behind those that there are; only the acting head takes it.  -EREMCHG:
 * that is another replica, or nobody now.  -EINVAL: no room.  -EBUSY: another one waits.
 *
 * The machine does not know names.  The driver looks for the name in the record first, and
 * gives it to the place counters_count - 1 of an EPOCH_WRITE_RECORD that has one counter
 * more than the record before; it keeps the name for that until another counter is taken.
 * Meanwhile it looks again: the name is in the record, or somebody else's took the place
 * or the lead, and it asks again or gives up.
 */
int epoch_counter_add(struct epoch_machine *m, uint64_t reserve_max, uint64_t now_ns);
/*
 * Nobody waits for the counter any more.  True: there is no wish now, and no write of it can
 * take effect.  False: one may, or has, and the wish stays until it is known.
 */
bool epoch_counter_drop(struct epoch_machine *m);
/* A write of the wish is on its way: the store's answer is going to tell what became of it. */
bool epoch_counter_awaited(const struct epoch_machine *m);

/* The answer to EPOCH_READ_RECORD.  NULL: there is none.  The record is copied. */
void epoch_on_record(struct epoch_machine *m, const struct epoch_record *record,
	uint64_t revision, uint64_t now_ns);
void epoch_on_store_failed(struct epoch_machine *m, uint64_t now_ns);
/* The answer to EPOCH_WRITE_RECORD; @revision is the new one if it was written. */
void epoch_on_written(struct epoch_machine *m, enum epoch_written written,
	uint64_t revision, uint64_t now_ns);
/* The store's watch: something may have changed, now or long ago. */
void epoch_on_watch(struct epoch_machine *m, uint64_t now_ns);

void epoch_on_message(
	struct epoch_machine *m, const struct epoch_message *message, uint64_t now_ns);

/* @values: counters_count words as EPOCH_SEAL_HERE has them; @exact: it was the head. */
void epoch_on_sealed_here(struct epoch_machine *m, uint64_t epoch, bool exact,
	const uint64_t *values, uint32_t counters_count, uint64_t now_ns);
void epoch_on_installed_here(struct epoch_machine *m, uint64_t epoch, uint64_t now_ns);

/* The driver's opinion of a peer: it does not answer, or it does again. */
void epoch_on_suspect(
	struct epoch_machine *m, struct epoch_member member, uint64_t now_ns);
void epoch_on_trust(struct epoch_machine *m, struct epoch_member member, uint64_t now_ns);

/* At the head, every now and then: where a counter is (E10). */
void epoch_on_value(
	struct epoch_machine *m, uint32_t counter, uint64_t value, uint64_t now_ns);

void epoch_on_time(struct epoch_machine *m, uint64_t now_ns);
/* When epoch_on_time has something to do, UINT64_MAX for never. */
uint64_t epoch_wake_ns(const struct epoch_machine *m);

/* Takes the next effect.  False: there is none.  Pointers: good until the next call. */
bool epoch_next_effect(struct epoch_machine *m, struct epoch_effect *effect_p);

/* The region that this replica serves; its epoch is 0 when it serves none. */
const struct epoch_region *epoch_serving(const struct epoch_machine *m);

/*
 * Tickets of @counter drawn in @epoch stand up to this number; 0 when nothing is known any
 * more: then they are drawn again, and their numbers may be nobody's (E9).
 */
uint64_t epoch_stand(const struct epoch_machine *m, uint64_t epoch, uint32_t counter);

#endif
