/*
 * tsc_khz: prints how many thousand times a second this host's time stamp counter ticks, which is
 * what QEMU's interpreter gives its guests to read.  Prints nothing where there is no such counter.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>

#include "hw/clock.h"

#define LOOKS 200
#define APART_NS 200000000

struct look {
	uint64_t ticks;
	uint64_t now_ns;
	uint64_t took_ns;
};

static struct look look_once(void)
{
	uint64_t before = clock_now_ns();
	uint64_t ticks = __rdtsc();
	uint64_t after = clock_now_ns();

	return (struct look){.ticks = ticks,
		.now_ns = before + (after - before) / 2,
		.took_ns = after - before};
}

/* Of many the one that was disturbed least. */
static struct look look_well(void)
{
	struct look best = look_once();

	for (int i = 1; i < LOOKS; i++) {
		struct look look = look_once();

		if (look.took_ns < best.took_ns)
			best = look;
	}
	return best;
}

int main(void)
{
	const struct timespec pause = {.tv_nsec = APART_NS};
	struct look first = look_well(), last;

	(void)nanosleep(&pause, NULL);
	last = look_well();
	printf("%.0f\n", (double)(last.ticks - first.ticks) * 1e6 /
				 (double)(last.now_ns - first.now_ns));
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
