/*
 * Thousands of random commands, applied by the machine and by a model of it (kv_model.h): the same
 * answers, changes and state; and by a machine that is restored from snapshots again and again: the
 * same bytes.
 */
#include "tests/unit/kv_model.h"

#define ROUNDS 40
#define COMMANDS 1500
#define CHECK_EVERY 25
#define BRANCH_MAX 5

/* A generator of numbers that is the same everywhere (Marsaglia's xorshift). */
struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d, uint64_t sides)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return d->state % sides;
}

struct trial {
	struct dice dice;
	struct rig rig;
	struct model model;
	struct kv *restored;
	char keys[BRANCH_MAX + 1][MODEL_NAME];
	char values[BRANCH_MAX + 1][MODEL_VALUE];
};

static struct kv_slice any_name(struct trial *t, unsigned int i)
{
	(void)snprintf(t->keys[i], MODEL_NAME, "%s%c",
		roll(&t->dice, 2) ? "some/where/" : "", (char)('a' + roll(&t->dice, 10)));
	return text(t->keys[i]);
}

static struct kv_slice any_value(struct trial *t, unsigned int i)
{
	size_t len = roll(&t->dice, 4) ? roll(&t->dice, 12) : roll(&t->dice, 127);

	memset(t->values[i], 'a' + (int)roll(&t->dice, 3), len);
	t->values[i][len] = '\0';
	return text(t->values[i]);
}

/* Mostly one that lives. */
static uint64_t any_session(struct trial *t)
{
	const struct model *m = &t->model;

	if (m->sessions_count == 0 || roll(&t->dice, 20) == 0)
		return 1 + roll(&t->dice, m->position + 1);
	return m->sessions[roll(&t->dice, m->sessions_count)].id;
}

static uint64_t any_version(struct trial *t, const char *name)
{
	const struct model_key *key = model_key(&t->model, name);

	if (roll(&t->dice, 4) == 0)
		return roll(&t->dice, t->model.position + 1);
	return key ? key->version : 0;
}

/* The value that is there, mostly. */
static struct kv_slice any_expected(struct trial *t, const char *name)
{
	struct model_key *key = model_key(&t->model, name);

	if (!key || roll(&t->dice, 4) == 0)
		return any_value(t, BRANCH_MAX);
	return text(key->value);
}

static struct kv_operation any_operation(struct trial *t)
{
	static const enum kv_kind kinds[] = {KV_GET, KV_LOOK, KV_SESSION, KV_PUT, KV_PUT,
		KV_PUT, KV_DELETE, KV_CLAIM, KV_SET_VERSION, KV_SET_VALUE, KV_OPEN,
		KV_KEEP_ALIVE, KV_CLOSE, KV_EXPIRE, KV_LOCK, KV_LOCK, KV_LOCK, KV_UNLOCK,
		KV_UNLOCK};
	struct kv_operation o = {
		.kind = kinds[roll(&t->dice, sizeof(kinds) / sizeof(kinds[0]))]};

	if (o.kind == KV_OPEN)
		o.number = roll(&t->dice, 1000);
	if (o.kind == KV_SESSION || o.kind == KV_EXPIRE)
		o.number = any_session(t);
	if (o.kind == KV_EXPIRE)
		o.since = t->model.position - roll(&t->dice, 12) % t->model.position;
	if (o.kind == KV_OPEN || o.kind == KV_SESSION || o.kind == KV_EXPIRE ||
		o.kind == KV_KEEP_ALIVE || o.kind == KV_CLOSE)
		return o;
	o.key = any_name(t, 0);
	if (o.kind == KV_SET_VERSION)
		o.number = any_version(t, t->keys[0]);
	if (o.kind == KV_SET_VALUE)
		o.other = any_expected(t, t->keys[0]);
	if (o.kind == KV_PUT || o.kind == KV_CLAIM || o.kind == KV_SET_VERSION ||
		o.kind == KV_SET_VALUE) {
		o.value = any_value(t, 0);
		o.option = roll(&t->dice, 3) == 0 ? KV_EPHEMERAL : 0;
	}
	if (o.kind == KV_LOCK)
		o.option = roll(&t->dice, 4) == 0 ? KV_TRY : 0;
	if (o.kind == KV_UNLOCK && roll(&t->dice, 3) == 0)
		o.number = 1 + roll(&t->dice, t->model.position);
	return o;
}

