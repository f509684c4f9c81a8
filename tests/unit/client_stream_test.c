/* The life of a stream on a handle: opening, options, epochs, its end, and the counters beside. */
#include "tests/unit/client_stream_rig.h"

#include "client/lib/publish.h"

static const unsigned int first[] = {0};
static const unsigned int second[] = {1};

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

/* A handle without a stream, which gives up soon. */
static void desk_hasty(struct desk *d)
{
	struct pawl_options options = rig_options(&d->rig);

	options.timeout_ns = 50 * NS_PER_MS;
	desk_join(d, &options);
}

static void opening_takes_no_row_and_no_memory(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_string_equal(pawl_stream_name(d->stream), STREAM_NAME);
	assert_int_equal(d->rig.fake.stream.rows, 0);
	assert_null(d->stream->publishing);
	assert_int_equal(d->rig.fake.stream.opened, 1);
}

static void opening_again_gives_the_same_stream(void **state)
{
	struct desk *d = *state;
	struct pawl_stream *again = NULL;

	desk_open(d);
	assert_int_equal(pawl_stream_open(d->rig.pawl, STREAM_NAME, NULL, &again), 0);
	assert_ptr_equal(again, d->stream);
	assert_int_equal(d->rig.fake.stream.opened, 1);
}

static void options_are_those_the_stream_was_created_with(void **state)
{
	struct desk *d = *state;
	struct pawl_stream_options options = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_options handle = rig_options(&d->rig);
	struct pawl_stream_options got;

	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	desk_join(d, &handle);
	options.slot_len = 1024;
	options.depth = 16;
	desk_stream(d, &options);
	assert_int_equal(pawl_stream_options_get(d->stream, &got), 0);
	assert_int_equal(got.slot_len, 128);
	assert_int_equal(got.slots, 1024);
	assert_int_equal(got.message_max, 65536);
	assert_int_equal(got.depth, 16);
}

static void open_refused(struct desk *d, const struct pawl_stream_options *options,
	const char *name, int code, const char *text)
{
	struct pawl_stream *stream = NULL;

	assert_int_equal(pawl_stream_open(d->rig.pawl, name, options, &stream), code);
	assert_null(stream);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), text));
	assert_null(d->rig.pawl->streams);
}

static void options_out_of_range_are_refused(void **state)
{
	struct desk *d = *state;
	struct pawl_stream_options o[9];

	desk_hasty(d);
	for (int i = 0; i < 9; i++)
		o[i] = (struct pawl_stream_options)PAWL_STREAM_OPTIONS_INIT;
	o[0].slot_len = 100;
	o[1].slots = 3000;
	o[2].slots = 512;
	o[3].hole_timeout_ns = 9999;
	o[4].message_max = PAWL_MESSAGE_MAX + 1;
	o[5].depth = 3;
	o[6].depth = 2 * PAWL_PUBLISH_DEPTH_MAX;
	o[7].slot_len = 65536;
	o[7].slots = 1u << 24;
	o[8].size = 3;
	for (int i = 0; i < 9; i++)
		open_refused(d, &o[i], STREAM_NAME, -EINVAL, "out of range");
	assert_int_equal(d->rig.fake.stream.opened, 0);
}

static void names_are_checked(void **state)
{
	struct desk *d = *state;
	char name[80];

	desk_hasty(d);
	memset(name, 'n', sizeof(name));
	name[79] = '\0';
	open_refused(d, NULL, "", -EINVAL, "not a name for a stream");
	open_refused(d, NULL, name, -ENAMETOOLONG, "at most 63");
}

static void a_refusal_of_the_head_is_passed_on(void **state)
{
	static const int codes[] = {EEXIST, ENOENT, ENOSPC, EACCES, EINVAL};
	struct desk *d = *state;

	desk_hasty(d);
	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		d->rig.fake.stream.refusal = codes[i];
		open_refused(d, NULL, STREAM_NAME, -codes[i], "no stream for you");
	}
	d->rig.fake.stream.refusal = 0;
	desk_stream(d, NULL);
}

static void a_head_that_is_not_ready_is_asked_until_the_timeout(void **state)
{
	struct desk *d = *state;

	desk_hasty(d);
	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	d->rig.fake.stream.refusal = EAGAIN;
	open_refused(d, NULL, STREAM_NAME, -ETIMEDOUT, "may have been made");
	assert_in_range(d->rig.fake.stream.opened, 3, 100);
}

/* Words of another epoch are not used, whatever the answer says else. */
static void an_answer_of_another_epoch_is_asked_for_again(void **state)
{
	struct desk *d = *state;

	desk_hasty(d);
	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	d->rig.fake.stream.tells_epoch = 5;
	open_refused(d, NULL, STREAM_NAME, -ETIMEDOUT, "does not answer");
	assert_in_range(d->rig.fake.stream.opened, 3, 100);
	d->rig.fake.stream.tells_epoch = 0;
	desk_stream(d, NULL);
}

