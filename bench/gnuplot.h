/*
 * Pictures: PREFIX.dat (the figures) and PREFIX.gp (how to draw them) are written, and gnuplot
 * makes PREFIX.png and PREFIX.svg of them.
 */
#ifndef PAWL_BENCH_GNUPLOT_H
#define PAWL_BENCH_GNUPLOT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "hw/error.h"

/* Whether files may be called so: gnuplot reads the name as part of a program. */
bool gnuplot_prefix_valid(const char *prefix);

/* PREFIX without its directory: gnuplot runs there. */
const char *gnuplot_name(const char *prefix);

/* Begins PREFIX.@end anew; its name goes into @path.  NULL with errno: what open(2) says. */
FILE *gnuplot_open(
	const char *prefix, const char *end, char path[PATH_MAX], struct error *err);
/* -EIO: not everything was written. */
int gnuplot_close(FILE *file, const char *path, struct error *err)
	__attribute__((warn_unused_result));

/* Begins PREFIX.gp, which has PREFIX's own name as the variable name.  As gnuplot_open. */
FILE *gnuplot_program_open(const char *prefix, char path[PATH_MAX], struct error *err);

/* Runs PREFIX.gp.  Where gnuplot is not installed it says so, which is no error.  -EIO: it failed. */
int gnuplot_draw(const char *prefix, struct error *err)
	__attribute__((warn_unused_result));

/*
 * PREFIX.gp is @program, with the variables name and heading before it, and is run.  @heading has no
 * quotes.
 */
int gnuplot_picture(const char *prefix, const char *heading, const char *program,
	struct error *err) __attribute__((warn_unused_result));

#endif