static enum kv_status model_read(struct model *m, const struct kv_operation *o,
	const char *name, struct model_answer *a)
{
	const struct model_key *key = model_key(m, name);
	const struct model_lock *lock = model_lock(m, name);
	const struct model_session *session = model_session(m, o->number);

	if (o->kind == KV_GET) {
		model_key_say(key, a);
		return key ? KV_OK : KV_ABSENT;
	}
	if (o->kind == KV_LOOK) {
		if (!lock)
			return KV_ABSENT;
		model_lock_say(lock, a);
		a->number = lock->waiters_count;
		return KV_OK;
	}
	if (!session)
		return KV_ABSENT;
	*a = (struct model_answer){.version = session->spoken,
		.session = session->id,
		.number = session->ttl};
	return KV_OK;
}

static enum kv_status model_about_session(struct model *m, uint64_t speaker,
	const struct kv_operation *o, struct model_answer *a)
{
	struct model_session *session = model_session(
		m, o->kind == KV_EXPIRE ? o->number : speaker);

	if (o->kind == KV_OPEN) {
		if (m->sessions_count == model_limits.sessions_max)
			return KV_SESSIONS_FULL;
		session = &m->sessions[m->sessions_count++];
		*session = (struct model_session){m->position, m->position, o->number};
		model_change(m, "opened", "", "", m->position, 0);
	}
	if (!session)
		return KV_ABSENT;
	a->version = session->spoken;
	a->session = session->id;
	a->number = session->ttl;
	if (o->kind == KV_EXPIRE && session->spoken > o->since)
		return KV_SPOKE;
	if (o->kind == KV_EXPIRE || o->kind == KV_CLOSE)
		model_session_end(m, session->id);
	return KV_OK;
}

static enum kv_status model_do(struct model *m, uint64_t session,
	const struct kv_operation *o, struct model_answer *a)
{
	char name[MODEL_NAME], value[MODEL_VALUE], other[MODEL_VALUE];
	struct model_key *key;

	model_name(name, sizeof(name), &o->key);
	model_name(value, sizeof(value), &o->value);
	model_name(other, sizeof(other), &o->other);
	key = model_key(m, name);
	if (o->kind == KV_GET || o->kind == KV_LOOK || o->kind == KV_SESSION)
		return model_read(m, o, name, a);
	if (o->kind >= KV_OPEN && o->kind <= KV_EXPIRE)
		return model_about_session(m, session, o, a);
	if (o->kind == KV_LOCK)
		return model_lock_do(m, session, o, name, a);
	if (o->kind == KV_UNLOCK)
		return model_unlock(m, session, o, name, a);
	if (o->kind == KV_DELETE) {
		if (!key)
			return KV_ABSENT;
		a->version = key->version;
		a->session = key->owner;
		model_delete(m, key);
		return KV_OK;
	}
	if (o->kind == KV_CLAIM && key) {
		model_key_say(key, a);
		return KV_TAKEN;
	}
	if ((o->kind == KV_SET_VERSION && (key ? key->version : 0) != o->number) ||
		(o->kind == KV_SET_VALUE && (!key || strcmp(key->value, other) != 0))) {
		model_key_say(key, a);
		return KV_DIFFERENT;
	}
	return model_write(m, session, o, name, value, a);
}

/* The session that speaks lives, and has spoken; or nobody speaks. */
static bool model_speaks(struct model *m, uint64_t session)
{
	struct model_session *speaker = model_session(m, session);

	if (speaker)
		speaker->spoken = m->position;
	return session == 0 || speaker;
}

static void changes_same(const struct trial *t)
{
	assert_int_equal(t->rig.changes_count, t->model.changes_count);
	for (unsigned int i = 0; i < t->model.changes_count; i++)
		assert_string_equal(t->rig.changes[i].text, t->model.changes[i].text);
}

static void answer_same(const struct kv_reply *reply, const struct model_answer *a)
{
	assert_int_equal(reply->status, a->status);
	if (a->status >= KV_NO_SESSION)
		return;
	assert_int_equal(reply->version, a->version);
	assert_int_equal(reply->session, a->session);
	assert_int_equal(reply->number, a->number);
	assert_int_equal(reply->value.len, strlen(a->value));
	assert_memory_equal(reply->value.bytes, a->value, strlen(a->value));
}