static void a_stream_that_becomes_another_one_is_refused(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.limits.message_max++;
	fake_stream_change(&d->rig.fake, 2, 1, first);
	fake_serve(&d->rig.fake, 0, true);
	assert_int_equal(pawl_publish(d->stream, "x", 1, NULL), -EPROTO);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), "another one"));
}

static void a_counter_beside_a_stream_keeps_its_short_way(void **state)
{
	struct desk *d = *state;
	struct rig *rig = &d->rig;

	desk_open(d);
	assert_int_equal(pawl_counter_open(rig->pawl, "orders", &rig->counter), 0);
	assert_int_equal(rig_next(rig), 1);
	desk_submit(d, "in flight", 0);
	rig->fake.stream.held = true;
	assert_int_equal(rig->pawl->hot->way, WAY_WORD);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(rig->pawl->hot->way, WAY_WORD);
	rig->fake.stream.held = false;
}

static uint64_t desk_end(struct desk *d)
{
	uint64_t end = 0;

	if (pawl_stream_end(d->stream, &end))
		fail_msg("%s", pawl_errmsg(d->rig.pawl));
	return end;
}

static void the_end_is_what_was_drawn(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_end(d), 0);
	assert_int_equal(desk_publish(d, "one"), 1);
	assert_int_equal(desk_publish(d, "two"), 2);
	assert_int_equal(desk_end(d), 2);
	d->rig.fake.stream.held = true;
	desk_submit(d, "three", 3);
	assert_int_equal(desk_end(d), 3);
	d->rig.fake.stream.held = false;
}

static void the_end_is_checked_at_every_backup(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	assert_int_equal(desk_end(d), 1);
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	assert_int_equal(desk_end(d), 1);
	assert_int_equal(rig_stats(&d->rig).epoch, 2);
}

static void the_hidden_counter_is_nobody_else_s(void **state)
{
	struct desk *d = *state;
	struct rig *rig = &d->rig;
	struct pawl_result result;

	desk_open(d);
	assert_int_equal(desk_end(d), 0);
	assert_false(rig_poll_for(rig, &result, NS_PER_MS));
	assert_int_equal(rig_stats(rig).additions, 0);
	assert_int_equal(pawl_counter_open(rig->pawl, STREAM_NAME, &rig->counter), 0);
	assert_ptr_not_equal(rig->counter, d->stream->end);
}

static void idle_streams_follow_epochs_too(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	desk_take_nothing(d, 20 * NS_PER_MS);
	assert_int_equal(d->stream->epoch, 2);
	assert_true(d->stream->open);
	assert_int_equal(desk_publish(d, "two"), 2);
	assert_int_equal(d->rig.fake.stream.rows, 1);
}

static void a_dead_replica_is_noticed_while_messages_wait(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "two", 2);
	fake_kill(&d->rig.fake, 0);
	desk_take_nothing(d, 20 * NS_PER_MS);
	assert_int_not_equal(d->rig.pawl->session.stage, SESSION_READY);
	assert_int_equal(rig_events_of(&d->rig, PAWL_EVENT_LOST), 1);
}

/* The same epoch, over new links. */
static void a_connection_that_broke_is_made_again(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "two", 2);
	fake_hang_up(&d->rig.fake, 0);
	desk_take_nothing(d, 10 * NS_PER_MS);
	d->rig.fake.stream.held = false;
	desk_taken(d, 2, 2);
	desk_logged(d, 0, 2, 2, "two");
	assert_int_equal(rig_stats(&d->rig).rejoins, 1);
}

/* ---- Listeners ---- */

struct ear {
	struct stream_listener listener;
	unsigned int entered, lost, closed, freed;
	bool forked;
};

static void ear_enter(struct stream_listener *listener)
{
	struct ear *ear = (struct ear *)listener;

	assert_true(listener->stream->opened);
	assert_int_equal(
		listener->stream->epoch, listener->stream->pawl->session.linked_epoch);
	(void)stream_member_want(
		listener->stream, listener->stream->pawl->session.links_count - 1);
	ear->entered++;
}

static void ear_lost(struct stream_listener *listener)
{
	assert_false(listener->stream->open);
	((struct ear *)listener)->lost++;
}

static void ear_close(struct stream_listener *listener)
{
	((struct ear *)listener)->closed++;
}

static bool ear_reply(
	struct stream_listener *listener, uint32_t member, const Control__Reply *reply)
{
	(void)listener;
	(void)member;
	(void)reply;
	return false;
}

static void ear_free(struct stream_listener *listener, bool forked)
{
	((struct ear *)listener)->freed++;
	((struct ear *)listener)->forked = forked;
}

static const struct stream_listener_ops ear_ops = {
	.enter = ear_enter,
	.lost = ear_lost,
	.close = ear_close,
	.reply = ear_reply,
	.free = ear_free,
};

