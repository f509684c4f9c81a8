/* What participants want of the storage: reads of all kinds, writes, claims and transactions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/stores.h"

/* ---- Names ---- */

static void key_choose(struct sim_participant *p, char kind, uint32_t count, char *key)
{
	(void)snprintf(key, STORE_NAME, "%c%u", kind,
		(uint32_t)cluster_random(p->cluster, count));
}

static void value_make(struct sim_participant *p, char *value)
{
	(void)snprintf(value, STORE_NAME, "%u.%u", p->process, ++p->values);
}

static struct kv_slice slice(const char *text)
{
	return (struct kv_slice){text, strlen(text)};
}

/* What its own machine has; false: nothing. */
static bool peek(
	struct sim_participant *p, const char *key, char *value, uint64_t *version_p)
{
	const struct kv_operation get = {.kind = KV_GET, .key = slice(key)};
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = kv_command_encode(&get, 0, bytes, sizeof(bytes));
	struct kv_reply reply;

	machine_query(&p->machine, bytes, (uint32_t)len);
	if (!kv_reply_decode(p->machine.reply, p->machine.reply_len, &reply) ||
		reply.status != KV_OK)
		return false;
	PAWL_ASSERT(reply.value.len < STORE_NAME);
	memcpy(value, reply.value.bytes, reply.value.len);
	value[reply.value.len] = '\0';
	*version_p = reply.version;
	return true;
}

/* ---- Commands of one key ---- */

size_t work_query(const struct sim_operation *o, unsigned char *bytes, size_t len)
{
	len = kv_command_encode(&o->asked, o->session, bytes, len);
	PAWL_ASSERT(len > 0);
	return len;
}

bool work_publish(struct sim_participant *p, struct sim_operation *o)
{
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = work_query(o, bytes, sizeof(bytes));

	if (participant_submit(p, bytes, len, operation_number(p, o), false))
		return true;
	operation_failed(p, o);
	return false;
}

static void value_set(struct sim_operation *o)
{
	o->call.value = o->value;
	o->asked.value = slice(o->value);
}

static bool put_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_PUT);
	char key[STORE_NAME];

	if (!o)
		return false;
	key_choose(p, 'r', 3, key);
	o->asked.kind = KV_PUT;
	operation_key(o, key);
	value_make(p, o->value);
	value_set(o);
	return work_publish(p, o);
}

static bool delete_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_DELETE);
	char key[STORE_NAME];

	if (!o)
		return false;
	key_choose(p, 'r', 3, key);
	o->asked.kind = KV_DELETE;
	operation_key(o, key);
	return work_publish(p, o);
}

static bool cas_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_CAS);
	uint64_t version = 0;
	char key[STORE_NAME];
	bool is_there;

	if (!o)
		return false;
	key_choose(p, 'r', 3, key);
	operation_key(o, key);
	value_make(p, o->value);
	value_set(o);
	is_there = peek(p, key, o->expected, &version);
	o->call.by_version = !is_there || cluster_chance(p->cluster, 500);
	o->asked.kind = o->call.by_version ? KV_SET_VERSION : KV_SET_VALUE;
	if (o->call.by_version) {
		o->asked.number = version;
		o->call.version = version * STORE_SCALE;
	} else {
		o->asked.other = slice(o->expected);
		o->call.expected = o->expected;
	}
	return work_publish(p, o);
}

static bool claim_begin(struct sim_participant *p)
{
	const struct stores *st = p->cluster->streams->stores;
	struct sim_operation *o = operation_begin(p, LINEAR_CLAIM);
	char key[STORE_NAME];

	if (!o)
		return false;
	key_choose(p, 'c', st->claims, key);
	o->asked.kind = KV_CLAIM;
	operation_key(o, key);
	value_make(p, o->value);
	value_set(o);
	return work_publish(p, o);
}

/* ---- Transactions ---- */

static struct kv_operation item_of(const struct linear_item *item)
{
	static const enum kv_kind kinds[] = {[LINEAR_IF_VALUE] = KV_IF_VALUE,
		[LINEAR_IF_VERSION] = KV_IF_VERSION,
		[LINEAR_DO_GET] = KV_GET,
		[LINEAR_DO_PUT] = KV_PUT,
		[LINEAR_DO_DELETE] = KV_DELETE};
	struct kv_operation o = {.kind = kinds[item->kind], .key = slice(item->key)};

	if (item->value)
		o.value = slice(item->value);
	o.number = item->version / STORE_SCALE;
	return o;
}

static uint32_t items_of(
	struct kv_operation *to, const struct linear_item *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = item_of(&from[i]);
	return (uint32_t)count;
}

