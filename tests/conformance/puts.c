/* put: long writes straight from a memory of the same device, and what can be their source. */
#include <errno.h>
#include <string.h>

#include "hw/clock.h"
#include "tests/conformance/conformance.h"

#define LONG (256 * 1024) /* bytes of the source, and of the target of its own */

/* A source at the peer, and a larger target at the owner with a link to it. */
struct putting {
	struct fixture *fixture;
	const struct memory_ops *ops;
	struct memory *source;
	struct memory *target;
	struct link *link;
	unsigned char *from;
	unsigned char *to;
};

static struct putting putting_begin(void **state)
{
	struct fixture *fixture = *state;
	struct putting p = {.fixture = fixture, .ops = fixture->ops};

	p.source = fixture_expose_source(fixture, fixture->peer, LONG);
	p.target = fixture_expose(fixture, LONG);
	p.link = fixture_connect(
		fixture, fixture->peer, p.target, FIXTURE_DEPTH, FIXTURE_TOKEN);
	p.from = p.ops->base(p.source);
	p.to = p.ops->base(p.target);
	return p;
}

static void source_fill(struct putting *p, unsigned int round)
{
	for (size_t i = 0; i < LONG; i++)
		p->from[i] = (unsigned char)(i * 7 + i / 251 + round * 31 + 1);
}

static int put(struct putting *p, uint64_t offset, uint64_t source_offset, size_t len,
	uint64_t cookie)
{
	return p->ops->put(p->link, offset, p->source, source_offset, len, cookie);
}

/* Puts @len bytes; those around them must not change. */
static void put_check(
	struct putting *p, uint64_t offset, uint64_t source_offset, size_t len)
{
	memset(p->to + offset - 1, 0xee, len + 2);
	assert_int_equal(put(p, offset, source_offset, len, len), 0);
	assert_int_equal(fixture_wait_well(p->fixture, p->link, len), 0);
	assert_memory_equal(p->to + offset, p->from + source_offset, len);
	assert_int_equal(p->to[offset - 1], 0xee);
	assert_int_equal(p->to[offset + len], 0xee);
}

static void runs_of_every_length_arrive(void **state)
{
	static const size_t lens[] = {
		255, 256, 257, 4095, 4096, 4097, 16384, 65536, 65537, LONG - 128};
	struct putting p = putting_begin(state);

	source_fill(&p, 1);
	for (size_t len = 1; len <= 72; len++)
		put_check(&p, 64, 128, len);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		put_check(&p, 64, 128, lens[i]);
}

static void runs_may_begin_anywhere(void **state)
{
	struct putting p = putting_begin(state);

	source_fill(&p, 2);
	for (size_t offset = 1; offset <= 17; offset++) {
		put_check(&p, offset, 3 * offset, 1);
		put_check(&p, offset, offset + 1, 8);
		put_check(&p, 64, offset, 27);
		put_check(&p, offset + 4090, 0, 5000);
	}
}

static void last_byte_of_both_is_inside_and_the_next_is_refused(void **state)
{
	struct putting p = putting_begin(state);
	uint64_t len = p.ops->len(p.target), source_len = p.ops->len(p.source);
	const struct {
		uint64_t offset;
		uint64_t source_offset;
		size_t len;
	} outside[] = {{len, 0, 1}, {len - 4096, 0, 4097}, {len + 1, 0, 1},
		{UINT64_MAX, 0, 1}, {UINT64_MAX - 99, 0, 100}, {0, source_len, 1},
		{0, source_len - 64, 65}, {0, UINT64_MAX, 1}, {0, UINT64_MAX - 99, 100}};

	source_fill(&p, 3);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_int_equal(put(&p, outside[i].offset, outside[i].source_offset,
					 outside[i].len, 0),
			-ERANGE);
	fixture_expect_idle(p.fixture, p.link);
	assert_int_equal(put(&p, len - 5000, source_len - 5000, 5000, 1), 0);
	assert_int_equal(fixture_wait_well(p.fixture, p.link, 1), 0);
	assert_memory_equal(p.to + len - 5000, p.from + source_len - 5000, 5000);
}

