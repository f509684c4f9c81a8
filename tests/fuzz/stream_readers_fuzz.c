/*
 * Lines that readers write: whatever they say, a replica believes nobody beyond its commit point
 * or back behind what that reader had, and waits for the one that is farthest behind (R4, R5).
 *
 * The input: which reader, and what is in its line; between that the stream goes on.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hw/memory.h"
#include "sequencer/stream/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROWS 4
#define SLOTS 16
#define SLOT_LEN 64
#define EPOCH 1
#define READERS 3
#define TURN_LEN 4

static const struct stream_limits limits = {
	.slot_len = SLOT_LEN, .slots = SLOTS, .rows = ROWS, .blocks = true};
static struct device *device;
static struct memory *log_memory, *inbox_memory, *fed_memory;
static struct stream_log stream;
static struct stream_inbox fed;
static _Alignas(64) unsigned char ring[SLOTS * SLOT_LEN];
static _Alignas(64) unsigned char words[4096];

static void require(bool claim)
{
	if (!claim)
		abort();
}

static struct memory *exposed(uint64_t len)
{
	struct memory_config config = {.pages = {.len = len, .node = -1}, .source = true};
	struct memory *memory = NULL;

	require(shm_memory_ops.expose(device, &config, &memory, NULL) == 0);
	return memory;
}

static void end(void)
{
	shm_memory_ops.withdraw(log_memory);
	shm_memory_ops.withdraw(inbox_memory);
	shm_memory_ops.withdraw(fed_memory);
	shm_memory_ops.close(device);
}

static void begin(void)
{
	struct device_config config = {.listen = true};
	uint64_t len;

	require(shm_memory_ops.open(&config, &device, NULL) == 0);
	require(stream_log_len(SLOTS, SLOT_LEN, ROWS, &len));
	log_memory = exposed(len);
	inbox_memory = exposed(stream_inbox_len(&limits));
	fed_memory = exposed(sizeof(struct stream_inbox) + (uint64_t)SLOTS * SLOT_LEN);
	(void)atexit(end);
}

static void log_open(void)
{
	struct stream_entering entering = {.epoch = EPOCH,
		.ceiling = 1000000,
		.hole_timeout_ns = 1,
		.head = true,
		.tail = true,
		.places = {.words = (void *)words,
			.inbox = &fed,
			.ring = {
				.bytes = ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1}}};

	memset(words, 0, sizeof(words));
	memset(ring, 0, sizeof(ring));
	memset(shm_memory_ops.base(inbox_memory), 0, STREAM_INBOX_RING);
	memset(shm_memory_ops.base(fed_memory), 0, sizeof(struct stream_inbox));
	stream_log_create(
		&stream, shm_memory_ops.base(log_memory), SLOTS, SLOT_LEN, ROWS, 0);
	stream_log_prepare(&stream, EPOCH, entering.places.words, &fed);
	stream_log_enter(&stream, &entering);
}

/* In place, but for the last, who is fed. */
static struct readers *readers_open(uint32_t numbers[READERS])
{
	struct readers_config config = {.stream = "desk/fuzz",
		.limits = &limits,
		.device = device,
		.log = log_memory,
		.inbox = inbox_memory};
	struct readers *readers;

	require(readers_make(&config, &readers, NULL) == 0);
	for (uint32_t i = 0; i < READERS; i++) {
		struct stream_reader_config reader = {.token = 1 + i,
			.inbox = i + 1 == READERS ? shm_memory_ops.address(fed_memory)
						  : "",
			.inbox_slots = i + 1 == READERS ? SLOTS : 0,
			.program = "fuzz"};
		struct stream_reader_answer answer;

		require(readers_add(readers, &stream, &reader, &answer, NULL) == 0);
		numbers[i] = answer.reader;
	}
	return readers;
}

static void publish(uint64_t p)
{
	struct stream_slot slot = {.position = p,
		.epoch = EPOCH,
		.publisher = stream_publisher_name(1, 0),
		.id = p,
		.len = 2,
		.flags = STREAM_FIRST | STREAM_LAST};
	struct stream_ring inbox = {
		.bytes = ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1};

	stream_slot_write(stream_ring_at(&inbox, p), &slot, "ab");
}

static void line_write(uint32_t reader, const uint8_t *bytes)
{
	unsigned char *inbox = shm_memory_ops.base(inbox_memory);
	uint64_t word = bytes[2] & 1 ? (uint64_t)0 - bytes[3] : bytes[3];

	memcpy(inbox + stream_reader_offset(reader - 1), &word, sizeof(word));
}

/* @seen: what each reader had consumed; nobody goes back, or past the commit point. */
static void turn(struct readers *readers, uint64_t seen[READERS], uint64_t now_ns)
{
	uint64_t waited = readers_waited_for(readers, &stream, now_ns);
	struct stream_reader_status status;
	uint64_t slowest = UINT64_MAX;

	for (uint32_t i = 0; readers_status(readers, &stream, i, &status); i++) {
		require(i < READERS);
		require(status.consumed >= seen[i] && status.consumed <= stream.commit);
		require(status.lag == stream.commit - status.consumed);
		seen[i] = status.consumed;
		slowest = status.consumed < slowest ? status.consumed : slowest;
	}
	require(waited == slowest);
	stream_log_waits_for(&stream, waited);
	publish(stream_log_end(&stream) + 1);
	(void)stream_log_advance(&stream, stream_log_end(&stream) + 1, 1, now_ns);
	require(stream_log_oldest(&stream) <= slowest + 1); /* nobody was lapped */
	(void)readers_turn(readers, &stream, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint32_t numbers[READERS];
	uint64_t seen[READERS] = {0}, now_ns = 1;
	struct readers *readers;

	if (!device)
		begin();
	log_open();
	readers = readers_open(numbers);
	for (; len >= TURN_LEN && now_ns < 100; data += TURN_LEN, len -= TURN_LEN) {
		line_write(numbers[data[0] % READERS], data);
		for (unsigned int i = 0; i < 1u + data[1] % 4; i++)
			turn(readers, seen, now_ns++);
	}
	readers_free(readers);
	return 0;
}
