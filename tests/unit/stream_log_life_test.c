/* What a log of a stream goes through from epoch to epoch, and from process to process. */
#include "tests/unit/stream_rig.h"

static void a_sealed_log_does_not_grow(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	(void)advance(&b, 1, 0);
	message_put(&b, 2, 0, 2);
	assert_int_equal(seal(&b.log, EPOCH), 1);
	assert_false(advance(&b, 2, 0));
	assert_int_equal(seal(&b.log, EPOCH), 1);
	bench_close(&b);
}

static void the_next_epoch_goes_on_from_the_log_as_it_is(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	(void)advance(&b, 1, 0);
	(void)seal(&b.log, EPOCH);
	assert_true(stream_log_keeps(&b.log, EPOCH, 1));
	words_fresh(&b);
	bench_enter(&b, EPOCH + 1, true, true);
	assert_int_equal(b.words->commit, 1);
	assert_int_equal(b.words->entries[0], stream_entry_word(publisher(0), 1));
	assert_int_equal(logged_id(&b, 1), 1);
	inbox_put(&b, EPOCH + 1, 2, 0, 2, STREAM_FIRST | STREAM_LAST);
	assert_true(advance(&b, 2, 0));
	assert_int_equal(b.words->commit, 2);
	bench_close(&b);
}

static void a_log_that_missed_an_epoch_or_is_too_long_is_not_kept(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	(void)advance(&b, 1, 0);
	(void)seal(&b.log, EPOCH);
	assert_false(stream_log_keeps(&b.log, EPOCH + 1, 1));
	assert_false(stream_log_keeps(&b.log, EPOCH, 0));
	assert_true(stream_log_keeps(&b.log, EPOCH, 7));
	bench_close(&b);
}

static void an_epoch_that_never_was_leaves_the_log_as_it_is(void **state)
{
	struct bench b;
	uint64_t len;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	(void)advance(&b, 1, 0);
	(void)seal(&b.log, EPOCH);
	words_fresh(&b);
	stream_log_prepare(&b.log, EPOCH + 1, b.words, b.fed);
	assert_true(stream_log_keeps(&b.log, EPOCH, 1));     /* it never became active */
	assert_true(stream_log_keeps(&b.log, EPOCH + 1, 1)); /* it did */
	assert_false(stream_log_keeps(&b.log, EPOCH + 2, 1));
	assert_int_equal(seal(&b.log, EPOCH + 1), 1); /* and this one had not heard */
	assert_false(stream_log_seal(&b.log, EPOCH, &len));
	stream_log_prepare(&b.log, EPOCH + 2, b.words, b.fed);
	assert_true(stream_log_keeps(&b.log, EPOCH + 1, 1));
	bench_close(&b);
}

static void a_predecessor_may_be_earlier(void **state)
{
	struct chain c;

	(void)state;
	bench_open(&c.head, true, false);
	bench_create(&c.tail, 0);
	stream_log_prepare(&c.tail.log, EPOCH, c.tail.words, c.tail.fed);
	c.head.words->back.released = 0;
	message_put(&c.head, 1, 0, 1);
	assert_true(advance(&c.head, 1, 0));
	chain_carry(&c.head, &c.tail);
	bench_enter_prepared(&c.tail, EPOCH, false, true);
	assert_true(advance(&c.tail, 0, 0));
	assert_int_equal(c.tail.words->commit, 1);
	bench_close(&c.head);
	bench_close(&c.tail);
}

static void a_log_is_filled_up_to_the_base_from_another(void **state)
{
	struct bench from, to;

	(void)state;
	bench_open(&from, true, true);
	for (uint64_t p = 1; p <= 9; p++) {
		message_put(&from, p, 2, p);
		(void)advance(&from, p, 0);
	}
	(void)seal(&from.log, EPOCH);
	bench_create(&to, stream_log_oldest(&from.log) - 1);
	stream_log_entries_set(&to.log, from.log.table.entries, ROWS);
	assert_false(stream_log_fill(&to.log, stream_ring_at(&from.log.ring, 9)));
	for (uint64_t p = stream_log_oldest(&from.log); p <= 9; p++)
		assert_true(stream_log_fill(&to.log, stream_ring_at(&from.log.ring, p)));
	bench_enter(&to, EPOCH + 1, false, true);
	assert_int_equal(stream_log_oldest(&to.log), stream_log_oldest(&from.log));
	assert_int_equal(logged_id(&to, 9), 9);
	assert_int_equal(to.words->entries[2], stream_entry_word(publisher(2), 9));
	bench_close(&from);
	bench_close(&to);
}

