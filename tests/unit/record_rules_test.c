/* What a record may say: each rule is broken by itself, and the record refused. */
#include "tests/unit/record_rig.h"

static void members_and_counters_are_found(void **state)
{
	(void)state;
	assert_ptr_equal(
		record_member(record.chain, record.chain_count, 65535), &record.chain[1]);
	assert_null(record_member(record.chain, record.chain_count, 3));
	assert_ptr_equal(record_counter(&record, "b"), &record.counters[1]);
	assert_null(record_counter(&record, "c"));
}

static void assert_invalid(void)
{
	struct error err = {.text = ""};
	char *text = NULL;
	size_t len;

	assert_int_equal(record_validate(&record, &err), -EINVAL);
	assert_string_not_equal(err.text, "");
	assert_int_equal(record_encode(&record, &text, &len, &err), -EINVAL);
	assert_null(text);
}

/* Breaks one rule, sees it refused, and mends it. */
#define BREAK(member, wrong)                                         \
	do {                                                         \
		__typeof__(member) before = (member);                \
		(member) = (wrong);                                  \
		assert_invalid();                                    \
		(member) = before;                                   \
		assert_int_equal(record_validate(&record, NULL), 0); \
	} while (0)

static void every_number_has_its_range(void **state)
{
	(void)state;
	BREAK(record.instance, 0);
	BREAK(record.epoch, 0);
	BREAK(record.epoch, (uint64_t)INT64_MAX + 1);
	BREAK(record.phase, (enum record_phase)3);
	BREAK(record.proposer, 0);
	BREAK(record.proposer_incarnation, 0);
	BREAK(record.lease_ns, (uint64_t)INT64_MAX + 1);
	BREAK(record.sessions_max, 0);
	BREAK(record.sessions_max, SESSIONS_MAX + 1);
	BREAK(record.counters_max, 0);
	BREAK(record.counters_max, 1);
	BREAK(record.counters_max, COUNTERS_MAX + 1);
	BREAK(record.chain_count, 0);
	BREAK(record.chain_count, CHAIN_MAX + 1);
	BREAK(record.chain[0].id, 0);
	BREAK(record.chain[0].incarnation, 0);
	BREAK(record.former_count, CHAIN_MAX + 1);
	BREAK(record.former[0].controls_count, RECORD_CONTROLS_MAX + 1);
	BREAK(record.chain[0].controls_count, RECORD_CONTROLS_MAX + 1);
	BREAK(record.counters[1].base, COUNTER_LIMIT);
	BREAK(record.counters[1].ceiling, RECORD_CEILING_MAX + 1);
	BREAK(record.counters[1].reserve_max, COUNTER_LIMIT);
}

static void every_text_is_printable(void **state)
{
	(void)state;
	BREAK(record.cluster[0], '.');
	BREAK(record.cluster[0], '\0');
	BREAK(record.cluster[1], '\n');
	BREAK(record.counters[1].name[0], '\0');
	BREAK(record.counters[1].name[0], '\x1f');
	BREAK(record.chain[0].controls[0][0], '\0');
	BREAK(record.chain[0].controls[1][3], '\x7f');
	BREAK(record.chain[0].memory_path[0], '\xc3');
	BREAK(record.chain[1].transport[0], '\t');
	BREAK(record.chain[1].memory[0], '\n');
	BREAK(record.former[0].memory[4], '\n');
}

static void text_without_an_end_is_refused(void **state)
{
	(void)state;
	memset(record.counters[1].name, 'x', sizeof(record.counters[1].name));
	assert_invalid();
	tear_down(NULL);
	set_up(NULL);
	memset(record.cluster, 'x', sizeof(record.cluster));
	assert_invalid();
	tear_down(NULL);
	set_up(NULL);
	memset(record.chain[1].memory_path, 'x', RECORD_PATH_LEN);
	assert_invalid();
	tear_down(NULL);
	set_up(NULL);
	memset(record.chain[1].memory, 'x', MEMORY_ADDRESS_MAX);
	assert_invalid();
	tear_down(NULL);
	set_up(NULL);
	memset(record.chain[1].transport, 'x', RECORD_TRANSPORT_LEN);
	assert_invalid();
}

