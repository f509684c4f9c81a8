#include "bench/clock_cost.h"

#include "hw/clock.h"

#define LOOKS 10000

uint64_t clock_cost_ns(struct histogram *scratch)
{
	histogram_clear(scratch);
	for (int i = 0; i < LOOKS; i++) {
		uint64_t begin = clock_now_ns();

		histogram_add(scratch, clock_now_ns() - begin);
	}
	return histogram_quantile(scratch, 500);
}
