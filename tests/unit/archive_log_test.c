/* A real log, its archiver, and the log that a whole cluster begins with after a restart. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/archive/archive_survey.h"
#include "sequencer/archive/archiver.h"
#include "sequencer/core/stream_log.h"
#include "tests/unit/archive_rig.h"

#define SLOTS 64
#define SLOT_LEN 128
#define POSITIONS 1000

/* A chain of one replica. */
struct replica {
	struct stream_log log;
	void *memory;
	struct stream_words *words;
	struct stream_inbox *fed;
	struct stream_ring inbox;
};

static void *zeroed(size_t len)
{
	void *bytes = aligned_alloc(64, (len + 63) / 64 * 64);

	assert_non_null(bytes);
	return memset(bytes, 0, (len + 63) / 64 * 64);
}

static void replica_make(struct replica *replica, uint64_t begin)
{
	uint64_t len;

	assert_true(stream_log_len(SLOTS, SLOT_LEN, RIG_ROWS, &len));
	replica->memory = zeroed(len);
	stream_log_create(
		&replica->log, replica->memory, SLOTS, SLOT_LEN, RIG_ROWS, begin);
	replica->words = zeroed(stream_words_len(RIG_ROWS));
	replica->fed = zeroed(sizeof(*replica->fed));
	replica->inbox = (struct stream_ring){.bytes = zeroed(SLOTS * SLOT_LEN),
		.slot_len = SLOT_LEN,
		.mask = SLOTS - 1};
}

static void replica_enter(struct replica *replica, uint64_t epoch)
{
	struct stream_entering entering = {.epoch = epoch,
		.ceiling = 1000000,
		.hole_timeout_ns = 1,
		.head = true,
		.tail = true,
		.places = {.words = replica->words,
			.inbox = replica->fed,
			.ring = replica->inbox}};

	stream_log_prepare(&replica->log, epoch, replica->words, replica->fed);
	stream_log_enter(&replica->log, &entering);
}

static void replica_free(struct replica *replica)
{
	free(replica->memory);
	free(replica->words);
	free(replica->fed);
	free(replica->inbox.bytes);
}

/* What the publisher of row 2 sends as its message @id; every tenth position stays empty. */
static void publish(
	struct replica *replica, uint64_t position, uint64_t epoch, uint64_t id)
{
	struct stream_slot slot = {.position = position,
		.epoch = epoch,
		.publisher = stream_publisher_name(1, 2),
		.id = id,
		.len = 8,
		.flags = STREAM_FIRST | STREAM_LAST};

	stream_slot_write(stream_ring_at(&replica->inbox, position), &slot, &id);
}

static void attach(struct archiver *archiver, struct replica *replica)
{
	struct archiver_source source = {.ring = replica->log.ring,
		.commit = &replica->words->commit,
		.oldest = &replica->log.control->oldest};

	archiver_attach(archiver, &source);
}

/* The archive is required: the log waits for it. */
static uint64_t run(struct replica *replica, struct archiver *archiver, uint64_t last)
{
	uint64_t deadline = clock_now_ns() + 20000 * NS_PER_MS;
	uint64_t id = 0, now = 1;

	for (uint64_t p = 1; p <= last;) {
		assert_true(clock_now_ns() < deadline);
		stream_log_waits_for(&replica->log, archiver_consumed(archiver));
		if (p % 10 &&
			stream_slot_position(stream_ring_at(&replica->inbox, p)) != p)
			publish(replica, p, 1, ++id);
		(void)stream_log_advance(&replica->log, p, 16, now += 10);
		if (stream_log_end(&replica->log) < p) {
			(void)poll(NULL, 0, p % 10 ? 1 : 0);
			continue;
		}
		archiver_wake(archiver);
		p++;
	}
	return id;
}

/* Everything from @first on, out of the archive. */
static void fill(struct stream_log *log, uint64_t last)
{
	struct archive_cursor *cursor = rig_cursor(stream_log_end(log) + 1);
	struct archive_item item;

	while (stream_log_end(log) < last) {
		rig_next(cursor, &item);
		assert_int_equal(item.kind, ARCHIVE_SLOT);
		assert_true(stream_log_fill(log, item.bytes));
	}
	archive_cursor_close(cursor);
}

static void archive_it(uint64_t *ids_p)
{
	struct archiver *archiver;
	struct replica replica;

	replica_make(&replica, 0);
	stream_log_waits_for(&replica.log, 0);
	replica_enter(&replica, 1);
	rig_open();
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	attach(archiver, &replica);
	*ids_p = run(&replica, archiver, POSITIONS);
	assert_int_equal(archiver_stop(archiver, 20000 * NS_PER_MS, &rig.err), 0);
	rig_abandon();
	replica_free(&replica);
}

static void a_cluster_begins_again_from_its_archive(void **state)
{
	struct stream_entry entries[RIG_ROWS];
	struct archive_survey survey;
	struct replica replica;
	uint64_t ids;

	(void)state;
	rig.config.identity.slot_len = SLOT_LEN;
	archive_it(&ids);
	assert_int_equal(archive_survey(rig.path, &rig.config.identity, &rig_files,
				 entries, RIG_ROWS, &survey, &rig.err),
		0);
	assert_int_equal(survey.last, POSITIONS);
	assert_int_equal(survey.whole, 1);
	assert_int_equal(entries[2].id, ids);
	replica_make(&replica, survey.last - (SLOTS - 1));
	stream_log_entries_set(&replica.log, entries, RIG_ROWS);
	fill(&replica.log, survey.last);
	replica_enter(&replica, survey.epoch + 1);
	/* What was there is a repeat, and the next one is not. */
	publish(&replica, POSITIONS + 1, survey.epoch + 1, ids);
	publish(&replica, POSITIONS + 2, survey.epoch + 1, ids + 1);
	assert_true(stream_log_advance(&replica.log, POSITIONS + 2, 16, 1));
	assert_int_equal(stream_log_end(&replica.log), POSITIONS + 2);
	assert_int_equal(replica.log.counts.refused, 1);
	assert_int_equal(replica.log.counts.accepted, 1);
	replica_free(&replica);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(a_cluster_begins_again_from_its_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
