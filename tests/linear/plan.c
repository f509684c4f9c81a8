#include "tests/linear/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* While the plan is made. */
struct planning {
	struct plan *plan;
	uint32_t *
		parent; /* by number of the string: towards the first of those that are joined */
	uint32_t strings_count;
};

static bool is_judged(const struct plan *plan, const struct operation *o)
{
	if (o->outcome == LINEAR_FAILED || (!plan->local_too && operation_is_local(o)))
		return false;
	return o->outcome == LINEAR_OK || !operation_only_reads(plan->history, o);
}

static uint32_t items_count(const struct operation *o)
{
	return o->compare + o->then + o->otherwise;
}

static uint32_t root_of(struct planning *p, uint32_t key)
{
	while (p->parent[key] != key) {
		p->parent[key] = p->parent[p->parent[key]];
		key = p->parent[key];
	}
	return key;
}

/* The smaller number becomes the root. */
static uint32_t keys_join(struct planning *p, uint32_t a, uint32_t b)
{
	uint32_t x, y;

	if (a == NONE)
		return root_of(p, b);
	x = root_of(p, a);
	y = root_of(p, b);
	if (x < y)
		p->parent[y] = x;
	else
		p->parent[x] = y;
	return x < y ? x : y;
}

static bool is_key(const struct planning *p, uint32_t number)
{
	return p->parent[number] != NONE;
}

/* The next key after @number that begins with @prefix; NONE. */
static uint32_t listed_next(const struct planning *p, uint32_t number, uint32_t prefix)
{
	const struct strings *strings = &p->plan->history->strings;
	const char *text = strings_text(strings, prefix);
	size_t len = strlen(text);

	while (++number < p->strings_count)
		if (is_key(p, number) &&
			strncmp(strings_text(strings, number), text, len) == 0)
			return number;
	return NONE;
}

static void keys_mark(struct planning *p, const struct operation *o)
{
	const struct item *items = &p->plan->history->items[o->first];

	for (uint32_t i = 0; i < items_count(o); i++)
		if (items[i].kind != DO_LIST)
			p->parent[items[i].key] = items[i].key;
}

static void operation_join(struct planning *p, const struct operation *o)
{
	const struct item *items = &p->plan->history->items[o->first];
	uint32_t first = NONE;

	for (uint32_t i = 0; i < items_count(o); i++) {
		if (items[i].kind != DO_LIST) {
			first = keys_join(p, first, items[i].key);
			continue;
		}
		for (uint32_t key = listed_next(p, 0, items[i].key); key != NONE;
			key = listed_next(p, key, items[i].key))
			first = keys_join(p, first, key);
	}
}

static void for_each_judged(
	struct planning *p, void (*call)(struct planning *, const struct operation *))
{
	const struct linear_history *h = p->plan->history;

	for (size_t i = 0; i < h->count; i++)
		if (is_judged(p->plan, &h->operations[i]))
			call(p, &h->operations[i]);
}

static int array_make(struct plan *plan, void *array_p, size_t count, size_t size)
{
	size_t room = 0;
	void *none = NULL;

	memcpy(array_p, &none, sizeof(none));
	return budget_grow(&plan->budget, array_p, &room, count + 1, size);
}

/* Parts are numbered by their first keys; @cell_of holds the part meanwhile. */
static void parts_number(struct planning *p)
{
	struct plan *plan = p->plan;

	for (uint32_t number = 0; number < p->strings_count; number++) {
		uint32_t root;

		plan->cell_of[number] = NONE;
		if (!is_key(p, number))
			continue;
		root = root_of(p, number); /* not larger, so it has its part already */
		plan->cell_of[number] = root == number ? plan->parts_count++
						       : plan->cell_of[root];
		plan->parts[plan->cell_of[number]].cells_count++;
		plan->cells_count++;
	}
}

static void cells_number(struct planning *p)
{
	struct plan *plan = p->plan;
	uint32_t cell = 0;

	for (uint32_t i = 0; i < plan->parts_count; i++) {
		plan->parts[i].cells_first = cell;
		cell += plan->parts[i].cells_count;
		plan->parts[i].cells_count = 0;
	}
	for (uint32_t number = 0; number < p->strings_count; number++) {
		uint32_t part = plan->cell_of[number];

		if (part == NONE)
			continue;
		cell = plan->parts[part].cells_first + plan->parts[part].cells_count++;
		plan->cell_of[number] = cell;
		plan->keys[cell] = number;
		plan->part_of[cell] = part;
	}
}

static int item_copy(struct plan *plan, const struct item *item)
{
	int rc = budget_grow(&plan->budget, &plan->items, &plan->items_room,
		plan->items_count + 1, sizeof(*plan->items));

	if (rc)
		return rc;
	plan->items[plan->items_count] = *item;
	plan->items[plan->items_count++].key = plan->cell_of[item->key];
	return 0;
}

