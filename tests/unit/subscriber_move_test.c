/* A subscriber that moves from one member to the next, and back to the log that is near. */
#include "tests/unit/subscriber_rig.h"

#include <unistd.h>

#define ALL 3u
#define HEAD 1u
#define TAIL 2u

static const unsigned int both[] = {0, 1};
static const unsigned int first[] = {0};

/* @first to @last are put at @places, and delivered; nothing else was, so far. */
static void flows(
	struct reading *r, unsigned int places, uint64_t first_position, uint64_t last)
{
	fake_source_put_until(&r->source, places, first_position, last);
	reading_gets(r, (unsigned int)last);
}

/* The tail dies; the head has everything, and more is published at it. */
static void another_member_goes_on_where_the_last_one_was(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	flows(r, ALL, 1, 50);
	fake_source_put_until(&r->source, ALL, 51, 60);
	fake_kill(&r->rig.fake, 1);
	fake_source_put_until(&r->source, HEAD, 61, 70);
	reading_gets(r, 60); /* what the dead one had is read */
	reading_gets_nothing(r);
	reading_change(r, 2, 1, first);
	reading_gets(r, 70);
	flows(r, HEAD, 71, 80);
	reading_has(r, 0, 1, 80);
	assert_int_equal(r->s->place.member, 0);
}

static void whoever_moves_leaves_the_member_that_it_read_at(void **state)
{
	static const unsigned int turned[] = {1, 0};
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	flows(r, ALL, 1, 5);
	reading_change(r, 2, 2, turned);
	flows(r, ALL, 6, 10);
	reading_has(r, 0, 1, 10);
	assert_int_equal(r->source.logs[0].subscribes, 1);
	reading_left(r, 1);
}

static void a_new_epoch_at_the_same_member_is_the_same_reader(void **state)
{
	struct reading *r = *state;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	flows(r, TAIL, 1, 5);
	reading_change(r, 2, 2, both);
	flows(r, TAIL, 6, 10);
	reading_has(r, 0, 1, 10);
	assert_int_equal(r->s->place.reader, 1);
	assert_false(r->source.logs[1].readers[1].used);
	assert_int_equal(fake_source_line(&r->source, 1, 1), 10);
}

/* The head may not know yet who waits for it now. */
static void of_a_stream_that_blocks_it_is_left_a_while_later(void **state)
{
	static const unsigned int turned[] = {1, 0};
	struct reading *r = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	r->source.limits.blocks = true;
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	flows(r, ALL, 1, 5);
	reading_change(r, 2, 2, turned);
	flows(r, ALL, 6, 10);
	assert_int_equal(r->s->place.member, 1);
	while (fake_source_line(&r->source, 1, 1) != 10 && clock_now_ns() < deadline)
		reading_gets_nothing(r);
	assert_int_equal(fake_source_line(&r->source, 1, 1), 10);
	assert_int_equal(r->source.logs[1].unsubscribes, 0);
	while (r->source.logs[1].unsubscribes == 0 && clock_now_ns() < deadline)
		reading_gets_nothing(r);
	reading_left(r, 1);
	assert_int_equal(r->source.logs[0].unsubscribes, 0);
}

/* The epoch ends as soon as its last message is delivered. */
static void change_on_delivery(void *context, const struct pawl_delivery *delivery)
{
	struct reading *r = context;

	reading_on_delivery(context, delivery);
	if (delivery->position == 5) {
		r->rig.fake.base = 5;
		reading_change(r, 2, 1, first);
	}
}

/* Two positions were drawn and never written; nobody publishes any more. */
static void what_an_epoch_leaves_drawn_is_not_waited_for(void **state)
{
	struct reading *r = *state;
	uint64_t position = 0;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, ALL, 1, 5);
	atomic_store(fake_counter(&r->rig.fake, 0, 1), 7);
	if (pawl_subscriber_sync(r->s, change_on_delivery, r, &position))
		fail_msg("%s", pawl_errmsg(r->rig.pawl));
	assert_int_equal(position, 5);
	assert_int_equal(r->count, 5);
}

