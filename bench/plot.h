/*
 * The picture of one takeover: how many numbers were confirmed in each slice of time around
 * the kill, and how long they took.  Files are PREFIX.dat (the figures), PREFIX.gp (how to
 * draw them, for gnuplot), PREFIX.png and PREFIX.svg.
 */
#ifndef PAWL_BENCH_PLOT_H
#define PAWL_BENCH_PLOT_H

#include "bench/rounds.h"

#define PLOT_BEFORE_NS UINT64_C(20000000) /* what is shown, around the kill */
#define PLOT_AFTER_NS UINT64_C(40000000)
#define PLOT_WIDTH_NS UINT64_C(100000)

/*
 * Writes the files, existing ones anew; without gnuplot the first two only, which it says.  -ENOMEM,
 * -EIO, and what open(2) says.
 */
int plot_write(const char *prefix, const struct round_view *view, struct error *err)
	__attribute__((warn_unused_result));

#endif
