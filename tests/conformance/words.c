/* Fetch-add and compare-swap, their bounds, and who sees the words. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/conformance/conformance.h"

static void fetch_add_returns_the_word_before(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_add(fixture, 64, 1), 0);
	assert_int_equal(fixture_add(fixture, 64, 41), 1);
	assert_int_equal(fixture_add(fixture, 64, 1), 42);
	assert_int_equal(fixture->ops->load(fixture->memory, 64), 43);
	assert_int_equal(fixture->ops->load(fixture->memory, 56), 0);
	assert_int_equal(fixture->ops->load(fixture->memory, 72), 0);
}

static void fetch_add_of_nothing_reads_the_word(void **state)
{
	struct fixture *fixture = *state;

	(void)fixture_add(fixture, 0, 5);
	assert_int_equal(fixture_add(fixture, 0, 0), 5);
	assert_int_equal(fixture_add(fixture, 0, 0), 5);
	assert_int_equal(fixture->ops->load(fixture->memory, 0), 5);
}

static void fetch_add_wraps_around(void **state)
{
	struct fixture *fixture = *state;

	(void)fixture_add(fixture, 8, UINT64_MAX);
	assert_true(fixture_add(fixture, 8, 3) == UINT64_MAX);
	assert_int_equal(fixture->ops->load(fixture->memory, 8), 2);
}

static void fetch_add_carries_into_the_upper_half(void **state)
{
	struct fixture *fixture = *state;

	(void)fixture_add(fixture, 8, UINT32_MAX);
	assert_true(fixture_add(fixture, 8, (uint64_t)1 << 60 | 1) == UINT32_MAX);
	assert_true(fixture->ops->load(fixture->memory, 8) ==
		    ((uint64_t)1 << 60) + ((uint64_t)1 << 32));
}

static void fetch_add_at_once_is_the_same_addition(void **state)
{
	struct fixture *fixture = *state;
	size_t len = fixture->ops->len(fixture->memory);
	_Atomic uint64_t *word;

	story_needs(fixture->ops->word != NULL, "the back end has no mapped words");
	assert_int_equal(fixture_add(fixture, 64, 3), 0);
	word = fixture->ops->word(fixture->link, 64);
	assert_non_null(word);
	assert_int_equal(atomic_fetch_add(word, 4), 3);
	assert_int_equal(fixture_add(fixture, 64, 0), 7);
	assert_null(fixture->ops->word(fixture->link, 68));
	assert_null(fixture->ops->word(fixture->link, len));
	fixture_expect_idle(fixture, fixture->link);
}

static void compare_swap_replaces_the_expected_word(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_swap(fixture, 16, 0, 10), 0);
	assert_int_equal(fixture_swap(fixture, 16, 10, UINT64_MAX), 10);
	assert_true(fixture->ops->load(fixture->memory, 16) == UINT64_MAX);
}

static void compare_swap_leaves_another_word_alone(void **state)
{
	struct fixture *fixture = *state;

	(void)fixture_add(fixture, 16, 5);
	assert_int_equal(fixture_swap(fixture, 16, 4, 10), 5);
	assert_int_equal(fixture_swap(fixture, 16, 0, 10), 5);
	assert_int_equal(fixture->ops->load(fixture->memory, 16), 5);
}

static void unaligned_word_is_refused_and_nothing_posted(void **state)
{
	struct fixture *fixture = *state;
	static const uint64_t offsets[] = {1, 2, 4, 7, 9, 4092, UINT64_MAX};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(fixture->ops->fetch_add(fixture->link, offsets[i], 1, 0),
			-EINVAL);
		assert_int_equal(
			fixture->ops->compare_swap(fixture->link, offsets[i], 0, 1, 0),
			-EINVAL);
	}
	fixture_expect_idle(fixture, fixture->link);
	assert_int_equal(fixture_add(fixture, 0, 0), 0);
}

static void last_word_is_inside_and_the_next_is_refused(void **state)
{
	struct fixture *fixture = *state;
	uint64_t len = fixture->ops->len(fixture->memory);
	const uint64_t outside[] = {len, len + 8, (uint64_t)1 << 32, (uint64_t)1 << 61,
		(uint64_t)1 << 63, UINT64_MAX - 7};

	assert_true(len >= FIXTURE_MEMORY);
	assert_int_equal(fixture_add(fixture, len - 8, 1), 0);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		assert_int_equal(fixture->ops->fetch_add(fixture->link, outside[i], 1, 0),
			-ERANGE);
		assert_int_equal(
			fixture->ops->compare_swap(fixture->link, outside[i], 0, 1, 0),
			-ERANGE);
	}
	fixture_expect_idle(fixture, fixture->link);
	assert_int_equal(fixture_add(fixture, len - 8, 1), 1);
}

static void owner_loads_what_peers_have_changed(void **state)
{
	struct fixture *fixture = *state;
	uint64_t word;

	(void)fixture_add(fixture, 128, 77);
	assert_int_equal(fixture->ops->load(fixture->memory, 128), 77);
	memcpy(&word, (const char *)fixture->ops->base(fixture->memory) + 128, 8);
	assert_int_equal(word, 77);
}

static void peer_reads_what_the_owner_has_stored(void **state)
{
	struct fixture *fixture = *state;
	uint64_t word = 1234567, seen = 0;

	memcpy((char *)fixture->ops->base(fixture->memory) + 256, &word, 8);
	fixture_read(fixture, 256, &seen, 8);
	assert_int_equal(seen, word);
}

static void pages_are_those_of_the_memory(void **state)
{
	struct fixture *fixture = *state;
	const struct pages *pages = fixture->ops->pages(fixture->memory);

	assert_ptr_equal(pages->base, fixture->ops->base(fixture->memory));
	assert_true(pages->len >= fixture->ops->len(fixture->memory));
	assert_false(
		fixture->ops->hot_on_card(fixture->memory)); /* none were asked for */
}

