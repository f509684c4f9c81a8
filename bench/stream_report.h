/* A measurement of a stream for people, as JSON, and as a picture. */
#ifndef PAWL_BENCH_STREAM_REPORT_H
#define PAWL_BENCH_STREAM_REPORT_H

#include "bench/stream_options.h"
#include "bench/stream_result.h"

/* Writes to standard output.  -EIO: it does not take it.  -ENOMEM. */
int stream_report_text(const struct stream_options *options, const struct team *team,
	struct stream_result *result, struct error *err)
	__attribute__((warn_unused_result));
int stream_report_json(const struct stream_options *options, const struct team *team,
	struct stream_result *result, struct error *err)
	__attribute__((warn_unused_result));

/* The loads; errors and files as gnuplot.h. */
int stream_plot_write(const struct stream_options *options,
	const struct stream_result *result, struct error *err)
	__attribute__((warn_unused_result));

#endif
