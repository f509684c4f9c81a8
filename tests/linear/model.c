#include "tests/linear/model.h"

enum truth {
	NO,
	YES,
	EITHER
};

bool item_writes(const struct item *item)
{
	return item->kind >= DO_PUT && item->kind <= DO_RAISE;
}

bool item_observes(const struct item *item)
{
	return item->kind != DO_PUT && item->kind != DO_DELETE;
}

static struct cell *cell_change(struct model *model, uint32_t cell)
{
	model->undos[model->undos_count++] = (struct undo){
		.before = model->cells[cell], .cell = cell};
	return &model->cells[cell];
}

void model_undo(struct model *model, size_t mark)
{
	while (model->undos_count > mark) {
		const struct undo *undo = &model->undos[--model->undos_count];

		model->cells[undo->cell] = undo->before;
	}
}

static enum truth version_is(const struct cell *cell, uint64_t version)
{
	if (cell->value == 0 || version == 0)
		return cell->value == 0 && version == 0 ? YES : NO;
	if (cell->exact)
		return cell->version == version ? YES : NO;
	return version > cell->version ? EITHER : NO;
}

static enum truth owner_may_enter(const struct cell *cell, uint32_t owner)
{
	if (cell->value == 0)
		return YES;
	return cell->value == owner ? EITHER : NO;
}

static enum truth item_holds(const struct cell *cell, const struct item *item)
{
	switch (item->kind) {
	case IF_VALUE:
		return cell->value == item->value ? YES : NO;
	case IF_VERSION:
		return version_is(cell, item->version);
	case IF_PRESENT:
		return cell->value != 0 ? YES : NO;
	case IF_FREE:
		return owner_may_enter(cell, item->value);
	default: /* IF_FRESH */
		return cell->version <= item->version ? YES : NO;
	}
}

/* The version that was found is the one that was written. */
static void version_learn(struct model *model, uint32_t cell, uint64_t version)
{
	struct cell *c = cell_change(model, cell);

	c->version = version;
	c->exact = 1;
}

/* All comparisons hold, and what they tell is known from now on. */
static bool comparisons_hold(struct model *model, const struct move *move)
{
	for (uint32_t i = 0; i < move->compare; i++) {
		const struct item *item = &move->items[i];
		enum truth truth = item_holds(&model->cells[item->key], item);

		if (truth == NO)
			return false;
		if (truth == EITHER && item->kind == IF_VERSION)
			version_learn(model, item->key, item->version);
	}
	return true;
}

static bool comparisons_may_fail(const struct model *model, const struct move *move)
{
	for (uint32_t i = 0; i < move->compare; i++) {
		const struct item *item = &move->items[i];

		if (item_holds(&model->cells[item->key], item) != YES)
			return true;
	}
	return false;
}

static bool get_agrees(struct model *model, const struct item *item)
{
	const struct cell *cell = &model->cells[item->key];
	enum truth truth;

	if (!item->told)
		return true;
	if (cell->value != item->value)
		return false;
	if (item->value == 0 || item->version == 0)
		return true;
	truth = version_is(cell, item->version);
	if (truth == EITHER)
		version_learn(model, item->key, item->version);
	return truth != NO;
}

static void cell_write(
	struct model *model, const struct item *item, uint32_t value, uint64_t position)
{
	struct cell *cell = cell_change(model, item->key);

	cell->value = value;
	cell->exact = value != 0 && position != 0;
	if (position)
		cell->version = position;
}

/* Who has the lock already is given the token that he has. */
static bool lock_agrees(struct model *model, const struct item *item, uint64_t position)
{
	const struct cell *cell = &model->cells[item->key];
	enum truth truth;

	if (cell->value != item->value) {
		cell_write(model, item, item->value, position);
		return true;
	}
	if (position == 0)
		return true;
	truth = version_is(cell, position);
	if (truth == EITHER)
		version_learn(model, item->key, position);
	return truth != NO;
}

static bool step_agrees(struct model *model, const struct item *item, uint64_t position)
{
	switch (item->kind) {
	case DO_GET:
		return get_agrees(model, item);
	case DO_LOCK:
		return lock_agrees(model, item, position);
	case DO_PUT:
		cell_write(model, item, item->value, position);
		return true;
	case DO_DELETE:
		cell_write(model, item, 0, position);
		return true;
	case DO_RELEASE:
		if (model->cells[item->key].value == item->value)
			cell_write(model, item, 0, position);
		return true;
	case DO_RAISE:
		cell_change(model, item->key)->version = item->version;
		return true;
	default: /* DO_LIST: its keys stand behind it */
		return true;
	}
}

/* A position is larger than those of all that was written there before. */
static bool position_fits(
	const struct model *model, const struct item *item, uint64_t position)
{
	const struct cell *cell = &model->cells[item->key];

	if (position == 0 || !item_writes(item) || item->kind == DO_RAISE)
		return true;
	if (item->kind == DO_LOCK && cell->value == item->value)
		return true;
	return position > cell->version;
}

static bool steps_agree(
	struct model *model, const struct item *items, uint32_t count, uint64_t position)
{
	for (uint32_t i = 0; i < count; i++)
		if (!position_fits(model, &items[i], position))
			return false;
	for (uint32_t i = 0; i < count; i++)
		if (!step_agrees(model, &items[i], position))
			return false;
	return true;
}

bool model_apply(struct model *model, const struct move *move, enum linear_answer answer)
{
	const struct item *then = move->items + move->compare;
	size_t mark = model->undos_count;
	bool agrees;

	if (answer == LINEAR_DONE)
		agrees = comparisons_hold(model, move) &&
			 steps_agree(model, then, move->then, move->position);
	else
		agrees = comparisons_may_fail(model, move) &&
			 steps_agree(model, then + move->then, move->otherwise,
				 move->position);
	if (!agrees)
		model_undo(model, mark);
	return agrees;
}