static void turn_until_known(struct desk *d, uint32_t member)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int rc = -EAGAIN;

	while (rc || !stream_member_want(d->stream, member)) {
		rc = stream_turn(d->stream);
		assert_true(rc == 0 || rc == -EAGAIN);
		assert_true(clock_now_ns() < deadline);
		stream_idle(d->stream);
	}
}

static void listeners_are_told_of_epochs_and_learn_of_members(void **state)
{
	struct desk *d = *state;
	struct ear ear = {.listener = {.ops = &ear_ops}};

	desk_open(d);
	stream_listen(d->stream, &ear.listener);
	assert_int_equal(ear.entered, 1);
	turn_until_known(d, 1);
	assert_string_equal(d->stream->members[1].at.words,
		shm_memory_ops.address(d->rig.fake.stream.members[1].words[1]));
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	while (d->stream->open)
		session_look(d->rig.pawl);
	assert_in_range(ear.lost, 1, 2);
	turn_until_known(d, 0);
	assert_int_equal(ear.entered, 2);
	assert_in_range(ear.closed, 1, 2);
	assert_int_equal(d->stream->epoch, 2);
	assert_string_equal(d->stream->members[0].at.log_path,
		shm_memory_ops.pages(d->rig.fake.stream.members[1].log_memory)->path);
	stream_unlisten(&ear.listener);
	assert_null(d->stream->listeners);
	stream_listen(d->stream, &ear.listener);
	pawl_close(d->rig.pawl);
	d->rig.pawl = NULL;
	assert_int_equal(ear.freed, 1);
	assert_false(ear.forked);
}

static void listeners_are_told_of_an_epoch_before_its_head_has_answered(void **state)
{
	struct desk *d = *state;
	struct ear ear = {.listener = {.ops = &ear_ops}};
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	desk_open(d);
	stream_listen(d->stream, &ear.listener);
	turn_until_known(d, 1);
	d->rig.fake.stream.refusal = EAGAIN;
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	while (d->stream->open)
		session_look(d->rig.pawl);
	while (ear.entered < 2) {
		assert_int_equal(stream_turn(d->stream), -EAGAIN);
		assert_true(clock_now_ns() < deadline);
	}
	assert_false(d->stream->open);
	d->rig.fake.stream.refusal = 0;
	turn_until_known(d, 0);
	assert_true(d->stream->open);
	assert_int_equal(ear.entered, 2); /* once in each epoch */
	stream_unlisten(&ear.listener);
}

static void in_a_child_nothing_of_the_parent_s_is_touched(void **state)
{
	struct desk *d = *state;
	struct ear ear = {.listener = {.ops = &ear_ops}};
	struct device *device;
	struct link *links[4];

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	stream_listen(d->stream, &ear.listener);
	device = d->rig.pawl->session.device;
	links[0] = d->stream->publishing->head_counter;
	links[1] = d->stream->publishing->head_inbox;
	links[2] = d->stream->publishing->tail_words;
	links[3] = d->rig.pawl->session.links[0].link;
	d->rig.pawl->hot->alive = 0;
	pawl_close(d->rig.pawl);
	d->rig.pawl = NULL;
	assert_true(ear.forked);
	assert_int_equal(ear.closed, 0);
	for (int i = 0; i < 4; i++) {
		assert_non_null(device->ops->word(links[i], 0));
		device->ops->disconnect(links[i]);
	}
	device->ops->close(device);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opening_takes_no_row_and_no_memory, desk_of_one),
		TEST(opening_again_gives_the_same_stream, desk_of_one),
		TEST(options_are_those_the_stream_was_created_with, desk_of_one),
		TEST(options_out_of_range_are_refused, desk_of_one),
		TEST(names_are_checked, desk_of_one),
		TEST(a_refusal_of_the_head_is_passed_on, desk_of_one),
		TEST(a_head_that_is_not_ready_is_asked_until_the_timeout, desk_of_one),
		TEST(an_answer_of_another_epoch_is_asked_for_again, desk_of_one),
		TEST(a_stream_that_becomes_another_one_is_refused, desk_of_one),
		TEST(a_counter_beside_a_stream_keeps_its_short_way, desk_of_one),
		TEST(the_end_is_what_was_drawn, desk_of_one),
		TEST(the_end_is_checked_at_every_backup, desk_of_two),
		TEST(the_hidden_counter_is_nobody_else_s, desk_of_one),
		TEST(idle_streams_follow_epochs_too, desk_of_one),
		TEST(a_dead_replica_is_noticed_while_messages_wait, desk_of_one),
		TEST(a_connection_that_broke_is_made_again, desk_of_one),
		TEST(listeners_are_told_of_epochs_and_learn_of_members, desk_of_two),
		TEST(listeners_are_told_of_an_epoch_before_its_head_has_answered,
			desk_of_two),
		TEST(in_a_child_nothing_of_the_parent_s_is_touched, desk_of_one),
	};

	return cmocka_run_group_tests_name("client stream", tests, NULL, NULL);
}
