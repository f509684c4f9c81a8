/* How store_mix asks a store, and waits for the answer. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/store_mix.h"
#include "tests/system/until_term.h"

/* ---- Answers ---- */

static void text_take(char *to, const void *bytes, size_t len)
{
	size_t take = len < MIX_TEXT - 1 ? len : MIX_TEXT - 1;

	if (take > 0)
		memcpy(to, bytes, take);
	to[take] = '\0';
}

static struct mix_found found_of(const struct pawl_reply *reply)
{
	struct mix_found found = {
		.version = reply->version, .present = reply->version > 0};

	text_take(found.key, reply->key, reply->key_len);
	text_take(found.value, reply->value, reply->value_len);
	return found;
}

static void answer_take(
	struct mix *mix, int status, uint64_t position, struct pawl_reply reply)
{
	struct mix_answer *a = &mix->answer;
	struct pawl_reply item;

	*a = (struct mix_answer){.status = status,
		.known = 1,
		.position = position,
		.version = reply.version,
		.session = reply.session,
		.otherwise = reply.otherwise,
		.found = found_of(&reply)};
	while (a->items_count < MIX_ITEMS && pawl_reply_next(&reply, &item))
		a->items[a->items_count++] = found_of(&item);
}

static void on_outcome(void *context, const struct pawl_store_outcome *outcome)
{
	struct mix *mix = context;

	if (outcome->cookie == 0 || outcome->cookie != mix->cookie)
		return; /* it was given up before */
	mix->cookie = 0;
	answer_take(mix, outcome->status, outcome->position, outcome->reply);
}

int mix_store_open(struct mix *mix, const char *name)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;

	options.on_outcome = on_outcome;
	options.outcome_context = mix;
	return pawl_store_open(mix->pawl, name, &options, &mix->store);
}

/* The store has said no, which is an answer. */
static int is_no(int rc)
{
	return rc == -ENOENT || rc == -EEXIST || rc == -EBUSY || rc == -EINPROGRESS ||
	       rc == -ESTALE || rc == -ENOSPC;
}

/* ---- Asking ---- */

static int unknown(struct mix *mix)
{
	mix->cookie = 0;
	mix->answer = (struct mix_answer){.known = 0};
	return 0;
}

/* Until the outcome of the command that was submitted last is told. */
static int await(struct mix *mix)
{
	uint64_t deadline = now_ns() + UINT64_C(1000000000) * 20;
	int rc, count;

	while (mix->cookie) {
		rc = pawl_store_poll(mix->store, 64, &count);
		if (rc == -ESTALE)
			rc = pawl_store_sync(mix->store);
		if (rc && rc != -ETIMEDOUT)
			return rc;
		if (now_ns() >= deadline)
			return unknown(mix);
		if (count == 0)
			(void)usleep(50);
	}
	return 0;
}

/* What is submitted is told its position, and a call is not. */
static int submitted(struct mix *mix, int rc)
{
	if (rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ESTALE) {
		mix->answer = (struct mix_answer){.status = -ECANCELED, .known = 1};
		return 0;
	}
	mix->cookie = rc ? 0 : mix->operations;
	return rc ? rc : await(mix);
}

/* Once more, when it is known what became of what was in flight. */
static bool again(struct mix *mix, int *rc_p)
{
	if (*rc_p != -ESTALE)
		return false;
	*rc_p = pawl_store_sync(mix->store);
	return *rc_p == 0;
}

static int submit(struct mix *mix, const struct pawl_command *command)
{
	int rc = pawl_store_submit(mix->store, command, mix->operations);

	if (again(mix, &rc))
		rc = pawl_store_submit(mix->store, command, mix->operations);
	return submitted(mix, rc);
}

static int called(struct mix *mix, int rc, struct pawl_reply reply)
{
	if (rc == -ETIMEDOUT)
		return unknown(mix);
	if (rc == -EAGAIN)
		rc = -ECANCELED;
	if (rc && rc != -ECANCELED && !is_no(rc))
		return rc;
	answer_take(mix, rc, 0, reply);
	return 0;
}

int mix_command(struct mix *mix, const struct pawl_command *command)
{
	struct pawl_reply reply = {0};
	int rc;

	if (mix->operations % 4 != 0 || command->kind == PAWL_DELETE ||
		command->kind == PAWL_UNLOCK)
		return submit(mix, command);
	rc = pawl_store_call(mix->store, command, &reply);
	return called(mix, rc, reply);
}

int mix_transaction(struct mix *mix, const struct pawl_transaction *transaction)
{
	struct pawl_reply reply = {0};
	int rc;

	if (mix->operations % 4 == 0) {
		rc = pawl_store_transact(mix->store, transaction, &reply);
		return called(mix, rc, reply);
	}
	rc = pawl_store_submit_transaction(mix->store, transaction, mix->operations);
	if (again(mix, &rc))
		rc = pawl_store_submit_transaction(
			mix->store, transaction, mix->operations);
	return submitted(mix, rc);
}

int mix_read(struct mix *mix, enum pawl_reading how, const struct pawl_command *command)
{
	struct pawl_reply reply = {0};
	int rc = pawl_store_read(mix->store, how, command, &reply);

	rc = called(mix, rc, reply);
	if (!rc && (how == PAWL_READ_SYNC || how == PAWL_READ_LOCAL))
		mix->answer.position = pawl_store_position(mix->store);
	return rc;
}
