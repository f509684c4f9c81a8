/*
 * Another member's log that is filled from and followed while it changes in any way: the copy
 * stays inside its memory, what counts as filled ends at the base and is whole, and a failure has
 * one line of text.
 *
 * The input is a list of changes of four bytes each, made between the steps: where, what to do
 * there, and with what.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hw/memory.h"
#include "sequencer/stream/fill.h"
#include "sequencer/stream/follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROWS 4
#define SLOTS 8
#define SLOT_LEN 64
#define EPOCH 5
#define BASE 12
#define TOKEN 77
#define CHANGE_LEN 4
#define STEPS_MAX 200

static const struct stream_limits limits = {
	.slot_len = SLOT_LEN, .slots = SLOTS, .rows = ROWS};
static struct device *device;
static struct memory *source, *words;
static uint64_t log_len;

static void require(bool claim)
{
	if (!claim)
		abort();
}

static struct memory *exposed(uint64_t len)
{
	struct memory_config config = {.pages = {.len = len, .node = -1}};
	struct memory *memory = NULL;

	require(shm_memory_ops.expose(device, &config, &memory, NULL) == 0);
	return memory;
}

static void end(void)
{
	shm_memory_ops.withdraw(source);
	shm_memory_ops.withdraw(words);
	shm_memory_ops.close(device);
}

static void begin(void)
{
	struct device_config config = {.listen = true};

	require(shm_memory_ops.open(&config, &device, NULL) == 0);
	require(stream_log_len(SLOTS, SLOT_LEN, ROWS, &log_len));
	source = exposed(log_len);
	words = exposed(stream_words_len(ROWS));
	(void)atexit(end);
}

static void slot_add(struct stream_log *log, uint64_t p)
{
	static unsigned char bytes[SLOT_LEN] __attribute__((aligned(64)));
	struct stream_slot slot = {.position = p,
		.epoch = EPOCH,
		.publisher = stream_publisher_name(1, (uint32_t)(p % ROWS)),
		.id = 1 + p / ROWS,
		.len = 3,
		.flags = STREAM_FIRST | STREAM_LAST};

	stream_slot_write(bytes, &slot, "abc");
	require(stream_log_fill(log, bytes));
}

/* A sealed log of EPOCH that ends at the base. */
static void source_make(void)
{
	struct stream_words *w = shm_memory_ops.base(words);
	struct stream_log log;

	stream_log_create(&log, shm_memory_ops.base(source), SLOTS, SLOT_LEN, ROWS, 0);
	for (uint64_t p = 1; p <= BASE; p++)
		slot_add(&log, p);
	log.control->epoch = EPOCH;
	memset(w, 0, stream_words_len(ROWS));
	w->commit = BASE;
}

/* One change; mostly of the control block, whose words decide. */
static bool change_make(const uint8_t **data, size_t *len)
{
	const uint8_t *at = *data;
	unsigned char *bytes = shm_memory_ops.base(source);
	uint64_t offset, word;

	if (*len < CHANGE_LEN)
		return false;
	offset = (at[0] | (uint64_t)at[1] << 8) % log_len;
	if (at[2] & 4)
		offset %= sizeof(struct stream_control);
	word = at[2] & 2 ? (uint64_t)0 - at[3] : at[3];
	if (at[2] & 8)
		memcpy(shm_memory_ops.base(words), &word, sizeof(word));
	else if (at[2] & 1)
		bytes[offset] = at[3];
	else
		memcpy(bytes + offset / 8 * 8, &word, sizeof(word));
	*data += CHANGE_LEN;
	*len -= CHANGE_LEN;
	return true;
}

/* So many changes as the next byte says. */
static void changes_make(const uint8_t **data, size_t *len)
{
	unsigned int count;

	if (*len == 0)
		return;
	count = **data % 4;
	(*data)++;
	(*len)--;
	while (count-- > 0 && change_make(data, len))
		;
}

static void log_check(const struct stream_log *log)
{
	struct stream_slot slot;

	require(log->control->oldest > log->control->begin);
	require(stream_log_end(log) + 1 >= stream_log_oldest(log));
	require(stream_log_end(log) + 1 - stream_log_oldest(log) <= SLOTS);
	for (uint64_t p = stream_log_oldest(log); p <= stream_log_end(log); p++)
		require(stream_slot_read(
				stream_ring_at(&log->ring, p), SLOT_LEN, &slot) &&
			slot.position == p);
}

static void text_check(const struct error *err)
{
	require(err->text[0] != '\0' && !strchr(err->text, '\n'));
}

static void fill_run(
	const uint8_t *data, size_t len, struct stream_log *own, void *memory)
{
	struct stream_fill_config config = {.device = device,
		.address = shm_memory_ops.address(source),
		.token = TOKEN,
		.limits = &limits,
		.log = own,
		.memory = memory,
		.from = EPOCH,
		.epoch = EPOCH + 1,
		.base = BASE,
		.deadline_ns = 1000};
	enum stream_fill_state state = STREAM_FILL_RUNNING;
	struct stream_fill *fill = NULL;
	struct error err = {.text = ""};

	require(stream_fill_begin(&config, &fill, NULL) == 0);
	for (int i = 0; i < STEPS_MAX && state == STREAM_FILL_RUNNING; i++) {
		changes_make(&data, &len);
		state = stream_fill_step(fill, 0);
	}
	require(state != STREAM_FILL_RUNNING);
	if (stream_fill_error(fill, &err))
		text_check(&err);
	else
		require(stream_log_end(own) == BASE);
	stream_fill_end(fill);
}

static void follow_run(
	const uint8_t *data, size_t len, struct stream_log *own, void *memory)
{
	struct stream_follow_config config = {.device = device,
		.log_address = shm_memory_ops.address(source),
		.words_address = shm_memory_ops.address(words),
		.token = TOKEN,
		.limits = &limits,
		.log = own,
		.memory = memory,
		.epoch = EPOCH,
		.from = EPOCH - 1,
		.base = 4,
		.patience_ns = 1000000000};
	struct stream_follow *follow = NULL;
	struct error err = {.text = ""};
	uint64_t now_ns = 1;

	require(stream_follow_begin(&config, &follow, NULL) == 0);
	for (int i = 0; i < STEPS_MAX; i++) {
		changes_make(&data, &len);
		(void)stream_follow_step(follow, now_ns);
		now_ns += STREAM_FOLLOW_REST_NS;
		if (stream_follow_status(follow).state == STREAM_FOLLOW_FAILED)
			break;
	}
	if (stream_follow_error(follow, &err))
		text_check(&err);
	stream_follow_end(follow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct stream_log own = {.control = NULL};
	void *memory;

	if (!device)
		begin();
	if (len == 0)
		return 0;
	memory = aligned_alloc(64, (log_len + 63) / 64 * 64);
	require(memory != NULL);
	memset(memory, 0, log_len);
	source_make();
	if (data[0] & 2) { /* a log that may be kept */
		stream_log_create(&own, memory, SLOTS, SLOT_LEN, ROWS, 0);
		for (uint64_t p = 1; p <= 9; p++)
			slot_add(&own, p);
		own.control->epoch = data[0] & 1 ? EPOCH : EPOCH - 1;
	}
	if (data[0] & 1)
		fill_run(data + 1, len - 1, &own, memory);
	else
		follow_run(data + 1, len - 1, &own, memory);
	if (own.control)
		log_check(&own);
	free(memory);
	return 0;
}
