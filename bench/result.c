#include "bench/result.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64

int series_add(struct series *series, double value)
{
	if (series->count == series->room) {
		uint64_t room = series->room ? 2 * series->room : ROOM_FIRST;
		double *values = realloc(series->values, room * sizeof(*values));

		if (!values)
			return -ENOMEM;
		series->values = values;
		series->room = room;
	}
	series->values[series->count++] = value;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread series_spread(struct series *series)
{
	uint64_t count = series->count;
	const double *v = series->values;
	struct spread spread = {0};

	if (count == 0)
		return spread;
	qsort(series->values, count, sizeof(*v), compare);
	spread.min = v[0];
	spread.max = v[count - 1];
	spread.median = count % 2 ? v[count / 2] : (v[count / 2 - 1] + v[count / 2]) / 2;
	return spread;
}

double series_quantile(struct series *series, unsigned int permille)
{
	uint64_t rank = (series->count * permille + 999) / 1000;

	if (series->count == 0)
		return 0;
	qsort(series->values, series->count, sizeof(*series->values), compare);
	return series->values[rank - 1];
}

void result_destroy(struct result *result)
{
	for (int i = 0; i < TURN_SIDES; i++) {
		free(result->sides[i].rates.values);
		free(result->sides[i].costs_ns.values);
	}
	free(result->rate_ratios.values);
	free(result->cost_ratios.values);
	free(result->latency_ratios.values);
	free(result->distances_ns.values);
}
