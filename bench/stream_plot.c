/* The picture of a stream: what is delivered, and how late, as more and more is offered. */
#include <errno.h>
#include <inttypes.h>

#include "bench/gnuplot.h"
#include "bench/stream_report.h"

#define HEADING_LEN 256

/* Everything but the names; it reads PREFIX.dat beside itself. */
static const char *const program =
	"set grid\n"
	"set key left top\n"
	"set lmargin 12\n"
	"do for [format in 'png svg'] {\n"
	"	if (format eq 'png') { set terminal pngcairo size 1200,800 }\n"
	"	if (format eq 'svg') { set terminal svg size 1200,800 dynamic }\n"
	"	set output name.'.'.format\n"
	"	set multiplot layout 2,1 title heading noenhanced\n"
	"	unset logscale y\n"
	"	set xrange [0:*]\n"
	"	set yrange [0:*]\n"
	"	unset xlabel\n"
	"	set ylabel 'delivered, M messages/s'\n"
	"	plot name.'.dat' using 1:2 with linespoints linewidth 2 title "
	"'delivered', \\\n"
	"		'' using 1:1 with lines dashtype 2 title 'offered'\n"
	"	set logscale y\n"
	"	set yrange [*:*]\n"
	"	set xlabel 'offered, M messages/s'\n"
	"	set ylabel 'from the intended time, us'\n"
	"	plot name.'.dat' using 1:3 with linespoints title 'acknowledged, p50', "
	"\\\n"
	"		'' using 1:4 with linespoints title 'acknowledged, p99', \\\n"
	"		'' using 1:7 with linespoints title 'delivered, p50', \\\n"
	"		'' using 1:8 with linespoints title 'delivered, p99', \\\n"
	"		'' using 1:9 with linespoints title 'delivered, p99.9', \\\n"
	"		'' using 1:10 with points pointtype 7 pointsize 0.6 title "
	"'delivered, longest'\n"
	"	unset multiplot\n"
	"	unset output\n"
	"}\n";

static void latency_write(FILE *file, const struct latency *l)
{
	(void)fprintf(file, " %.3f %.3f %.3f %.3f", (double)l->p50 / 1e3,
		(double)l->p99 / 1e3, (double)l->p999 / 1e3, (double)l->max / 1e3);
}

static int data_write(
	const char *prefix, const struct stream_result *r, struct error *err)
{
	char path[PATH_MAX];
	FILE *file = gnuplot_open(prefix, "dat", path, err);

	if (!file)
		return -errno;
	(void)fprintf(file, "# One line for each load: offered and delivered (M "
			    "messages/s), then p50,\n"
			    "# p99, p99.9 and the longest time until acknowledged, and "
			    "until delivered "
			    "(us).\n");
	for (unsigned int i = 0; i < r->loads_count; i++) {
		(void)fprintf(file, "%.4f %.4f", r->loads[i].offered / 1e6,
			r->loads[i].delivered / 1e6);
		latency_write(file, &r->loads[i].acknowledged);
		latency_write(file, &r->loads[i].delivery);
		(void)fprintf(file, "\n");
	}
	return gnuplot_close(file, path, err);
}

int stream_plot_write(
	const struct stream_options *o, const struct stream_result *r, struct error *err)
{
	char heading[HEADING_LEN];
	int rc = data_write(o->plot, r, err);

	(void)snprintf(heading, sizeof(heading),
		"Messages of %" PRIu64 " bytes, %" PRIu64 " publishing, %" PRIu64
		" subscribing, chain of %" PRIu64 ", over %s",
		o->message_len, o->publishers, o->subscribers, o->replicas,
		o->verbs ? "verbs" : "shm");
	return rc ? rc : gnuplot_picture(o->plot, heading, program, err);
}
