/* A result for people, and as JSON. */
#ifndef PAWL_BENCH_REPORT_H
#define PAWL_BENCH_REPORT_H

#include "bench/options.h"
#include "bench/result.h"
#include "bench/team.h"

/* Writes to standard output.  -EIO: it does not take it.  -ENOMEM. */
int report_text(const struct options *options, const struct team *team,
	struct result *result, struct error *err) __attribute__((warn_unused_result));
int report_json(const struct options *options, const struct team *team,
	struct result *result, struct error *err) __attribute__((warn_unused_result));

#endif
