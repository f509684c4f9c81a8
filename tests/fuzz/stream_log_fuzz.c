/*
 * Memory of streams that others wrote: a log that another life left, the inbox and the words of a
 * backup, the words that a successor writes, and what a subscriber reads in place.  Whatever it
 * says, nobody leaves its own memory or breaks a promise of the code.
 *
 * Most inputs would fail at a checksum or at a magic number.  So the input is a list of changes of
 * four bytes each to memory that was sound: where, what to do there, and with what.  Its first byte
 * says who looks at it then.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/stream_log.h"
#include "sequencer/core/stream_subscriber.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROWS 4
#define SLOTS 8
#define SLOT_LEN 128
#define EPOCH 5
#define RETAINED 12 /* positions that were logged */
#define CHANGE_LEN 4
#define MESSAGE_MAX (2 * SLOT_LEN)

/* One replica.  All of it that others write is one stretch, for the changes. */
struct bench {
	struct stream_log log;
	unsigned char *memory;
	uint64_t memory_len;
	struct stream_words *words;
	struct stream_inbox *fed;
	struct stream_ring inbox;
};

static void require(bool claim)
{
	if (!claim)
		abort();
}

static void *zeroed(size_t len)
{
	void *bytes = aligned_alloc(64, (len + 63) / 64 * 64);

	require(bytes != NULL);
	return memset(bytes, 0, (len + 63) / 64 * 64);
}

/* Messages of one slot and of three, by turns. */
static void slot_make(const struct stream_ring *ring, uint64_t p)
{
	static const uint8_t flags[] = {
		STREAM_FIRST | STREAM_LAST, STREAM_FIRST, 0, STREAM_LAST};
	struct stream_slot slot = {.position = p,
		.epoch = EPOCH,
		.publisher = stream_publisher_name(1, 1),
		.id = 1 + p / 4 * 2 + (p % 4 > 0),
		.len = (uint16_t)(p * 7 % (SLOT_LEN - STREAM_SLOT_HEADER + 1)),
		.flags = flags[p % 4]};
	static const unsigned char payload[SLOT_LEN] = "an order";

	stream_slot_write(stream_ring_at(ring, p), &slot, payload);
}

static void bench_make(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	require(stream_log_len(SLOTS, SLOT_LEN, ROWS, &b->memory_len));
	b->memory = zeroed(b->memory_len);
	b->words = zeroed(stream_words_len(ROWS));
	b->fed = zeroed(sizeof(*b->fed));
	b->inbox = (struct stream_ring){.bytes = zeroed((size_t)SLOTS * SLOT_LEN),
		.slot_len = SLOT_LEN,
		.mask = SLOTS - 1};
	stream_log_create(&b->log, b->memory, SLOTS, SLOT_LEN, ROWS, 0);
}

static void bench_free(struct bench *b)
{
	free(b->memory);
	free(b->words);
	free(b->fed);
	free(b->inbox.bytes);
}

static void bench_enter(struct bench *b, uint64_t epoch, bool head, bool tail)
{
	struct stream_entering entering = {.epoch = epoch,
		.ceiling = 1000000,
		.hole_timeout_ns = 1000,
		.head = head,
		.tail = tail,
		.places = {.words = b->words, .inbox = b->fed, .ring = b->inbox}};

	stream_log_prepare(&b->log, epoch, b->words, b->fed);
	stream_log_enter(&b->log, &entering);
}

/* A log that RETAINED positions went through. */
static void bench_fill(struct bench *b)
{
	for (uint64_t p = 1; p <= RETAINED; p++) {
		slot_make(&b->inbox, p);
		require(stream_log_fill(&b->log, stream_ring_at(&b->inbox, p)));
	}
}

/* True: there was one more change. */
static bool change_make(
	const uint8_t **data, size_t *len, unsigned char *bytes, uint64_t bytes_len)
{
	const uint8_t *at = *data;
	uint64_t offset, word;

	if (*len < CHANGE_LEN)
		return false;
	offset = (at[0] | (uint64_t)at[1] << 8) % bytes_len;
	if (at[2] & 1) {
		bytes[offset] = at[3];
	} else {
		/* A number near the ones that matter, or near the largest. */
		word = at[2] & 2 ? (uint64_t)0 - at[3] : at[3];
		memcpy(bytes + offset / 8 * 8, &word, sizeof(word));
	}
	*data += CHANGE_LEN;
	*len -= CHANGE_LEN;
	return true;
}

