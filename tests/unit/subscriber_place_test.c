/* A subscriber that reads a replica's log in place, at replicas that do as they are told. */
#include "tests/unit/subscriber_rig.h"

#include <sys/wait.h>

#define ALL 3u
#define HEAD 1u
#define TAIL 2u

static const unsigned int both[] = {0, 1};
static const unsigned int second[] = {1};

static void messages_come_in_order_each_once(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	reading_gets_nothing(r);
	fake_source_put_until(&r->source, HEAD, 1, 300);
	reading_gets(r, 300);
	reading_has(r, 0, 1, 300);
	reading_gets_nothing(r);
	assert_int_equal(pawl_subscriber_position(r->s), 300);
	assert_int_equal(pawl_subscriber_lag(r->s), 0);
	assert_int_equal(r->s->kind, SOURCE_PLACE);
	assert_int_equal(fake_source_line(&r->source, 0, 1), 300);
}

static void no_more_are_delivered_than_there_is_room_for(void **state)
{
	struct reading *r = *state;
	int got;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 10);
	assert_int_equal(pawl_subscriber_poll(r->s, reading_on_delivery, r, 3, &got), 0);
	assert_int_equal(got, 3);
	assert_int_equal(pawl_subscriber_lag(r->s), 7);
	assert_int_equal(fake_source_line(&r->source, 0, 1), 3);
	assert_int_equal(
		pawl_subscriber_poll(r->s, reading_on_delivery, r, 0, &got), -EINVAL);
}

static void from_now_from_the_oldest_and_from_a_position(void **state)
{
	struct reading *r = *state;
	struct pawl_subscriber *now;

	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 2000);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	now = r->s;
	reading_subscribe(r, PAWL_FROM_OLDEST, 0);
	reading_gets(r, 1024);
	reading_has(r, 0, 977, 2000);
	r->count = 0;
	reading_subscribe(r, PAWL_FROM_POSITION, 1995);
	reading_gets(r, 6);
	reading_has(r, 0, 1995, 2000);
	r->count = 0;
	r->s = now;
	fake_source_put(&r->source, HEAD, 2001);
	reading_gets(r, 1);
	reading_has(r, 0, 2001, 2001);
}

static void a_position_in_the_future_is_waited_for(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_POSITION, 5);
	fake_source_put_until(&r->source, HEAD, 1, 4);
	reading_gets_nothing(r);
	fake_source_put_until(&r->source, HEAD, 5, 6);
	reading_gets(r, 2);
	reading_has(r, 0, 5, 6);
}

static void voids_are_told_on_request(void **state)
{
	struct pawl_subscribe_options options = PAWL_SUBSCRIBE_OPTIONS_INIT;
	struct reading *r = *state;
	struct pawl_subscriber *told, *not_told;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	not_told = r->s;
	options.voids = true;
	reading_subscribe_with(r, &options);
	told = r->s;
	fake_source_put(&r->source, HEAD, 1);
	fake_source_put_void(&r->source, HEAD, 2);
	fake_source_put(&r->source, HEAD, 3);
	reading_gets(r, 3);
	assert_true(r->seen[1].is_void);
	assert_null(r->seen[1].bytes);
	assert_int_equal(r->seen[1].position, 2);
	r->count = 0;
	r->s = not_told;
	reading_gets(r, 2);
	assert_int_equal(r->seen[1].position, 3);
	assert_int_equal(pawl_subscriber_position(told), 3);
}

static void a_long_message_comes_whole(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_long(&r->source, HEAD, 1, 10);
	fake_source_put(&r->source, HEAD, 11);
	reading_gets(r, 2);
	assert_int_equal(r->seen[0].first, 1);
	assert_int_equal(r->seen[0].position, 10);
	assert_int_equal(r->seen[0].len, 160);
	reading_has(r, 1, 11, 11);
}

