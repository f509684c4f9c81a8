/* What the replicas of a cluster say of their chain, for those who measure it. */
#ifndef PAWL_BENCH_CHAIN_H
#define PAWL_BENCH_CHAIN_H

#include <signal.h>
#include <stdint.h>

#include "bench/split.h"
#include "hw/error.h"

#define CHAIN_TEXT_SIZE 128

struct chain {
	uint64_t epoch;
	unsigned int members;
	unsigned int head; /* its id */
	char transport[16];
};

/* As it is now, from whoever knows best.  Errors as pawl_open and those of connect(2). */
int chain_look(const char *where, struct chain *chain_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Waits until @members replicas serve one active epoch, in which they all are.  -EINTR:
 * *interrupted became true.  -ETIMEDOUT: not within 60 s, and @err tells how it stands.
 */
int chain_await(const char *where, unsigned int members,
	const volatile sig_atomic_t *interrupted, struct chain *chain_p,
	struct error *err) __attribute__((warn_unused_result));

/* A change of epoch, as the replica tells that made it. */
struct chain_change {
	uint64_t epoch;
	char cause[CHAIN_TEXT_SIZE];
	unsigned int members;
};

/*
 * The first change after @epoch: its steps go into *moments.  Waits up to 5 s until somebody
 * remembers it.  -ENODATA: nobody does.  -EINTR.
 */
int chain_change_find(const char *where, uint64_t epoch,
	const volatile sig_atomic_t *interrupted, struct chain_change *change_p,
	struct split_moments *moments, struct error *err)
	__attribute__((warn_unused_result));

#endif
