/*
 * A stream of one replica in shared memory, its readers and its archive; subscribers in this
 * process, and a disk that fills up or hangs as it is told.
 */
#ifndef PAWL_TESTS_READERS_RIG_H
#define PAWL_TESTS_READERS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sequencer/core/stream_subscriber.h"
#include "sequencer/stream/readers.h"
#include "tests/scratch.h"

#define BED_SLOTS 64
#define BED_SLOT_LEN 128
#define BED_ROWS 4
#define BED_STREAM "desk/orders"
#define BED_WAIT_NS UINT64_C(20000000000)
#define BED_STORY(story) cmocka_unit_test_setup_teardown(story, bed_set_up, bed_tear_down)

/* The link to a subscriber, held up or broken. */
struct bed_link {
	bool held; /* puts are done, and everything completes, later */
	bool fails;
};

struct bed_disk {
	atomic_bool full;
	atomic_bool stuck;
	atomic_uint stuck_count; /* reads and writes that met it stuck */
};

struct bed {
	struct scratch scratch;
	char archives[160];
	struct stream_archive_settings settings;
	struct stream_limits limits;
	struct device *device;
	struct memory *log_memory;
	struct memory *inbox_memory;
	struct stream_log log;
	struct stream_words *words;
	struct stream_inbox *fed;
	struct stream_ring ring;
	struct keeper *keeper;
	struct feeder *feeder;
	struct readers *readers;
	uint64_t epoch;
	uint64_t published; /* positions that are in the publishers' ring */
	uint64_t now_ns;
	struct error err;
};

struct subscriber {
	struct memory *memory; /* of its inbox */
	struct stream_subscriber machine;
	struct stream_reader_answer answer;
	unsigned char *slot;
	uint64_t buffer[BED_SLOT_LEN / 8];
	uint64_t next; /* position that is to be delivered */
	uint64_t gone; /* positions that it was told are lost */
};

extern struct bed bed;
extern struct bed_link bed_link;
extern struct bed_disk bed_disk;
extern const struct archive_files bed_files;

int bed_set_up(void **state);
int bed_tear_down(void **state);

/* The stream, new, in epoch 1; bed.limits and bed.settings say how. */
void bed_open(void);
/* The archive alone. */
void bed_keeper_start(void);
/* No readers yet, at the keeper that there is. */
void bed_readers_open(void);
/* Seals, and enters the next epoch, after @change->from = the present one, with this chain. */
void bed_next_epoch(const struct stream_chain *chain);

/* One turn of the stream's thread. */
bool bed_turn(void);
/* Publishes up to @position, as far as there is room by now; where it came to. */
uint64_t bed_publish(uint64_t position);
/* Publishes all of it, which takes turns. */
void bed_publish_all(uint64_t position);
/* Turns until the archive has it. */
void bed_wait_archived(uint64_t position);

/* A fed subscriber with an inbox of @slots; it has everything up to @consumed. */
void subscriber_open(
	struct subscriber *s, uint32_t slots, uint64_t token, uint64_t consumed);
/* It delivers what there is and tells what it has consumed.  Every message is the next one. */
void subscriber_poll(struct subscriber *s);
/* Turns, with the subscriber, until it has delivered @position. */
void subscriber_wait(struct subscriber *s, uint64_t position);
void subscriber_close(struct subscriber *s);

/* What a reader writes into its line. */
void line_write(uint32_t reader, uint64_t consumed);
struct stream_reader_status reader_status(uint32_t index);
/* A line of the keeper's that has @part in it comes. */
void keeper_line_wait(const char *part);

#endif
