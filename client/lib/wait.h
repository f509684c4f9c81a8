/* What a thread does between two looks, as its handle's wait strategy says. */
#ifndef PAWL_CLIENT_WAIT_H
#define PAWL_CLIENT_WAIT_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "client/include/pawl/pawl.h"

#define WAIT_SPINS 64  /* looks before the first yield or sleep */
#define WAIT_LOOKS 256 /* looks between two looks at the clock, while spinning */
#define WAIT_SLEEP_MIN_NS 10000
#define WAIT_SLEEP_MAX_NS 1000000

struct waiter {
	enum pawl_wait how;
	uint32_t looks;
	long sleep_ns;
};

/* For loops that look at the processor's own memory; a look at a card needs no pause. */
static inline void wait_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void wait_sleep(struct waiter *w)
{
	struct timespec pause = {.tv_nsec = w->sleep_ns};

	(void)nanosleep(&pause, NULL);
	w->sleep_ns = w->sleep_ns * 2 < WAIT_SLEEP_MAX_NS ? w->sleep_ns * 2
							  : WAIT_SLEEP_MAX_NS;
}

/* Waits a little.  True when it is time to look at the clock. */
static inline int wait_step(struct waiter *w)
{
	w->looks++;
	if (w->how == PAWL_WAIT_SPIN || w->looks < WAIT_SPINS)
		return w->looks % WAIT_LOOKS == 0;
	if (w->how == PAWL_WAIT_YIELD) {
		(void)sched_yield();
		return w->looks % WAIT_SPINS == 0;
	}
	wait_sleep(w);
	return 1;
}

static inline struct waiter wait_begin(enum pawl_wait how)
{
	return (struct waiter){.how = how, .sleep_ns = WAIT_SLEEP_MIN_NS};
}

#endif
