/* The cluster record: what is written is read back, and nothing else is believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/store/record.h"
#include "sequencer/store/store.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

static struct record record;

static void set_text(char *buf, size_t size, const char *text)
{
	(void)snprintf(buf, size, "%s", text);
}

/* As an active record has it. */
static void former_is_chain(void)
{
	record.former_count = record.chain_count;
	memcpy(record.former, record.chain, sizeof(record.chain));
}

static int set_up(void **state)
{
	(void)state;
	if (record_init(&record, 3, NULL))
		return -1;
	set_text(record.cluster, sizeof(record.cluster), "example");
	record.instance = 0xfedcba9876543210u;
	record.epoch = 7;
	record.active_epoch = 7;
	record.phase = RECORD_ACTIVE;
	record.proposer = 2;
	record.proposer_incarnation = 0x1234;
	record.lease_ns = INT64_MAX;
	record.sessions_max = 16;
	record.chain_count = 2;
	record.chain[0] = (struct record_member){.id = 2,
		.incarnation = UINT64_MAX,
		.transport = "shm",
		.controls = {"/run/pawl/example/2.sock", "10.0.0.2:7000"},
		.controls_count = 2,
		.memory = "shm:/dev/shm/pawl-example-2",
		.memory_path = "/dev/shm/pawl-example-2"};
	record.chain[1] = (struct record_member){.id = 65535, .incarnation = 1};
	former_is_chain();
	record.counters_count = 2;
	record.counters[0] = (struct record_counter){.name = "orders \"\\",
		.base = COUNTER_LIMIT - 1,
		.stand = COUNTER_LIMIT - 2,
		.ceiling = RECORD_CEILING_MAX,
		.reserve_max = COUNTER_LIMIT - 1};
	record.counters[1] = (struct record_counter){.name = "b"};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_free(&record);
	return 0;
}

static void assert_same_chain(
	const struct record_member *a, const struct record_member *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(a[i].id, b[i].id);
		assert_int_equal(a[i].incarnation, b[i].incarnation);
		assert_string_equal(a[i].transport, b[i].transport);
		assert_int_equal(a[i].controls_count, b[i].controls_count);
		for (unsigned int c = 0; c < a[i].controls_count; c++)
			assert_string_equal(a[i].controls[c], b[i].controls[c]);
		assert_string_equal(a[i].memory, b[i].memory);
		assert_string_equal(a[i].memory_path, b[i].memory_path);
	}
}

static void assert_same(const struct record *a, const struct record *b)
{
	assert_string_equal(a->cluster, b->cluster);
	assert_int_equal(a->instance, b->instance);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->active_epoch, b->active_epoch);
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->proposer, b->proposer);
	assert_int_equal(a->proposer_incarnation, b->proposer_incarnation);
	assert_int_equal(a->lease_ns, b->lease_ns);
	assert_int_equal(a->chain_count, b->chain_count);
	assert_int_equal(a->former_count, b->former_count);
	assert_int_equal(a->counters_count, b->counters_count);
	assert_int_equal(a->counters_max, b->counters_max);
	assert_int_equal(a->sessions_max, b->sessions_max);
	assert_memory_equal(
		a->counters, b->counters, a->counters_max * sizeof(*a->counters));
	assert_same_chain(a->chain, b->chain, a->chain_count);
	assert_same_chain(a->former, b->former, a->former_count);
}

static char *encode(const struct record *from)
{
	struct error err = {.text = ""};
	char *text = NULL;
	size_t len = 0;

	if (record_encode(from, &text, &len, &err))
		fail_msg("%s", err.text);
	assert_int_equal(strlen(text), len);
	return text;
}

static void what_is_written_is_read_back(void **state)
{
	char *text = encode(&record);
	struct record back;
	struct error err = {.text = ""};

	(void)state;
	assert_int_equal(record_decode(text, strlen(text), &back, &err), 0);
	assert_same(&record, &back);
	record_free(&back);
	free(text);
}

static void members_and_counters_are_found(void **state)
{
	(void)state;
	assert_ptr_equal(
		record_member(record.chain, record.chain_count, 65535), &record.chain[1]);
	assert_null(record_member(record.chain, record.chain_count, 3));
	assert_ptr_equal(record_counter(&record, "b"), &record.counters[1]);
	assert_null(record_counter(&record, "c"));
}

