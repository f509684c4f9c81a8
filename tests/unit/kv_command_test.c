/* Commands and replies of the storage as bytes. */
#include "sequencer/core/bytes.h"
#include "tests/unit/kv_rig.h"

struct encoded {
	unsigned char bytes[COMMAND_ROOM];
	size_t len;
};

static bool decodes(const struct encoded *e)
{
	struct kv_command command;

	return kv_command_decode(e->bytes, e->len, &command);
}

static void encode(struct encoded *e, const struct kv_operation *o, uint64_t session)
{
	e->len = kv_command_encode(o, session, e->bytes, sizeof(e->bytes));
}

static void a_command_is_decoded_to_what_was_encoded(void **state)
{
	struct kv_operation o = {.kind = KV_SET_VALUE,
		.option = KV_EPHEMERAL,
		.key = text("key"),
		.value = text("value"),
		.other = text("before")};
	struct kv_operation found;
	struct kv_command command;
	struct encoded e;

	(void)state;
	encode(&e, &o, 77);
	assert_true(kv_command_decode(e.bytes, e.len, &command));
	assert_int_equal(command.session, 77);
	assert_false(command.transaction);
	assert_ptr_equal(kv_operation_read(command.thens, &found), e.bytes + e.len);
	assert_int_equal(found.kind, KV_SET_VALUE);
	assert_int_equal(found.option, KV_EPHEMERAL);
	assert_int_equal(found.key.len, 3);
	assert_memory_equal(found.value.bytes, "value", 5);
	assert_memory_equal(found.other.bytes, "before", 6);
}

static void the_format_is_the_one_that_is_documented(void **state)
{
	static const unsigned char expected[] = {'k', 'v', 1, 0, 60, 0, 0, 0, /**/
		5, 0, 0, 0, 0, 0, 0, 0,					      /**/
		0, 0, 1, 0, 0, 0, 0, 0,					      /**/
		9, 1, 1, 0, 3, 0, 0, 0,					      /**/
		0x34, 0x12, 0, 0, 0, 0, 0, 0,				      /**/
		0, 0, 0, 0, 0, 0, 0, 0,					      /**/
		0, 0, 0, 0, 0, 0, 0, 0, 'k', 'v', 'a', 'l'};
	struct kv_operation o = {.kind = KV_SET_VERSION,
		.option = KV_EPHEMERAL,
		.key = text("k"),
		.value = text("val"),
		.number = 0x1234};
	struct encoded e;

	(void)state;
	encode(&e, &o, 5);
	assert_int_equal(e.len, sizeof(expected));
	assert_memory_equal(e.bytes, expected, sizeof(expected));
}

static void what_a_kind_does_not_need_must_be_empty(void **state)
{
	static const struct kv_operation wrong[] = {
		{.kind = KV_GET},
		{.kind = KV_GET, .key = {"k", 1}, .value = {"v", 1}},
		{.kind = KV_GET, .key = {"k", 1}, .number = 1},
		{.kind = KV_GET, .key = {"k", 1}, .option = 1},
		{.kind = KV_PUT, .key = {"k", 1}, .other = {"v", 1}},
		{.kind = KV_PUT, .key = {"k", 1}, .since = 1},
		{.kind = KV_PUT, .key = {"k", 1}, .option = 2},
		{.kind = KV_OPEN, .key = {"k", 1}},
		{.kind = KV_FOUND, .value = {"limits", 6}},
		{.kind = (enum kv_kind)0},
		{.kind = (enum kv_kind)17},
		{.kind = (enum kv_kind)36},
		{.kind = (enum kv_kind)255},
		{.kind = KV_IF_VERSION, .key = {"k", 1}},
	};
	struct encoded e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		encode(&e, &wrong[i], 1);
		assert_int_equal(e.len, 0);
	}
}

