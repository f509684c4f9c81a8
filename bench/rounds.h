/*
 * Rounds of takeovers.  In each, processes draw as fast as they can, the head is killed, the
 * next replica takes over, and the killed one is started again and comes back as the last.
 * The processes draw all the while, more gently from the takeover on, and what they drew in
 * the whole round is held to the rules of history.h.
 */
#ifndef PAWL_BENCH_ROUNDS_H
#define PAWL_BENCH_ROUNDS_H

#include "bench/chain.h"
#include "bench/cluster.h"
#include "bench/crew.h"
#include "bench/history.h"
#include "bench/split.h"

struct round_result {
	uint64_t parts_ns[SPLIT_PARTS];
	struct split_moments moments;
	struct chain_change change;
	unsigned int killed;  /* the replica */
	uint64_t rejoined_ns; /* from its start until it was in the chain again */
	uint64_t numbers;     /* drawn in the round, by all */
	uint64_t after_kill;  /* of these, confirmed after the kill by the former chain */
};

struct rounds {
	struct cluster *cluster;
	struct crew *crew;
	struct history history;
	unsigned int processes;
	unsigned int replicas;
	uint64_t random; /* decides when in a round the head is killed; not 0 */
	const volatile sig_atomic_t *interrupted;
};

/* What is known when a round is over and its numbers are still there. */
struct round_view {
	const struct round_result *result;
	const struct history_part *parts; /* as many as processes */
	unsigned int parts_count;
};

/*
 * One round; its numbers stay until the next, and *view_p refers to them and to *result_p.
 * Drawing goes on for @after_ns at full speed after the takeover.  -EILSEQ: the history is
 * wrong.  -ENODATA, -ERANGE: the takeover can not be told.  Else as cluster_kill,
 * chain_await and crew_sleep.
 */
int round_run(struct rounds *rounds, uint64_t after_ns, struct round_result *result_p,
	struct round_view *view_p, struct error *err) __attribute__((warn_unused_result));

#endif