static void empty_and_too_long_puts_are_refused(void **state)
{
	struct putting p = putting_begin(state);

	assert_int_equal(put(&p, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(put(&p, 0, 0, LINK_PUT_MAX + 1, 0), -EINVAL);
	assert_int_equal(put(&p, 0, 0, SIZE_MAX, 0), -EINVAL);
	fixture_expect_idle(p.fixture, p.link);
}

static void memory_that_was_not_exposed_to_be_a_source_is_none(void **state)
{
	struct putting p = putting_begin(state);
	struct link *loop = fixture_connect(
		p.fixture, p.fixture->owner, p.target, FIXTURE_DEPTH, 8);

	assert_int_equal(p.ops->put(loop, 0, p.fixture->memory, 0, 64, 0), -EINVAL);
	fixture_expect_idle(p.fixture, loop);
}

static void source_of_another_device_is_refused(void **state)
{
	struct putting p = putting_begin(state);
	struct memory *other = fixture_expose_source(p.fixture, p.fixture->owner, 4096);

	assert_int_equal(p.ops->put(p.link, 0, other, 0, 64, 0), -EINVAL);
	fixture_expect_idle(p.fixture, p.link);
}

static void owners_memory_is_source_and_target_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct memory *memory = fixture_expose_source(fixture, fixture->owner, 4096);
	struct link *peer = fixture_connect(fixture, fixture->peer, memory, 4, 8);
	struct link *loop = fixture_connect(
		fixture, fixture->owner, fixture->memory, 4, 9);
	uint64_t word = UINT64_C(0x1122334455667788);

	assert_int_equal(fixture->ops->write(peer, 64, &word, 8, 1), 0);
	(void)fixture_wait_well(fixture, peer, 1);
	assert_int_equal(fixture->ops->put(loop, 128, memory, 64, 8, 2), 0);
	(void)fixture_wait_well(fixture, loop, 2);
	assert_int_equal(fixture->ops->load(fixture->memory, 128), word);
}

static void memory_of_a_device_that_does_not_listen_has_no_address(void **state)
{
	struct fixture *fixture = *state;
	struct memory *source;

	story_needs(fixture->bed->silent_peers, "every device of this kind listens");
	source = fixture_expose(fixture, FIXTURE_MEMORY);
	assert_true(fixture->ops->address(source)[0] != '\0');
	source = fixture_expose_source(fixture, fixture->peer, FIXTURE_MEMORY);
	assert_string_equal(fixture->ops->address(source), "");
	assert_true(fixture->ops->len(source) >= FIXTURE_MEMORY);
	memset(fixture->ops->base(source), 0x77, 8);
	assert_int_equal(fixture->ops->load(source, 0), UINT64_C(0x7777777777777777));
}

static void puts_take_effect_in_order_with_other_operations(void **state)
{
	struct putting p = putting_begin(state);
	uint64_t seen[2], word;

	for (unsigned int round = 0; round < 50; round++) {
		source_fill(&p, round);
		word = round;
		memcpy(p.from, &word, 8);
		assert_int_equal(p.ops->read(p.link, 64, &seen[0], 8, 0), 0);
		assert_int_equal(put(&p, 64, 0, 20000, 1), 0);
		assert_int_equal(p.ops->fetch_add(p.link, 64, 100, 2), 0);
		assert_int_equal(put(&p, 72, 8, 9000, 3), 0);
		assert_int_equal(p.ops->read(p.link, 64, &seen[1], 8, 4), 0);
		assert_int_equal(p.ops->write(p.link, 72, "12345678", 8, 5), 0);
		for (uint64_t cookie = 0; cookie < 6; cookie++)
			assert_int_equal(fixture_wait_well(p.fixture, p.link, cookie),
				cookie == 2 ? round : 0);
		assert_int_equal(seen[0], round == 0 ? 0 : round - 1 + 100);
		assert_int_equal(seen[1], round + 100);
		assert_memory_equal(p.to + 72, "12345678", 8);
		assert_memory_equal(p.to + 80, p.from + 16, 20000 - 16);
	}
}

static void word_await(struct putting *p, uint64_t word)
{
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;

	while (p->ops->load(p->target, 0) != word) {
		fixture_let_time_pass(p->fixture);
		if (clock_now_ns() > deadline)
			fail_msg("a write was posted and never took effect");
	}
}

/* M9: what tells of a run comes behind it. */
static void run_is_there_when_a_later_word_is(void **state)
{
	struct putting p = putting_begin(state);
	const uint64_t *words = (const uint64_t *)(const void *)p.to;

	for (uint64_t round = 1; round <= 200; round++) {
		size_t len = round % 2 ? 64 : 50000;

		memset(p.from, (int)round, len);
		assert_int_equal(put(&p, 64, 0, len, 1), 0);
		assert_int_equal(p.ops->write(p.link, 0, &round, 8, 2), 0);
		word_await(&p, round);
		for (size_t i = 8; i < 8 + len / 8; i++)
			assert_int_equal(
				words[i], (round & 0xff) * UINT64_C(0x0101010101010101));
		(void)fixture_wait_well(p.fixture, p.link, 1);
		(void)fixture_wait_well(p.fixture, p.link, 2);
	}
}

static void put_is_one_operation_of_a_full_queue(void **state)
{
	struct putting p = putting_begin(state);

	source_fill(&p, 4);
	for (int round = 0; round < 5; round++) {
		memset(p.to, 0, LONG);
		for (uint64_t i = 0; i < FIXTURE_DEPTH; i++)
			assert_int_equal(put(&p, 64 + i * 9000, i * 8000, 9000, i), 0);
		assert_int_equal(put(&p, 0, 0, 64, 99), -EAGAIN);
		assert_int_equal(p.ops->fetch_add(p.link, 0, 1, 99), -EAGAIN);
		for (uint64_t i = 0; i < FIXTURE_DEPTH; i++) {
			assert_int_equal(fixture_wait_well(p.fixture, p.link, i), 0);
			assert_memory_equal(
				p.to + 64 + i * 9000, p.from + i * 8000, 9000);
		}
		fixture_expect_idle(p.fixture, p.link);
		assert_int_equal(p.ops->load(p.target, 0), 0);
	}
}

/* What has failed may take effect, with the bytes that the source had until then. */
static void source_is_its_owners_again_after_a_failure(void **state)
{
	struct fixture *fixture = *state;
	struct memory *source = fixture_expose_source(fixture, fixture->peer, 8192);
	unsigned char *from = fixture->ops->base(source), *to;
	struct completion done;

	story_needs(fixture->bed->break_link != NULL, "links of this kind can not fail");
	memset(from, 0x11, 8192);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(
			fixture->ops->put(fixture->link, 64, source, 0, 8192, i), 0);
	fixture->bed->break_link(fixture);
	for (uint64_t i = 0; i < 8; i++) {
		done = fixture_wait(fixture, fixture->link);
		assert_int_equal(done.cookie, i);
	}
	memset(from, 0x22, 8192);
	for (int i = 0; i < 100; i++)
		fixture_let_time_pass(fixture);
	if (!fixture->memory)
		return; /* it broke by losing its owner */
	to = fixture->ops->base(fixture->memory);
	for (size_t i = 64; i < 64 + 8192; i++)
		assert_true(to[i] == 0 || to[i] == 0x11);
	assert_int_equal(
		fixture->ops->put(fixture->link, 64, source, 0, 64, 9), -ENOTCONN);
}

int conformance_puts(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(runs_of_every_length_arrive),
		STORY(runs_may_begin_anywhere),
		STORY(last_byte_of_both_is_inside_and_the_next_is_refused),
		STORY(empty_and_too_long_puts_are_refused),
		STORY(memory_that_was_not_exposed_to_be_a_source_is_none),
		STORY(source_of_another_device_is_refused),
		STORY(owners_memory_is_source_and_target_at_once),
		STORY(memory_of_a_device_that_does_not_listen_has_no_address),
		STORY(puts_take_effect_in_order_with_other_operations),
		STORY(run_is_there_when_a_later_word_is),
		STORY(put_is_one_operation_of_a_full_queue),
		STORY(source_is_its_owners_again_after_a_failure),
	};

	print_message("%s: puts\n", bed->name);
	return cmocka_run_group_tests_name("puts", tests, NULL, NULL);
}
