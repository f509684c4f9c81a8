#include "hw/verbs/retry.h"

#define STALL_MORE_NS UINT64_C(500000000) /* for a busy machine */

uint64_t verbs_retry_total_ns(struct verbs_retry retry)
{
	return (retry.count + UINT64_C(1)) * (UINT64_C(4096) << retry.exponent);
}

uint64_t verbs_retry_stall_ns(struct verbs_retry retry)
{
	return 4 * verbs_retry_total_ns(retry) + STALL_MORE_NS;
}

struct verbs_retry verbs_retry_choose(uint64_t timeout_ns)
{
	struct verbs_retry retry = {VERBS_RETRY_EXPONENT_MAX, VERBS_RETRY_COUNT_MAX};

	if (timeout_ns == 0)
		timeout_ns = VERBS_RETRY_TIMEOUT_NS;
	while (retry.exponent > VERBS_RETRY_EXPONENT_MIN &&
		verbs_retry_total_ns(retry) > timeout_ns)
		retry.exponent--;
	while (retry.count > 1 && verbs_retry_total_ns(retry) > timeout_ns)
		retry.count--;
	return retry;
}
