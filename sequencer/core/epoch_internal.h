/* What the files of the epoch machine share.  epoch.h is the contract. */
#ifndef PAWL_CORE_EPOCH_INTERNAL_H
#define PAWL_CORE_EPOCH_INTERNAL_H

#include "sequencer/core/epoch.h"
#include "sequencer/core/mutation.h"

/* epoch.c */
/* Copies everything; @to keeps its own array of counters. */
void epoch_record_copy(struct epoch_record *to, const struct epoch_record *from);
void epoch_chain_append(struct epoch_chain *chain, struct epoch_member member);
void epoch_chain_remove(struct epoch_chain *chain, uint32_t place);
/* Suspected, in doubt, or an earlier life of this replica. */
bool epoch_is_gone(const struct epoch_machine *m, struct epoch_member member);
/* Some member of the chain in the record is gone. */
bool epoch_chain_is_broken(const struct epoch_machine *m);
void epoch_doubt(struct epoch_machine *m, struct epoch_member member);
/* Does what is due; at the end of every event. */
void epoch_advance(struct epoch_machine *m);

/* epoch_record.c */
/* Writes m->want as soon as the store is free. */
void epoch_write(struct epoch_machine *m, enum epoch_write kind);
bool epoch_store_free(const struct epoch_machine *m);

/* epoch_history.c */
void epoch_history_copy(
	struct epoch_history *to, const struct epoch_history *from, uint32_t counters);
void epoch_history_push(struct epoch_history *history, uint64_t epoch, uint64_t from,
	const struct epoch_counter *counters, uint32_t counters_count);

/* epoch_propose.c */
/* Who this replica is to the newest active chain: itself, or its adopted earlier life. */
struct epoch_member epoch_held_as(const struct epoch_machine *m);
bool epoch_is_holder(const struct epoch_machine *m);
/* It is a holder, and every member before it in the chain is gone. */
bool epoch_is_first(const struct epoch_machine *m);
bool epoch_idle_advance(struct epoch_machine *m);
uint64_t epoch_idle_wake_ns(const struct epoch_machine *m);
/* Claims again, without the members that are gone by now, as soon as the store is free. */
void epoch_reclaim(struct epoch_machine *m);
/* The record changed: does it still name this claim (E11)? */
void epoch_proposal_check(struct epoch_machine *m);

/* epoch_seal.c */
void epoch_sealing_begin(struct epoch_machine *m);
bool epoch_sealing_advance(struct epoch_machine *m);
void epoch_report_take(struct epoch_machine *m, uint32_t place, bool exact,
	const uint64_t *values, uint32_t counters_count);

/* epoch_install.c */
void epoch_installing_begin(struct epoch_machine *m);
bool epoch_installing_advance(struct epoch_machine *m);
bool epoch_leasing_advance(struct epoch_machine *m);
bool epoch_activating_advance(struct epoch_machine *m);
uint64_t epoch_lease_end_ns(const struct epoch_machine *m);

/* epoch_member.c */
void epoch_install(struct epoch_machine *m, const struct epoch_message *install);
/* @epoch is known to be the newest active one, or not older than it. */
void epoch_active_is(struct epoch_machine *m, uint64_t epoch);
void epoch_pending_check(struct epoch_machine *m);
bool epoch_obey(struct epoch_machine *m, uint64_t claim);

/* epoch_wish.c */
bool epoch_wishes_change(const struct epoch_machine *m);
/* The proposal became the record: what that fulfils is done. */
void epoch_wishes_done(struct epoch_machine *m);
/* The record changed: is this replica still the one to fulfil wishes, and to begin? */
void epoch_wishes_check(struct epoch_machine *m);
/* 0 or -EBUSY: too many wait. */
int epoch_join_take(struct epoch_machine *m, struct epoch_member member);
void epoch_join_advance(struct epoch_machine *m);
bool epoch_wishes_remove(const struct epoch_machine *m, uint32_t id);

/* epoch_change.c: ceilings and new counters, which need no new epoch. */
void epoch_change_advance(struct epoch_machine *m);
/* The outcome of the write that ends here is unknown. */
void epoch_change_unknown(struct epoch_machine *m);
/* The record changed: does the counter wish still wait? */
void epoch_change_check(struct epoch_machine *m);

#endif
