/* What store_mix asks for: a bit of everything, as its seed has it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/store_mix.h"

#define ACCOUNTS 4u
#define MONEY 100
#define NAMES 500u

/* ---- Reads ---- */

static const char *const readings[MIX_READS] = {"log", "sync", "local", "tail"};

int mix_reading(const char *word, enum pawl_reading *how_p)
{
	for (unsigned int i = 0; i < MIX_READS; i++) {
		if (strcmp(readings[i], word) == 0) {
			*how_p = (enum pawl_reading)i;
			return 0;
		}
	}
	return -EINVAL;
}

static enum pawl_reading reading_draw(struct mix *mix)
{
	return mix->config.reads[mix_draw(mix, mix->config.reads_count)];
}

/* A read through the log is a marker, or the command itself, which is answered in its place. */
static int ask_read(
	struct mix *mix, enum pawl_reading how, const struct pawl_command *command)
{
	if (how == PAWL_READ_LOG && mix_draw(mix, 2) == 0)
		return mix_command(mix, command);
	return mix_read(mix, how, command);
}

static int key_read(struct mix *mix, enum pawl_reading how, const char *key)
{
	struct pawl_command command = mix_command_of(PAWL_GET, key, NULL);
	json_t *line = mix_line("get", key);
	int rc;

	mix_text_set(line, "read", readings[how]);
	rc = mix_asks(mix, line);
	if (!rc)
		rc = ask_read(mix, how, &command);
	if (!rc && mix->answer.known)
		mix_found_set(line, &mix->answer.found);
	return mix_line_end(mix, line, rc);
}

static int accounts_list(struct mix *mix)
{
	enum pawl_reading how = reading_draw(mix);
	struct pawl_command command = mix_command_of(PAWL_LIST, "money/", NULL);
	json_t *line = json_pack("{s:s, s:s, s:s}", "op", "list", "prefix", "money/",
		"read", readings[how]);
	int rc = mix_asks(mix, line);

	if (!rc)
		rc = ask_read(mix, how, &command);
	if (!rc && mix->answer.known)
		(void)json_object_set_new(line, "result", mix_items(&mix->answer, 1));
	return mix_line_end(mix, line, rc);
}

/* ---- Writes of one key ---- */

/* A call does not say where it stands, but what it wrote does. */
static bool wrote(const struct mix *mix, const struct pawl_command *command)
{
	return mix->answer.known && mix->answer.status == 0 &&
	       (command->kind == PAWL_PUT || command->kind == PAWL_CLAIM ||
		       command->kind == PAWL_SET_VERSION ||
		       command->kind == PAWL_SET_VALUE);
}

int mix_write(struct mix *mix, json_t *line, const struct pawl_command *command,
	int conditional)
{
	int rc = mix_asks(mix, line);

	if (!rc)
		rc = mix_command(mix, command);
	if (!rc && wrote(mix, command))
		mix->answer.position = mix->answer.version;
	if (!rc && mix->answer.known && conditional)
		mix_done_set(line, mix->answer.status == 0);
	if (!rc && mix->answer.known && mix->answer.status == -EEXIST)
		mix_found_set(line, &mix->answer.found);
	return mix_line_end(mix, line, rc);
}

static int key_put(struct mix *mix, const char *key, const char *value)
{
	struct pawl_command command = mix_command_of(PAWL_PUT, key, value);
	json_t *line = mix_line("put", key);

	mix_text_set(line, "value", value);
	return mix_write(mix, line, &command, 0);
}

/* Submitted, as only that says where it stands. */
static int key_delete(struct mix *mix, const char *key)
{
	struct pawl_command command = mix_command_of(PAWL_DELETE, key, NULL);

	return mix_write(mix, mix_line("delete", key), &command, 1);
}

static int key_claim(struct mix *mix, const char *key, const char *value)
{
	struct pawl_command command = mix_command_of(PAWL_CLAIM, key, value);
	json_t *line = mix_line("claim", key);

	mix_text_set(line, "value", value);
	return mix_write(mix, line, &command, 1);
}

/* Compares with what is there as far as is known here, by version or by value. */
static int key_set(struct mix *mix, const char *key, const char *value)
{
	struct pawl_command command;
	struct mix_found found;
	json_t *line;
	int rc = key_read(mix, PAWL_READ_LOCAL, key);

	if (rc || !mix->answer.known)
		return rc;
	found = mix->answer.found;
	line = mix_line("cas", key);
	mix_text_set(line, "value", value);
	if (found.present && mix_draw(mix, 2) == 0) {
		command = mix_command_of(PAWL_SET_VALUE, key, value);
		command.other = found.value;
		command.other_len = strlen(found.value);
		mix_text_set(line, "expect", found.value);
	} else {
		command = mix_command_of(PAWL_SET_VERSION, key, value);
		command.number = found.version;
		mix_number_set(line, "expect_version", found.version);
	}
	return mix_write(mix, line, &command, 1);
}

static int key_step(struct mix *mix)
{
	char key[MIX_TEXT], value[MIX_TEXT];

	mix_name(key, "key", mix_draw(mix, mix->config.keys));
	mix_value(mix, value);
	switch (mix_draw(mix, 10)) {
	case 0:
		return key_delete(mix, key);
	case 1:
	case 2:
		return key_put(mix, key, value);
	case 3:
	case 4:
	case 5:
		return key_set(mix, key, value);
	default:
		return key_read(mix, reading_draw(mix), key);
	}
}

