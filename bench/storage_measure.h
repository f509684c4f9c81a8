/* The plan of a measurement of a store: which turns, in which order, and what is made of them. */
#ifndef PAWL_BENCH_STORAGE_MEASURE_H
#define PAWL_BENCH_STORAGE_MEASURE_H

#include "bench/cluster.h"
#include "bench/storage_options.h"
#include "bench/storage_result.h"
#include "bench/storage_work.h"

/*
 * Fills the keys, takes turns for as long as the options say, and looks at what is there in the
 * end.  The processes of @team have both sides open; @cluster has the servers.  *result is to be
 * zero before; storage_result_destroy it, also with an error.  -EILSEQ: a history is wrong.
 * -ENOMEM, and errors as team_turn.
 */
int storage_measure(const struct storage_options *options, struct team *team,
	struct storage_shared *shared, const struct cluster *cluster,
	struct storage_result *result, struct error *err)
	__attribute__((warn_unused_result));

void storage_result_destroy(struct storage_result *result);

#endif