static void a_dropped_log_leaves_no_slots_behind(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	for (uint64_t p = 1; p <= 5; p++)
		message_put(&b, p, 0, p);
	(void)advance(&b, 5, 0);
	stream_log_create(&b.log, b.memory, SLOTS, SLOT_LEN, ROWS, 100);
	for (uint64_t p = 1; p <= 5; p++)
		assert_int_equal(stream_slot_position(stream_ring_at(&b.log.ring, p)), 0);
	assert_int_equal(stream_table_id(&b.log.table, publisher(0)), 0);
	bench_close(&b);
}

static void who_is_waited_for_is_said_before_the_epoch(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	for (uint64_t p = 1; p < SLOTS; p++)
		message_put(&b, p, 0, p);
	(void)advance(&b, SLOTS - 1, 0);
	(void)seal(&b.log, EPOCH);
	words_fresh(&b);
	stream_log_prepare(&b.log, EPOCH + 1, b.words, b.fed);
	stream_log_waits_for(&b.log, 0);
	bench_enter_prepared(&b, EPOCH + 1, true, true);
	inbox_put(&b, EPOCH + 1, SLOTS, 0, SLOTS, STREAM_FIRST | STREAM_LAST);
	assert_false(advance(&b, SLOTS, 0));
	stream_log_waits_for(&b.log, 1);
	(void)advance(&b, SLOTS, 0);
	(void)advance(&b, SLOTS, 0);
	assert_int_equal(stream_log_end(&b.log), SLOTS);
	bench_close(&b);
}

