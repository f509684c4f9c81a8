/* Watches of stores at fake replicas: every change that is meant, in order, each once. */
#include "tests/unit/store_rig.h"

#define CHANGES_MAX 512

/* Changes as text: "put a=1 ", "del a ", "got door 7 " ... */
struct diary {
	unsigned int count;
	uint64_t positions[CHANGES_MAX];
	char text[16384];
	size_t len;
};

static void diary_note(void *context, const struct pawl_change *c)
{
	static const char *const words[] = {
		"put", "del", "got", "free", "open", "end", "restored"};
	struct diary *diary = context;
	int len = snprintf(diary->text + diary->len, sizeof(diary->text) - diary->len,
		"%s %.*s%s%.*s,", words[c->kind], (int)c->key_len, (const char *)c->key,
		c->value_len ? "=" : "", (int)c->value_len, (const char *)c->value);

	assert_true(diary->count < CHANGES_MAX && len > 0);
	diary->len += (size_t)len;
	assert_true(diary->len < sizeof(diary->text));
	diary->positions[diary->count++] = c->position;
}

static struct pawl_watch *watch(struct pawl_store *store, unsigned int what,
	const char *name, struct diary *diary)
{
	struct pawl_watch *watch = NULL;

	if (pawl_store_watch(
		    store, what, name, strlen(name), diary_note, diary, &watch, NULL))
		fail_msg("%s", pawl_errmsg(store->pawl));
	return watch;
}

static void put(struct pawl_store *store, const char *key, const char *value)
{
	if (pawl_store_put(store, key, strlen(key), value, strlen(value), NULL))
		fail_msg("%s", pawl_errmsg(store->pawl));
}

static void only_what_is_watched_is_told(void **state)
{
	struct shop *shop = *state;
	struct diary key = {0}, prefix = {0}, all = {0};

	(void)watch(shop->store, PAWL_WATCH_KEYS, "a", &key);
	(void)watch(shop->store, PAWL_WATCH_KEYS | PAWL_WATCH_PREFIX, "a", &prefix);
	(void)watch(shop->store, PAWL_WATCH_KEYS | PAWL_WATCH_PREFIX, "", &all);
	put(shop->store, "a", "1");
	put(shop->store, "ab", "2");
	put(shop->store, "b", "3");
	assert_int_equal(
		pawl_store_claim(shop->store, KEY("a"), KEY("x"), NULL), -EEXIST);
	assert_int_equal(pawl_store_delete(shop->store, KEY("a"), NULL), 0);
	assert_int_equal(pawl_store_delete(shop->store, KEY("a"), NULL), -ENOENT);
	assert_string_equal(key.text, "put a=1,del a,");
	assert_string_equal(prefix.text, "put a=1,put ab=2,del a,");
	assert_string_equal(all.text, "put a=1,put ab=2,put b=3,del a,");
}

static void what_was_before_is_read_and_what_comes_is_told(void **state)
{
	struct shop *shop = *state;
	struct diary diary = {0};
	struct pawl_watch *w;
	uint64_t position;

	other_opens(shop);
	put(shop->other, "a", "1");
	assert_int_equal(pawl_store_sync(shop->store), 0);
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_KEYS, KEY("a"),
				 diary_note, &diary, &w, &position),
		0);
	assert_int_equal(position, pawl_store_position(shop->store));
	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_LOCAL, KEY("a"), &shop->reply), 0);
	assert_int_equal(shop->reply.version, position);
	put(shop->other, "a", "2");
	put(shop->other, "a", "3");
	assert_string_equal(diary.text, "");
	assert_int_equal(pawl_store_sync(shop->store), 0);
	assert_string_equal(diary.text, "put a=2,put a=3,");
	assert_true(diary.positions[0] > position);
	pawl_store_unwatch(shop->store, w);
	put(shop->store, "a", "4");
	assert_int_equal(diary.count, 2);
}

static void locks_and_sessions_are_told(void **state)
{
	struct shop *shop = *state;
	const struct pawl_command mine = {.kind = PAWL_PUT,
		.option = PAWL_EPHEMERAL,
		.key = "me",
		.key_len = 2,
		.value = "here",
		.value_len = 4};
	struct pawl_command put_mine = mine;
	struct diary locks = {0}, all = {0};
	uint64_t first, second, fence;

	(void)watch(shop->store, PAWL_WATCH_LOCKS, "door", &locks);
	(void)watch(shop->store,
		PAWL_WATCH_LOCKS | PAWL_WATCH_KEYS | PAWL_WATCH_SESSIONS |
			PAWL_WATCH_PREFIX,
		"", &all);
	assert_int_equal(pawl_session_open(shop->store, 60000, &first), 0);
	assert_int_equal(pawl_session_open(shop->store, 60000, &second), 0);
	put_mine.session = first;
	assert_int_equal(pawl_store_call(shop->store, &put_mine, NULL), 0);
	assert_int_equal(pawl_lock(shop->store, first, KEY("door"), true, &fence), 0);
	assert_int_equal(pawl_lock(shop->store, first, KEY("gate"), true, &fence), 0);
	assert_int_equal(
		pawl_lock(shop->store, second, KEY("door"), true, &fence), -EINPROGRESS);
	assert_int_equal(pawl_session_close(shop->store, first), 0);
	assert_int_equal(pawl_unlock(shop->store, second, KEY("door"), 0), 0);
	assert_string_equal(locks.text, "got door,got door,free door,");
	assert_string_equal(all.text,
		"open ,open ,put me=here,got door,got gate,del me,got door,free gate,end "
		",free door,");
	assert_int_equal(all.positions[5], all.positions[8]);
}

