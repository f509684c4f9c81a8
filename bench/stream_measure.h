/* The plan of a measurement of streams: which turns, in which order, and what is made of them. */
#ifndef PAWL_BENCH_STREAM_MEASURE_H
#define PAWL_BENCH_STREAM_MEASURE_H

#include "bench/stream_options.h"
#include "bench/stream_result.h"
#include "bench/stream_work.h"

/*
 * Takes turns for as long as the options say, holds what every subscriber got to the rules,
 * and what was posted to its bounds.  @where: the cluster, of which the team's processes are
 * clients.  *result is to be zero before; stream_result_destroy it, also with an error.
 * -EILSEQ: the order is wrong.  -ERANGE: more operations were posted than a message may take.
 * -ENOMEM, and errors as team_turn and stream_status_look.
 */
int stream_measure(const struct stream_options *options, struct team *team,
	struct stream_shared *shared, const char *where, struct stream_result *result,
	struct error *err) __attribute__((warn_unused_result));

void stream_result_destroy(struct stream_result *result);

#endif
