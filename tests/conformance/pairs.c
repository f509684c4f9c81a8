/* write_read: a write and a read of one word each, as one operation. */
#include <errno.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define MARK 64
#define STATE 128

static void pair_writes_one_word_and_reads_another(void **state)
{
	struct fixture *fixture = *state;
	unsigned char *base = fixture->ops->base(fixture->memory);
	uint64_t expected = UINT64_C(0x0123456789abcdef);
	struct {
		uint64_t before, word, after;
	} seen = {11, 22, 33};

	memset(base + MARK - 8, 0xee, 24);
	memcpy(base + STATE, &expected, 8);
	assert_int_equal(fixture->ops->write_read(fixture->link, MARK,
				 UINT64_C(0xfedcba9876543210), STATE, &seen.word, 1),
		0);
	assert_int_equal(fixture_wait_well(fixture, fixture->link, 1), 0);
	assert_int_equal(seen.word, expected);
	assert_int_equal(seen.before, 11);
	assert_int_equal(seen.after, 33);
	assert_int_equal(
		fixture->ops->load(fixture->memory, MARK), UINT64_C(0xfedcba9876543210));
	for (int i = 0; i < 8; i++) {
		assert_int_equal(base[MARK - 8 + i], 0xee);
		assert_int_equal(base[MARK + 8 + i], 0xee);
	}
	assert_int_equal(fixture->ops->load(fixture->memory, STATE), expected);
	fixture_expect_idle(fixture, fixture->link);
}

static void pair_on_one_word_reads_what_it_wrote(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t n = 1; n <= 100; n++)
		assert_int_equal(fixture_pair(fixture, MARK, n, MARK), n);
}

static void read_of_a_pair_may_go_anywhere(void **state)
{
	struct fixture *fixture = *state;
	unsigned char bytes[32];
	uint64_t seen;

	for (size_t i = 0; i <= 16; i++) {
		memset(bytes, 0xdd, sizeof(bytes));
		assert_int_equal(fixture->ops->write_read(fixture->link, STATE, i + 1,
					 STATE, bytes + i, i),
			0);
		assert_int_equal(fixture_wait_well(fixture, fixture->link, i), 0);
		memcpy(&seen, bytes + i, 8);
		assert_int_equal(seen, i + 1);
		for (size_t at = 0; at < sizeof(bytes); at++) {
			if (at < i || at >= i + 8)
				assert_int_equal(bytes[at], 0xdd);
		}
	}
}

static void bad_word_of_a_pair_is_refused_and_nothing_posted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t len = fixture->ops->len(fixture->memory), seen = 44;
	const struct {
		uint64_t offset;
		int rc;
	} bad[] = {{1, -EINVAL}, {4, -EINVAL}, {MARK + 7, -EINVAL}, {len, -ERANGE},
		{(uint64_t)1 << 40, -ERANGE}, {UINT64_MAX - 7, -ERANGE}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fixture->ops->write_read(fixture->link, bad[i].offset, 5,
					 STATE, &seen, i),
			bad[i].rc);
		assert_int_equal(fixture->ops->write_read(
					 fixture->link, MARK, 5, bad[i].offset, &seen, i),
			bad[i].rc);
	}
	fixture_expect_idle(fixture, fixture->link);
	assert_int_equal(fixture->ops->load(fixture->memory, MARK), 0);
	assert_int_equal(seen, 44);
	assert_int_equal(fixture_pair(fixture, len - 8, 7, len - 8), 7);
	assert_int_equal(fixture_pair(fixture, 0, 8, len - 8), 7);
	assert_int_equal(fixture_pair(fixture, len - 8, 9, 0), 8);
}

/* Pair number n writes n + 1, and the next reads it. */
static void pair_post(struct fixture *fixture, struct link *link, uint64_t n,
	uint64_t *seen, unsigned int depth)
{
	assert_int_equal(fixture->ops->write_read(link, n % 2 ? MARK : STATE, n + 1,
				 n % 2 ? STATE : MARK, &seen[n % depth], n),
		0);
}