/* Whoever begins again at its position gets the whole of it once more. */
static void a_message_that_is_half_there_is_not_behind_the_position(void **state)
{
	struct reading *r = *state;
	int got;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put(&r->source, HEAD, 1);
	reading_gets(r, 1);
	fake_source_put_long(&r->source, HEAD, 2, 3);
	/* As if only its first slots were committed. */
	r->s->machine.end = &(uint64_t){3};
	assert_int_equal(pawl_subscriber_poll(r->s, reading_on_delivery, r, 9, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(subscriber_consumed(r->s), 3);
	assert_int_equal(pawl_subscriber_position(r->s), 1);
	r->s->machine.end = r->s->place.commit;
	reading_gets(r, 2);
	assert_int_equal(pawl_subscriber_position(r->s), 4);
}

static void a_message_beyond_the_limit_is_an_error_and_passed(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_long(&r->source, HEAD, 1, 257); /* 4112 bytes, of 4096 */
	fake_source_put(&r->source, HEAD, 258);
	assert_int_equal(reading_until(r, 1), -EMSGSIZE);
	assert_non_null(strstr(pawl_errmsg(r->rig.pawl), "4112"));
	reading_gets(r, 1);
	reading_has(r, 0, 258, 258);
}

static void one_that_is_lapped_is_told_what_it_lost_and_goes_on(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	reading_gets(r, 5);
	fake_source_put_until(&r->source, HEAD, 6, 3000);
	assert_int_equal(reading_until(r, 6), -EOVERFLOW);
	reading_lost(r, 6, 1976);
	reading_gets(r, 5 + 1024);
	reading_has(r, 5, 1977, 3000);
}

/* What was delivered before the loss comes first, and the loss with the next call. */
static void a_position_before_the_oldest_is_a_loss(void **state)
{
	struct reading *r = *state;

	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 1100);
	reading_subscribe(r, PAWL_FROM_POSITION, 3);
	assert_int_equal(reading_until(r, 1), -EOVERFLOW);
	reading_lost(r, 3, 76);
	reading_gets(r, 1024);
	reading_has(r, 0, 77, 1100);
}

static void the_tail_is_read_and_the_head_when_it_will_not_do(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->source.logs[1].subscribes, 1);
	assert_int_equal(r->source.logs[0].subscribes, 0);
	r->source.logs[1].refusal = EUSERS;
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->source.logs[1].subscribes, 2);
	assert_int_equal(r->source.logs[0].subscribes, 1);
	assert_int_equal(r->s->place.member, 0);
}

static void everybody_is_full(void **state)
{
	struct reading *r = *state;
	struct pawl_subscriber *s = NULL;

	reading_open(r);
	r->source.logs[0].refusal = r->source.logs[1].refusal = EUSERS;
	assert_int_equal(pawl_subscribe(r->stream, NULL, &s), -EUSERS);
	assert_null(s);
	assert_non_null(strstr(pawl_errmsg(r->rig.pawl), "no subscribers here"));
}

/* Soon after an epoch began the tail may not be ready; it is worth a little patience. */
static void a_member_that_is_not_ready_is_asked_again(void **state)
{
	struct reading *r = *state;

	reading_open(r);
	r->source.logs[1].refusal = EAGAIN;
	r->source.logs[1].refusals = 3;
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->s->place.member, 1);
	assert_int_equal(r->source.logs[1].subscribes, 4);
	assert_int_equal(r->source.logs[0].subscribes, 0);
}

static void what_is_no_log_is_not_read(void **state)
{
	struct reading *r = *state;
	struct pawl_subscriber *s = NULL;

	reading_open(r);
	r->source.logs[0].machine.control->slots *= 2;
	r->source.logs[0].feeds_nothing = true;
	r->rig.pawl->options.timeout_ns = 300000000;
	assert_int_equal(pawl_subscribe(r->stream, NULL, &s), -ETIMEDOUT);
	assert_null(s);
	assert_true(r->source.logs[0].fed > 0);
	r->source.logs[0].machine.control->slots /= 2;
}

/* The line may be another's by then; but what is mapped can be read. */
static void whoever_lost_its_session_reads_on_and_does_not_write_its_line(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, ALL, 1, 50);
	reading_gets(r, 50);
	fake_kill(&r->rig.fake, 1);
	while (r->s->stage != SUBSCRIBER_ADRIFT)
		reading_gets_nothing(r);
	fake_source_put_until(&r->source, ALL, 51, 60);
	reading_gets(r, 60);
	reading_has(r, 0, 1, 60);
	assert_int_equal(fake_source_line(&r->source, 1, 1), 50);
}

