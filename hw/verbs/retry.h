/*
 * How long a queue pair tries before it gives up.  It waits 4096 ns x 2^exponent for an
 * answer and sends again, `count` times.
 *
 * Devices treat the wait as a lower bound (up to four times as long is allowed), and on
 * Soft-RoCE an exponent of 10 or less rounds to no timer at all, so that an operation
 * whose answer is lost would never complete.  Hence the floor, for every device.
 */
#ifndef PAWL_HW_VERBS_RETRY_H
#define PAWL_HW_VERBS_RETRY_H

#include <stdint.h>

#define VERBS_RETRY_EXPONENT_MIN 11
#define VERBS_RETRY_EXPONENT_MAX 21 /* 8.6 s for one try */
#define VERBS_RETRY_COUNT_MAX 6
#define VERBS_RETRY_TIMEOUT_NS 1000000000u /* when the configuration names none */

struct verbs_retry {
	uint8_t exponent;
	uint8_t count;
};

/*
 * The most patient choice whose waits sum up to no more than @timeout_ns, or the least
 * patient one there is.  0 stands for VERBS_RETRY_TIMEOUT_NS.
 */
struct verbs_retry verbs_retry_choose(uint64_t timeout_ns);

/* The sum of the waits. */
uint64_t verbs_retry_total_ns(struct verbs_retry retry);

/* Longer than any device takes to give up. */
uint64_t verbs_retry_stall_ns(struct verbs_retry retry);

#endif
