/* The cluster record as text: what is written is read back, and nothing else is believed. */
#include "sequencer/core/stream_slot.h"
#include "tests/unit/record_rig.h"

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

static void assert_same_counter(
	const struct record_counter *a, const struct record_counter *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->base, b->base);
	assert_int_equal(a->stand, b->stand);
	assert_int_equal(a->ceiling, b->ceiling);
	assert_int_equal(a->reserve_max, b->reserve_max);
	assert_true(stream_limits_same(&a->stream, &b->stream));
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
	for (uint32_t i = 0; i < a->counters_max; i++)
		assert_same_counter(&a->counters[i], &b->counters[i]);
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

static void streams_are_written_and_read_back(void **state)
{
	const struct stream_limits limits = {.slot_len = STREAM_SLOT_LEN_MAX,
		.slots = STREAM_RING_MIN,
		.rows = 4096,
		.blocks = true,
		.archiving = STREAM_ARCHIVE_REQUIRED,
		.hole_timeout_ns = STREAM_HOLE_MAX_NS,
		.message_max = STREAM_MESSAGE_MAX};
	struct error err = {.text = ""};
	struct record back;
	char *text;

	(void)state;
	record.counters[1].stream = limits;
	text = encode(&record);
	assert_non_null(strstr(text, "\"stream\":[65536,1024,4096,1,2,60000000000,"
				     "1073741824]"));
	if (record_decode(text, strlen(text), &back, &err))
		fail_msg("%s", err.text);
	assert_true(stream_limits_same(&back.counters[1].stream, &limits));
	assert_int_equal(back.counters[0].stream.slot_len, 0);
	record_free(&back);
	free(text);
}

static void stream_widest(struct stream_limits *stream)
{
	stream->slot_len = STREAM_SLOT_LEN_MAX;
	stream->slots = 1 << 20;
	stream->rows = STREAM_ROWS_MAX;
	stream->blocks = true;
	stream->archiving = STREAM_ARCHIVE_REQUIRED;
	stream->hole_timeout_ns = STREAM_HOLE_MAX_NS;
	stream->message_max = STREAM_MESSAGE_MAX;
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
		if (i >= STREAMS_MAX)
			continue;
		counter->reserve_max = 0;
		stream_widest(&counter->stream);
	}
	text = encode(&record);
	assert_in_range(strlen(text), STORE_VALUE_MAX / 2, STORE_VALUE_MAX);
	assert_int_equal(record_decode(text, strlen(text), &back, NULL), 0);
	assert_same(&record, &back);
	record_free(&back);
	free(text);
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

static void limits_that_no_stream_has_are_refused(void **state)
{
	static const char *const others[] = {"[]", "{}", "[256,1024,8,0,0,1000000]",
		"[256,1024,8,0,0,1000000,1,1]", "[0,1024,8,0,0,1000000,1]",
		"[100,1024,8,0,0,1000000,1]", "[256,1000,8,0,0,1000000,1]",
		"[256,1024,0,0,0,1000000,1]", "[256,1024,8,2,0,1000000,1]",
		"[256,1024,8,0,3,1000000,1]", "[256,1024,8,0,0,1,1]",
		"[256,1024,8,0,0,1000000,0]", "[256,1024,8,0,0,1000000,1.5]"};

	(void)state;
	record.counters[1].stream = (struct stream_limits){.slot_len = 256,
		.slots = 1024,
		.rows = 8,
		.hole_timeout_ns = 1000000,
		.message_max = 1};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_refused("[256,1024,8,0,0,1000000,1]", others[i], -EBADMSG);
	assert_refused("[0,0,0,0]", "[0,0,0,1]", -EBADMSG); /* nobody reserves in it */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_is_written_is_read_back),
		STORY(streams_are_written_and_read_back),
		STORY(limits_that_no_stream_has_are_refused),
		STORY(the_largest_record_fits_a_store),
		STORY(text_that_is_not_exactly_a_record_is_refused),
		STORY(another_format_is_named_whatever_else_it_holds),
		STORY(every_cut_text_is_refused),
		STORY(a_text_nested_without_end_is_refused),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
