/* Members whose logs others read over shared memory, in one process. */
#ifndef PAWL_TESTS_UNIT_STREAM_COPY_RIG_H
#define PAWL_TESTS_UNIT_STREAM_COPY_RIG_H

#include "hw/memory.h"
#include "sequencer/core/stream_limits.h"
#include "tests/unit/stream_rig.h"

#define TOKEN 77

static const struct stream_limits rig_limits = {
	.slot_len = SLOT_LEN, .slots = SLOTS, .rows = ROWS};

/* Its log and words are exposed; the rest is as the rig of streams has it. */
struct member {
	struct bench b;
	struct device *device;
	struct memory *log;
	struct memory *words;
};

static inline struct memory *exposed(struct device *device, uint64_t len)
{
	struct memory_config config = {.pages = {.len = len, .node = -1}};
	struct memory *memory;
	struct error err;

	if (shm_memory_ops.expose(device, &config, &memory, &err))
		fail_msg("%s", err.text);
	return memory;
}

/* No log yet. */
static inline void member_open(struct member *m)
{
	struct device_config config = {.listen = true};
	struct error err;

	memset(m, 0, sizeof(*m));
	assert_int_equal(shm_memory_ops.open(&config, &m->device, &err), 0);
	assert_true(stream_log_len(SLOTS, SLOT_LEN, ROWS, &m->b.memory_len));
	m->log = exposed(m->device, m->b.memory_len);
	m->words = exposed(m->device, stream_words_len(ROWS));
	m->b.memory = shm_memory_ops.base(m->log);
	m->b.words = shm_memory_ops.base(m->words);
	m->b.fed = zeroed(sizeof(*m->b.fed));
	m->b.inbox = (struct stream_ring){.bytes = zeroed(SLOTS * SLOT_LEN),
		.slot_len = SLOT_LEN,
		.mask = SLOTS - 1};
}

static inline void member_close(struct member *m)
{
	free(m->b.fed);
	free(m->b.inbox.bytes);
	shm_memory_ops.withdraw(m->words);
	shm_memory_ops.withdraw(m->log);
	shm_memory_ops.close(m->device);
}

static inline void member_create(struct member *m, uint64_t begin)
{
	stream_log_create(&m->b.log, m->b.memory, SLOTS, SLOT_LEN, ROWS, begin);
}

/* It leads the chain of @epoch, alone or not. */
static inline void member_enter(struct member *m, uint64_t epoch, bool tail)
{
	memset(m->b.words, 0, stream_words_len(ROWS));
	memset(m->b.inbox.bytes, 0, SLOTS * SLOT_LEN);
	bench_enter(&m->b, epoch, true, tail);
}

/* Publishes positions @first to @last, of rows 0, 1, 2, 0, 1 ... at a lone head. */
static inline void publish(struct member *m, uint64_t first, uint64_t last)
{
	for (uint64_t p = first; p <= last; p++) {
		uint32_t row = (uint32_t)(p % 3);

		inbox_put(&m->b, m->b.log.control->epoch, p, row,
			stream_table_id(&m->b.log.table, publisher(row)) + 1,
			STREAM_FIRST | STREAM_LAST);
		assert_true(stream_log_advance(&m->b.log, p, 1, 0));
	}
}

static inline void committed_set(struct member *m, uint64_t commit)
{
	m->b.words->back = (struct stream_back){
		.logged = commit, .commit = commit, .released = commit};
	(void)stream_log_look_back(&m->b.log);
}

/* What both retain is the same, and so is the table. */
static inline void same_logs(const struct member *a, const struct member *b)
{
	uint64_t p = stream_log_oldest(&a->b.log);

	assert_int_equal(stream_log_end(&a->b.log), stream_log_end(&b->b.log));
	if (p < stream_log_oldest(&b->b.log))
		p = stream_log_oldest(&b->b.log);
	for (; p <= stream_log_end(&a->b.log); p++)
		assert_int_equal(logged_id(&a->b, p), logged_id(&b->b, p));
	assert_memory_equal(a->b.log.table.entries, b->b.log.table.entries,
		ROWS * sizeof(struct stream_entry));
}

#endif
