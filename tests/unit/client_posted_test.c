/*
 * Publishing by operations on links, as over a card: how many there are for a message, what a
 * wrapping ring makes of them, and what happens while they are under way.
 *
 * Links are those of shared memory with their words hidden; completions can be held back or
 * spoiled.
 */
#include "tests/unit/client_stream_rig.h"

#include "client/lib/publish.h"

static struct memory_ops card;
static uint64_t held_until_ns; /* no completion of a put is polled before */
static unsigned int spoiled;   /* so many completions of puts come as failures */

static int card_poll(struct link *link, struct completion *done, int max, int *count_p)
{
	int rc;

	*count_p = 0;
	if (clock_now_ns() < held_until_ns)
		return 0;
	rc = shm_memory_ops.poll(link, done, max, count_p);
	for (int i = 0; i < *count_p && spoiled > 0; i++, spoiled--)
		done[i].status = -EIO;
	return rc;
}

static int desk_of_one(void **state)
{
	held_until_ns = 0;
	spoiled = 0;
	card = shm_memory_ops;
	card.word = NULL;
	*state = desk_make(1, 1);
	return 0;
}

/* The stream, and links like a card's; one message is in. */
/* As many messages in flight as the inbox has slots: both rings end often. */
static void card_open(struct desk *d)
{
	struct pawl_stream_options few = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_options options = rig_options(&d->rig);

	few.depth = 1024;

	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	desk_join(d, &options);
	d->rig.pawl->session.ops = &card;
	desk_stream(d, &few);
	assert_int_equal(desk_publish(d, "one"), 1);
	assert_null(d->stream->publishing->drawn);
	assert_non_null(d->stream->publishing->staging.memory);
}

/* Completions of its puts come by card_poll. */
static void puts_watched(struct desk *d)
{
	card.poll = card_poll;
	d->stream->publishing->head_inbox->ops = &card;
}

static void a_message_is_one_draw_and_one_put(void **state)
{
	struct desk *d = *state;
	char text[81];

	card_open(d);
	for (uint64_t i = 2; i <= 100; i++) {
		(void)snprintf(text, sizeof(text), "message %lu", (unsigned long)i);
		assert_int_equal(desk_publish(d, text), i);
		desk_logged(d, 0, i, i, text);
	}
	assert_int_equal(desk_stats(d).draws, 100);
	assert_int_equal(desk_stats(d).writes, 100);
}

/* Also one of many slots, and many of one: until a ring ends. */
static void slots_behind_each_other_are_one_put(void **state)
{
	struct desk *d = *state;
	struct pawl_message messages[32];
	unsigned int submitted;
	char bytes[4000];
	uint64_t position;

	card_open(d);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(pawl_publish(d->stream, bytes, sizeof(bytes), &position), 0);
	assert_int_equal(position, 51);
	assert_int_equal(desk_stats(d).writes, 2);
	for (uint64_t i = 0; i < 32; i++)
		messages[i] = (struct pawl_message){"same", 4, i};
	assert_int_equal(pawl_publish_many(d->stream, messages, 32, &submitted), 0);
	for (uint64_t i = 0; i < 32; i++)
		desk_taken(d, i, 52 + i);
	assert_int_equal(desk_stats(d).draws, 3);
	assert_int_equal(desk_stats(d).writes, 3);
}

static void a_ring_that_ends_makes_two_puts(void **state)
{
	struct desk *d = *state;
	char bytes[80 * 512];
	uint64_t position, writes;

	card_open(d);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(pawl_publish(d->stream, bytes, 80 * 510, &position), 0);
	assert_int_equal(pawl_publish(d->stream, bytes, 80 * 510, &position), 0);
	assert_int_equal(position, 1021);
	writes = desk_stats(d).writes;
	/* Positions 1022 to 1031: the inbox ends behind 1023, the staging behind slot 1023. */
	assert_int_equal(pawl_publish(d->stream, bytes, 800, &position), 0);
	assert_int_equal(position, 1031);
	assert_int_equal(desk_stats(d).writes, writes + 3);
	for (uint64_t i = 1022; i <= 1031; i++) {
		struct stream_slot slot;

		assert_true(fake_stream_read(&d->rig.fake, 0, i, &slot, NULL));
		assert_int_equal(slot.len, 80);
	}
}

