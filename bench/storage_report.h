/* A measurement of a store for people, as JSON, and as a picture. */
#ifndef PAWL_BENCH_STORAGE_REPORT_H
#define PAWL_BENCH_STORAGE_REPORT_H

#include "bench/storage_options.h"
#include "bench/storage_result.h"

/* Writes to standard output.  -EIO: it does not take it.  -ENOMEM. */
int storage_report_text(const struct storage_options *options,
	struct storage_result *result, struct error *err)
	__attribute__((warn_unused_result));
int storage_report_json(const struct storage_options *options, const struct team *team,
	struct storage_result *result, struct error *err)
	__attribute__((warn_unused_result));

/* The loads; errors and files as gnuplot.h. */
int storage_plot_write(const struct storage_options *options,
	const struct storage_result *result, struct error *err)
	__attribute__((warn_unused_result));

#endif
