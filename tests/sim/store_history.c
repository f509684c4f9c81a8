/* What was asked of the storage and answered, and the judges of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/linear/write.h"
#include "tests/sim/stores.h"

/* ---- Operations ---- */

struct sim_operation *operation_begin(struct sim_participant *p, enum linear_kind kind)
{
	struct stores *st = p->cluster->streams->stores;
	struct sim_operation *o;

	if (st->spare_count == 0 && st->operations_count == STORE_OPERATIONS_MAX)
		return NULL;
	o = &st->operations[st->spare_count > 0 ? st->spare[--st->spare_count]
						: st->operations_count++];
	memset(o, 0, sizeof(*o));
	o->call = (struct linear_call){
		.kind = kind, .process = p->process, .invoked = cluster_now(p->cluster)};
	p->in_progress++;
	return o;
}

struct sim_operation *operation_at(const struct sim_participant *p, uint32_t number)
{
	return &p->cluster->streams->stores->operations[number];
}

uint32_t operation_number(const struct sim_participant *p, const struct sim_operation *o)
{
	return (uint32_t)(o - p->cluster->streams->stores->operations);
}

void operation_key(struct sim_operation *o, const char *key)
{
	(void)snprintf(o->key, sizeof(o->key), "%s", key);
	o->call.key = o->key;
	o->asked.key = (struct kv_slice){o->key, strlen(o->key)};
}

static void finish(struct sim_participant *p, struct sim_operation *o)
{
	PAWL_ASSERT(!o->finished && p->in_progress > 0);
	o->finished = true;
	p->in_progress--;
}

void operation_failed(struct sim_participant *p, struct sim_operation *o)
{
	struct stores *st = p->cluster->streams->stores;

	if (o->call.kind == LINEAR_LOCK &&
		p->locks[o->lock].operation == operation_number(p, o))
		p->locks[o->lock].stage = LOCK_NONE;
	if (o->call.kind == LINEAR_UNLOCK)
		locks_not_left(p, o->lock);
	if (o->asked.kind == KV_OPEN)
		p->opening = false;
	if (o->asked.kind == KV_KEEP_ALIVE)
		p->keeping = false;
	finish(p, o);
	o->result.outcome = LINEAR_FAILED;
	o->hidden = true;
	st->spare[st->spare_count++] = operation_number(p, o);
}

void operation_end(struct sim_participant *p, struct sim_operation *o,
	enum linear_answer answer, uint64_t position)
{
	finish(p, o);
	p->cluster->streams->stores->finished += o->call.kind != LINEAR_EXPIRE;
	o->result.outcome = LINEAR_OK;
	o->result.answer = answer;
	o->result.returned = cluster_now(p->cluster);
	o->result.position = position;
	o->result.found = o->found;
	cluster_trace(p->cluster, "process %u: %s %s%s%s is %s at %lu", o->call.process,
		linear_kind_name(o->call.kind), o->call.key ? o->call.key : "",
		o->call.value ? " " : "", o->call.value ? o->call.value : "",
		answer == LINEAR_REFUSED ? "refused" : "done", (unsigned long)position);
}

/* ---- Replies ---- */

static void text_keep(char *to, const struct kv_slice *from)
{
	PAWL_ASSERT(from->len < STORE_NAME);
	memcpy(to, from->bytes, from->len);
	to[from->len] = '\0';
}

/* Of a version there is one that was written by a command, with the scale of the history. */
static void found_add(struct sim_operation *o, const struct kv_reply *item, bool is_there)
{
	size_t i = o->result.found_count++;
	struct linear_found *found = &o->found[i];

	PAWL_ASSERT(i < STORE_FOUND);
	*found = (struct linear_found){0};
	if (item->key.len > 0) {
		text_keep(o->found_keys[i], &item->key);
		found->key = o->found_keys[i];
	}
	if (!is_there)
		return;
	text_keep(o->found_values[i], &item->value);
	found->value = o->found_values[i];
	found->version = item->version * STORE_SCALE;
}

static void items_found(struct sim_operation *o, struct kv_reply *reply)
{
	struct kv_reply item;

	while (kv_reply_next(reply, &item)) {
		if (item.kind == KV_GET)
			found_add(o, &item, item.status == KV_OK);
	}
}