/* However many lives of replicas it has read at before. */
static void the_member_that_it_read_at_is_left_after_many_lives(void **state)
{
	struct reading *r = *state;

	reading_open(r);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	for (unsigned int i = 0; i < CHAIN_MAX; i++) {
		struct subscriber_reader *reader = &r->s->readers[i];

		if (!reader->asked)
			*reader = (struct subscriber_reader){.asked = true,
				.replica = 1 + i % 2,
				.incarnation = 1000 + i,
				.token = 1};
	}
	reading_change(r, 2, 1, first);
	reading_gets_nothing(r);
	assert_int_equal(r->s->place.member, 0);
	reading_change(r, 3, 2, both);
	while (r->s->place.member != 1)
		reading_gets_nothing(r);
	reading_left(r, 0);
}

/* Who was fed for want of an answer goes back to the log as soon as there is one. */
static void a_member_that_was_busy_is_read_in_place_later(void **state)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	struct reading *r = *state;

	reading_open(r);
	r->source.logs[0].refusal = EAGAIN;
	r->source.logs[0].refusals = 51;
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->s->kind, SOURCE_INBOX);
	flows(r, HEAD, 1, 10);
	while (r->s->kind != SOURCE_PLACE) {
		assert_true(clock_now_ns() < deadline);
		reading_gets_nothing(r);
	}
	assert_int_equal(r->source.logs[0].fed, 1);
	flows(r, HEAD, 11, 20);
	reading_has(r, 0, 1, 20);
}

/* It is on this host if one of its sockets is, whichever of its addresses it was dialled at. */
static void who_has_a_socket_here_is_near(void **state)
{
	struct endpoint far, gone, here;
	struct pawl_stream stream = {.pawl = calloc(1, sizeof(struct pawl))};
	struct session *session = &stream.pawl->session;
	struct pawl_subscriber s = {.pawl = stream.pawl, .listener = {.stream = &stream}};
	struct peer peer = {.transport = "verbs"};
	char socket[] = "/tmp/pawl-near-XXXXXX", text[64];
	int fd = mkstemp(socket);

	(void)state;
	assert_true(fd >= 0);
	(void)snprintf(text, sizeof(text), "unix:%s", socket);
	assert_int_equal(endpoint_parse("10.0.0.1:7470", false, &far, NULL), 0);
	assert_int_equal(endpoint_parse("unix:/nowhere/1.sock", false, &gone, NULL), 0);
	assert_int_equal(endpoint_parse(text, false, &here, NULL), 0);
	session->links[0].peer = &peer;
	peer.endpoint = far;
	session->chain[0].controls[0] = gone;
	session->chain[0].controls[1] = far;
	session->chain[0].controls_count = 2;
	assert_false(place_is_near(&s, 0));
	session->chain[0].controls[0] = here;
	assert_true(place_is_near(&s, 0));
	peer.endpoint = here;
	session->chain[0].controls_count = 0;
	assert_true(place_is_near(&s, 0));
	(void)close(fd);
	(void)unlink(socket);
	free(stream.pawl);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, reading_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(another_member_goes_on_where_the_last_one_was, reading_of_two),
		CASE(whoever_moves_leaves_the_member_that_it_read_at, reading_of_two),
		CASE(a_new_epoch_at_the_same_member_is_the_same_reader, reading_of_two),
		CASE(of_a_stream_that_blocks_it_is_left_a_while_later, reading_of_two),
		CASE(what_an_epoch_leaves_drawn_is_not_waited_for, reading_of_two),
		CASE(the_member_that_it_read_at_is_left_after_many_lives, reading_of_two),
		CASE(a_member_that_was_busy_is_read_in_place_later, reading_of_one),
		cmocka_unit_test(who_has_a_socket_here_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
