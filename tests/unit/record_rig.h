/* A good record, made anew for each test. */
#ifndef PAWL_TESTS_UNIT_RECORD_RIG_H
#define PAWL_TESTS_UNIT_RECORD_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/store/record.h"
#include "sequencer/store/store.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

static struct record record;

static inline void set_text(char *buf, size_t size, const char *text)
{
	(void)snprintf(buf, size, "%s", text);
}

/* As an active record has it. */
static inline void former_is_chain(void)
{
	record.former_count = record.chain_count;
	memcpy(record.former, record.chain, sizeof(record.chain));
}

static inline int set_up(void **state)
{
	(void)state;
	if (record_init(&record, 3, NULL))
		return -1;
	set_text(record.cluster, sizeof(record.cluster), "example");
	record.instance = 0xfedcba9876543210u;
	record.epoch = 7;
	record.active_epoch = 7;
	record.phase = RECORD_ACTIVE;
	record.proposer = 2;
	record.proposer_incarnation = 0x1234;
	record.lease_ns = INT64_MAX;
	record.sessions_max = 16;
	record.chain_count = 2;
	record.chain[0] = (struct record_member){.id = 2,
		.incarnation = UINT64_MAX,
		.transport = "shm",
		.controls = {"/run/pawl/example/2.sock", "10.0.0.2:7000"},
		.controls_count = 2,
		.memory = "shm:/dev/shm/pawl-example-2",
		.memory_path = "/dev/shm/pawl-example-2"};
	record.chain[1] = (struct record_member){.id = 65535, .incarnation = 1};
	former_is_chain();
	record.counters_count = 2;
	record.counters[0] = (struct record_counter){.name = "orders \"\\",
		.base = COUNTER_LIMIT - 1,
		.stand = COUNTER_LIMIT - 2,
		.ceiling = RECORD_CEILING_MAX,
		.reserve_max = COUNTER_LIMIT - 1};
	record.counters[1] = (struct record_counter){.name = "b"};
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	record_free(&record);
	return 0;
}

#endif