static void changes_make(
	const uint8_t **data, size_t *len, unsigned char *bytes, uint64_t bytes_len)
{
	while (change_make(data, len, bytes, bytes_len))
		;
}

/* Changes up to one whose second byte says that it is the last of this round. */
static bool round_make(
	const uint8_t **data, size_t *len, unsigned char *bytes, uint64_t bytes_len)
{
	bool some = *len >= CHANGE_LEN, more = true;

	while (more && *len >= CHANGE_LEN) {
		more = !((*data)[2] & 0x80);
		(void)change_make(data, len, bytes, bytes_len);
	}
	return some;
}

static void slot_any(const uint8_t *data, size_t len)
{
	unsigned char *bytes = zeroed(SLOT_LEN), *copy = zeroed(SLOT_LEN);
	struct stream_ring ring = {.bytes = bytes, .slot_len = SLOT_LEN};
	struct stream_slot slot, taken;

	slot_make(&ring, 1 + (len > 0 ? data[0] % 4 : 0));
	changes_make(&data, &len, bytes, SLOT_LEN);
	if (stream_slot_read(bytes, SLOT_LEN, &slot)) {
		require(stream_slot_used(&slot) <= SLOT_LEN && slot.position > 0);
		require(stream_slot_take(
			copy, bytes, SLOT_LEN, slot.position, 0, &taken));
		require(memcmp(copy, bytes, stream_slot_used(&slot)) == 0);
	} else {
		require(!stream_slot_take(
			copy, bytes, SLOT_LEN, stream_slot_position(bytes), 0, &taken));
		require(stream_slot_position(copy) == 0);
	}
	free(bytes);
	free(copy);
}

/* A life that takes up the log of the one before, and goes on in an epoch with it. */
static void log_adopted(const uint8_t *data, size_t len)
{
	struct bench b;
	uint64_t end = 0, epoch;

	bench_make(&b);
	bench_fill(&b);
	changes_make(&data, &len, b.memory, b.memory_len);
	if (stream_log_adopt(&b.log, b.memory, SLOTS, SLOT_LEN, ROWS)) {
		epoch = b.log.control->epoch;
		require(stream_log_seal(&b.log, epoch, &end));
		require(end == stream_log_end(&b.log));
		require(end + 1 - stream_log_oldest(&b.log) <= SLOTS);
		if (epoch < UINT64_MAX && b.log.control->prepared <= epoch) {
			bench_enter(&b, epoch + 1, true, true);
			(void)stream_log_advance(&b.log, end + 2, SLOTS, 5000);
			(void)stream_log_advance(&b.log, end + 2, SLOTS, 9000);
		}
	}
	bench_free(&b);
}

