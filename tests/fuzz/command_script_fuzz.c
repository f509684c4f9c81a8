/*
 * Transactions as people write them (`pawl kv NAME/STORE txn`): whatever is taken is one that the
 * storage takes, and its words are those that were written.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/script.h"
#include "sequencer/core/kv_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define COMMAND_ROOM (1u << 20)

static void require(bool claim)
{
	if (!claim)
		abort();
}

static void encoded(struct kv_operation *to, const struct pawl_command *from,
	unsigned int count, size_t *words_p)
{
	require(count <= PAWL_OPERATIONS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		to[i] = (struct kv_operation){.kind = (enum kv_kind)from[i].kind,
			.option = (uint8_t)from[i].option,
			.key = {from[i].key, from[i].key_len},
			.value = {from[i].value, from[i].value_len},
			.number = from[i].number};
		*words_p += from[i].key_len + from[i].value_len;
	}
}

/* Keys that are longer than any can be are the storage's to refuse. */
static bool keys_fit(const struct pawl_command *c, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (c[i].key_len > KV_KEY_LIMIT)
			return false;
	}
	return true;
}

static void script_check(const struct script *script, size_t len)
{
	static struct kv_operation comparisons[PAWL_OPERATIONS_MAX],
		thens[PAWL_OPERATIONS_MAX], elses[PAWL_OPERATIONS_MAX];
	static unsigned char command[COMMAND_ROOM];
	const struct pawl_transaction *t = &script->transaction;
	const struct kv_transaction all = {.comparisons = comparisons,
		.thens = thens,
		.elses = elses,
		.comparisons_count = t->comparisons_count,
		.thens_count = t->thens_count,
		.elses_count = t->elses_count};
	size_t words = 0;

	encoded(comparisons, t->comparisons, t->comparisons_count, &words);
	encoded(thens, t->thens, t->thens_count, &words);
	encoded(elses, t->elses, t->elses_count, &words);
	require(words <= len);
	if (keys_fit(t->comparisons, t->comparisons_count) &&
		keys_fit(t->thens, t->thens_count) &&
		keys_fit(t->elses, t->elses_count) && len < COMMAND_ROOM / 2)
		require(kv_transaction_encode(&all, 0, command, sizeof(command)) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct script script;
	struct script_fault fault = {.line = 0};
	size_t newlines = 0;
	char *text = malloc(len + 1);
	int rc;

	require(text != NULL);
	memcpy(text, data, len);
	for (size_t i = 0; i < len; i++)
		newlines += text[i] == '\n';
	rc = script_parse(text, len, &script, &fault);
	free(text); /* nothing points into it */
	if (rc) {
		require(rc == -EINVAL && fault.line >= 1 && fault.line <= newlines + 2);
		require(fault.text[0] != '\0' &&
			memchr(fault.text, '\0', sizeof(fault.text)) != NULL);
		return 0;
	}
	script_check(&script, len);
	script_end(&script);
	return 0;
}
