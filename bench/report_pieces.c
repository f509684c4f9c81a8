#include "bench/report_pieces.h"

#include <errno.h>
#include <stdio.h>

/* More than any of these figures means. */
#define DIGITS 6

json_t *report_spread(struct series *series)
{
	struct spread s = series_spread(series);

	return json_pack("{s:f,s:f,s:f,s:I}", "median", s.median, "min", s.min, "max",
		s.max, "count", (json_int_t)series->count);
}

json_t *report_cpus(const struct team *team, uint64_t count)
{
	json_t *cpus;

	if (!team_is_pinned(team))
		return json_null();
	cpus = json_array();
	for (unsigned int i = 0; i < count; i++)
		(void)json_array_append_new(cpus, json_integer(team_cpu(team, i)));
	return cpus;
}

int report_write(json_t *json, struct error *err)
{
	int rc;

	if (!json)
		return error_set(err, -ENOMEM, "bench: out of memory");
	rc = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
	json_decref(json);
	if (rc == 0 && putchar('\n') != EOF && fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EIO, "bench: standard output: not written: %s",
		error_reason(-errno));
}
