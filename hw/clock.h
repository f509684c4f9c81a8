/* Monotonic time in nanoseconds.  No system call where the kernel has a vDSO. */
#ifndef PAWL_HW_CLOCK_H
#define PAWL_HW_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
