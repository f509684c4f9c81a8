/* Keys of the storage: writes, claims, compare-and-set, lists. */
#include "sequencer/core/crc32c.h"
#include "tests/unit/kv_rig.h"

static void what_is_put_is_got_with_its_position_as_version(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(put(&rig, "a", "one"), KV_OK);
	assert_int_equal(rig.reply.version, rig.position);
	changes_are(&rig, 1, "written a=one by 0 @2");
	assert_int_equal(put(&rig, "b", "two"), KV_OK);
	assert_int_equal(get(&rig, "a"), KV_OK);
	assert_int_equal(rig.reply.version, 2);
	value_is(&rig, "one");
	changes_are(&rig, 0);
	rig_free(&rig);
}

static void a_read_through_the_log_is_answered_as_a_query_is(void **state)
{
	struct kv_operation o = {.kind = KV_GET, .key = text("a")};
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "one");
	assert_int_equal(rig_do(&rig, 0, &o), KV_OK);
	value_is(&rig, "one");
	assert_int_equal(rig.reply.version, 2);
	rig_free(&rig);
}

static void what_was_never_put_is_absent(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	assert_int_equal(erase(&rig, "a"), KV_ABSENT);
	changes_are(&rig, 0);
	rig_free(&rig);
}

static void what_is_deleted_is_gone_and_comes_back_with_a_later_version(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "one");
	assert_int_equal(erase(&rig, "a"), KV_OK);
	assert_int_equal(rig.reply.version, 2);
	changes_are(&rig, 1, "deleted a= by 0 @2");
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	(void)put(&rig, "a", "one");
	assert_int_equal(get(&rig, "a"), KV_OK);
	assert_int_equal(rig.reply.version, 4);
	rig_free(&rig);
}

static void values_of_every_length_come_back_whole(void **state)
{
	char key[101], value[401];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (size_t len = 0; len <= 400; len++) {
		size_t key_len = 1 + len % 100;

		memset(key, 'k', key_len);
		key[key_len] = '\0';
		for (size_t i = 0; i < len; i++)
			value[i] = (char)('A' + (i + len) % 26);
		value[len] = '\0';
		assert_int_equal(put(&rig, key, value), KV_OK);
		assert_int_equal(get(&rig, key), KV_OK);
		value_is(&rig, value);
		assert_int_equal(erase(&rig, key), KV_OK);
		rig_sound(&rig);
	}
	rig_free(&rig);
}

static enum kv_status claim(struct rig *rig, const char *key, const char *value)
{
	struct kv_operation o = {
		.kind = KV_CLAIM, .key = text(key), .value = text(value)};

	return rig_do(rig, 0, &o);
}

static void the_second_claim_is_told_who_was_first(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(claim(&rig, "ada", "first"), KV_OK);
	changes_are(&rig, 1, "written ada=first by 0 @2");
	assert_int_equal(claim(&rig, "ada", "second"), KV_TAKEN);
	assert_int_equal(rig.reply.version, 2);
	value_is(&rig, "first");
	changes_are(&rig, 0);
	assert_int_equal(get(&rig, "ada"), KV_OK);
	value_is(&rig, "first");
	rig_free(&rig);
}

static enum kv_status set_version(
	struct rig *rig, const char *key, uint64_t version, const char *value)
{
	struct kv_operation o = {.kind = KV_SET_VERSION,
		.key = text(key),
		.value = text(value),
		.number = version};

	return rig_do(rig, 0, &o);
}

static void set_by_version_writes_over_that_version_only(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "one");
	assert_int_equal(set_version(&rig, "a", 2, "two"), KV_OK);
	assert_int_equal(rig.reply.version, 3);
	assert_int_equal(set_version(&rig, "a", 2, "three"), KV_DIFFERENT);
	assert_int_equal(rig.reply.version, 3);
	value_is(&rig, "two");
	changes_are(&rig, 0);
	rig_free(&rig);
}

static void version_zero_is_that_of_a_key_that_is_not_there(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(set_version(&rig, "a", 7, "one"), KV_DIFFERENT);
	assert_int_equal(rig.reply.version, 0);
	assert_int_equal(set_version(&rig, "a", 0, "one"), KV_OK);
	assert_int_equal(set_version(&rig, "a", 0, "two"), KV_DIFFERENT);
	value_is(&rig, "one");
	rig_free(&rig);
}

