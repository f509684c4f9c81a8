/*
 * How far two processors are apart: a cache line goes back and forth between them.  The
 * first process makes the number in it odd, the second makes it even again.
 */
#ifndef PAWL_BENCH_DISTANCE_H
#define PAWL_BENCH_DISTANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One of the two processes' part, until @end_ns; @ball is 0 before.  The first's result is
 * what a round trip took, 0 when none was made.
 */
uint64_t distance_run(_Atomic uint64_t *ball, bool first, uint64_t end_ns);

/*
 * The same between the first two processors that this process may use, by threads of its own that
 * stay on them for @length_ns; cpus_p[2] says which.  0: there is only one, or no trip was made.
 */
uint64_t distance_between(uint64_t length_ns, int *cpus_p);

#endif
