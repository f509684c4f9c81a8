#include "bench/stream_message.h"

#include <stddef.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define ODD UINT64_C(0xbf58476d1ce4e5b9)

/* Word @i behind the stamp, of a message that is its publisher's @number-th. */
static uint64_t filling(const struct stream_stamp *stamp, uint64_t i)
{
	return (stamp->number + (stamp->publisher << 40) + i) * ODD;
}

static uint64_t sum_of(const struct stream_stamp *stamp, size_t len)
{
	return stream_digest(0,
		stream_word_of(len, stamp->number, stamp->publisher, stamp->intended_ns));
}

/*
 * Word by word: a stamp that is copied as a whole, right after its words were stored, makes the
 * processor wait for them.
 */
static void word_put(unsigned char *bytes, size_t at, uint64_t word)
{
	memcpy(bytes + at, &word, WORD);
}

static uint64_t word_get(const unsigned char *bytes, size_t at)
{
	uint64_t word;

	memcpy(&word, bytes + at, WORD);
	return word;
}

void stream_message_fill(
	unsigned char *bytes, size_t len, const struct stream_stamp *stamp)
{
	size_t at = sizeof(*stamp);
	uint64_t word, i = 0;

	for (; len - at >= WORD; at += WORD)
		word_put(bytes, at, filling(stamp, i++));
	word = filling(stamp, i);
	memcpy(bytes + at, &word, len - at);
	word_put(bytes, offsetof(struct stream_stamp, intended_ns), stamp->intended_ns);
	word_put(bytes, offsetof(struct stream_stamp, number), stamp->number);
	word_put(bytes, offsetof(struct stream_stamp, publisher), stamp->publisher);
	word_put(bytes, offsetof(struct stream_stamp, sum), sum_of(stamp, len));
}

bool stream_message_read(
	const unsigned char *bytes, size_t len, struct stream_stamp *stamp_p)
{
	size_t at = sizeof(*stamp_p);
	uint64_t word, i = 0, wrong = 0;

	if (len < at)
		return false;
	stamp_p->intended_ns = word_get(
		bytes, offsetof(struct stream_stamp, intended_ns));
	stamp_p->number = word_get(bytes, offsetof(struct stream_stamp, number));
	stamp_p->publisher = word_get(bytes, offsetof(struct stream_stamp, publisher));
	stamp_p->sum = word_get(bytes, offsetof(struct stream_stamp, sum));
	for (; len - at >= WORD; at += WORD)
		wrong |= word_get(bytes, at) ^ filling(stamp_p, i++);
	word = filling(stamp_p, i);
	return !wrong && (len == at || memcmp(bytes + at, &word, len - at) == 0) &&
	       stamp_p->sum == sum_of(stamp_p, len);
}