static enum kv_status set_value(
	struct rig *rig, const char *key, const char *expected, const char *value)
{
	struct kv_operation o = {.kind = KV_SET_VALUE,
		.key = text(key),
		.value = text(value),
		.other = text(expected)};

	return rig_do(rig, 0, &o);
}

static void set_by_value_writes_over_that_value_only(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(set_value(&rig, "a", "", "one"), KV_DIFFERENT);
	assert_int_equal(rig.reply.version, 0);
	(void)put(&rig, "a", "one");
	assert_int_equal(set_value(&rig, "a", "on", "two"), KV_DIFFERENT);
	assert_int_equal(set_value(&rig, "a", "ones", "two"), KV_DIFFERENT);
	value_is(&rig, "one");
	assert_int_equal(set_value(&rig, "a", "one", "two"), KV_OK);
	assert_int_equal(get(&rig, "a"), KV_OK);
	value_is(&rig, "two");
	rig_free(&rig);
}

/* Lists, and writes what it gets as "a b c", with a '+' if there is more. */
static void list(struct rig *rig, const char *prefix, const char *after, uint64_t count,
	char *names)
{
	struct kv_operation o = {.kind = KV_LIST,
		.option = KV_KEYS_ONLY,
		.key = text(prefix),
		.other = text(after),
		.number = count};
	struct kv_reply item;

	assert_int_equal(rig_query(rig, &o), KV_OK);
	names[0] = '\0';
	while (kv_reply_next(&rig->reply, &item)) {
		strncat(names, item.key.bytes, item.key.len);
		strcat(names, " ");
	}
	if (rig->reply.flags & KV_MORE)
		strcat(names, "+");
}

static void a_list_has_the_keys_of_its_prefix_in_order(void **state)
{
	static const char *const keys[] = {"b", "a/2", "a", "a/10", "a/", "a0", "A"};
	char names[100];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)put(&rig, keys[i], "");
	list(&rig, "a/", "", 0, names);
	assert_string_equal(names, "a/ a/10 a/2 ");
	list(&rig, "", "", 0, names);
	assert_string_equal(names, "A a a/ a/10 a/2 a0 b ");
	list(&rig, "c", "", 0, names);
	assert_string_equal(names, "");
	rig_free(&rig);
}

static void a_list_goes_on_behind_the_last_key_of_a_page(void **state)
{
	static const char *const keys[] = {"a/1", "a/2", "a/3", "a/4", "b"};
	char names[100];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)put(&rig, keys[i], "");
	list(&rig, "a/", "", 2, names);
	assert_string_equal(names, "a/1 a/2 +");
	(void)erase(&rig, "a/2");
	list(&rig, "a/", "a/2", 2, names);
	assert_string_equal(names, "a/3 a/4 ");
	list(&rig, "a/", "a/4", 2, names);
	assert_string_equal(names, "");
	/* A key before the prefix is no place to go on from. */
	list(&rig, "a/", "a", 1, names);
	assert_string_equal(names, "a/1 +");
	list(&rig, "a/", "b", 1, names);
	assert_string_equal(names, "");
	rig_free(&rig);
}

static void a_page_ends_where_the_reply_is_full_and_nothing_is_left_out(void **state)
{
	struct kv_operation o = {.kind = KV_LIST};
	char key[] = "a", value[301], after[2] = "";
	struct kv_reply item;
	unsigned int pages = 0, items = 0;
	struct rig rig;

	(void)state;
	rig_make(&rig);
	memset(value, 'v', 300);
	value[300] = '\0';
	for (; key[0] < 'g'; key[0]++)
		assert_int_equal(put(&rig, key, value), KV_OK);
	do {
		o.other = text(after);
		assert_int_equal(rig_query(&rig, &o), KV_OK);
		assert_true(rig.reply.items_count > 0);
		for (; kv_reply_next(&rig.reply, &item); items++) {
			assert_int_equal(item.value.len, 300);
			memcpy(after, item.key.bytes, 1);
			assert_int_equal(after[0], 'a' + (int)items);
		}
		pages++;
	} while (rig.reply.flags & KV_MORE);
	assert_int_equal(items, 6);
	assert_int_equal(pages, 3);
	rig_free(&rig);
}

