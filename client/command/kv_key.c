/* pawl kv get, put, cas, del and claim, of one key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/input.h"
#include "client/command/kv.h"

#define TRIES 5

/* Publishes, and does so again when it is known that it is not in. */
static int call(
	struct kvcmd *kv, const struct pawl_command *command, struct pawl_reply *reply_p)
{
	int rc = -ECANCELED;

	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_store_call(kv->target.store, command, reply_p);
	return rc;
}

/* ---- Values ---- */

/* A value, from the command line or from all of standard input. */
struct value {
	const void *bytes;
	size_t len;
	void *room; /* to be freed */
};

static int not_read(const struct kvcmd *kv, int rc, size_t len_max)
{
	if (rc != -EMSGSIZE)
		return command_fail("pawl kv: standard input: %s", strerror(-rc));
	return command_fail("pawl kv: %s: the value on standard input is longer than the "
			    "%zu bytes that the store takes",
		kv->target.text, len_max);
}

/* The second word, or standard input. */
static int value_take(const struct kvcmd *kv, struct value *value_p)
{
	struct pawl_store_limits limits;
	int rc;

	*value_p = (struct value){.len = 0};
	if (kv->a->words_count > 1) {
		value_p->bytes = kv->a->words[1];
		value_p->len = strlen(kv->a->words[1]);
		return COMMAND_OK;
	}
	pawl_store_limits_get(kv->target.store, &limits);
	rc = input_whole(STDIN_FILENO, limits.value_max, &value_p->room, &value_p->len);
	value_p->bytes = value_p->room;
	return rc ? not_read(kv, rc, limits.value_max) : COMMAND_OK;
}

/* ---- Actions ---- */

static int outcome_print(const struct kvcmd *kv, const struct pawl_reply *reply)
{
	struct kvcmd_item item = {.reply = reply};

	if (kv->a->json) {
		item.key = kv->a->words[0];
		item.key_len = strlen(kv->a->words[0]);
	}
	kvcmd_item_print(kv, &item);
	return command_finish_output();
}

/* A command on the key that is the first word. */
static int key_command(struct kvcmd *kv, struct pawl_command *command)
{
	struct pawl_reply reply = {0};
	int rc;

	command->key = kv->a->words[0];
	command->key_len = strlen(kv->a->words[0]);
	rc = call(kv, command, &reply);
	return rc ? kvcmd_refuse(kv, rc, command->key, command->key_len, &reply)
		  : outcome_print(kv, &reply);
}

static int value_command(struct kvcmd *kv, struct pawl_command *command)
{
	struct value value;
	int rc = kvcmd_open(kv, NULL, false);

	if (!rc)
		rc = value_take(kv, &value);
	if (rc)
		return rc;
	command->value = value.bytes;
	command->value_len = value.len;
	rc = key_command(kv, command);
	free(value.room);
	return rc;
}

int kvcmd_put(struct kvcmd *kv)
{
	struct pawl_command command = {.kind = PAWL_PUT};

	if (kv->a->lines || kv->a->framed)
		return kvcmd_load(kv, PAWL_PUT);
	return value_command(kv, &command);
}

int kvcmd_claim(struct kvcmd *kv)
{
	struct pawl_command command = {.kind = PAWL_CLAIM};

	if (kv->a->lines || kv->a->framed)
		return kvcmd_load(kv, PAWL_CLAIM);
	return value_command(kv, &command);
}

int kvcmd_delete(struct kvcmd *kv)
{
	struct pawl_command command = {.kind = PAWL_DELETE};
	int rc;

	if (kv->a->lines || kv->a->framed)
		return kvcmd_load(kv, PAWL_DELETE);
	rc = kvcmd_open(kv, NULL, true);
	return rc ? rc : key_command(kv, &command);
}

int kvcmd_cas(struct kvcmd *kv)
{
	struct pawl_command command = {.kind = PAWL_SET_VERSION};
	const struct kvcmd_arguments *a = kv->a;

	if (a->version && !command_number(a->version, 0, UINT64_MAX, &command.number))
		return command_misuse("pawl kv cas: --version=%s: not a version; use 0 "
				      "for a key that is not there",
			a->version);
	if (a->expect) {
		command.kind = PAWL_SET_VALUE;
		command.other = a->expect;
		command.other_len = strlen(a->expect);
	}
	return value_command(kv, &command);
}

static int value_print(const struct kvcmd *kv, const struct pawl_reply *reply)
{
	struct kvcmd_item item = {.reply = reply, .with_value = true};

	if (kv->a->raw) {
		if (reply->value_len > 0)
			(void)fwrite(reply->value, 1, reply->value_len, stdout);
		return command_finish_output();
	}
	if (kv->a->json) {
		item.key = kv->a->words[0];
		item.key_len = strlen(kv->a->words[0]);
	}
	kvcmd_item_print(kv, &item);
	return command_finish_output();
}

int kvcmd_get(struct kvcmd *kv)
{
	const char *key = kv->a->words[0];
	struct pawl_reply reply = {0};
	int rc = pawl_store_get(kv->target.store, kv->how, key, strlen(key), &reply);

	return rc ? kvcmd_refuse(kv, rc, key, strlen(key), &reply)
		  : value_print(kv, &reply);
}