static void bytes_apply(struct trial *t, const unsigned char *bytes, size_t len)
{
	struct machine_result result;

	assert_int_not_equal(len, 0);
	(void)rig_apply(&t->rig, bytes, len);
	kv_apply(t->restored, t->rig.position, bytes, len, &result);
	assert_int_equal(result.len, t->rig.result.len);
	assert_memory_equal(result.bytes, t->rig.result.bytes, result.len);
	t->model.position = t->rig.position;
	t->model.changes_count = 0;
}

static void operation_try(struct trial *t)
{
	unsigned char bytes[COMMAND_ROOM];
	struct kv_operation o = any_operation(t);
	bool speaks = o.kind == KV_KEEP_ALIVE || o.kind == KV_CLOSE ||
		      o.kind == KV_LOCK || o.kind == KV_UNLOCK ||
		      o.option == KV_EPHEMERAL;
	uint64_t session = speaks || roll(&t->dice, 3) == 0 ? any_session(t) : 0;
	struct model_answer a = {.status = KV_NO_SESSION};

	bytes_apply(t, bytes, kv_command_encode(&o, session, bytes, sizeof(bytes)));
	if (model_speaks(&t->model, session))
		a.status = model_do(&t->model, session, &o, &a);
	answer_same(&t->rig.reply, &a);
	changes_same(t);
}

/* A comparison, and whether it is true. */
static struct kv_operation any_comparison(struct trial *t, bool *true_p)
{
	struct kv_slice name = any_name(t, BRANCH_MAX);
	struct model_key *key = model_key(&t->model, t->keys[BRANCH_MAX]);
	struct model_lock *lock = model_lock(&t->model, t->keys[BRANCH_MAX]);
	struct kv_operation o = {
		.key = name, .kind = KV_IF_VERSION + (enum kv_kind)roll(&t->dice, 4)};
	uint64_t there = 0;

	o.option = (uint8_t)roll(&t->dice, 2);
	if (o.kind == KV_IF_VALUE) {
		o.value = any_expected(t, t->keys[BRANCH_MAX]);
		*true_p = (key && strlen(key->value) == o.value.len &&
				  memcmp(key->value, o.value.bytes, o.value.len) == 0) ==
			  (o.option == KV_EQUAL);
		return o;
	}
	if (o.kind == KV_IF_VERSION && key)
		there = key->version;
	if (o.kind != KV_IF_VERSION && lock)
		there = o.kind == KV_IF_HOLDER ? lock->holder : lock->fence;
	o.number = roll(&t->dice, 2) ? there : roll(&t->dice, t->model.position);
	*true_p = (there == o.number) == (o.option == KV_EQUAL);
	return o;
}

/* Operations with different keys. */
static uint32_t any_branch(struct trial *t, uint64_t session, struct kv_operation *ops)
{
	static const enum kv_kind kinds[] = {KV_GET, KV_PUT, KV_PUT, KV_DELETE};
	uint32_t count = 0, wanted = (uint32_t)roll(&t->dice, BRANCH_MAX);

	while (count < wanted) {
		struct kv_operation o = {
			.kind = kinds[roll(&t->dice, 4)], .key = any_name(t, count)};
		bool known = false;

		for (uint32_t i = 0; i < count; i++)
			known = known || strcmp(t->keys[i], t->keys[count]) == 0;
		if (known)
			continue;
		if (o.kind == KV_PUT) {
			o.value = any_value(t, count);
			o.option = session && roll(&t->dice, 2) ? KV_EPHEMERAL : 0;
		}
		ops[count++] = o;
	}
	return count;
}

/* The branch on a copy of everything, which counts only if it fits in the end. */
static enum kv_status model_branch(struct model *m, uint64_t session,
	const struct kv_operation *ops, uint32_t count, struct model_answer *answers)
{
	struct model copy = *m;
	char name[MODEL_NAME], value[MODEL_VALUE];
	enum kv_status status;

	for (uint32_t i = 0; i < count; i++) {
		answers[i] = (struct model_answer){.status = KV_OK};
		model_name(name, sizeof(name), &ops[i].key);
		model_name(value, sizeof(value), &ops[i].value);
		if (ops[i].kind == KV_PUT)
			model_put(&copy, name, value,
				ops[i].option == KV_EPHEMERAL ? session : 0, &answers[i]);
		else
			answers[i].status = model_do(
				&copy, session, &ops[i], &answers[i]);
	}
	status = model_fits(&copy);
	if (status == KV_OK)
		*m = copy;
	return status;
}

