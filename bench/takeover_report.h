/* What rounds of takeovers found, for people and as JSON. */
#ifndef PAWL_BENCH_TAKEOVER_REPORT_H
#define PAWL_BENCH_TAKEOVER_REPORT_H

#include "bench/rounds.h"
#include "bench/takeover_options.h"

struct takeover_result {
	struct round_result *rounds; /* in order */
	uint64_t rounds_count;
	struct store_costs costs;
	uint64_t
		numbers; /* drawn in all rounds, those for the plot too, and found good */
};

/* Writes to standard output.  -EIO: it does not take it.  -ENOMEM. */
int takeover_report_text(const struct takeover_options *options,
	const struct takeover_result *result, struct error *err)
	__attribute__((warn_unused_result));
int takeover_report_json(const struct takeover_options *options,
	const struct takeover_result *result, struct error *err)
	__attribute__((warn_unused_result));

#endif