static void a_child_has_no_subscriber(void **state)
{
	struct reading *r = *state;
	int status = 0, got = 0;
	pid_t child;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int rc = pawl_subscriber_poll(r->s, reading_on_delivery, r, 9, &got);

		pawl_unsubscribe(r->s);
		pawl_close(r->rig.pawl);
		_exit(rc == -EBADF && r->count == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	reading_gets(r, 5);
}

static void without_a_replica_there_is_an_error_after_the_timeout_only(void **state)
{
	struct reading *r = *state;
	uint64_t begun;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	r->rig.pawl->options.timeout_ns = 100000000;
	fake_source_put_until(&r->source, ALL, 1, 5);
	fake_kill(&r->rig.fake, 0);
	fake_kill(&r->rig.fake, 1);
	begun = clock_now_ns();
	reading_gets(r, 5);
	assert_int_equal(reading_until(r, 6), -ETIMEDOUT);
	assert_true(clock_now_ns() - begun >= 100000000);
	fake_revive(&r->rig.fake, 1, 500);
	reading_change(r, 2, 1, second);
	fake_source_put_until(&r->source, TAIL, 6, 6);
	while (reading_until(r, 6) == -ETIMEDOUT) {
	}
	reading_has(r, 0, 1, 6);
}

static void synchronous_is_everything_up_to_the_end(void **state)
{
	struct reading *r = *state;
	uint64_t position = 0;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 500);
	atomic_store(fake_counter(&r->rig.fake, 0, 1), 500);
	assert_int_equal(
		pawl_subscriber_sync(r->s, reading_on_delivery, r, &position), 0);
	assert_int_equal(position, 500);
	reading_has(r, 0, 1, 500);
	r->rig.pawl->options.timeout_ns = 50000000;
	atomic_store(fake_counter(&r->rig.fake, 0, 1), 501);
	assert_int_equal(pawl_subscriber_sync(r->s, reading_on_delivery, r, &position),
		-ETIMEDOUT);
	assert_int_equal(position, 500);
}

static void options_out_of_range_are_refused(void **state)
{
	struct pawl_subscribe_options o = PAWL_SUBSCRIBE_OPTIONS_INIT;
	struct reading *r = *state;
	struct pawl_subscriber *s = NULL;

	reading_open(r);
	o.from = PAWL_FROM_POSITION;
	assert_int_equal(pawl_subscribe(r->stream, &o, &s), -EINVAL);
	o.position = COUNTER_LIMIT;
	assert_int_equal(pawl_subscribe(r->stream, &o, &s), -EINVAL);
	o.position = 1;
	o.inbox_slots = 1000;
	assert_int_equal(pawl_subscribe(r->stream, &o, &s), -EINVAL);
	o.inbox_slots = 0;
	o.from = (enum pawl_from)3;
	assert_int_equal(pawl_subscribe(r->stream, &o, &s), -EINVAL);
	o.size = 1;
	assert_int_equal(pawl_subscribe(r->stream, &o, &s), -EINVAL);
	assert_null(s);
}

static void who_unsubscribes_is_forgotten(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_true(r->source.logs[0].readers[0].used);
	pawl_unsubscribe(r->s);
	pawl_unsubscribe(NULL);
	reading_left(r, 0);
	assert_false(r->source.logs[0].readers[0].used);
}

static void counters_of_the_handle_go_on_beside_it(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(pawl_counter_open(r->rig.pawl, "beside", &r->rig.counter), 0);
	assert_int_equal(rig_next(&r->rig), 1);
	fake_source_put_until(&r->source, ALL, 1, 5);
	reading_gets(r, 5);
	r->rig.fake.base = r->rig.fake.stand = 1;
	reading_change(r, 2, 2, both);
	assert_int_equal(rig_next(&r->rig), 2);
	fake_source_put_until(&r->source, ALL, 6, 9);
	reading_gets(r, 9);
	reading_has(r, 0, 1, 9);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, reading_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(messages_come_in_order_each_once, reading_of_one),
		CASE(no_more_are_delivered_than_there_is_room_for, reading_of_one),
		CASE(from_now_from_the_oldest_and_from_a_position, reading_of_one),
		CASE(a_position_in_the_future_is_waited_for, reading_of_one),
		CASE(voids_are_told_on_request, reading_of_one),
		CASE(a_long_message_comes_whole, reading_of_one),
		CASE(a_message_that_is_half_there_is_not_behind_the_position,
			reading_of_one),
		CASE(a_message_beyond_the_limit_is_an_error_and_passed, reading_of_one),
		CASE(one_that_is_lapped_is_told_what_it_lost_and_goes_on, reading_of_one),
		CASE(a_position_before_the_oldest_is_a_loss, reading_of_one),
		CASE(the_tail_is_read_and_the_head_when_it_will_not_do, reading_of_two),
		CASE(everybody_is_full, reading_of_two),
		CASE(a_member_that_is_not_ready_is_asked_again, reading_of_two),
		CASE(what_is_no_log_is_not_read, reading_of_one),
		CASE(whoever_lost_its_session_reads_on_and_does_not_write_its_line,
			reading_of_two),
		CASE(a_child_has_no_subscriber, reading_of_one),
		CASE(without_a_replica_there_is_an_error_after_the_timeout_only,
			reading_of_two),
		CASE(synchronous_is_everything_up_to_the_end, reading_of_one),
		CASE(options_out_of_range_are_refused, reading_of_one),
		CASE(who_unsubscribes_is_forgotten, reading_of_one),
		CASE(counters_of_the_handle_go_on_beside_it, reading_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
