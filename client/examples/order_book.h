/*
 * A limit order book, rebuilt from events of an exchange: which orders rest, and how much at
 * each price.  Prices are in cents, volumes in 1e-8 of the thing.
 */
#ifndef PAWL_EXAMPLE_ORDER_BOOK_H
#define PAWL_EXAMPLE_ORDER_BOOK_H

#include <stddef.h>
#include <stdint.h>

enum side {
	SIDE_BID,
	SIDE_ASK,
};

/* A price at which orders rest. */
struct level {
	uint64_t price;
	uint64_t volume;
	uint32_t orders;
};

/* The best price is the last one, for that is where most changes are. */
struct ladder {
	struct level *levels;
	size_t count;
	size_t room;
};

struct order {
	uint64_t id; /* 0: no order */
	uint64_t price;
	uint64_t volume;
	enum side side;
};

struct order_book {
	struct ladder sides[2];
	struct order *orders; /* a hash table */
	size_t orders_room;   /* a power of two */
	uint64_t resting;
	uint64_t created;
	uint64_t changed;
	uint64_t deleted;
	uint64_t trades;  /* times that an order was filled, wholly or in part */
	uint64_t traded;  /* volume */
	uint64_t strange; /* events of orders that it never saw */
};

/* 0 or -ENOMEM. */
int order_book_open(struct order_book *book);
void order_book_close(struct order_book *book);

/*
 * Takes one event: "id,received,happened,price,volume,action,direction", as in
 * deploy/sample/orders.csv.  -EINVAL: it is none.  -ENOMEM.
 */
int order_book_apply(struct order_book *book, const char *text, size_t len);

/* The level @depth below the best price of that side, from 0; NULL: there is none. */
const struct level *order_book_level(
	const struct order_book *book, enum side side, size_t depth);

#endif
