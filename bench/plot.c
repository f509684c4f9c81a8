#include "bench/plot.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "bench/buckets.h"
#include "bench/gnuplot.h"

/* Everything but the names and the moments; it reads PREFIX.dat beside itself. */
static const char *const program =
	"set datafile missing '-'\n"
	"set grid\n"
	"set lmargin 12\n"
	"set xrange [%g:%g]\n"
	"do for [format in 'png svg'] {\n"
	"	if (format eq 'png') { set terminal pngcairo size 1200,800 }\n"
	"	if (format eq 'svg') { set terminal svg size 1200,800 dynamic }\n"
	"	set output name.'.'.format\n"
	"	set multiplot layout 2,1 title heading noenhanced\n"
	"	unset logscale y\n"
	"	set yrange [0:*]\n"
	"	unset xlabel\n"
	"	set ylabel 'numbers confirmed, M/s'\n"
	"	plot name.'.dat' using 1:2 with steps linewidth 2 title 'rate'\n"
	"	set logscale y\n"
	"	set yrange [*:*]\n"
	"	set xlabel 'ms since the head was killed'\n"
	"	set ylabel 'time for a number, us'\n"
	"	plot name.'.dat' using 1:($3) with lines title 'median', \\\n"
	"		'' using 1:4 with points pointtype 7 pointsize 0.4 title "
	"'longest'\n"
	"	unset multiplot\n"
	"	unset output\n"
	"}\n";

static double ms_since(uint64_t from_ns, uint64_t ns)
{
	return ((double)ns - (double)from_ns) / 1e6;
}

static void bucket_write(FILE *file, struct buckets *b, uint64_t i, uint64_t killed_ns)
{
	struct series *latencies = &b->latencies_ns[i];
	double at = ms_since(killed_ns, b->begin_ns + i * b->width_ns);
	double rate = (double)latencies->count * 1e3 / (double)b->width_ns;
	struct spread s = series_spread(latencies);

	if (latencies->count == 0)
		(void)fprintf(file, "%.3f 0 - -\n", at);
	else
		(void)fprintf(file, "%.3f %.4f %.3f %.3f\n", at, rate, s.median / 1e3,
			s.max / 1e3);
}

static int data_write(
	const char *prefix, struct buckets *b, uint64_t killed_ns, struct error *err)
{
	char path[PATH_MAX];
	FILE *file = gnuplot_open(prefix, "dat", path, err);

	if (!file)
		return -errno;
	(void)fprintf(file,
		"# One line for each %" PRIu64 " us: when it began (ms since the head "
		"was killed),\n"
		"# numbers confirmed (M/s), and how long these took (us): median and "
		"longest.\n",
		b->width_ns / 1000);
	for (uint64_t i = 0; i < b->count; i++)
		bucket_write(file, b, i, killed_ns);
	return gnuplot_close(file, path, err);
}

static void moment_write(
	FILE *file, const char *color, uint64_t killed_ns, uint64_t moment_ns)
{
	double at = ms_since(killed_ns, moment_ns);

	(void)fprintf(file,
		"set arrow from %.3f, graph 0 to %.3f, graph 1 nohead linecolor '%s'\n",
		at, at, color);
}

static int program_write(
	const char *prefix, const struct round_result *r, struct error *err)
{
	const struct split_moments *m = &r->moments;
	char path[PATH_MAX];
	FILE *file = gnuplot_program_open(prefix, path, err);

	if (!file)
		return -errno;
	(void)fprintf(file,
		"heading = 'The head is killed (black); nobody gets a number for %.2f "
		"ms: sealed (red), active (orange), first number (green)'\n",
		(double)r->parts_ns[SPLIT_GAP] / 1e6);
	moment_write(file, "black", m->killed_ns, m->killed_ns);
	moment_write(file, "red", m->killed_ns, m->sealed_ns);
	moment_write(file, "orange", m->killed_ns, m->activated_ns);
	moment_write(file, "dark-green", m->killed_ns, m->first_ns);
	(void)fprintf(file, program, -(double)PLOT_BEFORE_NS / 1e6,
		(double)PLOT_AFTER_NS / 1e6);
	return gnuplot_close(file, path, err);
}

int plot_write(const char *prefix, const struct round_view *view, struct error *err)
{
	uint64_t killed_ns = view->result->moments.killed_ns;
	struct buckets b;
	int rc = buckets_init(&b, killed_ns - PLOT_BEFORE_NS, PLOT_WIDTH_NS,
		(PLOT_BEFORE_NS + PLOT_AFTER_NS) / PLOT_WIDTH_NS);

	for (unsigned int i = 0; i < view->parts_count && !rc; i++)
		rc = buckets_add(&b, &view->parts[i]);
	if (rc)
		(void)error_set(err, rc, "bench: out of memory");
	if (!rc)
		rc = data_write(prefix, &b, killed_ns, err);
	buckets_destroy(&b);
	if (!rc)
		rc = program_write(prefix, view->result, err);
	return rc ? rc : gnuplot_draw(prefix, err);
}