/* What a read finds, or what is there instead. */
static void what_is_there(struct sim_operation *o, struct kv_reply *reply)
{
	if (o->call.kind == LINEAR_LIST || o->call.kind == LINEAR_TXN)
		items_found(o, reply);
	else if (o->call.kind == LINEAR_GET)
		found_add(o, reply, reply->status == KV_OK);
	else if (reply->status == KV_TAKEN || reply->status == KV_DIFFERENT)
		found_add(o, reply, reply->version > 0);
}

static enum linear_answer answer_of(
	const struct sim_operation *o, const struct kv_reply *reply)
{
	if (o->call.kind == LINEAR_GET || o->call.kind == LINEAR_LIST ||
		o->call.kind == LINEAR_PUT)
		return LINEAR_UNTOLD;
	if (o->call.kind == LINEAR_TXN)
		return reply->flags & KV_ELSE ? LINEAR_REFUSED : LINEAR_DONE;
	return reply->status == KV_OK ? LINEAR_DONE : LINEAR_REFUSED;
}

static bool is_of_locks(const struct sim_operation *o)
{
	return o->asked.kind == KV_OPEN || o->asked.kind == KV_KEEP_ALIVE ||
	       o->asked.kind == KV_CLOSE || o->asked.kind == KV_EXPIRE ||
	       o->asked.kind == KV_LOCK || o->asked.kind == KV_UNLOCK;
}

void operation_replied(struct sim_participant *p, struct sim_operation *o,
	const void *bytes, size_t len, uint64_t position)
{
	bool own = o->call.read == LINEAR_READ_LOG; /* the position is its own */
	struct kv_reply reply;

	if (!kv_reply_decode(bytes, len, &reply)) {
		cluster_wrong(p->cluster, "a reply is none");
		return;
	}
	if (reply.kind != (o->call.kind == LINEAR_TXN ? 0 : o->asked.kind))
		cluster_wrong(p->cluster, "somebody got the answer of somebody else");
	if (is_of_locks(o)) {
		locks_outcome(p, o, &reply, position);
		return;
	}
	if (reply.status >= KV_NO_SESSION) { /* not founded, or no room */
		operation_failed(p, o);
		return;
	}
	what_is_there(o, &reply);
	operation_end(p, o, answer_of(o, &reply),
		position * STORE_SCALE + (own ? 0 : STORE_SCALE - 1));
}

/* ---- The judges ---- */

static void history_fill(const struct stores *st, struct linear_history *history)
{
	for (uint32_t i = 0; i < st->operations_count; i++) {
		const struct sim_operation *o = &st->operations[i];
		uint32_t number;
		struct error err;
		int rc;

		if (o->hidden)
			continue;
		rc = linear_history_add(history, &o->call, &number, &err);
		if (!rc && o->finished)
			rc = linear_history_finish(history, number, &o->result, &err);
		if (rc)
			(void)fprintf(stderr, "%s\n", err.text);
		PAWL_ASSERT(rc == 0); /* an operation is one that there is */
	}
}

static const char *verdict_take(
	struct cluster *c, int rc, const struct linear_report *report, const char *wrong)
{
	PAWL_ASSERT(rc == 0);
	if (report->verdict == LINEAR_BAD) {
		cluster_trace(c, "%s", report->text);
		return wrong;
	}
	return NULL;
}

const char *stores_judge(struct cluster *c)
{
	/* Where many outcomes are unknown the search may not end; the replay decides then. */
	const struct linear_limits limits = {.states_max = 200000};
	struct linear_history *history;
	struct linear_report report;
	const char *wrong;
	int rc;

	PAWL_ASSERT(linear_history_begin(NULL, &history) == 0);
	history_fill(c->streams->stores, history);
	rc = linear_replay(history, &report);
	wrong = verdict_take(c, rc, &report, "answers do not follow from positions");
	rc = linear_check(history, &limits, &report);
	if (!wrong)
		wrong = verdict_take(c, rc, &report, "the storage is not linearizable");
	linear_history_end(history);
	return wrong;
}

int stores_write(const struct cluster *c, const char *path)
{
	const struct stores *st = c->streams->stores;
	FILE *file = fopen(path, "w");
	int rc = file ? 0 : -errno;

	for (uint32_t i = 0; i < st->operations_count && !rc; i++) {
		const struct sim_operation *o = &st->operations[i];

		if (!o->hidden)
			rc = linear_write(file, &o->call, &o->result);
	}
	if (file && fclose(file) && !rc)
		rc = -errno;
	return rc;
}
