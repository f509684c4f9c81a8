/*
 * The record that decides who is in charge, as the epoch machine sees it: replicas in their
 * lives, chains of them, counters, and what became of the newest epochs.
 * sequencer/store/record.h is its text.
 */
#ifndef PAWL_CORE_EPOCH_RECORD_H
#define PAWL_CORE_EPOCH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"

/* Active epochs whose stands a member remembers for clients that slept. */
#define EPOCH_HISTORY 8

struct epoch_member {
	uint32_t id; /* 0: nobody */
	uint64_t incarnation;
};

struct epoch_chain {
	uint32_t count;
	struct epoch_member at[CHAIN_MAX]; /* the head first */
};

enum epoch_phase {
	EPOCH_PREPARING, /* claimed: between claim and activation */
	EPOCH_ACTIVE,
	EPOCH_STOPPED, /* nobody serves, the bases are final; or there is no record yet */
};

struct epoch_counter {
	uint64_t base;	      /* the active epoch began here; final when stopped */
	uint64_t stand;	      /* tickets of the epoch before stand up to here (E5) */
	uint64_t ceiling;     /* nothing above it was ever confirmed */
	uint64_t reserve_max; /* 0: dense */
};

struct epoch_record {
	uint64_t epoch;
	uint64_t active_epoch; /* the newest that became active; 0: none */
	enum epoch_phase phase;
	struct epoch_member proposer;
	struct epoch_chain chain;  /* of @epoch */
	struct epoch_chain former; /* of @active_epoch: who may claim; empty: anybody */
	uint64_t lease_ns;	   /* of the whole cluster; 0: no reserve mode */
	uint32_t counters_count;
	struct epoch_counter *counters;
};

/* For each of the newest active epochs: which epoch it followed, and the stands. */
struct epoch_history {
	uint32_t count;
	uint64_t epochs[EPOCH_HISTORY]; /* newest first */
	uint64_t froms[EPOCH_HISTORY];
	uint64_t *stands[EPOCH_HISTORY]; /* one word per counter */
};

static inline bool epoch_member_same(struct epoch_member a, struct epoch_member b)
{
	return a.id == b.id && a.incarnation == b.incarnation;
}

/* The member's place, or CHAIN_MAX. */
static inline uint32_t epoch_chain_place(
	const struct epoch_chain *chain, struct epoch_member member)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		if (epoch_member_same(chain->at[i], member))
			return i;
	}
	return CHAIN_MAX;
}

/* The place of the member with this id in any life, or CHAIN_MAX. */
static inline uint32_t epoch_chain_place_of_id(
	const struct epoch_chain *chain, uint32_t id)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		if (chain->at[i].id == id)
			return i;
	}
	return CHAIN_MAX;
}

#endif
