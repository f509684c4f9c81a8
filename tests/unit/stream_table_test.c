/* Which slots a head accepts, and what the table shows. */
#include "tests/unit/stream_rig.h"

struct rows {
	struct stream_table table;
	struct stream_entry entries[ROWS];
};

static void rows_make(struct rows *r)
{
	memset(r, 0, sizeof(*r));
	stream_table_init(&r->table, r->entries, ROWS);
}

static struct stream_slot slot_of(uint64_t name, uint64_t id, uint8_t flags)
{
	return (struct stream_slot){.position = 1,
		.epoch = EPOCH,
		.publisher = name,
		.id = id,
		.flags = flags};
}

static bool accepts(struct rows *r, uint64_t name, uint64_t id, uint8_t flags)
{
	struct stream_slot slot = slot_of(name, id, flags);

	return stream_table_accepts(&r->table, &slot);
}

static void apply(struct rows *r, uint64_t name, uint64_t id, uint8_t flags)
{
	struct stream_slot slot = slot_of(name, id, flags);

	(void)stream_table_apply(&r->table, &slot);
}

#define WHOLE (STREAM_FIRST | STREAM_LAST)

static void only_the_next_id_is_accepted(void **state)
{
	struct rows r;

	(void)state;
	rows_make(&r);
	assert_true(accepts(&r, publisher(2), 1, WHOLE));
	assert_false(accepts(&r, publisher(2), 2, WHOLE));
	apply(&r, publisher(2), 1, WHOLE);
	assert_false(accepts(&r, publisher(2), 1, WHOLE));
	assert_true(accepts(&r, publisher(2), 2, WHOLE));
	assert_false(accepts(&r, publisher(2), 3, WHOLE));
	assert_true(accepts(&r, publisher(1), 1, WHOLE));
}

static void a_row_out_of_range_is_never_accepted(void **state)
{
	struct rows r;

	(void)state;
	rows_make(&r);
	assert_false(accepts(&r, stream_publisher_name(1, ROWS), 1, WHOLE));
}

static void a_later_owner_of_a_row_begins_with_one(void **state)
{
	struct rows r;
	uint64_t old = stream_publisher_name(7, 1), new = stream_publisher_name(8, 1);

	(void)state;
	rows_make(&r);
	apply(&r, old, 1, WHOLE);
	apply(&r, old, 2, WHOLE);
	assert_false(accepts(&r, new, 3, WHOLE));
	assert_true(accepts(&r, new, 1, WHOLE));
	apply(&r, new, 1, WHOLE);
	assert_false(accepts(&r, old, 3, WHOLE));
	assert_false(accepts(&r, old, 1, WHOLE));
	assert_false(stream_table_knows_room(&r.table, old));
	assert_int_equal(stream_table_id(&r.table, old), 0);
	assert_int_equal(stream_table_id(&r.table, new), 1);
}

static void a_message_goes_on_only_directly_behind_itself(void **state)
{
	struct rows r;

	(void)state;
	rows_make(&r);
	assert_false(accepts(&r, publisher(0), 1, 0));
	apply(&r, publisher(0), 1, STREAM_FIRST);
	assert_true(accepts(&r, publisher(0), 1, 0));
	assert_true(accepts(&r, publisher(0), 1, STREAM_LAST));
	assert_false(accepts(&r, publisher(0), 2, STREAM_LAST));
	assert_false(accepts(&r, publisher(1), 1, STREAM_LAST));
	apply(&r, 0, 0, STREAM_VOID);
	assert_false(accepts(&r, publisher(0), 1, STREAM_LAST));
	assert_true(accepts(&r, publisher(0), 1, STREAM_FIRST));
}

static void an_entry_shows_whole_messages_only(void **state)
{
	struct rows r;

	(void)state;
	rows_make(&r);
	apply(&r, publisher(0), 1, STREAM_FIRST);
	assert_int_equal(stream_table_id(&r.table, publisher(0)), 0);
	apply(&r, publisher(0), 1, 0);
	assert_int_equal(stream_table_id(&r.table, publisher(0)), 0);
	apply(&r, publisher(0), 1, STREAM_LAST);
	assert_int_equal(stream_table_id(&r.table, publisher(0)), 1);
}

static void a_word_of_another_owner_shows_nothing(void **state)
{
	uint64_t mine = stream_publisher_name(4097, 3);
	uint64_t word = stream_entry_word(mine, 9);

	(void)state;
	assert_int_equal(stream_entry_id(word, mine), 9);
	assert_int_equal(stream_entry_id(word, stream_publisher_name(4096, 3)), 0);
	assert_int_equal(stream_entry_id(0, mine), 0);
	assert_int_equal(stream_entry_id(stream_entry_word(mine, STREAM_ID_MAX), mine),
		STREAM_ID_MAX);
}

static void ids_end_where_the_word_does(void **state)
{
	struct rows r;

	(void)state;
	rows_make(&r);
	r.entries[0] = (struct stream_entry){publisher(0), STREAM_ID_MAX};
	assert_false(accepts(&r, publisher(0), STREAM_ID_MAX + 1, WHOLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_next_id_is_accepted),
		cmocka_unit_test(a_row_out_of_range_is_never_accepted),
		cmocka_unit_test(a_later_owner_of_a_row_begins_with_one),
		cmocka_unit_test(a_message_goes_on_only_directly_behind_itself),
		cmocka_unit_test(an_entry_shows_whole_messages_only),
		cmocka_unit_test(a_word_of_another_owner_shows_nothing),
		cmocka_unit_test(ids_end_where_the_word_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