/* Names that are all in one chain of the hash, whatever of its bits count in so small a table. */
static void same_hash_names(char names[][16], unsigned int count)
{
	uint32_t wanted = crc32c_update(0, "n0", 2) & 1023;
	unsigned int found = 0;

	for (unsigned int i = 0; found < count; i++) {
		int len = snprintf(names[found], 16, "n%u", i);

		if ((crc32c_update(0, names[found], (size_t)len) & 1023) == wanted)
			found++;
	}
}

static void names_with_the_same_hash_are_found_all_the_same(void **state)
{
	char names[13][16];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	same_hash_names(names, 13);
	for (int i = 0; i < 12; i++)
		assert_int_equal(put(&rig, names[i], names[i]), KV_OK);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(get(&rig, names[i]), KV_OK);
		value_is(&rig, names[i]);
	}
	assert_int_equal(get(&rig, names[12]), KV_ABSENT);
	for (int i = 0; i < 12; i += 2)
		assert_int_equal(erase(&rig, names[i]), KV_OK);
	for (int i = 0; i < 12; i++)
		assert_int_equal(get(&rig, names[i]), i % 2 ? KV_OK : KV_ABSENT);
	rig_free(&rig);
}

static void nothing_counts_before_the_storage_is_founded(void **state)
{
	struct rig rig;

	(void)state;
	rig_make_unfounded(&rig, &rig_limits);
	assert_int_equal(put(&rig, "a", "one"), KV_UNFOUNDED);
	assert_int_equal(get(&rig, "a"), KV_UNFOUNDED);
	assert_int_equal(rig_found(&rig, &rig_limits), KV_OK);
	assert_int_equal(rig.reply.version, 2);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	assert_int_equal(rig_found(&rig, &rig_limits), KV_FOUNDED);
	rig_free(&rig);
}

static void a_machine_of_other_limits_says_so_and_stays_as_it_is(void **state)
{
	struct kv_limits others = rig_limits;
	struct rig rig;

	(void)state;
	others.keys_max++;
	rig_make_unfounded(&rig, &rig_limits);
	assert_int_equal(rig_found(&rig, &others), KV_OTHER_LIMITS);
	assert_int_equal(put(&rig, "a", "one"), KV_UNFOUNDED);
	rig_free(&rig);
}

static void bytes_that_are_no_command_are_refused_and_change_nothing(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "one");
	assert_int_equal(rig_apply(&rig, "buy 3", 5), KV_REFUSED);
	assert_int_equal(rig_apply(&rig, NULL, 0), KV_REFUSED);
	changes_are(&rig, 0);
	assert_int_equal(get(&rig, "a"), KV_OK);
	rig_free(&rig);
}

static void a_query_that_would_write_is_refused(void **state)
{
	struct kv_operation o = {.kind = KV_PUT, .key = text("a"), .value = text("one")};
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(rig_query(&rig, &o), KV_REFUSED);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_got_with_its_position_as_version),
		cmocka_unit_test(a_read_through_the_log_is_answered_as_a_query_is),
		cmocka_unit_test(what_was_never_put_is_absent),
		cmocka_unit_test(
			what_is_deleted_is_gone_and_comes_back_with_a_later_version),
		cmocka_unit_test(values_of_every_length_come_back_whole),
		cmocka_unit_test(the_second_claim_is_told_who_was_first),
		cmocka_unit_test(set_by_version_writes_over_that_version_only),
		cmocka_unit_test(version_zero_is_that_of_a_key_that_is_not_there),
		cmocka_unit_test(set_by_value_writes_over_that_value_only),
		cmocka_unit_test(a_list_has_the_keys_of_its_prefix_in_order),
		cmocka_unit_test(a_list_goes_on_behind_the_last_key_of_a_page),
		cmocka_unit_test(
			a_page_ends_where_the_reply_is_full_and_nothing_is_left_out),
		cmocka_unit_test(names_with_the_same_hash_are_found_all_the_same),
		cmocka_unit_test(nothing_counts_before_the_storage_is_founded),
		cmocka_unit_test(a_machine_of_other_limits_says_so_and_stays_as_it_is),
		cmocka_unit_test(
			bytes_that_are_no_command_are_refused_and_change_nothing),
		cmocka_unit_test(a_query_that_would_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