static bool list_found(const struct item *found, uint32_t count, uint32_t key)
{
	for (uint32_t i = 0; i < count; i++)
		if (found[i].key == key)
			return true;
	return false;
}

/* Of all keys that the list would show it did not find these: nothing was there. */
static int list_copy(struct planning *p, const struct operation *o)
{
	const struct item *list = &p->plan->history->items[o->first];
	int rc = 0;

	if (!list->told)
		return 0;
	for (uint32_t i = 1; i < o->then && !rc; i++)
		rc = item_copy(p->plan, &list[i]);
	for (uint32_t key = listed_next(p, 0, list->key); key != NONE && !rc;
		key = listed_next(p, key, list->key)) {
		struct item absent = {.kind = DO_GET, .key = key, .told = true};

		if (!list_found(list + 1, o->then - 1, key))
			rc = item_copy(p->plan, &absent);
	}
	return rc;
}

static int items_copy(struct planning *p, const struct operation *o)
{
	const struct item *items = &p->plan->history->items[o->first];
	int rc = 0;

	if (o->kind == LINEAR_LIST)
		return list_copy(p, o);
	for (uint32_t i = 0; i < items_count(o) && !rc; i++)
		rc = item_copy(p->plan, &items[i]);
	return rc;
}

static int move_add(struct planning *p, const struct operation *o)
{
	struct plan *plan = p->plan;
	uint32_t first = (uint32_t)plan->items_count;
	int rc = items_copy(p, o);
	struct move *move;
	struct part *part;

	if (rc || plan->items_count == first)
		return rc;
	move = &plan->moves[plan->moves_count++];
	*move = (struct move){.invoked = o->invoked,
		.returned = o->returned,
		.position = o->position,
		.first = first,
		.compare = o->compare,
		.then = o->kind == LINEAR_LIST ? (uint32_t)plan->items_count - first
					       : o->then,
		.otherwise = o->otherwise,
		.source = (uint32_t)(o - plan->history->operations),
		.part = plan->part_of[plan->items[first].key],
		.answer = o->answer};
	part = &plan->parts[move->part];
	part->moves_count++;
	part->items_count += plan->items_count - first;
	return 0;
}

static int by_part_and_time(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->invoked != y->invoked)
		return x->invoked < y->invoked ? -1 : 1;
	return (x->source > y->source) - (x->source < y->source);
}

static int moves_make(struct planning *p)
{
	struct plan *plan = p->plan;
	const struct linear_history *h = plan->history;
	int rc = array_make(plan, &plan->moves, h->count, sizeof(*plan->moves));

	for (size_t i = 0; i < h->count && !rc; i++)
		if (is_judged(plan, &h->operations[i]))
			rc = move_add(p, &h->operations[i]);
	if (rc)
		return rc;
	qsort(plan->moves, plan->moves_count, sizeof(*plan->moves), by_part_and_time);
	for (uint32_t i = 0; i < plan->moves_count; i++)
		plan->moves[i].items = &plan->items[plan->moves[i].first];
	for (uint32_t i = 0, first = 0; i < plan->parts_count; i++) {
		plan->parts[i].moves_first = first;
		first += plan->parts[i].moves_count;
	}
	return 0;
}

static int arrays_make(struct planning *p)
{
	struct plan *plan = p->plan;
	uint32_t n = p->strings_count;
	int rc = array_make(plan, &p->parent, n, sizeof(*p->parent));

	if (!rc)
		rc = array_make(plan, &plan->cell_of, n, sizeof(*plan->cell_of));
	if (!rc)
		rc = array_make(plan, &plan->keys, n, sizeof(*plan->keys));
	if (!rc)
		rc = array_make(plan, &plan->part_of, n, sizeof(*plan->part_of));
	if (!rc)
		rc = array_make(plan, &plan->parts, n, sizeof(*plan->parts));
	return rc;
}

int plan_begin(struct plan *plan, const struct linear_history *history, size_t len_max,
	bool local_too)
{
	struct planning p = {
		.plan = plan, .strings_count = (uint32_t)history->strings.count};
	int rc;

	*plan = (struct plan){
		.history = history, .budget = {.left = len_max}, .local_too = local_too};
	rc = arrays_make(&p);
	if (!rc) {
		for (uint32_t number = 0; number < p.strings_count; number++)
			p.parent[number] = NONE;
		for_each_judged(&p, keys_mark);
		for_each_judged(&p, operation_join);
		parts_number(&p);
		cells_number(&p);
		rc = moves_make(&p);
	}
	free(p.parent);
	if (rc)
		plan_end(plan);
	return rc;
}

void plan_end(struct plan *plan)
{
	free(plan->cell_of);
	free(plan->keys);
	free(plan->part_of);
	free(plan->items);
	free(plan->moves);
	free(plan->parts);
	*plan = (struct plan){0};
}
