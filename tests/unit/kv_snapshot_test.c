/* Snapshots of the storage: one for each state, whole or refused. */
#include <errno.h>

#include "tests/unit/kv_rig.h"

/* A little of everything. */
static void rig_fill(struct rig *rig)
{
	uint64_t a, b;

	rig_make(rig);
	a = session_open(rig);
	b = session_open(rig);
	(void)put(rig, "plain", "a value");
	(void)put(rig, "empty", "");
	(void)put_ephemeral(rig, a, "leader", "a");
	(void)lock(rig, a, "l");
	(void)lock(rig, b, "m");
	(void)lock(rig, b, "l");
}

struct copy {
	struct kv *kv;
	unsigned char *bytes;
	size_t len;
};

static void copy_make(struct copy *copy, struct rig *rig)
{
	copy->kv = kv_create(&rig->limits, rig_memory(&rig->limits), NULL, NULL);
	copy->bytes = snapshot_take(rig->kv, &copy->len);
}

static void copy_free(struct copy *copy)
{
	free(copy->kv);
	free(copy->bytes);
}

static void assert_same(struct kv *a, struct kv *b)
{
	size_t a_len, b_len;
	unsigned char *as = snapshot_take(a, &a_len), *bs = snapshot_take(b, &b_len);

	assert_int_equal(a_len, b_len);
	assert_memory_equal(as, bs, a_len);
	free(as);
	free(bs);
}

static void what_is_restored_is_the_same_however_the_pieces_are_cut(void **state)
{
	static const size_t cuts[] = {1, 7, 31, 32, 33, 97, 100000};
	const char *reason = "";
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		assert_int_equal(
			snapshot_restore(copy.kv, copy.bytes, copy.len, cuts[i], &reason),
			0);
		assert_true(kv_sound(copy.kv, &reason));
		assert_int_equal(kv_applied(copy.kv), rig.position);
		assert_same(copy.kv, rig.kv);
	}
	copy_free(&copy);
	rig_free(&rig);
}

static void what_is_restored_goes_on_as_the_original(void **state)
{
	struct kv_session_info info;
	const char *reason = "";
	struct copy copy;
	struct rig rig;
	struct kv *original;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	assert_int_equal(snapshot_restore(copy.kv, copy.bytes, copy.len, 50, &reason), 0);
	assert_int_equal(expire(&rig, 2, rig.position), KV_OK);
	changes_are(&rig, 3, "deleted leader= by 2 @6", "granted l= by 3 @10",
		"ended = by 2 @0");
	/* The same for the copy, with the same rig around it. */
	original = rig.kv;
	rig.kv = copy.kv;
	rig.position--;
	assert_int_equal(expire(&rig, 2, rig.position), KV_OK);
	assert_true(kv_session_next(rig.kv, 0, &info));
	assert_int_equal(info.ttl_ms, 3000);
	assert_int_equal(look(&rig, "l"), KV_OK);
	assert_int_equal(rig.reply.version, 10);
	assert_int_equal(rig.reply.session, 3);
	assert_same(rig.kv, original);
	rig.kv = original;
	copy_free(&copy);
	rig_free(&rig);
}

static void the_same_state_has_the_same_bytes_whatever_happened_before(void **state)
{
	char key[] = "a";
	struct rig short_way, long_way;

	(void)state;
	rig_make(&short_way);
	rig_make(&long_way);
	/* Memory that was used, trees that were turned, sessions and locks that came and went. */
	for (int i = 0; i < 9; i++, key[0] = (char)('a' + i * 5 % 9))
		assert_int_equal(
			put(&long_way, key, "something long that is there before"),
			KV_OK);
	(void)session_open(&long_way);
	(void)lock(&long_way, long_way.position, "l");
	(void)session_close(&long_way, long_way.position - 1);
	for (key[0] = 'a'; key[0] < 'j'; key[0]++)
		assert_int_equal(erase(&long_way, key), KV_OK);
	short_way.position = long_way.position;
	for (key[0] = 'i'; key[0] >= 'a'; key[0]--) {
		assert_int_equal(put(&long_way, key, key), KV_OK);
		assert_int_equal(put(&short_way, key, key), KV_OK);
	}
	assert_same(short_way.kv, long_way.kv);
	rig_free(&short_way);
	rig_free(&long_way);
}

static void an_empty_storage_has_a_snapshot_too(void **state)
{
	const char *reason = "";
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_make_unfounded(&rig, &rig_limits);
	copy_make(&copy, &rig);
	assert_int_equal(snapshot_restore(copy.kv, copy.bytes, copy.len, 9, &reason), 0);
	assert_same(copy.kv, rig.kv);
	copy_free(&copy);
	rig_free(&rig);
}

