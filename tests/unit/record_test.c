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
	record.sessions_max = 16;
	record.chain_count = 2;
	record.chain[0] = (struct record_member){.id = 2,
		.incarnation = UINT64_MAX,
		.controls = {"/run/pawl/example/2.sock", "10.0.0.2:7000"},
		.controls_count = 2,
		.memory_path = "/dev/shm/pawl-example-2"};
	record.chain[1] = (struct record_member){.id = 65535};
	record.counters_count = 2;
	record.counters[0] = (struct record_counter){.name = "orders \"\\",
		.base = COUNTER_LIMIT - 1,
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

static void assert_same(const struct record *a, const struct record *b)
{
	assert_string_equal(a->cluster, b->cluster);
	assert_int_equal(a->instance, b->instance);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->active_epoch, b->active_epoch);
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->proposer, b->proposer);
	assert_int_equal(a->chain_count, b->chain_count);
	assert_int_equal(a->counters_count, b->counters_count);
	assert_int_equal(a->counters_max, b->counters_max);
	assert_int_equal(a->sessions_max, b->sessions_max);
	assert_memory_equal(
		a->counters, b->counters, a->counters_max * sizeof(*a->counters));
	for (unsigned int i = 0; i < a->chain_count; i++) {
		assert_int_equal(a->chain[i].id, b->chain[i].id);
		assert_int_equal(a->chain[i].incarnation, b->chain[i].incarnation);
		assert_int_equal(a->chain[i].controls_count, b->chain[i].controls_count);
		for (unsigned int c = 0; c < a->chain[i].controls_count; c++)
			assert_string_equal(
				a->chain[i].controls[c], b->chain[i].controls[c]);
		assert_string_equal(a->chain[i].memory_path, b->chain[i].memory_path);
	}
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

static void a_copy_has_its_own_counters(void **state)
{
	struct record copy;

	(void)state;
	assert_int_equal(record_copy(&record, &copy, NULL), 0);
	assert_same(&record, &copy);
	copy.counters[0].base = 1;
	assert_int_equal(record.counters[0].base, COUNTER_LIMIT - 1);
	record_free(&copy);
}

static void members_and_counters_are_found(void **state)
{
	(void)state;
	assert_ptr_equal(record_member(&record, 65535), &record.chain[1]);
	assert_null(record_member(&record, 3));
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
		memset(record.chain[i].memory_path, '"', RECORD_PATH_LEN - 1);
	}
	for (int i = 0; i < COUNTERS_MAX; i++) {
		struct record_counter *counter = &record.counters[i];

		memset(counter->name, '"', COUNTER_NAME_MAX);
		for (int bit = 0; bit < 12; bit++)
			counter->name[bit] = i >> bit & 1 ? '"' : '\\';
		counter->base = counter->reserve_max = COUNTER_LIMIT - 1;
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
	BREAK(record.sessions_max, 0);
	BREAK(record.sessions_max, SESSIONS_MAX + 1);
	BREAK(record.counters_max, 0);
	BREAK(record.counters_max, 1);
	BREAK(record.counters_max, COUNTERS_MAX + 1);
	BREAK(record.chain_count, 0);
	BREAK(record.chain_count, CHAIN_MAX + 1);
	BREAK(record.chain[0].id, 0);
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

static void the_newest_active_epoch_fits_the_phase(void **state)
{
	(void)state;
	BREAK(record.active_epoch, 6);
	BREAK(record.active_epoch, 8);
	record.phase = RECORD_PREPARING;
	assert_invalid();
	record.active_epoch = 0;
	assert_int_equal(record_validate(&record, NULL), 0);
	record.phase = RECORD_STOPPED;
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
		{"\"base\":1152921504606846975", "\"base\":1152921504606846976"},
		{"{\"format\"", "[{\"format\""},
		{"{\"format\"", "{}{\"format\""},
		{"\"format\":1", "\"format\":\"1\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		assert_refused(changes[i][0], changes[i][1], -EBADMSG);
}

static void a_later_format_is_named_whatever_else_it_holds(void **state)
{
	const char *text = "{\"format\":2,\"new\":true}";
	struct record back;
	struct error err = {.text = ""};

	(void)state;
	assert_int_equal(
		record_decode(text, strlen(text), &back, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "format 2"));
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
		STORY(a_copy_has_its_own_counters),
		STORY(members_and_counters_are_found),
		STORY(the_largest_record_fits_a_store),
		STORY(every_number_has_its_range),
		STORY(every_text_is_printable),
		STORY(text_without_an_end_is_refused),
		STORY(nothing_is_there_twice),
		STORY(a_ceiling_is_never_below_its_base),
		STORY(the_newest_active_epoch_fits_the_phase),
		STORY(text_that_is_not_exactly_a_record_is_refused),
		STORY(a_later_format_is_named_whatever_else_it_holds),
		STORY(every_cut_text_is_refused),
		STORY(a_text_nested_without_end_is_refused),
		STORY(room_for_no_or_too_many_counters_is_refused),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
