#include "tests/linear/visited.h"

#include <string.h>

/* Before the words of the place and of the set. */
enum {
	ENTRY_NEXT,
	ENTRY_HASH,
	ENTRY_PLACE_COUNT,
	ENTRY_HEAD
};

void visited_begin(struct visited *visited, struct budget *budget)
{
	*visited = (struct visited){.budget = budget, .used = 1};
}

void visited_end(struct visited *visited)
{
	budget_free(visited->budget, &visited->words, &visited->room,
		sizeof(*visited->words));
	budget_free(visited->budget, &visited->heads, &visited->heads_room,
		sizeof(*visited->heads));
}

void visited_clear(struct visited *visited)
{
	/* Looked through again and again if it was large once, so that is not kept. */
	budget_free(visited->budget, &visited->heads, &visited->heads_room,
		sizeof(*visited->heads));
	visited->used = 1;
	visited->count = 0;
}

static uint64_t words_hash(const uint64_t *words, size_t count)
{
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++) {
		hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

static bool is_subset(const uint64_t *set, const uint64_t *of, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (set[i] & ~of[i])
			return false;
	return true;
}

static uint64_t *head_of(struct visited *visited, uint64_t hash)
{
	return &visited->heads[hash % visited->heads_room];
}

static void entry_link(struct visited *visited, uint64_t at)
{
	uint64_t *entry = &visited->words[at];
	uint64_t *head = head_of(visited, entry[ENTRY_HASH]);

	entry[ENTRY_NEXT] = *head;
	*head = at;
}

/* Chains stay short. */
static int heads_grow(struct visited *visited, size_t set_count)
{
	size_t wanted = visited->heads_room ? 4 * visited->heads_room : 1024;
	int rc;

	if (visited->count < visited->heads_room)
		return 0;
	budget_free(visited->budget, &visited->heads, &visited->heads_room,
		sizeof(*visited->heads));
	rc = budget_grow(visited->budget, &visited->heads, &visited->heads_room, wanted,
		sizeof(*visited->heads));
	if (rc)
		return rc;
	for (uint64_t at = 1; at < visited->used;
		at += ENTRY_HEAD + visited->words[at + ENTRY_PLACE_COUNT] + set_count)
		entry_link(visited, at);
	return 0;
}

static bool is_seen(struct visited *visited, uint64_t hash, const uint64_t *place,
	size_t place_count, const uint64_t *set, size_t set_count)
{
	uint64_t at = *head_of(visited, hash);

	while (at) {
		const uint64_t *entry = &visited->words[at];
		const uint64_t *words = entry + ENTRY_HEAD;

		if (entry[ENTRY_HASH] == hash &&
			entry[ENTRY_PLACE_COUNT] == place_count &&
			memcmp(words, place, place_count * sizeof(*words)) == 0 &&
			is_subset(words + place_count, set, set_count))
			return true;
		at = entry[ENTRY_NEXT];
	}
	return false;
}

static int entry_add(struct visited *visited, uint64_t hash, const uint64_t *place,
	size_t place_count, const uint64_t *set, size_t set_count)
{
	size_t needed = visited->used + ENTRY_HEAD + place_count + set_count;
	int rc = budget_grow(visited->budget, &visited->words, &visited->room, needed,
		sizeof(*visited->words));
	uint64_t *entry;

	if (rc)
		return rc;
	entry = &visited->words[visited->used];
	entry[ENTRY_HASH] = hash;
	entry[ENTRY_PLACE_COUNT] = place_count;
	memcpy(entry + ENTRY_HEAD, place, place_count * sizeof(*place));
	if (set_count)
		memcpy(entry + ENTRY_HEAD + place_count, set, set_count * sizeof(*set));
	entry_link(visited, visited->used);
	visited->used = needed;
	visited->count++;
	return 0;
}

int visited_add(struct visited *visited, const uint64_t *place, size_t place_count,
	const uint64_t *set, size_t set_count, bool *seen_p)
{
	uint64_t hash = words_hash(place, place_count);
	int rc = heads_grow(visited, set_count);

	if (rc)
		return rc;
	*seen_p = is_seen(visited, hash, place, place_count, set, set_count);
	return *seen_p ? 0 : entry_add(visited, hash, place, place_count, set, set_count);
}
