#include "bench/buckets.h"

#include <errno.h>
#include <stdlib.h>

int buckets_init(struct buckets *b, uint64_t begin_ns, uint64_t width_ns, uint64_t count)
{
	*b = (struct buckets){.begin_ns = begin_ns, .width_ns = width_ns, .count = count};
	b->latencies_ns = calloc(count, sizeof(*b->latencies_ns));
	return b->latencies_ns ? 0 : -ENOMEM;
}

void buckets_destroy(struct buckets *b)
{
	for (uint64_t i = 0; b->latencies_ns && i < b->count; i++)
		free(b->latencies_ns[i].values);
	free(b->latencies_ns);
	b->latencies_ns = NULL;
}

int buckets_add(struct buckets *b, const struct history_part *part)
{
	for (uint64_t i = 0; i < part->count; i++) {
		uint64_t end_ns = part->ends_ns[i];
		uint64_t at = (end_ns - b->begin_ns) / b->width_ns;

		if (end_ns < b->begin_ns || at >= b->count)
			continue;
		if (series_add(
			    &b->latencies_ns[at], (double)(end_ns - part->begins_ns[i])))
			return -ENOMEM;
	}
	return 0;
}
