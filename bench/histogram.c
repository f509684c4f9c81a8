#include "bench/histogram.h"

#include <string.h>

/*
 * A value of e + 1 bits keeps its nine highest; what is cut off, @shift bits, says which
 * doubling it is.
 */
static unsigned int shift_of(uint64_t value)
{
	return value < HISTOGRAM_STEPS ? 0
				       : 63u - 8u - (unsigned int)__builtin_clzll(value);
}

static uint64_t bucket_of(uint64_t value)
{
	unsigned int shift = shift_of(value);

	return shift * (uint64_t)HISTOGRAM_STEPS + (value >> shift);
}

/* The largest value in a bucket. */
static uint64_t bucket_top(uint64_t bucket)
{
	uint64_t shift;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	shift = bucket / HISTOGRAM_STEPS - 1;
	return ((bucket - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
}

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void histogram_add(struct histogram *h, uint64_t value)
{
	histogram_add_times(h, value, 1);
}

void histogram_add_times(struct histogram *h, uint64_t value, uint64_t times)
{
	if (times == 0)
		return;
	h->count += times;
	h->buckets[bucket_of(value)] += times;
	if (value > h->max)
		h->max = value;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	h->count += from->count;
	h->max = from->max > h->max ? from->max : h->max;
	for (uint64_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += from->buckets[i];
}

uint64_t histogram_quantile(const struct histogram *h, unsigned int permille)
{
	uint64_t rank = h->count / 1000 * permille +
			(h->count % 1000 * permille + 999) / 1000;
	uint64_t seen = 0;

	for (uint64_t i = 0; i < HISTOGRAM_BUCKETS && rank > 0; i++) {
		seen += h->buckets[i];
		if (seen >= rank)
			return bucket_top(i) < h->max ? bucket_top(i) : h->max;
	}
	return 0;
}

void histogram_latency(const struct histogram *h, struct latency *latency_p)
{
	*latency_p = (struct latency){
		.p50 = histogram_quantile(h, 500),
		.p99 = histogram_quantile(h, 990),
		.p999 = histogram_quantile(h, 999),
		.max = h->max,
		.count = h->count,
	};
}
