/* What the files of the ticket machine share.  ticket.h is the contract. */
#ifndef PAWL_CORE_TICKET_INTERNAL_H
#define PAWL_CORE_TICKET_INTERNAL_H

#include "sequencer/core/ticket.h"

/* ticket.c */
struct ticket *ticket_at(const struct ticket_queue *q, uint64_t index);
void ticket_settle(struct ticket *t, enum ticket_outcome outcome);
/* Settles the unsettled tickets of [settled_upto, end), all of them drawn or given up. */
void ticket_settle_upto(
	struct ticket_queue *q, uint64_t end, enum ticket_outcome outcome);
/* Indices pass over settled tickets: their own, and those that a lease confirmed. */
void ticket_settled_advance(struct ticket_queue *q);
/* The same when tickets may have settled before they were drawn. */
void ticket_indices_advance(struct ticket_queue *q);

/* ticket_round.c */
/* Confirms what can be confirmed, and begins a round if one is needed. */
void ticket_round_advance(struct ticket_queue *q);
void ticket_round_answered(struct ticket_queue *q, uint32_t backup);
/* The epoch's marks and lease are void: it is another epoch, or other links. */
void ticket_round_forget(struct ticket_queue *q);
/* Looks again which drawn tickets are above the ceiling. */
void ticket_over_update(struct ticket_queue *q);

#endif
