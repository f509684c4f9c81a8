/* What store_mix chooses at random, and the lines of its history. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/store_mix.h"
#include "tests/system/until_term.h"

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
uint64_t mix_draw(struct mix *mix, uint64_t below)
{
	uint64_t z = mix->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

void mix_name(char *name, const char *kind, uint64_t number)
{
	(void)snprintf(name, MIX_TEXT, "%s/%" PRIu64, kind, number);
}

void mix_value(const struct mix *mix, char *value)
{
	(void)snprintf(value, MIX_TEXT, "%" PRIu32 ".%" PRIu64, mix->config.process,
		mix->operations);
}

struct pawl_command mix_command_of(
	enum pawl_command_kind kind, const char *key, const char *value)
{
	return (struct pawl_command){.kind = kind,
		.key = key,
		.key_len = strlen(key),
		.value = value,
		.value_len = value ? strlen(value) : 0};
}

/* ---- Lines ---- */

json_t *mix_line(const char *op, const char *key)
{
	return json_pack("{s:s, s:s}", "op", op, "key", key);
}

void mix_text_set(json_t *line, const char *field, const char *text)
{
	(void)json_object_set_new(line, field, json_string(text));
}

void mix_number_set(json_t *line, const char *field, uint64_t number)
{
	(void)json_object_set_new(line, field, json_integer((json_int_t)number));
}

void mix_done_set(json_t *line, int done)
{
	(void)json_object_set_new(line, "done", json_boolean(done));
}

void mix_found_set(json_t *line, const struct mix_found *found)
{
	(void)json_object_set_new(
		line, "result", found->present ? json_string(found->value) : json_null());
	if (found->present)
		mix_number_set(line, "version", found->version);
}

json_t *mix_items(const struct mix_answer *a, int keys_too)
{
	json_t *items = json_array();

	for (unsigned int i = 0; i < a->items_count; i++) {
		const struct mix_found *f = &a->items[i];
		json_t *item = json_pack("{s:s?}", "value", f->present ? f->value : NULL);

		if (f->present)
			mix_number_set(item, "version", f->version);
		if (keys_too)
			mix_text_set(item, "key", f->key);
		(void)json_array_append_new(items, item);
	}
	return items;
}

static int line_write(const struct mix *mix, const json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);
	size_t len = text ? strlen(text) : 0;
	int rc = 0;

	if (!text)
		return -EIO;
	text[len] = '\n'; /* in the place of its end */
	if (write(mix->file, text, len + 1) != (ssize_t)len + 1)
		rc = -EIO;
	free(text);
	return rc;
}

int mix_asks(struct mix *mix, json_t *line)
{
	mix->operations++;
	mix_number_set(line, "process", mix->config.process);
	mix_number_set(line, "note", mix->operations);
	mix_number_set(line, "invoked", now_ns());
	(void)json_object_set_new(line, "outcome", json_string("unknown"));
	return line_write(mix, line);
}

int mix_refused(struct mix *mix, json_t *line)
{
	(void)json_object_set_new(line, "outcome", json_string("failed"));
	return line_write(mix, line);
}

static int answer_write(struct mix *mix, json_t *line)
{
	uint64_t returned = now_ns();

	if (!mix->answer.known)
		return 0; /* as it stands there */
	if (mix->answer.status == -ECANCELED)
		return mix_refused(mix, line);
	(void)json_object_set_new(line, "outcome", json_string("ok"));
	mix_number_set(line, "returned", returned);
	if (mix->answer.position > 0)
		mix_number_set(line, "position", mix->answer.position);
	return line_write(mix, line);
}

int mix_line_end(struct mix *mix, json_t *line, int rc)
{
	if (!rc)
		rc = answer_write(mix, line);
	json_decref(line);
	return rc;
}