static bool transact(struct sim_participant *p, struct sim_operation *o)
{
	struct kv_operation compare[STORE_ITEMS], then[STORE_ITEMS],
		otherwise[STORE_ITEMS];
	struct kv_transaction t = {
		.comparisons = compare, .thens = then, .elses = otherwise};
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len;

	o->call.compare = o->compare;
	o->call.then = o->then;
	o->call.otherwise = o->otherwise;
	t.comparisons_count = items_of(compare, o->compare, o->call.compare_count);
	t.thens_count = items_of(then, o->then, o->call.then_count);
	t.elses_count = items_of(otherwise, o->otherwise, o->call.otherwise_count);
	len = kv_transaction_encode(&t, 0, bytes, sizeof(bytes));
	PAWL_ASSERT(len > 0);
	if (participant_submit(p, bytes, len, operation_number(p, o), false))
		return true;
	operation_failed(p, o);
	return false;
}

/* If key @i has what it had, it is written; else whatever is there is read. */
static void change_add(
	struct sim_operation *o, uint32_t i, enum linear_item_kind kind, uint64_t version)
{
	const char *key = o->keys_of[i];
	bool by_value = kind == LINEAR_IF_VALUE;

	o->compare[o->call.compare_count++] = (struct linear_item){.kind = kind,
		.key = key,
		.value = by_value ? o->before[i] : NULL,
		.version = by_value ? 0 : version * STORE_SCALE};
	o->then[o->call.then_count++] = (struct linear_item){
		.kind = LINEAR_DO_PUT, .key = key, .value = o->after[i]};
	o->otherwise[o->call.otherwise_count++] = (struct linear_item){
		.kind = LINEAR_DO_GET, .key = key};
}

/* All accounts at once, by whoever comes first. */
static bool bank_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_TXN);

	if (!o)
		return false;
	for (uint32_t i = 0; i < STORE_ACCOUNTS; i++) {
		(void)snprintf(o->keys_of[i], STORE_NAME, "a%u", i);
		(void)snprintf(o->after[i], STORE_NAME, "%d", STORE_BALANCE);
		change_add(o, i, LINEAR_IF_VERSION, 0);
	}
	return transact(p, o);
}

/* The accounts as they seem to be here; false: there are none yet. */
static bool accounts_peek(
	struct sim_participant *p, struct sim_operation *o, uint64_t versions[2])
{
	uint32_t from = (uint32_t)cluster_random(p->cluster, STORE_ACCOUNTS);
	uint32_t to = (from + 1 +
			      (uint32_t)cluster_random(p->cluster, STORE_ACCOUNTS - 1)) %
		      STORE_ACCOUNTS;

	(void)snprintf(o->keys_of[0], STORE_NAME, "a%u", from);
	(void)snprintf(o->keys_of[1], STORE_NAME, "a%u", to);
	return peek(p, o->keys_of[0], o->before[0], &versions[0]) &&
	       peek(p, o->keys_of[1], o->before[1], &versions[1]);
}

static bool transfer_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_TXN);
	bool by_version = cluster_chance(p->cluster, 500);
	uint64_t versions[2];
	long amount, balance;

	if (!o)
		return false;
	if (!accounts_peek(p, o, versions)) {
		operation_failed(p, o);
		return bank_begin(p);
	}
	balance = strtol(o->before[0], NULL, 10);
	amount = (long)cluster_random(
		p->cluster, (uint64_t)(balance > 0 ? balance : 0) + 1);
	(void)snprintf(o->after[0], STORE_NAME, "%ld", balance - amount);
	(void)snprintf(
		o->after[1], STORE_NAME, "%ld", strtol(o->before[1], NULL, 10) + amount);
	for (uint32_t i = 0; i < 2; i++)
		change_add(o, i, by_version ? LINEAR_IF_VERSION : LINEAR_IF_VALUE,
			versions[i]);
	return transact(p, o);
}

/* A name and an address, both or neither; or both are given up, by whoever has them. */
static bool names_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_TXN);
	uint64_t version = 0;

	if (!o)
		return false;
	key_choose(p, 'n', 2, o->keys_of[0]);
	key_choose(p, 'm', 2, o->keys_of[1]);
	value_make(p, o->after[0]);
	(void)strcpy(o->after[1], o->after[0]);
	for (uint32_t i = 0; i < 2; i++)
		change_add(o, i, LINEAR_IF_VERSION, 0);
	if (peek(p, o->keys_of[0], o->before[0], &version) &&
		cluster_chance(p->cluster, 500)) {
		o->compare[0].version = version * STORE_SCALE;
		o->call.compare_count = 1;
		o->call.then_count = 1;
		o->then[0] = (struct linear_item){
			.kind = LINEAR_DO_DELETE, .key = o->keys_of[0]};
	}
	return transact(p, o);
}