static void a_log_outlives_its_process(void **state)
{
	struct bench b;
	struct stream_log again;

	(void)state;
	bench_open(&b, true, true);
	for (uint64_t p = 1; p <= 11; p++) {
		message_put(&b, p, (uint32_t)(p % 2), (p + 1) / 2);
		(void)advance(&b, p, 0);
	}
	b.log.table.entries[0].id--; /* it died before it had written this */
	assert_true(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	assert_int_equal(stream_log_end(&again), 11);
	assert_int_equal(again.control->epoch, EPOCH);
	assert_int_equal(stream_table_id(&again.table, publisher(0)), 5);
	assert_int_equal(stream_table_id(&again.table, publisher(1)), 6);
	assert_int_equal(seal(&again, EPOCH), 11);
	bench_close(&b);
}

static void a_slot_that_was_being_written_is_not_retained(void **state)
{
	struct bench b;
	struct stream_log again;
	struct stream_slot slot;

	(void)state;
	bench_open(&b, true, true);
	for (uint64_t p = 1; p <= 9; p++) {
		message_put(&b, p, 0, p);
		(void)advance(&b, p, 0);
	}
	message_put(&b, 10, 0, 10);
	stream_ring_at(&b.inbox, 10)[STREAM_SLOT_HEADER] = 'x'; /* torn */
	assert_false(advance(&b, 10, 0));
	assert_true(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	assert_int_equal(stream_log_oldest(&again), 3);
	assert_true(stream_slot_read(stream_ring_at(&again.ring, 3), SLOT_LEN, &slot));
	bench_close(&b);
}

static void a_damaged_log_is_not_taken_up(void **state)
{
	struct bench b;
	struct stream_log again;
	uint64_t *words;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	message_put(&b, 2, 0, 2);
	(void)advance(&b, 2, 0);
	assert_true(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	stream_ring_at(&b.log.ring, 1)[STREAM_SLOT_HEADER] ^= 1;
	assert_false(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	stream_ring_at(&b.log.ring, 1)[STREAM_SLOT_HEADER] ^= 1;
	assert_false(stream_log_adopt(&again, b.memory, SLOTS * 2, SLOT_LEN, ROWS));
	words = (void *)b.memory;
	words[0]++;
	assert_false(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	bench_close(&b);
}

static void odd_limits_are_refused(void **state)
{
	uint64_t len;

	(void)state;
	assert_true(stream_log_len(1u << 24, 64, 1, &len));
	assert_false(stream_log_len(1u << 25, 64, 1, &len));
	assert_false(stream_log_len(2, 64, 1, &len));
	assert_false(stream_log_len(12, 64, 1, &len));
	assert_false(stream_log_len(16, 63, 1, &len));
	assert_false(stream_log_len(16, 64, 0, &len));
	assert_false(stream_log_len(16, 64, 65537, &len));
}
/* The process died when the end had moved and the entry had not. */
static void a_log_that_is_taken_up_has_the_newest_entry(void **state)
{
	struct bench b;
	struct stream_log again;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	message_put(&b, 2, 0, 2);
	assert_true(advance(&b, 2, 0));
	b.log.table.entries[0].id = 1;
	assert_true(stream_log_adopt(&again, b.memory, SLOTS, SLOT_LEN, ROWS));
	assert_int_equal(stream_table_id(&again.table, publisher(0)), 2);
	bench_close(&b);
}

static void a_followers_log_may_be_kept_and_filled_up(void **state)
{
	struct bench b, other;
	uint64_t len;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	message_put(&b, 2, 0, 2);
	assert_true(advance(&b, 2, 0));
	bench_create(&other, 0);
	assert_true(stream_log_fill(&other.log, stream_ring_at(&b.log.ring, 1)));
	assert_false(stream_log_keeps(&other.log, EPOCH, 2));
	stream_log_follow(&other.log, EPOCH);
	assert_true(stream_log_keeps(&other.log, EPOCH, 2));
	assert_true(stream_log_fill(&other.log, stream_ring_at(&b.log.ring, 2)));
	assert_false(stream_log_seal(&other.log, EPOCH - 1, &len));
	bench_enter(&other, EPOCH + 1, false, true);
	assert_int_equal(stream_log_end(&other.log), 2);
	bench_close(&b);
	bench_close(&other);
}

static void older_slots_are_put_before_while_there_is_room(void **state)
{
	struct bench from, to;

	(void)state;
	bench_open(&from, true, true);
	for (uint64_t p = 1; p <= 9; p++) {
		message_put(&from, p, 2, p);
		(void)advance(&from, p, 0);
	}
	bench_create(&to, 7);
	stream_log_entries_set(&to.log, from.log.table.entries, ROWS);
	assert_true(stream_log_fill(&to.log, stream_ring_at(&from.log.ring, 8)));
	assert_false(stream_log_fill_before(&to.log, stream_ring_at(&from.log.ring, 6)));
	assert_false(stream_log_is_whole(&to.log, 2));
	for (uint64_t p = 7; p >= 2; p--)
		assert_true(stream_log_fill_before(
			&to.log, stream_ring_at(&from.log.ring, p)));
	assert_true(stream_log_is_whole(&to.log, 2));
	assert_true(stream_log_is_whole(&to.log, 1)); /* no log keeps more for ever */
	assert_int_equal(to.log.control->begin, 1);
	assert_true(stream_log_fill(&to.log, stream_ring_at(&from.log.ring, 9)));
	for (uint64_t p = 2; p <= 9; p++)
		assert_int_equal(logged_id(&to, p), p);
	assert_false(stream_log_fill_before(&to.log, stream_ring_at(&from.log.ring, 9)));
	assert_true(stream_log_adopt(&to.log, to.memory, SLOTS, SLOT_LEN, ROWS));
	bench_close(&from);
	bench_close(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_log_does_not_grow),
		cmocka_unit_test(the_next_epoch_goes_on_from_the_log_as_it_is),
		cmocka_unit_test(a_log_that_missed_an_epoch_or_is_too_long_is_not_kept),
		cmocka_unit_test(an_epoch_that_never_was_leaves_the_log_as_it_is),
		cmocka_unit_test(a_predecessor_may_be_earlier),
		cmocka_unit_test(a_log_is_filled_up_to_the_base_from_another),
		cmocka_unit_test(a_dropped_log_leaves_no_slots_behind),
		cmocka_unit_test(who_is_waited_for_is_said_before_the_epoch),
		cmocka_unit_test(a_log_outlives_its_process),
		cmocka_unit_test(a_slot_that_was_being_written_is_not_retained),
		cmocka_unit_test(a_damaged_log_is_not_taken_up),
		cmocka_unit_test(odd_limits_are_refused),
		cmocka_unit_test(a_log_that_is_taken_up_has_the_newest_entry),
		cmocka_unit_test(a_followers_log_may_be_kept_and_filled_up),
		cmocka_unit_test(older_slots_are_put_before_while_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