/* One command, all of whose changes have its position. */
static void changes_of_a_transaction_have_one_position(void **state)
{
	struct shop *shop = *state;
	const struct pawl_command thens[] = {{.kind = PAWL_PUT,
						     .key = "a",
						     .key_len = 1,
						     .value = "1",
						     .value_len = 1},
		{.kind = PAWL_PUT,
			.key = "b",
			.key_len = 1,
			.value = "2",
			.value_len = 1}};
	const struct pawl_transaction t = {.thens = thens, .thens_count = 2};
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	struct diary diary = {0};

	(void)watch(shop->store, PAWL_WATCH_KEYS | PAWL_WATCH_PREFIX, "", &diary);
	assert_int_equal(pawl_store_submit_transaction(shop->store, &t, 77), 0);
	while (shop->told_count == 0) {
		assert_true(clock_now_ns() < deadline);
		shop_poll(shop->store);
	}
	assert_int_equal(shop->told[0].cookie, 77);
	assert_int_equal(shop->told[0].status, 0);
	assert_string_equal(diary.text, "put a=1,put b=2,");
	assert_int_equal(diary.positions[0], shop->told[0].position);
	assert_int_equal(diary.positions[1], shop->told[0].position);
}

static void none_is_missed_or_repeated_when_the_head_dies(void **state)
{
	struct shop *shop = *state;
	struct diary theirs = {0};
	char key[16], expected[4096] = "";
	size_t len = 0;

	other_opens(shop);
	(void)watch(shop->other, PAWL_WATCH_KEYS | PAWL_WATCH_PREFIX, "k", &theirs);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		if (i == 30)
			shop_head_dies(shop);
		put(shop->store, key, "v");
		if (i % 7 == 0)
			shop_poll(shop->other);
		len += (size_t)snprintf(
			expected + len, sizeof(expected) - len, "put %s=v,", key);
	}
	assert_int_equal(pawl_store_sync(shop->other), 0);
	assert_string_equal(theirs.text, expected);
}

static void who_comes_back_is_told_what_he_missed(void **state)
{
	struct shop *shop = *state;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct diary before = {0}, after = {0};

	options.on_change = diary_note;
	options.change_context = &before;
	other_opens_with(shop, &options);
	put(shop->store, "a", "1");
	assert_int_equal(pawl_store_sync(shop->other), 0);
	put(shop->store, "a", "2");
	assert_string_equal(before.text, "put a=1,");
	options.change_context = &after;
	options.changes_after = pawl_store_position(shop->other);
	other_closes(shop);
	put(shop->store, "a", "3");
	other_opens_with(shop, &options);
	assert_string_equal(after.text, "put a=2,put a=3,");
	put(shop->store, "a", "4");
	assert_int_equal(pawl_store_sync(shop->other), 0);
	assert_string_equal(after.text, "put a=2,put a=3,put a=4,");
}

/* The state of the one becomes that of the other, as a snapshot of it would make it. */
static void restore(struct pawl_store *to, struct pawl_store *from)
{
	struct machine_piece piece;
	const char *why = "";

	store_restoring(to);
	kv_snapshot_begin(from->kv);
	kv_restore_begin(to->kv);
	while (kv_snapshot_next(from->kv, &piece))
		assert_int_equal(
			kv_restore_next(to->kv, piece.bytes, piece.len, &why), 0);
	assert_int_equal(kv_restore_end(to->kv, &why), 0);
	store_restored(to, kv_applied(to->kv));
}