/* ---- Reads ---- */

static struct sim_operation *read_make(struct sim_participant *p, enum linear_read read)
{
	static const char kinds[] = "rrracnm";
	bool lists = cluster_chance(p->cluster, 200);
	struct sim_operation *o = operation_begin(p, lists ? LINEAR_LIST : LINEAR_GET);
	char kind = kinds[cluster_random(p->cluster, sizeof(kinds) - 1)];
	char key[STORE_NAME] = {kind, '\0'};

	if (!o)
		return NULL;
	if (!lists)
		key_choose(p, kind, 2, key);
	o->asked.kind = lists ? KV_LIST : KV_GET;
	o->call.read = read;
	operation_key(o, key);
	return o;
}

static bool log_read_begin(struct sim_participant *p)
{
	struct sim_operation *o = read_make(p, LINEAR_READ_LOG);

	if (!o)
		return false;
	if (cluster_chance(p->cluster, 500))
		return work_publish(p, o);
	if (participant_submit(p, "", 0, operation_number(p, o), true))
		return true;
	operation_failed(p, o);
	return false;
}

static bool sync_read_begin(struct sim_participant *p)
{
	struct sim_operation *o;

	if (p->sync.stage != SYNC_NONE)
		return false;
	o = read_make(p, LINEAR_READ_SYNC);
	if (!o)
		return false;
	p->sync.stage = SYNC_WANTED;
	p->sync.operation = operation_number(p, o);
	return true;
}

/* What it is told there may be newer than its own state, so it is a process of its own. */
static bool tail_read_want(struct sim_participant *p)
{
	struct sim_operation *o;

	if (p->tail.active)
		return false;
	o = read_make(p, LINEAR_READ_TAIL);
	if (!o)
		return false;
	o->call.process += 1000;
	tail_read_begin(p, operation_number(p, o));
	return true;
}

static bool local_read(struct sim_participant *p)
{
	struct sim_operation *o = read_make(p, LINEAR_READ_LOCAL);
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len;

	if (!o)
		return false;
	len = work_query(o, bytes, sizeof(bytes));
	machine_query(&p->machine, bytes, (uint32_t)len);
	operation_replied(
		p, o, p->machine.reply, p->machine.reply_len, kv_applied(p->machine.kv));
	return true;
}

/* ---- Choosing ---- */

/* The storage is founded by whoever finds that it is not. */
static bool found_begin(struct sim_participant *p)
{
	struct sim_operation *o = operation_begin(p, LINEAR_PUT);
	unsigned char limits[KV_LIMITS_LEN], bytes[STORE_COMMAND_MAX];

	if (!o)
		return false;
	kv_limits_encode(kv_limits_of(p->machine.kv), limits);
	o->hidden = true;
	o->asked = (struct kv_operation){
		.kind = KV_FOUND, .value = {limits, sizeof(limits)}};
	if (participant_submit(p, bytes, work_query(o, bytes, sizeof(bytes)),
		    operation_number(p, o), false))
		return false;
	operation_failed(p, o);
	return false;
}

static bool is_founded(struct sim_participant *p)
{
	const struct kv_operation get = {.kind = KV_GET, .key = slice("r0")};
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = kv_command_encode(&get, 0, bytes, sizeof(bytes));
	struct kv_reply reply;

	machine_query(&p->machine, bytes, (uint32_t)len);
	return kv_reply_decode(p->machine.reply, p->machine.reply_len, &reply) &&
	       reply.status != KV_UNFOUNDED;
}

bool work_begin(struct sim_participant *p)
{
	static bool (*const works[])(struct sim_participant *) = {put_begin, put_begin,
		delete_begin, cas_begin, cas_begin, claim_begin, log_read_begin,
		log_read_begin, sync_read_begin, sync_read_begin, tail_read_want,
		tail_read_want, local_read, transfer_begin, transfer_begin,
		transfer_begin, names_begin};
	const uint32_t count = sizeof(works) / sizeof(works[0]);

	if (p->in_progress >= STREAM_DEPTH / 2 || commands_are_full(&p->commands))
		return false;
	if (!is_founded(p))
		return found_begin(p);
	if (p->cluster->streams->stores->tails && cluster_chance(p->cluster, 400))
		return tail_read_want(p) || put_begin(p);
	return works[cluster_random(p->cluster, count)](p);
}