/* The widest of everything, every character escaped, and still one value of a store. */
static void the_largest_record_fits_a_store(void **state)
{
	struct record large;
	struct record back;
	char *text;

	(void)state;
	assert_int_equal(record_init(&large, COUNTERS_MAX, NULL), 0);
	record_free(&record);
	record.counters = large.counters;
	record.counters_max = record.counters_count = COUNTERS_MAX;
	record.epoch = record.active_epoch = INT64_MAX;
	memset(record.cluster, 'c', CLUSTER_NAME_MAX);
	record.chain_count = CHAIN_MAX;
	for (uint16_t i = 0; i < CHAIN_MAX; i++) {
		record.chain[i].id = (uint16_t)(UINT16_MAX - i);
		record.chain[i].controls_count = RECORD_CONTROLS_MAX;
		for (int c = 0; c < RECORD_CONTROLS_MAX; c++)
			memset(record.chain[i].controls[c], '"', RECORD_CONTROL_LEN - 1);
		record.chain[i].incarnation = UINT64_MAX - i;
		memset(record.chain[i].transport, '"', RECORD_TRANSPORT_LEN - 1);
		memset(record.chain[i].memory, '"', MEMORY_ADDRESS_MAX - 1);
		memset(record.chain[i].memory_path, '"', RECORD_PATH_LEN - 1);
	}
	former_is_chain();
	for (int i = 0; i < COUNTERS_MAX; i++) {
		struct record_counter *counter = &record.counters[i];

		memset(counter->name, '"', COUNTER_NAME_MAX);
		for (int bit = 0; bit < 12; bit++)
			counter->name[bit] = i >> bit & 1 ? '"' : '\\';
		counter->base = counter->stand = COUNTER_LIMIT - 1;
		counter->reserve_max = COUNTER_LIMIT - 1;
		counter->ceiling = RECORD_CEILING_MAX;
	}
	text = encode(&record);
	assert_in_range(strlen(text), STORE_VALUE_MAX / 2, STORE_VALUE_MAX);
	assert_int_equal(record_decode(text, strlen(text), &back, NULL), 0);
	assert_same(&record, &back);
	record_free(&back);
	free(text);
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

/* The text of the good record with one piece replaced; the piece must be there. */
static char *encode_with(const char *piece, const char *other)
{
	char *text = encode(&record);
	char *at = strstr(text, piece);
	char *changed = malloc(strlen(text) + strlen(other) + 1);

	assert_non_null(at);
	assert_non_null(changed);
	memcpy(changed, text, (size_t)(at - text));
	strcpy(changed + (at - text), other);
	strcat(changed, at + strlen(piece));
	free(text);
	return changed;
}

static void assert_refused(const char *piece, const char *other, int code)
{
	char *text = encode_with(piece, other);
	struct record back;
	struct error err = {.text = ""};
	int rc = record_decode(text, strlen(text), &back, &err);

	if (rc != code)
		fail_msg("%s instead of %s: %d", other, piece, rc);
	assert_string_not_equal(err.text, "");
	free(text);
}

static void text_that_is_not_exactly_a_record_is_refused(void **state)
{
	static const char *const changes[][2] = {
		{"\"epoch\":7", "\"epoch\":7.0"},
		{"\"epoch\":7", "\"epoch\":-7"},
		{"\"epoch\":7", "\"epoch\":\"7\""},
		{"\"epoch\":7", "\"epoch\":true"},
		{"\"epoch\":7", "\"epoch\":9223372036854775808"},
		{"\"epoch\":7,", ""},
		{"\"epoch\":7", "\"epoch\":7,\"epoch\":7"},
		{"\"epoch\":7", "\"epoch\":7,\"more\":1"},
		{"\"cluster\":\"example\"", "\"cluster\":\"ex\\u0000mple\""},
		{"\"cluster\":\"example\"", "\"cluster\":\"../example\""},
		{"fedcba9876543210", "FEDCBA9876543210"},
		{"fedcba9876543210", "fedcba987654321"},
		{"fedcba9876543210", "fedcba98765432101"},
		{"fedcba9876543210", "0000000000000000"},
		{"\"active\"", "\"Active\""},
		{"\"proposer\":2", "\"proposer\":65538"},
		{"\"id\":65535", "\"id\":65536"},
		{"\"id\":65535", "\"id\":2"},
		{"\"id\":65535", "\"id\":65535,\"more\":1"},
		{"\"control\":[]", "\"control\":[1]"},
		{"\"control\":[]", "\"control\":[\"\"]"},
		{"\"control\":[]", "\"control\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"},
		{"\"control\":[]", "\"control\":{}"},
		{"\"memory_path\":\"\"", "\"memory_path\":null"},
		{"\"counters_max\":3", "\"counters_max\":1"},
		{"\"counters_max\":3", "\"counters_max\":0"},
		{"\"counters_max\":3", "\"counters_max\":4097"},
		{"\"sessions_max\":16", "\"sessions_max\":4097"},
		{"\"name\":\"b\"", "\"name\":\"\""},
		{"\"name\":\"b\"", "\"name\":\"\xc3\xa4\""},
		{"\"name\":\"b\"", "\"name\":\"b\",\"more\":1"},
		{"[0,0,0,0]", "[0,0,0]"},
		{"[0,0,0,0]", "[0,0,0,0,0]"},
		{"[0,0,0,0]", "[0,0,0,1.0]"},
		{"[0,0,0,0]", "[0,0,-1,0]"},
		{"[0,0,0,0]", "[0,1,0,0]"},
		{"[0,0,0,0]", "[0,0,1152921504606846976,0]"},
		{"[0,0,0,0]", "{}"},
		{"\"lease_ns\":9223372036854775807", "\"lease_ns\":9223372036854775808"},
		{"\"lease_ns\":9223372036854775807", "\"lease_ns\":-1"},
		{"\"former\":[{", "\"former\":[{},{"},
		{"\"former\"", "\"latter\""},
		{"\"transport\":\"shm\"", "\"transport\":1"},
		{"\"transport\":\"shm\"", "\"transport\":\"0123456789abcdef\""},
		{"\"memory\":\"\"", "\"memory\":[]"},
		{"0000000000001234", "0000000000000000"},
		{"{\"format\"", "[{\"format\""},
		{"{\"format\"", "{}{\"format\""},
		{"\"format\":2", "\"format\":\"2\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		assert_refused(changes[i][0], changes[i][1], -EBADMSG);
}

static void assert_other_format(const char *text, const char *named)
{
	struct record back;
	struct error err = {.text = ""};

	assert_int_equal(
		record_decode(text, strlen(text), &back, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, named));
}

static void another_format_is_named_whatever_else_it_holds(void **state)
{
	(void)state;
	assert_other_format("{\"format\":3,\"new\":true}", "format 3");
	assert_other_format("{\"format\":1,\"cluster\":\"example\"}", "format 1");
}

static void every_cut_text_is_refused(void **state)
{
	char *text = encode(&record);
	struct record back;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char *cut = malloc(len + 1); /* its end is where a sanitizer looks */

		assert_non_null(cut);
		memcpy(cut, text, len);
		assert_int_equal(record_decode(cut, len, &back, NULL), -EBADMSG);
		free(cut);
	}
	free(text);
}

static void a_text_nested_without_end_is_refused(void **state)
{
	char *text = malloc(STORE_VALUE_MAX);
	struct record back;

	(void)state;
	assert_non_null(text);
	memset(text, '[', STORE_VALUE_MAX);
	assert_int_equal(record_decode(text, STORE_VALUE_MAX, &back, NULL), -EBADMSG);
	free(text);
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
		STORY(what_is_written_is_read_back),
		STORY(members_and_counters_are_found),
		STORY(the_largest_record_fits_a_store),
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
		STORY(text_that_is_not_exactly_a_record_is_refused),
		STORY(another_format_is_named_whatever_else_it_holds),
		STORY(every_cut_text_is_refused),
		STORY(a_text_nested_without_end_is_refused),
		STORY(room_for_no_or_too_many_counters_is_refused),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
