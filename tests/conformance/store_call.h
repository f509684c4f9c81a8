/* Requests to a store that wait for their end, for tests. */
#ifndef PAWL_TESTS_STORE_CALL_H
#define PAWL_TESTS_STORE_CALL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/store/store.h"

/* How a request ended; the value is copied as far as it fits. */
struct call {
	bool done;
	int calls; /* how often the callback came */
	int status;
	uint64_t revision;
	size_t len;
	char bytes[256];
	struct error err;
};

static inline void call_done(void *context, const struct store_result *result)
{
	struct call *call = context;
	size_t kept = result->len < sizeof(call->bytes) ? result->len
							: sizeof(call->bytes);

	call->done = true;
	call->calls++;
	call->status = result->status;
	call->revision = result->revision;
	call->len = result->len;
	call->err = *result->err;
	if (kept > 0)
		memcpy(call->bytes, result->bytes, kept);
}

/* Waits for the end, or for 10 s; then it is not done. */
static inline void call_wait(struct store *store, struct call *call)
{
	uint64_t deadline = clock_now_ns() + UINT64_C(10000000000);

	while (!call->done && clock_now_ns() < deadline)
		store_wait(store, 100);
}

static inline struct call call_get(struct store *store)
{
	struct call call = {.status = -EAGAIN};

	if (store_get(store, call_done, &call) == 0)
		call_wait(store, &call);
	return call;
}

static inline struct call call_put(
	struct store *store, uint64_t expected, const void *bytes, size_t len)
{
	struct call call = {.status = -EAGAIN};

	if (store_put_if(store, expected, bytes, len, call_done, &call) == 0)
		call_wait(store, &call);
	return call;
}

static inline struct call call_erase(struct store *store, uint64_t expected)
{
	struct call call = {.status = -EAGAIN};

	if (store_erase_if(store, expected, call_done, &call) == 0)
		call_wait(store, &call);
	return call;
}

#endif
