/* pawl kv txn: a transaction, in words of the command line or on standard input. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/input.h"
#include "client/command/kv.h"
#include "client/command/script.h"

#define TRIES 5
#define TEXT_MAX (UINT32_C(1) << 28) /* longer than any command, however it is written */

/* ---- The text ---- */

/* Each word is a line. */
static int words_join(const struct kvcmd_arguments *a, void **text_p, size_t *len_p)
{
	size_t len = 0, at = 0;
	char *text;

	for (unsigned int i = 0; i < a->words_count; i++)
		len += strlen(a->words[i]) + 1;
	text = malloc(len);
	if (!text)
		return -ENOMEM;
	for (unsigned int i = 0; i < a->words_count; i++) {
		size_t word_len = strlen(a->words[i]);

		memcpy(text + at, a->words[i], word_len);
		at += word_len;
		text[at++] = '\n';
	}
	*text_p = text;
	*len_p = len;
	return 0;
}

static int text_take(const struct kvcmd *kv, void **text_p, size_t *len_p)
{
	int rc = kv->a->words_count > 0
			 ? words_join(kv->a, text_p, len_p)
			 : input_whole(STDIN_FILENO, TEXT_MAX, text_p, len_p);

	if (!rc)
		return COMMAND_OK;
	return command_fail("pawl kv txn: standard input: %s", strerror(-rc));
}

/* ---- What became of it ---- */

static const char *op_name(const struct pawl_command *c)
{
	if (c->kind == PAWL_GET)
		return "get";
	return c->kind == PAWL_PUT ? "put" : "del";
}

static void items_print(const struct kvcmd *kv, const struct pawl_command *operations,
	struct pawl_reply *reply)
{
	struct pawl_reply answer;

	for (unsigned int i = 0; pawl_reply_next(reply, &answer); i++) {
		const struct kvcmd_item item = {.op = op_name(&operations[i]),
			.key = operations[i].key,
			.key_len = operations[i].key_len,
			.reply = &answer,
			.with_value = operations[i].kind == PAWL_GET &&
				      answer.version > 0};

		if (!kv->a->json) {
			kvcmd_item_print(kv, &item);
			continue;
		}
		(void)fputs(i ? ", " : "", stdout);
		kvcmd_item_json(&item);
	}
}

static int done(struct kvcmd *kv, const struct script *script, struct pawl_reply *reply)
{
	bool otherwise = reply->otherwise;
	const char *branch = otherwise ? "else" : "then";
	int rc;

	(void)printf(
		kv->a->json ? "{\"branch\": \"%s\", \"answers\": [" : "%s\n", branch);
	items_print(kv, otherwise ? script->elses : script->thens, reply);
	if (kv->a->json)
		(void)fputs("]}\n", stdout);
	rc = command_finish_output();
	if (rc || !otherwise)
		return rc;
	(void)command_fail("pawl kv: %s: not all comparisons are true; %s",
		kv->target.text,
		script->transaction.elses_count ? "what is behind else was done"
						: "nothing was changed");
	return kv->refused;
}

static int script_run(struct kvcmd *kv, const struct script *script)
{
	struct pawl_reply reply = {0};
	int rc = -ECANCELED;

	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_store_transact(kv->target.store, &script->transaction, &reply);
	return rc ? target_fail(&kv->target) : done(kv, script, &reply);
}

int kvcmd_transact(struct kvcmd *kv)
{
	static struct script script;
	struct script_fault fault;
	void *text;
	size_t len;
	int rc = text_take(kv, &text, &len);

	if (rc)
		return rc;
	rc = script_parse(text, len, &script, &fault);
	free(text);
	if (rc == -EINVAL)
		return command_misuse("pawl kv txn: line %u: %s; nothing was changed",
			fault.line, fault.text);
	if (rc)
		return command_fail("pawl kv: out of memory");
	rc = kvcmd_open(kv, NULL, false);
	if (!rc)
		rc = script_run(kv, &script);
	script_end(&script);
	return rc;
}
