#include "tests/linear/strings.h"

#include <errno.h>
#include <string.h>

/* FNV-1a. */
static size_t text_hash(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

/* Where the number of the text is, or would be. */
static uint32_t *place_of(const struct strings *strings, const char *text)
{
	size_t at = text_hash(text) % strings->table_room;

	while (strings->table[at] &&
		strcmp(strings_text(strings, strings->table[at]), text) != 0)
		at = (at + 1) % strings->table_room;
	return &strings->table[at];
}

/* At most half of the table is used, so that every search ends. */
static int table_grow(struct strings *strings, struct budget *budget)
{
	struct strings wider = *strings;
	int rc;

	if (2 * (strings->count + 1) < strings->table_room)
		return 0;
	wider.table = NULL;
	wider.table_room = 0;
	rc = budget_grow(budget, &wider.table, &wider.table_room,
		4 * (strings->count + 16), sizeof(*wider.table));
	if (rc)
		return rc;
	for (uint32_t number = 1; number < strings->count; number++)
		*place_of(&wider, strings_text(strings, number)) = number;
	budget_free(
		budget, &strings->table, &strings->table_room, sizeof(*strings->table));
	*strings = wider;
	return 0;
}

static int text_append(struct strings *strings, struct budget *budget, const char *text)
{
	size_t len = strlen(text) + 1;
	int rc = budget_grow(budget, &strings->bytes, &strings->bytes_room,
		strings->bytes_count + len, 1);

	if (rc)
		return rc;
	rc = budget_grow(budget, &strings->begins, &strings->begins_room,
		strings->count + 1, sizeof(*strings->begins));
	if (rc)
		return rc;
	memcpy(strings->bytes + strings->bytes_count, text, len);
	strings->begins[strings->count++] = strings->bytes_count;
	strings->bytes_count += len;
	return 0;
}

int strings_add(struct strings *strings, struct budget *budget, const char *text,
	uint32_t *number_p)
{
	uint32_t *place;
	int rc;

	if (!text) {
		*number_p = 0;
		return 0;
	}
	if (strings->count == 0)
		strings->count = 1; /* 0 is nobody's */
	if (strings->count >= UINT32_MAX)
		return -ENOBUFS;
	rc = table_grow(strings, budget);
	if (rc)
		return rc;
	place = place_of(strings, text);
	if (!*place) {
		uint32_t number = (uint32_t)strings->count;

		rc = text_append(strings, budget, text);
		if (rc)
			return rc;
		*place = number;
	}
	*number_p = *place;
	return 0;
}

void strings_free(struct strings *strings, struct budget *budget)
{
	budget_free(budget, &strings->bytes, &strings->bytes_room, 1);
	budget_free(budget, &strings->begins, &strings->begins_room,
		sizeof(*strings->begins));
	budget_free(
		budget, &strings->table, &strings->table_room, sizeof(*strings->table));
	*strings = (struct strings){0};
}

const char *strings_text(const struct strings *strings, uint32_t number)
{
	return number ? strings->bytes + strings->begins[number] : NULL;
}
