/* What the JSON reports of all subcommands have in common. */
#ifndef PAWL_BENCH_REPORT_PIECES_H
#define PAWL_BENCH_REPORT_PIECES_H

#include <jansson.h>

#include "bench/result.h"
#include "bench/team.h"
#include "hw/error.h"

/* Median, least, most and how many. */
json_t *report_spread(struct series *series);

/* The processors of the first @count processes; null where they are not pinned. */
json_t *report_cpus(const struct team *team, uint64_t count);

/* Writes it to standard output and frees it.  -ENOMEM: @json is NULL.  -EIO. */
int report_write(json_t *json, struct error *err) __attribute__((warn_unused_result));

#endif