static void a_snapshot_says_for_which_limits_it_is(void **state)
{
	struct kv_limits found;
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	assert_true(kv_snapshot_limits(copy.bytes, KV_SNAPSHOT_HEADER, &found));
	assert_true(kv_limits_same(&found, &rig_limits));
	assert_false(kv_snapshot_limits(copy.bytes, KV_SNAPSHOT_HEADER - 1, &found));
	copy.bytes[0] ^= 1;
	assert_false(kv_snapshot_limits(copy.bytes, copy.len, &found));
	copy_free(&copy);
	rig_free(&rig);
}

static void a_machine_of_other_limits_does_not_take_it(void **state)
{
	struct kv_limits others = rig_limits;
	const char *reason = "";
	struct copy copy;
	struct rig rig;
	struct kv *other;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	others.locks_max++;
	other = kv_create(&others, rig_memory(&others), NULL, NULL);
	assert_int_equal(
		snapshot_restore(other, copy.bytes, copy.len, 50, &reason), -EBADMSG);
	assert_string_equal(reason, "it is of a storage with other limits");
	free(other);
	copy_free(&copy);
	rig_free(&rig);
}

/* Refused, and the machine is as new. */
static void assert_refused(struct copy *copy, size_t len)
{
	const char *reason = NULL;

	assert_int_equal(
		snapshot_restore(copy->kv, copy->bytes, len, 64, &reason), -EBADMSG);
	assert_non_null(reason);
	assert_int_equal(kv_applied(copy->kv), 0);
	assert_true(kv_sound(copy->kv, &reason));
}

static void every_damaged_bit_is_noticed(void **state)
{
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	for (size_t bit = 0; bit < 8 * copy.len; bit++) {
		copy.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_refused(&copy, copy.len);
		copy.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	copy_free(&copy);
	rig_free(&rig);
}

static void a_snapshot_that_ends_early_or_goes_on_is_noticed(void **state)
{
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	for (size_t len = 0; len < copy.len; len++)
		assert_refused(&copy, len);
	copy.bytes = realloc(copy.bytes, copy.len + 1);
	assert_non_null(copy.bytes);
	copy.bytes[copy.len] = 0;
	assert_refused(&copy, copy.len + 1);
	copy_free(&copy);
	rig_free(&rig);
}

static void after_a_refusal_a_good_snapshot_is_taken(void **state)
{
	const char *reason = "";
	struct copy copy;
	struct rig rig;

	(void)state;
	rig_fill(&rig);
	copy_make(&copy, &rig);
	assert_refused(&copy, copy.len - 5);
	assert_int_equal(snapshot_restore(copy.kv, copy.bytes, copy.len, 64, &reason), 0);
	assert_same(copy.kv, rig.kv);
	copy_free(&copy);
	rig_free(&rig);
}

static void a_machine_is_used_through_its_operations(void **state)
{
	const struct machine_ops *ops = &kv_machine_ops;
	struct kv_operation o = {.kind = KV_PUT, .key = text("a"), .value = text("one")};
	unsigned char bytes[200];
	struct machine_result result;
	struct machine_piece piece;
	struct kv_reply reply;
	const char *reason = "";
	struct copy copy;
	struct rig rig;
	size_t len;

	(void)state;
	rig_make(&rig);
	copy_make(&copy, &rig);
	len = kv_command_encode(&o, 0, bytes, sizeof(bytes));
	rig.position = 7;
	ops->apply(rig.kv, 7, bytes, len, &result);
	assert_true(kv_reply_decode(result.bytes, result.len, &reply));
	assert_int_equal(reply.version, 7);
	assert_int_equal(ops->applied(rig.kv), 7);
	ops->snapshot_begin(rig.kv);
	ops->restore_begin(copy.kv);
	while (ops->snapshot_next(rig.kv, &piece))
		assert_int_equal(
			ops->restore_next(copy.kv, piece.bytes, piece.len, &reason), 0);
	assert_int_equal(ops->restore_end(copy.kv, &reason), 0);
	o = (struct kv_operation){.kind = KV_GET, .key = text("a")};
	len = kv_command_encode(&o, 0, bytes, sizeof(bytes));
	ops->query(copy.kv, bytes, len, &result);
	assert_true(kv_reply_decode(result.bytes, result.len, &reply));
	assert_int_equal(reply.version, 7);
	copy_free(&copy);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_restored_is_the_same_however_the_pieces_are_cut),
		cmocka_unit_test(what_is_restored_goes_on_as_the_original),
		cmocka_unit_test(
			the_same_state_has_the_same_bytes_whatever_happened_before),
		cmocka_unit_test(an_empty_storage_has_a_snapshot_too),
		cmocka_unit_test(a_snapshot_says_for_which_limits_it_is),
		cmocka_unit_test(a_machine_of_other_limits_does_not_take_it),
		cmocka_unit_test(every_damaged_bit_is_noticed),
		cmocka_unit_test(a_snapshot_that_ends_early_or_goes_on_is_noticed),
		cmocka_unit_test(after_a_refusal_a_good_snapshot_is_taken),
		cmocka_unit_test(a_machine_is_used_through_its_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