static void a_long_ring_of_messages_wraps_often(void **state)
{
	struct desk *d = *state;
	unsigned char bytes[80 * 37];
	uint64_t position;

	card_open(d);
	for (unsigned char i = 0; i < 100; i++) {
		struct stream_slot slot;
		unsigned char payload[128];

		memset(bytes, i, sizeof(bytes));
		assert_int_equal(
			pawl_publish(d->stream, bytes, sizeof(bytes), &position), 0);
		for (uint64_t k = position - 36; k <= position; k++) {
			assert_true(fake_stream_read(&d->rig.fake, 0, k, &slot, payload));
			assert_memory_equal(payload, bytes, 80);
		}
	}
}

/* N1: what a put may still read is nobody else's room. */
static void slots_of_a_put_under_way_are_not_used_again(void **state)
{
	struct desk *d = *state;
	struct publishing *p;
	struct pawl_published result;
	unsigned int more = 0;
	int count;

	card_open(d);
	p = d->stream->publishing;
	puts_watched(d);
	held_until_ns = UINT64_MAX;
	desk_submit(d, "held", 1);
	desk_taken(d, 1, 2);
	assert_int_equal(p->puts.count, 1);
	while (pawl_publish_submit(d->stream, "more", 4, 2) == 0 && more < 3000) {
		more++;
		assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), 0);
	}
	assert_int_equal(p->staging.free_from, 1);
	assert_int_equal(p->staging.end, 1 + p->staging.slots);
	held_until_ns = 0;
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), 0);
	assert_int_equal(pawl_publish_submit(d->stream, "room", 4, 3), 0);
}

/* P3: drawn again, but not built again before the put of the first time has completed. */
static void a_slot_is_not_built_again_under_a_put(void **state)
{
	struct desk *d = *state;
	struct publishing *p;

	card_open(d);
	p = d->stream->publishing;
	puts_watched(d);
	d->rig.fake.stream.held = true;
	held_until_ns = UINT64_MAX;
	desk_submit(d, "spoiled", 2);
	desk_take_nothing(d, NS_PER_MS);
	fake_stream_slot(&d->rig.fake, 0, 2)[50] ^= 1;
	d->rig.fake.stream.held = false;
	desk_take_nothing(d, 60 * NS_PER_MS);
	desk_void(d, 0, 2);
	assert_int_equal(p->machine.drawn, 2);
	assert_int_equal(p->machine.written, 1);
	assert_int_equal(stream_slot_position(staging_at(&p->staging, 1)), 2);
	held_until_ns = 0;
	(void)desk_take(d);
	assert_int_equal(desk_stats(d).redone >= 1, 1);
}

static void a_put_that_fails_makes_the_session_again(void **state)
{
	struct desk *d = *state;

	card_open(d);
	puts_watched(d);
	spoiled = 1;
	desk_submit(d, "two", 2);
	while (d->rig.pawl->session.stage == SESSION_READY) {
		struct pawl_published result;
		int count;

		assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), 0);
		assert_int_equal(count, 0);
	}
	assert_int_equal(rig_events_of(&d->rig, PAWL_EVENT_LOST), 1);
	assert_int_equal(d->stream->publishing->stage, PUBLISHING_SHUT);
	assert_int_equal(
		d->stream->publishing->machine.phase, STREAM_PUBLISHER_SUSPENDED);
}

/* The staging is a memory of the device, which can not be another one then. */
static void the_device_of_a_publisher_is_kept(void **state)
{
	struct desk *d = *state;

	card_open(d);
	assert_true(streams_hold_device(d->rig.pawl));
	fake_hang_up(&d->rig.fake, 0);
	desk_take_nothing(d, 20 * NS_PER_MS);
	assert_int_not_equal(d->rig.pawl->session.stage, SESSION_READY);
	assert_non_null(
		strstr(d->rig.pawl->session.why.text, "has changed from shm to shm"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_of_one, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_one_draw_and_one_put),
		TEST(slots_behind_each_other_are_one_put),
		TEST(a_ring_that_ends_makes_two_puts),
		TEST(a_long_ring_of_messages_wraps_often),
		TEST(slots_of_a_put_under_way_are_not_used_again),
		TEST(a_slot_is_not_built_again_under_a_put),
		TEST(a_put_that_fails_makes_the_session_again),
		TEST(the_device_of_a_publisher_is_kept),
	};

	return cmocka_run_group_tests_name("client posted", tests, NULL, NULL);
}
