/* What the tests of the client library with fake replicas share. */
#ifndef PAWL_TESTS_CLIENT_RIG_H
#define PAWL_TESTS_CLIENT_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/include/pawl/pawl.h"
#include "client/lib/handle.h"
#include "hw/clock.h"
#include "tests/unit/fake_replica.h"

#define RIG_EVENTS 32
#define RIG_WAIT_NS UINT64_C(5000000000)

struct rig {
	struct fake fake;
	struct pawl *pawl;
	struct pawl_counter *counter;
	struct pawl_event events[RIG_EVENTS]; /* their text is not kept */
	unsigned int events_count;
};

static void rig_on_event(void *context, const struct pawl_event *event)
{
	struct rig *rig = context;

	assert_non_null(event->text);
	assert_null(strchr(event->text, '\n'));
	if (rig->events_count < RIG_EVENTS)
		rig->events[rig->events_count++] = *event;
}

static inline struct pawl_options rig_options(struct rig *rig)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;

	options.timeout_ns = RIG_WAIT_NS;
	options.on_event = rig_on_event;
	options.event_context = rig;
	return options;
}

static inline void rig_open_with(
	struct rig *rig, const char *where, const struct pawl_options *options)
{
	if (pawl_open(where, options, &rig->pawl))
		fail_msg("%s", pawl_errmsg(NULL));
	if (pawl_counter_open(rig->pawl, "orders", &rig->counter))
		fail_msg("%s", pawl_errmsg(rig->pawl));
}

/* A handle on replica @place, and the counter at place 0. */
static inline void rig_open(struct rig *rig, unsigned int place)
{
	struct pawl_options options = rig_options(rig);

	rig_open_with(rig, fake_address(&rig->fake, place), &options);
}

static inline uint64_t rig_next(struct rig *rig)
{
	uint64_t number = 0;

	if (pawl_next(rig->counter, &number))
		fail_msg("%s", pawl_errmsg(rig->pawl));
	return number;
}

/* Polls until a result comes, or for @wait_ns: then false. */
static inline bool rig_poll_for(
	struct rig *rig, struct pawl_result *result_p, uint64_t wait_ns)
{
	uint64_t deadline = clock_now_ns() + wait_ns;
	int count = 0;

	while (count == 0 && clock_now_ns() < deadline)
		assert_int_equal(pawl_poll(rig->pawl, result_p, 1, &count), 0);
	return count == 1;
}

static inline struct pawl_result rig_poll(struct rig *rig)
{
	struct pawl_result result;

	assert_true(rig_poll_for(rig, &result, RIG_WAIT_NS));
	return result;
}

/* Polls until the handle has noticed that its epoch is over. */
static inline void rig_poll_lost(struct rig *rig)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	struct pawl_result result;
	int count = 0;

	while (rig->pawl->session.stage == SESSION_READY) {
		assert_true(clock_now_ns() < deadline);
		assert_int_equal(pawl_poll(rig->pawl, &result, 1, &count), 0);
		assert_int_equal(count, 0);
	}
}

static inline unsigned int rig_events_of(const struct rig *rig, enum pawl_event_kind kind)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < rig->events_count; i++)
		count += rig->events[i].kind == kind;
	return count;
}

static inline struct pawl_stats rig_stats(const struct rig *rig)
{
	struct pawl_stats stats;

	assert_int_equal(pawl_stats_get(rig->pawl, &stats), 0);
	return stats;
}

static inline void *rig_make(unsigned int count, unsigned int chain)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	fake_begin(&rig->fake, count, chain);
	return rig;
}

static inline int rig_remove(void **state)
{
	struct rig *rig = *state;

	pawl_close(rig->pawl);
	fake_end(&rig->fake);
	free(rig);
	return 0;
}

#endif