static void what_belongs_to_a_session_needs_one(void **state)
{
	static const struct kv_operation owned[] = {
		{.kind = KV_PUT, .key = {"k", 1}, .option = KV_EPHEMERAL},
		{.kind = KV_CLAIM, .key = {"k", 1}, .option = KV_EPHEMERAL},
		{.kind = KV_LOCK, .key = {"k", 1}},
		{.kind = KV_UNLOCK, .key = {"k", 1}},
		{.kind = KV_KEEP_ALIVE},
		{.kind = KV_CLOSE},
	};
	struct encoded e;

	(void)state;
	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		encode(&e, &owned[i], 0);
		assert_int_equal(e.len, 0);
		encode(&e, &owned[i], 3);
		assert_int_not_equal(e.len, 0);
	}
}

static void a_branch_has_a_key_once_and_only_what_may_be_in_it(void **state)
{
	struct kv_operation ops[] = {{.kind = KV_PUT, .key = {"a", 1}},
		{.kind = KV_DELETE, .key = {"b", 1}}, {.kind = KV_GET, .key = {"c", 1}}};
	struct kv_transaction t = {
		.thens = ops, .thens_count = 3, .elses = ops, .elses_count = 3};
	unsigned char bytes[1000];

	(void)state;
	assert_int_not_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	ops[2].key = text("a");
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	ops[2] = (struct kv_operation){.kind = KV_CLAIM, .key = {"d", 1}};
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	ops[2] = (struct kv_operation){.kind = KV_IF_FENCE, .key = {"d", 1}};
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
}

static void comparisons_are_comparisons_and_not_too_many(void **state)
{
	struct kv_operation ops[KV_OPERATIONS_MAX + 1];
	struct kv_transaction t = {.comparisons = ops};
	static unsigned char bytes[16384];

	(void)state;
	for (size_t i = 0; i <= KV_OPERATIONS_MAX; i++)
		ops[i] = (struct kv_operation){.kind = KV_IF_VERSION, .key = {"a", 1}};
	t.comparisons_count = KV_OPERATIONS_MAX;
	assert_int_not_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	t.comparisons_count++;
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	t.comparisons_count = 1;
	ops[0].kind = KV_GET;
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
	ops[0].kind = KV_IF_VERSION;
	ops[0].option = KV_GREATER + 1;
	assert_int_equal(kv_transaction_encode(&t, 0, bytes, sizeof(bytes)), 0);
}

static void a_command_that_was_cut_or_goes_on_is_none(void **state)
{
	struct kv_operation o = {
		.kind = KV_PUT, .key = text("key"), .value = text("value")};
	struct encoded e;
	size_t len;

	(void)state;
	encode(&e, &o, 0);
	len = e.len;
	for (e.len = 0; e.len < len; e.len++)
		assert_false(decodes(&e));
	e.len = len;
	assert_true(decodes(&e));
	e.bytes[e.len++] = 0;
	assert_false(decodes(&e));
	/* Nor does it help to say another length. */
	bytes_put(e.bytes + 4, e.len, 4);
	assert_false(decodes(&e));
}

static void lengths_beyond_the_end_are_noticed(void **state)
{
	struct kv_operation o = {
		.kind = KV_PUT, .key = text("key"), .value = text("value")};
	struct encoded e, damaged;

	(void)state;
	encode(&e, &o, 0);
	for (size_t at = KV_COMMAND_HEADER; at < KV_COMMAND_HEADER + 8; at++) {
		damaged = e;
		damaged.bytes[at] = 0xff;
		assert_false(decodes(&damaged));
	}
	damaged = e;
	bytes_put(damaged.bytes + KV_COMMAND_HEADER + 24, UINT32_MAX, 4);
	assert_false(decodes(&damaged));
}

static void a_command_of_a_later_version_is_none(void **state)
{
	struct kv_operation o = {.kind = KV_GET, .key = text("key")};
	struct encoded e;

	(void)state;
	encode(&e, &o, 0);
	e.bytes[2] = KV_COMMAND_VERSION + 1;
	assert_false(decodes(&e));
}