/* What its predecessor and its successor write is anything, in every turn. */
static void neighbours_any(const uint8_t *data, size_t len, bool head, bool tail)
{
	unsigned char *stretches[] = {NULL, NULL, NULL};
	size_t lens[] = {sizeof(struct stream_back), sizeof(struct stream_fed),
		(size_t)SLOTS * SLOT_LEN};
	struct bench b;
	struct stream_run run;
	struct stream_back back;
	struct stream_fed words;
	uint64_t commit = 0;

	bench_make(&b);
	bench_enter(&b, EPOCH, head, tail);
	stretches[0] = (unsigned char *)&b.words->back;
	stretches[1] = (unsigned char *)&b.fed->fed;
	stretches[2] = b.inbox.bytes;
	for (uint64_t p = 1; p < SLOTS; p++)
		slot_make(&b.inbox, p);
	for (int turn = 0; turn < 60 && len > 0; turn++) {
		unsigned int which = *data++ % 3;
		uint64_t end = stream_log_end(&b.log);

		len--;
		if (which == 2 && end > 0)
			slot_make(&b.inbox, end + 1);
		(void)round_make(&data, &len, stretches[which], lens[which]);
		(void)stream_log_look_back(&b.log);
		(void)stream_log_advance(
			&b.log, end + SLOTS, SLOTS, 700 * (uint64_t)turn);
		require(b.log.commit >= commit && b.log.commit <= stream_log_end(&b.log));
		require(stream_log_end(&b.log) - stream_log_oldest(&b.log) + 1 <= SLOTS);
		commit = b.log.commit;
		if (which == 1 && turn % 7 == 6)
			stream_log_successor_again(&b.log);
		if (stream_log_run(&b.log, 3, &run)) {
			require(run.parts[0].first >= stream_log_oldest(&b.log));
			require(run.end <= stream_log_end(&b.log));
			stream_feed_run_posted(&b.log.successor, &run);
		}
		if (stream_feed_words(
			    &b.log.successor, stream_log_oldest(&b.log), &words))
			stream_feed_words_posted(&b.log.successor, &words);
		if (stream_log_back(&b.log, &back)) {
			require(back.commit <= back.logged &&
				back.released <= back.commit);
			stream_log_back_posted(&b.log, &back);
		}
	}
	bench_free(&b);
}

/* Who waits at a gap is told of it again and again, and may have the begin of a message. */
static void delivery_check(const struct stream_delivery *d, bool waits, uint64_t *next)
{
	unsigned int sum = 0;

	require(d->first >= *next && d->last >= d->first);
	if (d->kind != STREAM_GONE || !waits)
		*next = d->last + 1;
	if (d->kind != STREAM_MESSAGE)
		return;
	require(d->len <= MESSAGE_MAX);
	for (uint64_t i = 0; i < d->len; i++)
		sum += ((const unsigned char *)d->payload)[i];
	require(sum <= 255 * d->len);
}

/* Between two looks anything may happen to a ring and its words. */
static void subscriber_any(const uint8_t *data, size_t len)
{
	struct {
		uint64_t words[2]; /* the end, the oldest */
		unsigned char ring[SLOTS * SLOT_LEN] __attribute__((aligned(64)));
	} *source = zeroed(sizeof(*source));
	struct stream_ring ring = {
		.bytes = source->ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1};
	struct stream_subscriber_config config = {.slot = zeroed(SLOT_LEN),
		.buffer = zeroed(MESSAGE_MAX),
		.buffer_len = MESSAGE_MAX};
	struct stream_subscriber s;
	uint64_t next = 0, base = 0;

	if (len == 0)
		data = (const uint8_t *)"";
	config.from = (enum stream_from)(data[0] % 3);
	config.position = 1 + data[0] / 16;
	config.voids = data[0] & 4;
	config.waits_at_gap = data[0] & 8;
	stream_subscriber_init(&s, &config);
	source->words[0] = 5;
	source->words[1] = 1;
	stream_subscriber_attach(&s, &ring, &source->words[0], &source->words[1]);
	for (int turn = 0; turn < 40; turn++) {
		struct stream_delivery d;

		for (uint64_t p = base + 1; p <= base + 5; p++)
			slot_make(&ring, p);
		base += 3;
		source->words[0] = base + 2;
		if (!round_make(&data, &len, (unsigned char *)source, sizeof(*source)))
			break;
		for (int i = 0; i < 2 * SLOTS && stream_subscriber_poll(&s, SLOTS, &d);
			i++)
			delivery_check(&d, config.waits_at_gap, &next);
		if (turn % 5 == 4)
			stream_subscriber_skip(&s);
	}
	free(config.slot);
	free(config.buffer);
	free(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	switch (data[0] % 6) {
	case 0:
		slot_any(data + 1, len - 1);
		break;
	case 1:
		log_adopted(data + 1, len - 1);
		break;
	case 2:
		neighbours_any(data + 1, len - 1, true, false);
		break;
	case 3:
		neighbours_any(data + 1, len - 1, false, false);
		break;
	case 4:
		neighbours_any(data + 1, len - 1, false, true);
		break;
	default:
		subscriber_any(data + 1, len - 1);
	}
	return 0;
}
