/* What the tests of stores share: a shop at a desk of fake replicas, and another one beside it. */
#ifndef PAWL_TESTS_STORE_RIG_H
#define PAWL_TESTS_STORE_RIG_H

#include "client/include/pawl/store.h"
#include "client/lib/store.h"
#include "tests/unit/client_stream_rig.h"

#define TOLD_MAX 64
#define KEY(text) text, sizeof(text) - 1

struct shop {
	struct desk desk; /* first, for rig_remove */
	struct pawl_store *store;
	struct pawl *other_pawl;
	struct pawl_store *other; /* on a handle of its own */
	struct pawl_reply reply;
	struct pawl_store_outcome told[TOLD_MAX]; /* without their bytes */
	unsigned int told_count;
};

static const struct stream_limits stream_limits = {.slot_len = 256,
	.slots = 4096,
	.rows = 8,
	.hole_timeout_ns = 20 * NS_PER_MS,
	.message_max = UINT64_C(1) << 20};

static inline void shop_on_outcome(
	void *context, const struct pawl_store_outcome *outcome)
{
	struct shop *shop = context;

	assert_true(shop->told_count < TOLD_MAX);
	shop->told[shop->told_count++] = *outcome;
}

static inline struct pawl_store_options shop_options(struct shop *shop)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;

	options.on_outcome = shop_on_outcome;
	options.outcome_context = shop;
	options.limits.keys_max = 100;
	options.limits.bytes_max = 10000;
	return options;
}

static inline int shop_begin(void **state)
{
	struct shop *shop = calloc(1, sizeof(*shop));
	struct pawl_options options;

	assert_non_null(shop);
	*state = shop;
	fake_begin(&shop->desk.rig.fake, 2, 1);
	fake_stream_begin(&shop->desk.rig.fake);
	options = rig_options(&shop->desk.rig);
	desk_join(&shop->desk, &options);
	return 0;
}

static inline int shop_open(void **state)
{
	struct pawl_store_options options;
	struct shop *shop;

	(void)shop_begin(state);
	shop = *state;
	fake_stream_make(&shop->desk.rig.fake, STREAM_NAME, &stream_limits);
	options = shop_options(shop);
	if (pawl_store_open(shop->desk.rig.pawl, STREAM_NAME, &options, &shop->store))
		fail_msg("%s", pawl_errmsg(shop->desk.rig.pawl));
	return 0;
}

static inline int shop_close(void **state)
{
	struct shop *shop = *state;

	pawl_store_close(shop->other);
	pawl_close(shop->other_pawl);
	pawl_store_close(shop->store);
	return rig_remove(state);
}

static inline void other_opens_with(
	struct shop *shop, const struct pawl_store_options *with)
{
	struct pawl_options options = rig_options(&shop->desk.rig);

	assert_int_equal(pawl_open(fake_address(&shop->desk.rig.fake, 0), &options,
				 &shop->other_pawl),
		0);
	if (pawl_store_open(shop->other_pawl, STREAM_NAME, with, &shop->other))
		fail_msg("%s", pawl_errmsg(shop->other_pawl));
}

static inline void other_opens(struct shop *shop)
{
	other_opens_with(shop, NULL);
}

static inline void other_closes(struct shop *shop)
{
	pawl_store_close(shop->other);
	pawl_close(shop->other_pawl);
	shop->other = NULL;
	shop->other_pawl = NULL;
}

/* Another chain, of the second replica, in epoch 2. */
static inline void shop_head_dies(struct shop *shop)
{
	static const unsigned int second[] = {1};

	fake_stream_change(&shop->desk.rig.fake, 2, 1, second);
	shop->desk.rig.fake.stream.held = false;
	fake_serve(&shop->desk.rig.fake, 1, false);
	fake_serve(&shop->desk.rig.fake, 0, true);
}

static inline void shop_poll(struct pawl_store *store)
{
	int count;

	if (store && pawl_store_poll(store, 64, &count))
		fail_msg("%s", pawl_errmsg(store->pawl));
}

/* Both stores go on for so long. */
static inline void shops_poll(struct shop *shop, uint64_t ns)
{
	uint64_t deadline = clock_now_ns() + ns;

	while (clock_now_ns() < deadline) {
		shop_poll(shop->store);
		shop_poll(shop->other);
	}
}

static inline bool session_lives(struct pawl_store *store, uint64_t session)
{
	const struct pawl_command c = {.kind = PAWL_SESSION, .number = session};
	int rc = pawl_store_read(store, PAWL_READ_SYNC, &c, NULL);

	assert_true(rc == 0 || rc == -ENOENT);
	return rc == 0;
}

static inline void has_value(const struct shop *shop, const char *value)
{
	assert_int_equal(shop->reply.value_len, strlen(value));
	assert_memory_equal(shop->reply.value, value, strlen(value));
}

static inline void said(const struct shop *shop, const char *text)
{
	const char *message = pawl_errmsg(shop->desk.rig.pawl);

	if (!strstr(message, text))
		fail_msg("\"%s\" does not say \"%s\"", message, text);
}

#endif