static void nothing_is_there_twice(void **state)
{
	(void)state;
	BREAK(record.chain[1].id, 2);
	set_text(record.counters[1].name, sizeof(record.counters[1].name), "orders \"\\");
	assert_invalid();
}

/* R6: recovering from such a ceiling would give out numbers again. */
static void a_ceiling_is_never_below_its_base(void **state)
{
	(void)state;
	BREAK(record.counters[0].ceiling, record.counters[0].base - 1);
}

/* R6: else tickets that the base cut off would be confirmed after all. */
static void nothing_above_the_base_stands(void **state)
{
	(void)state;
	BREAK(record.counters[1].stand, 1);
}

/* R4: the numbers of an active epoch end with those who hold it, in these lives. */
static void an_active_records_former_chain_is_its_own(void **state)
{
	(void)state;
	BREAK(record.former_count, 0);
	BREAK(record.former_count, 1);
	BREAK(record.former[1].incarnation, 2);
	BREAK(record.former[1].id, 7);
}

/* R4 */
static void a_preparing_record_keeps_the_chain_that_may_claim(void **state)
{
	(void)state;
	record.phase = RECORD_PREPARING;
	record.active_epoch = 3;
	assert_int_equal(record_validate(&record, NULL), 0);
	record.chain_count = 1;
	record.former[1].incarnation = 9;
	assert_int_equal(record_validate(&record, NULL), 0);
	BREAK(record.former[1].id, 2);
	BREAK(record.former[1].incarnation, 0);
	BREAK(record.active_epoch, 0);
	record.former_count = 0; /* it follows a stopped record */
	assert_int_equal(record_validate(&record, NULL), 0);
	record.active_epoch = 0;
	assert_int_equal(record_validate(&record, NULL), 0);
}

static void the_newest_active_epoch_fits_the_phase(void **state)
{
	(void)state;
	BREAK(record.active_epoch, 6);
	BREAK(record.active_epoch, 8);
	BREAK(record.phase, RECORD_PREPARING);
	record.former_count = 0;
	record.phase = RECORD_PREPARING;
	record.active_epoch = 0;
	BREAK(record.active_epoch, 7);
	BREAK(record.active_epoch, 8);
}

/* R3, R4: whatever was active is over, and its bases are in the record. */
static void a_stopped_record_names_nobody_who_may_claim(void **state)
{
	(void)state;
	record.phase = RECORD_STOPPED;
	assert_invalid();
	record.former_count = 0;
	assert_int_equal(record_validate(&record, NULL), 0);
	record.active_epoch = 6;
	assert_int_equal(record_validate(&record, NULL), 0);
	record.chain_count = 0;
	assert_int_equal(record_validate(&record, NULL), 0);
	BREAK(record.active_epoch, 8);
}

static void room_for_no_or_too_many_counters_is_refused(void **state)
{
	struct record other;

	(void)state;
	assert_int_equal(record_init(&other, 0, NULL), -EINVAL);
	assert_int_equal(record_init(&other, COUNTERS_MAX + 1, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(members_and_counters_are_found),
		STORY(every_number_has_its_range),
		STORY(every_text_is_printable),
		STORY(text_without_an_end_is_refused),
		STORY(nothing_is_there_twice),
		STORY(a_ceiling_is_never_below_its_base),
		STORY(nothing_above_the_base_stands),
		STORY(an_active_records_former_chain_is_its_own),
		STORY(a_preparing_record_keeps_the_chain_that_may_claim),
		STORY(a_stopped_record_names_nobody_who_may_claim),
		STORY(the_newest_active_epoch_fits_the_phase),
		STORY(room_for_no_or_too_many_counters_is_refused),
	};

	return cmocka_run_group_tests_name("record rules", tests, NULL, NULL);
}
