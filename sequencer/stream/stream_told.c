/* What other members say about their memory of a stream, and who of them is a neighbour. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/stream/stream.h"

static struct stream_told *told_find(const struct stream *s, struct stream_member member)
{
	for (uint32_t i = 0; i < STREAM_TOLD_MAX; i++) {
		struct stream_told *told = s->told[i];

		if (told && stream_member_same(told->member, member))
			return told;
	}
	return NULL;
}

const struct stream_addresses *stream_told_by(
	const struct stream *s, struct stream_member member)
{
	const struct stream_told *told = told_find(s, member);

	return told ? &told->addresses : NULL;
}

static bool addresses_same(
	const struct stream_addresses *a, const struct stream_addresses *b)
{
	return a->epoch == b->epoch && !strcmp(a->words, b->words) &&
	       !strcmp(a->log, b->log);
}

bool stream_told_is_news(const struct stream *s, struct stream_member member,
	const struct stream_addresses *addresses)
{
	const struct stream_told *told = told_find(s, member);

	return !told || !addresses_same(&told->addresses, addresses);
}

/* The one of a former life of the same replica, or an empty place, or the oldest. */
static struct stream_told *told_place(struct stream *s, struct stream_member member)
{
	struct stream_told **place = &s->told[s->told_next];

	for (uint32_t i = 0; i < STREAM_TOLD_MAX; i++) {
		if (s->told[i] && s->told[i]->member.replica == member.replica)
			return s->told[i];
	}
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (*place)
		s->told_next = (s->told_next + 1) % STREAM_TOLD_MAX;
	return *place;
}

/* A neighbour is linked to when the epoch is active here (H2), to its words of that epoch. */
static void neighbour_point(struct stream *s, struct neighbour *n)
{
	const struct stream_told *told = told_find(s, n->member);

	if (s->stage == STREAM_SERVED && n->member.incarnation && told &&
		told->addresses.epoch == s->change.epoch && told->addresses.words[0])
		neighbour_told(n, told->addresses.words);
}

static void neighbours_point(struct stream *s)
{
	neighbour_point(s, &s->successor);
	neighbour_point(s, &s->predecessor);
}

int stream_told(struct stream *s, struct stream_member member,
	const struct stream_addresses *addresses)
{
	struct stream_told *told = told_find(s, member);

	if (!told)
		told = told_place(s, member);
	if (!told)
		return -ENOMEM;
	*told = (struct stream_told){.member = member, .addresses = *addresses};
	neighbours_point(s);
	return 0;
}

static bool neighbour_is_missing(const struct neighbour *n)
{
	return n->member.incarnation && n->address[0] == '\0';
}

bool stream_asks(const struct stream *s)
{
	if (s->stage == STREAM_FILLING)
		return !s->fill;
	if (s->stage == STREAM_FOLLOWING)
		return !s->follow;
	return s->stage == STREAM_SERVED &&
	       (neighbour_is_missing(&s->successor) ||
		       neighbour_is_missing(&s->predecessor));
}

void stream_neighbours_begin(struct stream *s)
{
	const struct stream_chain *chain = &s->change.chain;
	struct stream_member nobody = {.incarnation = 0};

	neighbour_begin(&s->successor,
		stream_is_tail(s) ? &nobody : &chain->at[chain->place + 1]);
	neighbour_begin(&s->predecessor,
		stream_is_head(s) ? &nobody : &chain->at[chain->place - 1]);
	neighbours_point(s);
}
