#include "client/lib/book.h"

#include <string.h>

int book_open(struct book *book, const char *where, struct error *err)
{
	struct endpoint_list list;
	int rc = endpoint_list_find(where, &list, err);

	if (rc)
		return rc;
	memset(book, 0, sizeof(*book));
	memcpy(book->at, list.at, list.count * sizeof(list.at[0]));
	book->count = list.count;
	book->given = list.count;
	book->oldest = list.count;
	return 0;
}

static const struct endpoint *book_find(const struct book *book, const char *text)
{
	for (unsigned int i = 0; i < book->count; i++) {
		if (strcmp(book->at[i].text, text) == 0)
			return &book->at[i];
	}
	return NULL;
}

/* Room for one more: free room, or that of the one heard of longest ago. */
static struct endpoint *book_room(struct book *book)
{
	struct endpoint *room;

	if (book->count < BOOK_MAX)
		return &book->at[book->count++];
	room = &book->at[book->oldest++];
	if (book->oldest == BOOK_MAX)
		book->oldest = book->given;
	return room;
}

const struct endpoint *book_learn(struct book *book, const char *text, bool *new_p)
{
	const struct endpoint *known = book_find(book, text);
	struct endpoint endpoint;
	struct endpoint *room;

	if (known)
		return known;
	if (endpoint_parse(text, false, &endpoint, NULL))
		return NULL;
	room = book_room(book);
	*room = endpoint;
	book->next = (unsigned int)(room - book->at);
	*new_p = true;
	return room;
}

const struct endpoint *book_turn(struct book *book)
{
	const struct endpoint *turn = &book->at[book->next];

	book->next = (book->next + 1) % book->count;
	return turn;
}

bool book_gave(const struct book *book, const struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < book->given; i++) {
		if (strcmp(book->at[i].text, endpoint->text) == 0)
			return true;
	}
	return false;
}