/* What happened inside of the snapshot is not told, but that it is so; and own affairs go on. */
static void who_was_lapped_is_told_so(void **state)
{
	struct shop *shop = *state;
	struct diary diary = {0};
	uint64_t first, second, theirs, fence, left;

	other_opens(shop);
	assert_int_equal(pawl_session_open(shop->other, 60000, &theirs), 0);
	assert_int_equal(pawl_lock(shop->other, theirs, KEY("door"), false, &fence), 0);
	assert_int_equal(pawl_session_open(shop->store, 60000, &first), 0);
	assert_int_equal(pawl_session_open(shop->store, 60000, &second), 0);
	assert_int_equal(
		pawl_lock(shop->store, first, KEY("door"), true, &fence), -EINPROGRESS);
	shop->store->waiting = (struct store_waiting){
		.stage = WAITING_QUEUED, .session = first, .name = "door", .name_len = 4};
	(void)watch(shop->store, PAWL_WATCH_KEYS, "a", &diary);
	put(shop->other, "a", "1");
	assert_int_equal(pawl_unlock(shop->other, theirs, KEY("door"), 0), 0);
	fence = pawl_store_position(shop->other);
	assert_int_equal(pawl_session_close(shop->other, second), 0);
	restore(shop->store, shop->other);
	assert_string_equal(diary.text, "restored ,");
	assert_int_equal(diary.positions[0], pawl_store_position(shop->other));
	assert_int_equal(shop->store->kept.count, 1);
	assert_int_equal(pawl_session_left(shop->store, first, &left), 0);
	assert_int_equal(pawl_session_left(shop->store, second, &left), -ESTALE);
	assert_int_equal(shop->store->waiting.stage, WAITING_DECIDED);
	assert_int_equal(shop->store->waiting.status, 0);
	assert_int_equal(shop->store->waiting.fence, fence);
}

/* The snapshot is older than what was told: everything behind it is applied again. */
static void what_is_applied_again_is_not_told_again(void **state)
{
	struct shop *shop = *state;
	struct kv_change change = {.kind = KV_WRITTEN, .key = {"a", 1}};
	struct diary diary = {0};
	uint64_t session;

	other_opens(shop);
	assert_int_equal(pawl_session_open(shop->store, 60000, &session), 0);
	(void)watch(shop->store, PAWL_WATCH_KEYS, "a", &diary);
	put(shop->store, "a", "");
	change.position = pawl_store_position(shop->store);
	restore(shop->store, shop->other);
	assert_int_equal(shop->store->kept.count, 1);
	store_on_change(shop->store, &change);
	assert_string_equal(diary.text, "put a,");
	change.position++;
	store_on_change(shop->store, &change);
	assert_string_equal(diary.text, "put a,put a,");
}

static void who_waited_in_a_session_that_is_over_hears_it(void **state)
{
	struct shop *shop = *state;
	uint64_t session;

	other_opens(shop);
	assert_int_equal(pawl_session_open(shop->store, 60000, &session), 0);
	shop->store->waiting = (struct store_waiting){.stage = WAITING_QUEUED,
		.session = session,
		.name = "door",
		.name_len = 4};
	assert_int_equal(pawl_session_close(shop->other, session), 0);
	restore(shop->store, shop->other);
	assert_int_equal(shop->store->waiting.status, -ESTALE);
}

static void what_can_not_be_watched_is_refused(void **state)
{
	struct shop *shop = *state;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct diary diary = {0};
	struct pawl_watch *w = NULL;
	struct pawl_store *store;
	char name[300];

	memset(name, 'n', sizeof(name));
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_PREFIX, KEY("a"),
				 diary_note, &diary, &w, NULL),
		-EINVAL);
	said(shop, "nothing is watched");
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_KEYS, "", 0, diary_note,
				 &diary, &w, NULL),
		-EINVAL);
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_KEYS, name,
				 sizeof(name), diary_note, &diary, &w, NULL),
		-EINVAL);
	for (int i = 0; i < PAWL_WATCHES_MAX; i++)
		w = watch(shop->store, PAWL_WATCH_KEYS, "a", &diary);
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_KEYS, KEY("a"),
				 diary_note, &diary, &w, NULL),
		-ENOSPC);
	pawl_store_unwatch(shop->store, w);
	(void)watch(shop->store, PAWL_WATCH_KEYS, "a", &diary);
	options.on_change = diary_note;
	options.change_context = &diary;
	options.changes_after = 1000;
	assert_int_equal(
		pawl_store_open(shop->desk.rig.pawl, STREAM_NAME, &options, &store),
		-EINVAL);
	said(shop, "is it the same one");
}

#define SHOP_TEST(test) cmocka_unit_test_setup_teardown(test, shop_open, shop_close)

static const struct CMUnitTest tests[] = {
	SHOP_TEST(only_what_is_watched_is_told),
	SHOP_TEST(what_was_before_is_read_and_what_comes_is_told),
	SHOP_TEST(locks_and_sessions_are_told),
	SHOP_TEST(changes_of_a_transaction_have_one_position),
	SHOP_TEST(none_is_missed_or_repeated_when_the_head_dies),
	SHOP_TEST(who_comes_back_is_told_what_he_missed),
	SHOP_TEST(who_was_lapped_is_told_so),
	SHOP_TEST(what_is_applied_again_is_not_told_again),
	SHOP_TEST(who_waited_in_a_session_that_is_over_hears_it),
	SHOP_TEST(what_can_not_be_watched_is_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