static void owner_adds_through_its_loopback_while_peers_add(void **state)
{
	struct fixture *fixture = *state;
	struct link *loop = fixture_connect(fixture, fixture->owner, fixture->memory,
		FIXTURE_DEPTH, FIXTURE_TOKEN + 1);
	struct link *links[2] = {fixture->link, loop};
	bool seen[400] = {false};

	for (int round = 0; round < 50; round++) {
		for (uint64_t i = 0; i < 8; i++)
			assert_int_equal(
				fixture->ops->fetch_add(links[i % 2], 512, 1, i), 0);
		for (uint64_t i = 0; i < 8; i++) {
			uint64_t number = fixture_wait_well(fixture, links[i % 2], i);

			assert_true(number < 400 && !seen[number]);
			seen[number] = true;
		}
	}
	assert_int_equal(fixture->ops->load(fixture->memory, 512), 400);
	fixture_disconnect(fixture, loop);
}

static void memories_of_one_device_do_not_overlap(void **state)
{
	struct fixture *fixture = *state;
	struct memory *other = fixture_expose(fixture, FIXTURE_MEMORY);
	struct link *link = fixture_connect(
		fixture, fixture->peer, other, FIXTURE_DEPTH, 9);
	size_t len = fixture->ops->len(fixture->memory);

	assert_string_not_equal(
		fixture->ops->address(other), fixture->ops->address(fixture->memory));
	for (size_t offset = 0; offset < len; offset += 512)
		(void)fixture_add(fixture, offset, offset + 1);
	for (size_t offset = 0; offset < fixture->ops->len(other); offset += 512) {
		assert_int_equal(fixture->ops->fetch_add(link, offset, 1, offset), 0);
		assert_int_equal(fixture_wait_well(fixture, link, offset), 0);
	}
	for (size_t offset = 0; offset < len; offset += 512)
		assert_int_equal(fixture->ops->load(fixture->memory, offset), offset + 1);
	fixture_disconnect(fixture, link);
	fixture_withdraw(fixture, other);
}

int conformance_words(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(fetch_add_returns_the_word_before),
		STORY(fetch_add_of_nothing_reads_the_word),
		STORY(fetch_add_wraps_around),
		STORY(fetch_add_carries_into_the_upper_half),
		STORY(fetch_add_at_once_is_the_same_addition),
		STORY(compare_swap_replaces_the_expected_word),
		STORY(compare_swap_leaves_another_word_alone),
		STORY(unaligned_word_is_refused_and_nothing_posted),
		STORY(last_word_is_inside_and_the_next_is_refused),
		STORY(owner_loads_what_peers_have_changed),
		STORY(peer_reads_what_the_owner_has_stored),
		STORY(pages_are_those_of_the_memory),
		STORY(owner_adds_through_its_loopback_while_peers_add),
		STORY(memories_of_one_device_do_not_overlap),
	};

	print_message("%s: words\n", bed->name);
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