/* Keeps a link full of pairs, far longer than any ring is long. */
static void full_queue_check(struct fixture *fixture, unsigned int depth, uint64_t count)
{
	static uint64_t seen[LINK_DEPTH_MAX];
	struct link *link = fixture_connect(
		fixture, fixture->peer, fixture->memory, depth, depth);
	uint64_t before = fixture->ops->load(fixture->memory, MARK), posted = 0;
	uint64_t other;

	for (uint64_t n = 0; n < count; n++) {
		for (; posted < count && posted - n < depth; posted++)
			pair_post(fixture, link, posted, seen, depth);
		if (posted - n == depth)
			assert_int_equal(fixture->ops->write_read(
						 link, MARK, ~n, STATE, &other, n),
				-EAGAIN);
		assert_int_equal(fixture_wait_well(fixture, link, n), 0);
		assert_int_equal(seen[n % depth], n == 0 ? before : n);
	}
	fixture_expect_idle(fixture, link);
	fixture_disconnect(fixture, link);
	assert_int_equal(
		fixture->ops->load(fixture->memory, count % 2 ? STATE : MARK), count);
}

static void pair_is_one_operation_of_a_full_queue(void **state)
{
	full_queue_check(*state, 1, 50);
	full_queue_check(*state, 2, 50);
	full_queue_check(*state, 5, 300);
	full_queue_check(*state, FIXTURE_DEPTH, 2000);
	full_queue_check(*state, LINK_DEPTH_MAX, 2 * LINK_DEPTH_MAX + 1);
}

static void pairs_take_effect_in_order_with_other_operations(void **state)
{
	struct fixture *fixture = *state;
	const struct memory_ops *ops = fixture->ops;
	struct link *link = fixture->link;
	uint64_t forty = 40, seen[4];

	for (int round = 0; round < 50; round++) {
		assert_int_equal(ops->write(link, STATE, &forty, 8, 0), 0);
		assert_int_equal(ops->write_read(link, MARK, 1, STATE, &seen[0], 1), 0);
		assert_int_equal(ops->fetch_add(link, STATE, 2, 2), 0);
		assert_int_equal(ops->fetch_add(link, MARK, 10, 3), 0);
		assert_int_equal(ops->write_read(link, STATE, 7, MARK, &seen[1], 4), 0);
		assert_int_equal(ops->compare_swap(link, STATE, 7, 9, 5), 0);
		assert_int_equal(ops->write_read(link, MARK, 3, STATE, &seen[2], 6), 0);
		assert_int_equal(ops->read(link, MARK, &seen[3], 8, 7), 0);
		for (uint64_t cookie = 0; cookie < 8; cookie++) {
			static const uint64_t values[8] = {0, 0, 40, 1, 0, 7, 0, 0};

			assert_int_equal(
				fixture_wait_well(fixture, link, cookie), values[cookie]);
		}
		assert_int_equal(seen[0], 40);
		assert_int_equal(seen[1], 11);
		assert_int_equal(seen[2], 9);
		assert_int_equal(seen[3], 3);
	}
}

/* Also when its answer is lost and it has to be asked for again; see M2. */
static void read_of_a_pair_never_sees_what_follows(void **state)
{
	struct fixture *fixture = *state;
	const struct memory_ops *ops = fixture->ops;
	uint64_t seen[FIXTURE_DEPTH / 2];

	for (uint64_t round = 0; round < 100; round++) {
		uint64_t first = round * 1000;

		fixture_write(fixture, STATE, &first, 8);
		for (uint64_t i = 0; i < FIXTURE_DEPTH / 2; i++) {
			uint64_t next = first + i + 1;

			assert_int_equal(ops->write_read(fixture->link, MARK, next, STATE,
						 &seen[i], 0),
				0);
			assert_int_equal(
				ops->write(fixture->link, STATE, &next, 8, 0), 0);
		}
		for (uint64_t i = 0; i < FIXTURE_DEPTH; i++)
			(void)fixture_wait_well(fixture, fixture->link, 0);
		for (uint64_t i = 0; i < FIXTURE_DEPTH / 2; i++)
			assert_int_equal(seen[i], first + i);
	}
}

/* M3, step by step.  The race against the owner's processor is in processes.c. */
static void word_is_visible_to_the_owner_when_its_pair_completes(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t n = 1; n <= 300; n++) {
		(void)fixture_pair(fixture, MARK, n, STATE);
		assert_int_equal(fixture->ops->load(fixture->memory, MARK), n);
	}
}

int conformance_pairs(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(pair_writes_one_word_and_reads_another),
		STORY(pair_on_one_word_reads_what_it_wrote),
		STORY(read_of_a_pair_may_go_anywhere),
		STORY(bad_word_of_a_pair_is_refused_and_nothing_posted),
		STORY(pair_is_one_operation_of_a_full_queue),
		STORY(pairs_take_effect_in_order_with_other_operations),
		STORY(read_of_a_pair_never_sees_what_follows),
		STORY(word_is_visible_to_the_owner_when_its_pair_completes),
	};

	print_message("%s: pairs\n", bed->name);
	return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
