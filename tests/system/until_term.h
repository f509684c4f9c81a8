/* What clients for the scripts share: they go on until SIGTERM, and note when things happened. */
#ifndef PAWL_TESTS_UNTIL_TERM_H
#define PAWL_TESTS_UNTIL_TERM_H

#include <signal.h>
#include <stdint.h>
#include <time.h>

static volatile sig_atomic_t told_to_end;

static inline void on_term(int number)
{
	(void)number;
	told_to_end = 1;
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
