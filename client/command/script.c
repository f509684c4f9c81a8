#include "client/command/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/script_words.h"

/* Where the script is; it only goes on. */
enum part {
	PART_IF,
	PART_THEN,
	PART_ELSE
};

struct parsing {
	struct script *script;
	struct script_fault *fault;
	enum part part;
	unsigned int line;
	size_t used; /* of script.bytes */
};

static int wrong(struct parsing *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct parsing *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(p->fault->text, sizeof(p->fault->text), format, args);
	va_end(args);
	p->fault->line = p->line;
	return -EINVAL;
}

/* For %.*s: enough of a word to know it again. */
static int shown(const struct script_word *word)
{
	return word->len < 40 ? (int)word->len : 40;
}

/* ---- Comparisons ---- */

static int relation_take(
	struct parsing *p, const struct script_word *word, unsigned int *relation_p)
{
	static const char *const names[] = {[PAWL_EQUAL] = "=",
		[PAWL_NOT_EQUAL] = "!=",
		[PAWL_LESS] = "<",
		[PAWL_GREATER] = ">"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!script_word_is(word, names[i]))
			continue;
		*relation_p = i;
		return 0;
	}
	return wrong(p, "'%.*s' is no relation; use =, !=, < or >", shown(word),
		(const char *)word->bytes);
}

static int number_take(
	struct parsing *p, const struct script_word *word, uint64_t *number_p)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < word->len; i++) {
		unsigned int digit = word->bytes[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			break;
		number = number * 10 + digit;
	}
	if (word->len == 0 || i < word->len)
		return wrong(p, "'%.*s' is not a number", shown(word),
			(const char *)word->bytes);
	*number_p = number;
	return 0;
}

/* What is said of a key or of a lock in one word: that its version, or fence, is or is not 0. */
static int presence_take(struct parsing *p, const struct script_word *word, bool lock,
	struct pawl_command *c)
{
	c->kind = lock ? PAWL_IF_FENCE : PAWL_IF_VERSION;
	c->number = 0;
	if (script_word_is(word, lock ? "free" : "absent"))
		c->option = PAWL_EQUAL;
	else if (script_word_is(word, lock ? "held" : "exists"))
		c->option = PAWL_NOT_EQUAL;
	else
		return wrong(p,
			lock ? "of a lock there is free, held, fence and holder, not "
			       "'%.*s'"
			     : "of a key there is absent, exists, version and value, not "
			       "'%.*s'",
			shown(word), (const char *)word->bytes);
	return 0;
}

/* FIELD RELATION NUMBER, or of a key's value a VALUE. */
static int field_take(struct parsing *p, const struct script_word *words, bool lock,
	struct pawl_command *c)
{
	int rc = relation_take(p, &words[1], &c->option);

	if (rc)
		return rc;
	if (!lock && script_word_is(&words[0], "value")) {
		c->kind = PAWL_IF_VALUE;
		c->value = words[2].bytes;
		c->value_len = words[2].len;
		return 0;
	}
	if (!lock && script_word_is(&words[0], "version"))
		c->kind = PAWL_IF_VERSION;
	else if (lock && script_word_is(&words[0], "fence"))
		c->kind = PAWL_IF_FENCE;
	else if (lock && script_word_is(&words[0], "holder"))
		c->kind = PAWL_IF_HOLDER;
	else
		return wrong(p, "'%.*s' can not be compared; use %s", shown(&words[0]),
			(const char *)words[0].bytes,
			lock ? "fence or holder" : "version or value");
	return number_take(p, &words[2], &c->number);
}

/* The number of words says which form it is, so any key can be called anything. */
static int comparison_take(struct parsing *p, const struct script_words *words)
{
	struct pawl_transaction *t = &p->script->transaction;
	struct pawl_command *c = &p->script->comparisons[t->comparisons_count];
	bool lock = words->count % 2 == 0 && script_word_is(&words->at[1], "lock");
	unsigned int name = lock ? 2 : 1, more = words->count - name - 1;
	int rc;

	if (p->part != PART_IF)
		return wrong(p, "comparisons come before all operations");
	if (t->comparisons_count == PAWL_OPERATIONS_MAX)
		return wrong(
			p, "there are more than %d comparisons", PAWL_OPERATIONS_MAX);
	if (words->count < 3 || (more != 1 && more != 3))
		return wrong(p, "write if KEY absent, if KEY version = NUMBER, if KEY "
				"value = VALUE, or if lock NAME and so on");
	if (words->at[name].len == 0)
		return wrong(p, "a name may not be empty");
	*c = (struct pawl_command){
		.key = words->at[name].bytes, .key_len = words->at[name].len};
	rc = more == 1 ? presence_take(p, &words->at[name + 1], lock, c)
		       : field_take(p, &words->at[name + 1], lock, c);
	t->comparisons_count += rc == 0;
	return rc;
}

