/* The picture of a store: rate and latency as more and more operations are in flight. */
#include <errno.h>
#include <inttypes.h>

#include "bench/gnuplot.h"
#include "bench/storage_report.h"

#define HEADING_LEN 256

/* Everything but the names; it reads PREFIX.dat beside itself. */
static const char *const program =
	"set grid\n"
	"set key left top\n"
	"set lmargin 12\n"
	"set datafile missing '-'\n"
	"set logscale xy\n"
	"set xrange [0.8:320]\n"
	"do for [format in 'png svg'] {\n"
	"	if (format eq 'png') { set terminal pngcairo size 1200,800 }\n"
	"	if (format eq 'svg') { set terminal svg size 1200,800 dynamic }\n"
	"	set output name.'.'.format\n"
	"	set multiplot layout 2,1 title heading noenhanced\n"
	"	unset xlabel\n"
	"	set ylabel 'operations/s'\n"
	"	plot name.'.dat' using 1:2 with linespoints linewidth 2 title 'pawl', "
	"\\\n"
	"		'' using 1:6 with linespoints linewidth 2 title 'etcd'\n"
	"	set xlabel 'operations in flight'\n"
	"	set ylabel 'us'\n"
	"	plot name.'.dat' using 1:3 with linespoints title 'pawl, p50', \\\n"
	"		'' using 1:4 with linespoints title 'pawl, p99', \\\n"
	"		'' using 1:5 with linespoints title 'pawl, p99.9', \\\n"
	"		'' using 1:7 with linespoints title 'etcd, p50', \\\n"
	"		'' using 1:8 with linespoints title 'etcd, p99', \\\n"
	"		'' using 1:9 with linespoints title 'etcd, p99.9'\n"
	"	unset multiplot\n"
	"	unset output\n"
	"}\n";

/* Of writes, where there are any. */
static void side_write(FILE *file, const struct storage_load *load, enum turn_side side)
{
	const struct latency *l = load->sides[side].writes.count > 0
					  ? &load->sides[side].writes
					  : &load->sides[side].reads;

	if (l->count > 0)
		(void)fprintf(file, " %.0f %.3f %.3f %.3f", load->sides[side].rate,
			(double)l->p50 / 1e3, (double)l->p99 / 1e3,
			(double)l->p999 / 1e3);
	else
		(void)fprintf(file, " - - - -");
}

static int data_write(
	const char *prefix, const struct storage_result *r, struct error *err)
{
	char path[PATH_MAX];
	FILE *file = gnuplot_open(prefix, "dat", path, err);

	if (!file)
		return -errno;
	(void)fprintf(file,
		"# Operations in flight; then of Pawl and of etcd "
		"operations/s, and p50, p99 and\n"
		"# p99.9 (us) of writes, or of reads if there are no others.\n");
	for (unsigned int i = 0; i < r->loads_count; i++) {
		(void)fprintf(file, "%" PRIu64, r->loads[i].in_flight);
		side_write(file, &r->loads[i], TURN_PAWL);
		side_write(file, &r->loads[i], TURN_BARE);
		(void)fprintf(file, "\n");
	}
	return gnuplot_close(file, path, err);
}

int storage_plot_write(const struct storage_options *o, const struct storage_result *r,
	struct error *err)
{
	char heading[HEADING_LEN];
	int rc = data_write(o->plot, r, err);

	(void)snprintf(heading, sizeof(heading),
		"Values of %" PRIu64 " bytes, %" PRIu64
		" %% reads (%s), chain of %" PRIu64 ", over %s",
		o->value_len, o->reads, storage_reading_name(o->reading), o->replicas,
		o->verbs ? "verbs" : "shm");
	return rc ? rc : gnuplot_picture(o->plot, heading, program, err);
}
