/* Applications say what is in their snapshots. */
#include <errno.h>
#include <string.h>

#include "client/lib/stream.h"
#include "hw/clock.h"
#include "tests/unit/client_stream_rig.h"

static int desk_of_one(void **state)
{
	*state = desk_make(2, 1);
	return 0;
}

static int desk_of_two(void **state)
{
	*state = desk_make(2, 2);
	return 0;
}

static void expect_snapshot_refused(
	struct desk *d, uint64_t position, int code, const char *why)
{
	assert_int_equal(pawl_stream_acknowledge_snapshot(d->stream, position), code);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), why));
}

static void a_snapshot_is_told_to_the_head(void **state)
{
	struct desk *d = *state;
	struct fake_stream *s = &d->rig.fake.stream;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	assert_int_equal(pawl_stream_acknowledge_snapshot(d->stream, 1), 0);
	assert_int_equal(s->snapshots, 1);
	assert_int_equal(s->snapshot, 1);
	s->snapshot_refusal = EINVAL;
	expect_snapshot_refused(d, 2, -EINVAL, "no stream for you");
	assert_int_equal(s->snapshots, 2);
	expect_snapshot_refused(d, 0, -EINVAL, "0 is no position");
	assert_int_equal(s->snapshots, 2);
	assert_int_equal(desk_publish(d, "two"), 2);
}

static void a_snapshot_is_told_until_the_timeout(void **state)
{
	struct desk *d = *state;
	struct fake_stream *s = &d->rig.fake.stream;

	desk_open(d);
	d->rig.pawl->options.timeout_ns = 50 * NS_PER_MS;
	s->snapshot_refusal = EAGAIN;
	expect_snapshot_refused(d, 1, -ETIMEDOUT, "no stream for you");
	assert_in_range(s->snapshots, 2, 100);
	s->snapshot_refusal = 0;
	s->snapshot_lost = true;
	expect_snapshot_refused(d, 1, -ETIMEDOUT, "the head does not answer");
	s->snapshot_lost = false;
	assert_int_equal(pawl_stream_acknowledge_snapshot(d->stream, 1), 0);
}

/* What the head of before was asked it may have forgotten. */
static void the_next_head_is_told_again(void **state)
{
	static const unsigned int second[] = {1};
	struct desk *d = *state;
	struct fake_stream *s = &d->rig.fake.stream;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	assert_int_equal(pawl_stream_acknowledge_snapshot(d->stream, 1), 0);
	assert_int_equal(s->snapshot, 1);
	assert_int_equal(rig_stats(&d->rig).epoch, 2);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_snapshot_is_told_to_the_head, desk_of_one),
		TEST(a_snapshot_is_told_until_the_timeout, desk_of_one),
		TEST(the_next_head_is_told_again, desk_of_two),
	};

	return cmocka_run_group_tests_name("client snapshot", tests, NULL, NULL);
}