static void transaction_try(struct trial *t)
{
	unsigned char bytes[COMMAND_ROOM];
	struct kv_operation ops[BRANCH_MAX], comparison;
	struct model_answer answers[BRANCH_MAX], a = {.status = KV_NO_SESSION};
	uint64_t session = roll(&t->dice, 2) ? any_session(t) : 0;
	uint32_t count = any_branch(t, session, ops);
	struct kv_transaction txn = {.comparisons = &comparison, .comparisons_count = 1};
	bool first = roll(&t->dice, 2), holds = false;
	struct kv_reply item;

	comparison = any_comparison(t, &holds);
	txn.thens = txn.elses = ops;
	*(first ? &txn.thens_count : &txn.elses_count) = count;
	bytes_apply(t, bytes, kv_transaction_encode(&txn, session, bytes, sizeof(bytes)));
	if (first != holds)
		count = 0; /* the other branch is empty */
	if (model_speaks(&t->model, session))
		a.status = model_branch(&t->model, session, ops, count, answers);
	assert_int_equal(t->rig.reply.status, a.status);
	changes_same(t);
	if (a.status != KV_OK)
		return;
	assert_int_equal(t->rig.reply.flags, holds ? 0 : KV_ELSE);
	assert_int_equal(t->rig.reply.items_count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(kv_reply_next(&t->rig.reply, &item));
		answer_same(&item, &answers[i]);
	}
}

/* The other machine begins as a copy of this one. */
static void copies_make(struct trial *t)
{
	size_t len;
	unsigned char *bytes = snapshot_take(t->rig.kv, &len);
	const char *reason = "";

	t->restored = kv_create(&model_limits, rig_memory(&model_limits), NULL, NULL);
	assert_int_equal(snapshot_restore(t->restored, bytes, len, len, &reason), 0);
	free(bytes);
}

/* Both machines have the same bytes; and one of them forgets everything and is restored. */
static void copies_check(struct trial *t)
{
	size_t len, restored_len;
	unsigned char *bytes = snapshot_take(t->rig.kv, &len);
	unsigned char *others = snapshot_take(t->restored, &restored_len);
	const char *reason = "";

	rig_sound(&t->rig);
	assert_int_equal(len, restored_len);
	assert_memory_equal(bytes, others, len);
	assert_int_equal(snapshot_restore(t->restored, bytes, len,
				 1 + roll(&t->dice, 200), &reason),
		0);
	assert_true(kv_sound(t->restored, &reason));
	free(bytes);
	free(others);
}

static void list_check(struct trial *t)
{
	struct kv_operation o = {.kind = KV_LIST, .number = 3};
	char after[MODEL_NAME] = "";
	struct kv_reply item;
	unsigned int i = 0;

	do {
		o.other = text(after);
		assert_int_equal(rig_query(&t->rig, &o), KV_OK);
		for (; kv_reply_next(&t->rig.reply, &item); i++) {
			const struct model_key *key = &t->model.keys[i];
			struct model_answer a = {.status = KV_OK};

			assert_true(i < t->model.keys_count);
			model_key_say(key, &a);
			answer_same(&item, &a);
			model_name(after, sizeof(after), &item.key);
			assert_string_equal(after, key->name);
		}
	} while (t->rig.reply.flags & KV_MORE);
	assert_int_equal(i, t->model.keys_count);
}

static void trial_run(uint64_t seed)
{
	static struct trial t;

	memset(&t, 0, sizeof(t));
	t.dice.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	rig_make_with(&t.rig, &model_limits);
	t.model.position = t.rig.position;
	copies_make(&t);
	for (int i = 1; i <= COMMANDS; i++) {
		if (roll(&t.dice, 4) == 0)
			transaction_try(&t);
		else
			operation_try(&t);
		if (i % CHECK_EVERY == 0) {
			copies_check(&t);
			list_check(&t);
		}
	}
	free(t.restored);
	rig_free(&t.rig);
}

static void machine_and_model_agree_about_everything(void **state)
{
	const char *from = getenv("PAWL_TEST_SEED");
	uint64_t seed = from ? strtoull(from, NULL, 0) : 1;

	(void)state;
	for (uint64_t i = seed; i < seed + ROUNDS; i++) {
		print_message("seed %llu\n", (unsigned long long)i);
		trial_run(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_and_model_agree_about_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
