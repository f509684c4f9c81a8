#include "order_book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS_ROOM 1024 /* at first */
#define EVENT_MAX 200

struct event {
	uint64_t id;
	uint64_t price;
	uint64_t volume;
	char action[16];
	enum side side;
};

int order_book_open(struct order_book *book)
{
	*book = (struct order_book){.orders_room = ORDERS_ROOM};
	book->orders = calloc(ORDERS_ROOM, sizeof(*book->orders));
	return book->orders ? 0 : -ENOMEM;
}

void order_book_close(struct order_book *book)
{
	free(book->sides[SIDE_BID].levels);
	free(book->sides[SIDE_ASK].levels);
	free(book->orders);
}

/* "236.4" is 23640 cents. */
static uint64_t price_read(const char *text)
{
	char *end;
	uint64_t cents = strtoull(text, &end, 10) * 100;

	if (end[0] == '.' && end[1] >= '0' && end[1] <= '9') {
		cents += (uint64_t)(end[1] - '0') * 10;
		if (end[2] >= '0' && end[2] <= '9')
			cents += (uint64_t)(end[2] - '0');
	}
	return cents;
}

static int event_read(const char *text, size_t len, struct event *event)
{
	char line[EVENT_MAX], price[24], direction[8];
	unsigned long long id, volume;

	if (len >= sizeof(line))
		return -EINVAL;
	memcpy(line, text, len);
	line[len] = '\0';
	if (sscanf(line, "%llu,%*u,%*u,%23[0-9.],%llu,%15[a-z],%7[a-z]", &id, price,
		    &volume, event->action, direction) != 5 ||
		id == 0)
		return -EINVAL;
	event->id = id;
	event->price = price_read(price);
	event->volume = volume;
	event->side = strcmp(direction, "bid") == 0 ? SIDE_BID : SIDE_ASK;
	return 0;
}

/* Where the price is, or belongs.  Asks are in the other direction: the best is the last. */
static size_t level_find(const struct ladder *ladder, enum side side, uint64_t price)
{
	size_t from = 0, to = ladder->count;

	while (from < to) {
		size_t middle = (from + to) / 2;
		uint64_t there = ladder->levels[middle].price;

		if (side == SIDE_BID ? there < price : there > price)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int ladder_grow(struct ladder *ladder)
{
	size_t room = ladder->room ? 2 * ladder->room : 64;
	struct level *levels = realloc(ladder->levels, room * sizeof(*levels));

	if (!levels)
		return -ENOMEM;
	ladder->levels = levels;
	ladder->room = room;
	return 0;
}

static int level_add(struct ladder *ladder, const struct order *order)
{
	size_t at = level_find(ladder, order->side, order->price);
	struct level *level;

	if (at == ladder->count || ladder->levels[at].price != order->price) {
		if (ladder->count == ladder->room && ladder_grow(ladder))
			return -ENOMEM;
		level = &ladder->levels[at];
		memmove(level + 1, level, (ladder->count++ - at) * sizeof(*level));
		*level = (struct level){.price = order->price};
	}
	level = &ladder->levels[at];
	level->volume += order->volume;
	level->orders++;
	return 0;
}

static void level_take(struct ladder *ladder, const struct order *order)
{
	size_t at = level_find(ladder, order->side, order->price);
	struct level *level = &ladder->levels[at];

	level->volume -= order->volume;
	if (--level->orders > 0)
		return;
	memmove(level, level + 1, (--ladder->count - at) * sizeof(*level));
}

/* The order's place in the table, or the free one where it belongs. */
static struct order *order_find(const struct order_book *book, uint64_t id)
{
	size_t mask = book->orders_room - 1;
	size_t at = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;

	while (book->orders[at].id && book->orders[at].id != id)
		at = (at + 1) & mask;
	return &book->orders[at];
}

static int orders_grow(struct order_book *book)
{
	struct order *old = book->orders;
	size_t old_room = book->orders_room;
	struct order *orders = calloc(2 * old_room, sizeof(*orders));

	if (!orders)
		return -ENOMEM;
	book->orders = orders;
	book->orders_room = 2 * old_room;
	for (size_t i = 0; i < old_room; i++) {
		if (old[i].id)
			*order_find(book, old[i].id) = old[i];
	}
	free(old);
	return 0;
}

static int order_rest(struct order_book *book, const struct order *order)
{
	if (book->resting >= book->orders_room / 2 && orders_grow(book))
		return -ENOMEM;
	if (level_add(&book->sides[order->side], order))
		return -ENOMEM;
	*order_find(book, order->id) = *order;
	book->resting++;
	return 0;
}

/* Those behind it move up, so that they are still found. */
static void order_remove(struct order_book *book, struct order *order)
{
	size_t mask = book->orders_room - 1;
	size_t at = (size_t)(order - book->orders);

	level_take(&book->sides[order->side], order);
	order->id = 0;
	book->resting--;
	while (book->orders[at = (at + 1) & mask].id) {
		struct order moved = book->orders[at];

		book->orders[at].id = 0;
		*order_find(book, moved.id) = moved;
	}
}

static void trade_count(struct order_book *book, uint64_t volume)
{
	book->trades++;
	book->traded += volume;
}

/* An order that rests is taken out, and what is left of it put in again. */
static int order_changed(struct order_book *book, const struct event *event)
{
	struct order *found = order_find(book, event->id);
	struct order order = {.id = event->id,
		.price = event->price,
		.volume = event->volume,
		.side = event->side};

	book->changed++;
	if (!found->id) {
		book->strange++;
	} else {
		if (event->volume < found->volume)
			trade_count(book, found->volume - event->volume);
		order_remove(book, found);
	}
	return event->volume > 0 ? order_rest(book, &order) : 0;
}

/* Nothing was left of an order that was filled; one that was withdrawn still has its volume. */
static int order_deleted(struct order_book *book, const struct event *event)
{
	struct order *found = order_find(book, event->id);

	book->deleted++;
	if (!found->id) {
		book->strange++;
		return 0;
	}
	if (event->volume < found->volume)
		trade_count(book, found->volume - event->volume);
	order_remove(book, found);
	return 0;
}

static int order_created(struct order_book *book, const struct event *event)
{
	struct order *found = order_find(book, event->id);
	struct order order = {.id = event->id,
		.price = event->price,
		.volume = event->volume,
		.side = event->side};

	book->created++;
	if (found->id) {
		book->strange++;
		order_remove(book, found);
	}
	return order_rest(book, &order);
}

int order_book_apply(struct order_book *book, const char *text, size_t len)
{
	struct event event;
	int rc = event_read(text, len, &event);

	if (rc)
		return rc;
	if (strcmp(event.action, "created") == 0)
		return order_created(book, &event);
	if (strcmp(event.action, "changed") == 0)
		return order_changed(book, &event);
	return strcmp(event.action, "deleted") == 0 ? order_deleted(book, &event)
						    : -EINVAL;
}

const struct level *order_book_level(
	const struct order_book *book, enum side side, size_t depth)
{
	const struct ladder *ladder = &book->sides[side];

	return depth < ladder->count ? &ladder->levels[ladder->count - 1 - depth] : NULL;
}
