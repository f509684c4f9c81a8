/* Slots prove that they are whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/stream_slot.h"

#define LEN 64

struct pair {
	_Alignas(64) unsigned char from[LEN];
	_Alignas(64) unsigned char to[LEN];
	struct stream_slot slot;
};

static const struct stream_slot message = {.position = 77,
	.epoch = 3,
	.publisher = 0x90002,
	.id = 12,
	.time_ns = 1700000000000000000,
	.len = 16,
	.flags = STREAM_FIRST | STREAM_LAST};

static struct pair pair_make(void)
{
	struct pair p;

	memset(&p, 0, sizeof(p));
	stream_slot_write(p.from, &message, "0123456789abcdef");
	return p;
}

static bool take(struct pair *p, uint64_t position, uint64_t epoch)
{
	return stream_slot_take(p->to, p->from, LEN, position, epoch, &p->slot);
}

static void the_smallest_slot_carries_sixteen_bytes(void **state)
{
	struct pair p = pair_make();

	(void)state;
	assert_int_equal(stream_slot_room(STREAM_SLOT_LEN_MIN), 16);
	assert_true(take(&p, 77, 3));
	assert_memory_equal(p.to + STREAM_SLOT_HEADER, "0123456789abcdef", 16);
	assert_int_equal(p.slot.publisher, 0x90002);
	assert_int_equal(p.slot.id, 12);
	assert_int_equal(p.slot.time_ns, 1700000000000000000);
	assert_int_equal(p.slot.len, 16);
	assert_int_equal(stream_slot_position(p.to), 77);
}

static void the_layout_is_the_documented_one(void **state)
{
	struct pair p = pair_make();
	static const unsigned char header[44] = {77, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0,
		0, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x00,
		0x2a, 0x36, 0xfe, 0x9c, 0x97, 0x17, 16, 0, 1, 3};

	(void)state;
	assert_memory_equal(p.from, header, sizeof(header));
}

static void any_changed_bit_is_found(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < LEN * 8; bit++) {
		struct pair p = pair_make();

		p.from[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_false(take(&p, 77, 3));
	}
}

static void a_slot_of_another_position_is_not_there(void **state)
{
	struct pair p = pair_make();

	(void)state;
	assert_false(take(&p, 78, 3));
	assert_false(take(&p, 77 + LEN, 3));
}

static void a_slot_of_another_epoch_is_not_there(void **state)
{
	struct pair p = pair_make();

	(void)state;
	assert_false(take(&p, 77, 4));
	assert_false(take(&p, 77, 2));
	assert_true(take(&p, 77, 0)); /* a log is read without asking for the epoch */
}

static void empty_memory_is_no_slot(void **state)
{
	struct pair p;

	(void)state;
	memset(&p, 0, sizeof(p));
	assert_false(take(&p, 0, 0));
	assert_false(stream_slot_read(p.from, LEN, &p.slot));
}

static void a_length_beyond_the_slot_is_refused(void **state)
{
	struct pair p = pair_make();

	(void)state;
	p.from[40] = 17;
	assert_false(take(&p, 77, 3));
	p.from[40] = p.from[41] = 0xff;
	assert_false(take(&p, 77, 3));
	assert_false(stream_slot_read(p.from, LEN, &p.slot));
}

static void a_void_is_whole_and_empty(void **state)
{
	struct pair p = pair_make();

	(void)state;
	stream_slot_void(p.from, 80, 4);
	assert_true(take(&p, 80, 4));
	assert_int_equal(p.slot.flags, STREAM_VOID);
	assert_int_equal(p.slot.len, 0);
	assert_int_equal(p.slot.publisher, 0);
}

static void a_void_with_a_message_is_refused(void **state)
{
	struct pair p = pair_make();
	struct stream_slot odd = message;

	(void)state;
	odd.flags = STREAM_VOID | STREAM_LAST;
	stream_slot_write(p.from, &odd, "0123456789abcdef");
	assert_false(take(&p, 77, 3));
}

static void a_copy_that_failed_leaves_no_position_behind(void **state)
{
	struct pair p = pair_make();

	(void)state;
	assert_true(take(&p, 77, 3));
	p.from[50] ^= 1;
	assert_false(take(&p, 77, 3));
	assert_int_equal(stream_slot_position(p.to), 0);
}

static void lengths_are_multiples_of_64_up_to_64_kib(void **state)
{
	(void)state;
	assert_true(stream_slot_len_valid(64));
	assert_true(stream_slot_len_valid(192));
	assert_true(stream_slot_len_valid(65536));
	assert_false(stream_slot_len_valid(0));
	assert_false(stream_slot_len_valid(65));
	assert_false(stream_slot_len_valid(65536 + 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_slot_carries_sixteen_bytes),
		cmocka_unit_test(the_layout_is_the_documented_one),
		cmocka_unit_test(any_changed_bit_is_found),
		cmocka_unit_test(a_slot_of_another_position_is_not_there),
		cmocka_unit_test(a_slot_of_another_epoch_is_not_there),
		cmocka_unit_test(empty_memory_is_no_slot),
		cmocka_unit_test(a_length_beyond_the_slot_is_refused),
		cmocka_unit_test(a_void_is_whole_and_empty),
		cmocka_unit_test(a_void_with_a_message_is_refused),
		cmocka_unit_test(a_copy_that_failed_leaves_no_position_behind),
		cmocka_unit_test(lengths_are_multiples_of_64_up_to_64_kib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
