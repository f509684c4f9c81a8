/* The plan of a measurement: which turns, in which order, and what is made of them. */
#ifndef PAWL_BENCH_MEASURE_H
#define PAWL_BENCH_MEASURE_H

#include "bench/options.h"
#include "bench/result.h"
#include "bench/team.h"

/* The team for @options, not yet open; errors as team_start. */
int measure_team(const struct options *options, struct team **team_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Takes turns for as long as the options say, and holds the history of each turn to the
 * rules.  *result is to be zero before and destroyed after, also with an error.  -EILSEQ:
 * a history is wrong.  -ENOMEM, and errors as team_turn.
 */
int measure(const struct options *options, struct team *team, struct result *result,
	struct error *err) __attribute__((warn_unused_result));

#endif
