#include "tests/linear/depends.h"

#define TWINS_MAX 4096 /* before a move, that are looked at */

static uint32_t items_count(const struct move *move)
{
	return move->compare + move->then + move->otherwise;
}

static bool writes_cell(const struct move *move, uint32_t cell)
{
	for (uint32_t i = 0; i < items_count(move); i++)
		if (move->items[i].key == cell && item_writes(&move->items[i]))
			return true;
	return false;
}

static bool touches_cell(const struct move *move, uint32_t cell)
{
	for (uint32_t i = 0; i < items_count(move); i++)
		if (move->items[i].key == cell)
			return true;
	return false;
}

static bool observes_cell(const struct move *move, uint32_t cell)
{
	for (uint32_t i = 0; i < items_count(move); i++)
		if (move->items[i].key == cell && item_observes(&move->items[i]))
			return true;
	return false;
}

/* One of them writes what the other touches. */
static bool conflict(const struct move *a, const struct move *b)
{
	for (uint32_t i = 0; i < items_count(a); i++) {
		const struct item *item = &a->items[i];

		if (item_writes(item) ? touches_cell(b, item->key)
				      : writes_cell(b, item->key))
			return true;
	}
	return false;
}

/* Whatever @before wrote, nobody can have seen it after this. */
static bool writes_over(const struct move *move, const struct move *before)
{
	if (move->compare > 0)
		return false;
	for (uint32_t i = 0; i < items_count(before); i++) {
		uint32_t cell = before->items[i].key;

		if (item_writes(&before->items[i]) &&
			(observes_cell(move, cell) || !writes_cell(move, cell)))
			return false;
	}
	return true;
}

bool depends_may_follow(
	const struct move *maybe, const struct move *next, bool in_order, bool next_maybe)
{
	if (writes_over(next, maybe))
		return false;
	if (conflict(maybe, next))
		return true;
	return next_maybe && in_order;
}

static bool same_item(const struct item *a, const struct item *b)
{
	return a->kind == b->kind && a->key == b->key && a->value == b->value &&
	       a->version == b->version;
}

static bool same(const struct move *a, const struct move *b)
{
	if (a->compare != b->compare || a->then != b->then ||
		a->otherwise != b->otherwise || a->position != b->position)
		return false;
	for (uint32_t i = 0; i < items_count(a); i++)
		if (!same_item(&a->items[i], &b->items[i]))
			return false;
	return true;
}

uint32_t depends_twin(const struct move *const *maybe, uint32_t i)
{
	uint32_t last = i > TWINS_MAX ? i - TWINS_MAX : 0;

	for (uint32_t before = i; before > last; before--)
		if (same(maybe[i], maybe[before - 1]))
			return before - 1;
	return UINT32_MAX;
}