/* ---- Operations ---- */

struct branch {
	struct pawl_command *at;
	unsigned int *count_p;
};

static struct branch branch_of(struct parsing *p)
{
	struct pawl_transaction *t = &p->script->transaction;

	if (p->part == PART_ELSE)
		return (struct branch){p->script->elses, &t->elses_count};
	return (struct branch){p->script->thens, &t->thens_count};
}

static bool has_key(const struct branch *branch, const struct script_word *key)
{
	for (unsigned int i = 0; i < *branch->count_p; i++) {
		const struct pawl_command *c = &branch->at[i];

		if (c->key_len == key->len && memcmp(c->key, key->bytes, key->len) == 0)
			return true;
	}
	return false;
}

static int key_check(
	struct parsing *p, const struct branch *branch, const struct script_word *key)
{
	if (key->len == 0)
		return wrong(p, "a key may not be empty");
	if (*branch->count_p == PAWL_OPERATIONS_MAX)
		return wrong(p, "there are more than %d operations", PAWL_OPERATIONS_MAX);
	if (has_key(branch, key))
		return wrong(p, "'%.*s' is in this branch already, and can be once",
			shown(key), (const char *)key->bytes);
	return 0;
}

static int operation_take(struct parsing *p, const struct script_words *words)
{
	static const struct {
		const char *name;
		enum pawl_command_kind kind;
		unsigned int words;
		const char *form;
	} forms[] = {{"get", PAWL_GET, 2, "get KEY"},
		{"put", PAWL_PUT, 3, "put KEY VALUE"},
		{"del", PAWL_DELETE, 2, "del KEY"}};
	const struct script_word *at = words->at;
	struct branch branch;
	unsigned int i = 0;
	int rc;

	while (i < 3 && !script_word_is(&at[0], forms[i].name))
		i++;
	if (i == 3)
		return wrong(p, "'%.*s' is no operation; use get, put or del",
			shown(&at[0]), (const char *)at[0].bytes);
	if (words->count != forms[i].words)
		return wrong(p, "write %s, with quotation marks around what has blanks",
			forms[i].form);
	p->part = p->part == PART_IF ? PART_THEN : p->part;
	branch = branch_of(p);
	rc = key_check(p, &branch, &at[1]);
	if (rc)
		return rc;
	branch.at[(*branch.count_p)++] = (struct pawl_command){.kind = forms[i].kind,
		.key = at[1].bytes,
		.key_len = at[1].len,
		.value = words->count == 3 ? at[2].bytes : NULL,
		.value_len = words->count == 3 ? at[2].len : 0};
	return 0;
}

/* ---- Lines ---- */

static int part_begin(struct parsing *p, const struct script_words *words, enum part part)
{
	if (words->count > 1)
		return wrong(p, "then and else stand in a line of their own");
	if (p->part >= part)
		return wrong(p, part == PART_THEN ? "then comes once, and first"
						  : "else comes once");
	p->part = part;
	return 0;
}

static int line_take(struct parsing *p, const char *line, size_t len)
{
	struct script_words words;
	const char *fault = script_words_take(
		line, len, p->script->bytes + p->used, &words);

	if (fault)
		return wrong(p, "%s", fault);
	p->used += words.used;
	if (words.count == 0)
		return 0;
	if (script_word_is(&words.at[0], "if"))
		return comparison_take(p, &words);
	if (script_word_is(&words.at[0], "then"))
		return part_begin(p, &words, PART_THEN);
	if (script_word_is(&words.at[0], "else"))
		return part_begin(p, &words, PART_ELSE);
	return operation_take(p, &words);
}

static int lines_take(struct parsing *p, const char *text, size_t len)
{
	const struct pawl_transaction *t = &p->script->transaction;
	const char *end = text + len;
	int rc = 0;

	while (!rc && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		p->line++;
		rc = line_take(p, text, (size_t)(line_end - text));
		text = newline ? newline + 1 : end;
	}
	p->line++;
	if (!rc && t->comparisons_count + t->thens_count + t->elses_count == 0)
		return wrong(p, "there is neither a comparison nor an operation");
	return rc;
}

int script_parse(
	const char *text, size_t len, struct script *script, struct script_fault *fault_p)
{
	struct parsing p = {.script = script, .fault = fault_p};
	int rc;

	script->bytes = malloc(len + 1);
	if (!script->bytes)
		return -ENOMEM;
	script->transaction = (struct pawl_transaction){
		.comparisons = script->comparisons,
		.thens = script->thens,
		.elses = script->elses};
	rc = lines_take(&p, text, len);
	if (rc)
		script_end(script);
	return rc;
}

void script_end(struct script *script)
{
	free(script->bytes);
	script->bytes = NULL;
}
