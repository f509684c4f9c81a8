/*
 * What the tests of streams' hosts share: members in one process over shared memory, and the
 * messages between members' daemons.
 */
#ifndef PAWL_TESTS_UNIT_STREAM_HOST_RIG_H
#define PAWL_TESTS_UNIT_STREAM_HOST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include <cmocka.h>

#include "hw/clock.h"
#include "sequencer/stream/host.h"

#define COUNTER 3
#define WORD_OFFSET 64
#define SLOTS 1024
#define SLOT_LEN 128
#define ROWS 4
#define HOLE_NS (1000 * NS_PER_MS) /* longer than a test is ever kept waiting */
#define CEILING 1000000000
#define DEPTH 256
#define WAIT_NS (5000 * NS_PER_MS)

/* One replica's streams, and a region with a counter. */
struct member {
	struct stream_host *host;
	struct stream_member self;
	struct device *device;
	struct memory *region;
	char archives[160]; /* its directory */
	uint64_t news;
	uint64_t made;		   /* what was made was told so often */
	char line[ERROR_TEXT_MAX]; /* newest that was told, of */
	unsigned int lines;	   /*   so many */
};

struct party {
	const struct memory_ops *ops; /* of members; NULL: shared memory as it is */
	const char *archives;	      /* a directory; NULL: there are none */
	char directory[64];
	struct stream_limits limits;
	struct member members[3];
	struct device *device; /* of publishers and subscribers */
};

static inline struct stream_limits limits_usual(void)
{
	return (struct stream_limits){.slot_len = SLOT_LEN,
		.slots = SLOTS,
		.rows = ROWS,
		.hole_timeout_ns = HOLE_NS,
		.message_max = 1 << 20};
}

static inline struct device *device_open(void)
{
	struct device_config config = {.listen = true};
	struct device *device;
	struct error err;

	assert_int_equal(shm_memory_ops.open(&config, &device, &err), 0);
	return device;
}

static inline void on_news(void *context)
{
	struct member *m = context;

	__atomic_fetch_add(&m->news, 1, __ATOMIC_RELAXED);
}

static inline void on_made(void *context)
{
	struct member *m = context;

	m->made++;
}

static inline void on_tell(void *context, const char *line)
{
	struct member *m = context;

	(void)snprintf(m->line, sizeof(m->line), "%s", line);
	m->lines++;
}

static inline void member_start_as(struct party *p, uint32_t index, uint64_t incarnation)
{
	struct member *m = &p->members[index];
	struct stream_host_config config = {.ops = p->ops ? p->ops : &shm_memory_ops,
		.link_timeout_ns = 1000 * NS_PER_MS,
		.directory = p->directory,
		.cluster = "rig",
		.replica = index + 1,
		.instance = 77,
		.incarnation = incarnation,
		.pages = {.huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1},
		.threads = 1,
		.pin = "",
		.news = on_news,
		.made = on_made,
		.tell = on_tell,
		.context = m};
	struct memory_config region = {
		.pages = {.len = 4096, .node = -1, .huge = PAGES_OFF, .lock = PAGES_OFF}};
	struct error err;

	memset(m, 0, sizeof(*m));
	if (p->archives) {
		(void)snprintf(m->archives, sizeof(m->archives), "%s/%u", p->archives,
			index + 1);
		config.archive = (struct stream_archive_settings){
			.directory = m->archives, .segment_len = ARCHIVE_SEGMENT_LEN_MIN};
	}
	m->self = (struct stream_member){index + 1, incarnation};
	m->device = device_open();
	assert_int_equal(shm_memory_ops.expose(m->device, &region, &m->region, &err), 0);
	assert_int_equal(stream_host_start(&config, &m->host, &err), 0);
	assert_int_equal(
		stream_host_know(m->host, COUNTER, "orders", &p->limits, &err), 0);
}

static inline void member_start(struct party *p, uint32_t index)
{
	member_start_as(p, index, 1000 + index);
}

static inline void member_stop(struct member *m, bool remove)
{
	if (!m->host)
		return;
	stream_host_stop(m->host, remove);
	shm_memory_ops.withdraw(m->region);
	shm_memory_ops.close(m->device);
	m->host = NULL;
}