static void what_does_not_fit_is_not_encoded(void **state)
{
	struct kv_operation o = {
		.kind = KV_PUT, .key = text("key"), .value = text("value")};
	unsigned char bytes[200];
	size_t len = kv_command_encode(&o, 0, bytes, sizeof(bytes));

	(void)state;
	for (size_t room = 0; room < len; room++)
		assert_int_equal(kv_command_encode(&o, 0, bytes, room), 0);
	assert_int_equal(kv_command_encode(&o, 0, bytes, len), len);
}

static void the_command_that_founds_says_its_limits(void **state)
{
	unsigned char limits[KV_LIMITS_LEN];
	struct kv_operation o = {.kind = KV_FOUND, .value = {limits, sizeof(limits)}};
	struct kv_operation get = {.kind = KV_GET, .key = text("key")};
	struct kv_limits found;
	struct encoded e;

	(void)state;
	kv_limits_encode(&rig_limits, limits);
	encode(&e, &o, 0);
	assert_true(kv_command_founds(e.bytes, e.len, &found));
	assert_true(kv_limits_same(&found, &rig_limits));
	encode(&e, &get, 0);
	assert_false(kv_command_founds(e.bytes, e.len, &found));
	assert_false(kv_command_founds("x", 1, &found));
}

static void a_damaged_reply_is_none_and_its_items_stay_inside(void **state)
{
	struct kv_operation o = {.kind = KV_LIST};
	unsigned char bytes[600];
	struct kv_reply reply;
	struct rig rig;
	size_t len = KV_REPLY_HEADER + 2 * (KV_REPLY_HEADER + 4), item = KV_REPLY_HEADER;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "one");
	(void)put(&rig, "b", "two");
	assert_int_equal(rig_query(&rig, &o), KV_OK);
	memcpy(bytes, rig.reply.items - KV_REPLY_HEADER, len);
	assert_true(kv_reply_decode(bytes, len, &reply));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(kv_reply_decode(bytes, cut, &reply));
	bytes_put(bytes + item + 32, 500, 4);
	assert_false(kv_reply_decode(bytes, len, &reply));
	bytes_put(bytes + item + 32, 3, 4);
	bytes_put(bytes + 38, 3, 2);
	assert_false(kv_reply_decode(bytes, len, &reply));
	bytes_put(bytes + 38, 1, 2);
	assert_false(kv_reply_decode(bytes, len, &reply));
	rig_free(&rig);
}

static void every_status_has_a_text(void **state)
{
	const char *unknown = kv_status_text((enum kv_status)255);

	(void)state;
	for (int status = KV_OK; status <= KV_WAITING; status++)
		assert_string_not_equal(kv_status_text((enum kv_status)status), unknown);
	for (int status = KV_NO_SESSION; status <= KV_REFUSED; status++)
		assert_string_not_equal(kv_status_text((enum kv_status)status), unknown);
	assert_string_equal(kv_status_text((enum kv_status)9), unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_decoded_to_what_was_encoded),
		cmocka_unit_test(the_format_is_the_one_that_is_documented),
		cmocka_unit_test(what_a_kind_does_not_need_must_be_empty),
		cmocka_unit_test(what_belongs_to_a_session_needs_one),
		cmocka_unit_test(a_branch_has_a_key_once_and_only_what_may_be_in_it),
		cmocka_unit_test(comparisons_are_comparisons_and_not_too_many),
		cmocka_unit_test(a_command_that_was_cut_or_goes_on_is_none),
		cmocka_unit_test(lengths_beyond_the_end_are_noticed),
		cmocka_unit_test(a_command_of_a_later_version_is_none),
		cmocka_unit_test(what_does_not_fit_is_not_encoded),
		cmocka_unit_test(the_command_that_founds_says_its_limits),
		cmocka_unit_test(a_damaged_reply_is_none_and_its_items_stay_inside),
		cmocka_unit_test(every_status_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