/* A name is asked for by many, and had by one; also the name itself is drawn by many. */
static int name_step(struct mix *mix)
{
	char key[MIX_TEXT], value[MIX_TEXT];

	mix_name(key, "name", (mix->operations / 100 * 7 + mix_draw(mix, 5)) % NAMES);
	mix_value(mix, value);
	return key_claim(mix, key, value);
}

/* ---- Transactions ---- */

static json_t *compare_of(const char *key, uint64_t version)
{
	return json_pack("{s:s, s:I}", "key", key, "version", (json_int_t)version);
}

static json_t *step_of(const char *op, const char *key, const char *value)
{
	json_t *step = json_pack("{s:s, s:s}", "op", op, "key", key);

	if (value)
		mix_text_set(step, "value", value);
	return step;
}

struct account {
	char key[MIX_TEXT];
	char money[MIX_TEXT]; /* afterwards */
	struct mix_found found;
};

/* From one account to another, if both are as they were seen; else what is there is read. */
static int transfer_ask(struct mix *mix, struct account *from, struct account *to)
{
	struct pawl_command compare[2] = {
		mix_command_of(PAWL_IF_VERSION, from->key, NULL),
		mix_command_of(PAWL_IF_VERSION, to->key, NULL)};
	const struct pawl_command thens[2] = {
		mix_command_of(PAWL_PUT, from->key, from->money),
		mix_command_of(PAWL_PUT, to->key, to->money)};
	const struct pawl_command elses[2] = {mix_command_of(PAWL_GET, from->key, NULL),
		mix_command_of(PAWL_GET, to->key, NULL)};
	const struct pawl_transaction transaction = {.comparisons = compare,
		.thens = thens,
		.elses = elses,
		.comparisons_count = 2,
		.thens_count = 2,
		.elses_count = 2};
	json_t *line = json_pack("{s:s, s:[o,o], s:[o,o], s:[o,o]}", "op", "txn",
		"compare", compare_of(from->key, from->found.version),
		compare_of(to->key, to->found.version), "then",
		step_of("put", from->key, from->money),
		step_of("put", to->key, to->money), "else",
		step_of("get", from->key, NULL), step_of("get", to->key, NULL));
	int rc;

	compare[0].number = from->found.version;
	compare[1].number = to->found.version;
	rc = mix_asks(mix, line);
	if (!rc)
		rc = mix_transaction(mix, &transaction);
	if (!rc && mix->answer.known)
		mix_done_set(line, !mix->answer.otherwise);
	if (!rc && mix->answer.known && !mix->answer.otherwise &&
		mix->answer.position == 0)
		mix->answer.position = mix->answer.items[0].version;
	if (!rc && mix->answer.known && mix->answer.otherwise)
		(void)json_object_set_new(line, "result", mix_items(&mix->answer, 0));
	return mix_line_end(mix, line, rc);
}

static int account_look(struct mix *mix, struct account *account, uint64_t number)
{
	char money[MIX_TEXT];
	int rc;

	mix_name(account->key, "money", number);
	rc = key_read(mix, PAWL_READ_LOCAL, account->key);
	account->found = mix->answer.found;
	if (rc || !mix->answer.known || account->found.present)
		return rc;
	(void)snprintf(money, sizeof(money), "%d", MONEY);
	return key_claim(mix, account->key, money);
}

static int transfer_step(struct mix *mix)
{
	uint64_t first = mix_draw(mix, ACCOUNTS);
	struct account from = {.key = ""}, to = {.key = ""};
	long has, gets, moved;
	int rc = account_look(mix, &from, first);

	if (!rc)
		rc = account_look(
			mix, &to, (first + 1 + mix_draw(mix, ACCOUNTS - 1)) % ACCOUNTS);
	if (rc || !from.found.present || !to.found.present)
		return rc;
	has = strtol(from.found.value, NULL, 10);
	gets = strtol(to.found.value, NULL, 10);
	moved = has > 0 ? 1 + (long)mix_draw(mix, (uint64_t)has) : 0;
	(void)snprintf(from.money, sizeof(from.money), "%ld", has - moved);
	(void)snprintf(to.money, sizeof(to.money), "%ld", gets + moved);
	return transfer_ask(mix, &from, &to);
}

/* ---- All of it ---- */

int mix_step(struct mix *mix)
{
	switch (mix_draw(mix, 8)) {
	case 0:
		return accounts_list(mix);
	case 1:
	case 2:
		return transfer_step(mix);
	case 3:
		return name_step(mix);
	case 4:
		return mix_lock_step(mix);
	default:
		return key_step(mix);
	}
}

int mix_begin(const struct mix_config *config, struct pawl *pawl, const char *store,
	const char *file, struct mix **mix_p)
{
	struct mix *mix = calloc(1, sizeof(*mix));

	*mix_p = mix;
	if (!mix)
		return -EIO;
	mix->config = *config;
	mix->pawl = pawl;
	mix->random = config->seed ? config->seed : config->process;
	mix->file = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return mix->file < 0 ? -EIO : mix_store_open(mix, store);
}

void mix_end(struct mix *mix)
{
	pawl_store_close(mix->store);
	if (mix->file >= 0)
		(void)close(mix->file);
	free(mix);
}