/* What @p says of memory and archives stays. */
static inline void party_begin(
	struct party *p, uint32_t count, const struct stream_limits *limits)
{
	*p = (struct party){.ops = p->ops, .archives = p->archives};
	(void)strcpy(p->directory, "/dev/shm/pawl-rig-XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	p->limits = *limits;
	p->device = device_open();
	for (uint32_t i = 0; i < count; i++)
		member_start(p, i);
}

/* Nothing is left behind. */
static inline void party_end(struct party *p)
{
	for (uint32_t i = 0; i < 3; i++)
		member_stop(&p->members[i], true);
	shm_memory_ops.close(p->device);
	assert_int_equal(rmdir(p->directory), 0);
}

/* A chain of members @first to @last, the head first, as member @self sees it. */
static inline struct stream_change change_of(struct party *p, uint64_t epoch,
	uint64_t from, uint64_t base, uint32_t first, uint32_t last, uint32_t self)
{
	struct stream_change change = {.epoch = epoch,
		.from = from,
		.base = base,
		.ceiling = CEILING,
		.chain = {.count = last - first + 1, .place = self - first}};

	for (uint32_t i = first; i <= last; i++)
		change.chain.at[i - first] = p->members[i].self;
	return change;
}

/* Everybody is told by everybody, as the daemons do. */
static inline void tell_all(struct party *p)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct stream_addresses addresses;

		if (!p->members[i].host ||
			!stream_host_addresses(p->members[i].host, COUNTER, &addresses))
			continue;
		for (uint32_t j = 0; j < 3; j++) {
			if (j != i && p->members[j].host)
				stream_host_told(p->members[j].host, COUNTER,
					p->members[i].self, &addresses);
		}
	}
}

static inline void look(struct member *m)
{
	struct error err = {""};

	if (stream_host_look(m->host, &err))
		fail_msg("%s", err.text);
}

/* What it asked for is there. */
static inline void await_made(struct member *m)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS, made = m->made;

	while (m->made == made) {
		assert_true(clock_now_ns() < deadline_ns);
		(void)usleep(100);
		look(m);
	}
}

/* Memory is there, but perhaps not all that the log should have. */
static inline void prepare(struct party *p, uint64_t epoch, uint64_t from, uint64_t base,
	uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		struct stream_change change = change_of(
			p, epoch, from, base, first, last, i);
		struct error err;

		assert_int_equal(
			stream_host_prepare(p->members[i].host, COUNTER, &change, &err),
			0);
		await_made(&p->members[i]);
	}
}

static inline void wait_prepared(
	struct party *p, uint64_t epoch, uint32_t first, uint32_t last)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	for (uint32_t i = first; i <= last; i++) {
		while (!stream_host_prepared(p->members[i].host, epoch)) {
			assert_true(clock_now_ns() < deadline_ns);
			look(&p->members[i]);
			tell_all(p);
			(void)usleep(100);
		}
	}
}

static inline void enter(
	struct party *p, uint64_t epoch, uint64_t base, uint32_t first, uint32_t last)
{
	unsigned char *region = shm_memory_ops.base(p->members[first].region);

	__atomic_store_n(
		(uint64_t *)(void *)(region + WORD_OFFSET), base, __ATOMIC_SEQ_CST);
	for (uint32_t i = first; i <= last; i++)
		stream_host_enter(p->members[i].host, COUNTER, epoch,
			i == first ? p->members[i].region : NULL, WORD_OFFSET);
	tell_all(p);
}

/* A whole change of the chain. */
static inline void change(struct party *p, uint64_t epoch, uint64_t from, uint64_t base,
	uint32_t first, uint32_t last)
{
	prepare(p, epoch, from, base, first, last);
	wait_prepared(p, epoch, first, last);
	enter(p, epoch, base, first, last);
}

static inline struct stream_status status_of(struct member *m)
{
	struct stream_status status;

	assert_true(stream_host_status(m->host, COUNTER, &status));
	return status;
}

#endif
