/* An archive gets what it lacks out of an inbox that a member feeds. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/stream/backlog.h"
#include "sequencer/stream/places.h"
#include "tests/unit/archive_rig.h"

#define WAIT_NS UINT64_C(5000000000)
#define POSITIONS 3000
#define READER 3

/* The member that feeds: its inbox memory with readers' lines, and a link to the joiner's. */
struct member {
	struct device *device;
	struct memory *lines;
	struct link *link;
	struct stream_feed feed;
	uint64_t have;
};

static struct member member;
static struct stream_limits limits;
static struct stream_backlog *backlog;
static struct archiver *archiver;

static struct device *device_open(void)
{
	struct device_config config = {.listen = true};
	struct device *device;

	assert_int_equal(shm_memory_ops.open(&config, &device, NULL), 0);
	return device;
}

static void member_open(uint64_t consumed)
{
	struct memory_config lines = {.pages = {.len = STREAM_INBOX_RING, .node = -1}};
	struct link_config config = {.depth = 64};

	assert_int_equal(
		shm_memory_ops.expose(member.device, &lines, &member.lines, NULL), 0);
	assert_int_equal(
		shm_memory_ops.connect(member.device, stream_backlog_address(backlog),
			&config, &member.link, NULL),
		0);
	stream_feed_init(&member.feed, stream_backlog_slots(backlog), consumed);
	member.have = POSITIONS;
}

static void member_write(uint64_t offset, const void *bytes, size_t len)
{
	struct completion done;

	assert_int_equal(shm_memory_ops.write(member.link, offset, bytes, len, 0), 0);
	assert_int_equal(link_wait_completion(member.link, WAIT_NS, &done), 0);
	assert_int_equal(done.status, 0);
}

/* A turn of the member's feed: from @oldest on it has everything. */
static void member_feed(uint64_t oldest)
{
	const uint64_t *lines = shm_memory_ops.base(member.lines);
	_Alignas(64) unsigned char slot[STREAM_SLOT_LEN_MIN * 4];
	struct stream_run run;
	struct stream_fed words;

	stream_feed_consumed(
		&member.feed, lines[stream_reader_offset(READER) / sizeof(*lines)]);
	while (stream_feed_run(
		&member.feed, UINT64_C(1) << 40, oldest, member.have, 64, &run)) {
		for (uint64_t p = run.parts[0].first; p <= run.end; p++) {
			rig_slot(slot, limits.slot_len, p);
			member_write(
				sizeof(struct stream_inbox) +
					(p & (member.feed.slots - 1)) * limits.slot_len,
				slot, limits.slot_len);
		}
		stream_feed_run_posted(&member.feed, &run);
	}
	if (stream_feed_words(&member.feed, oldest, &words)) {
		member_write(0, &words, sizeof(words));
		stream_feed_words_posted(&member.feed, &words);
	}
}

static void joiner_open(void)
{
	struct stream_backlog_config config = {.limits = &limits,
		.pages = {.node = -1},
		.consumed = archive_last(rig.archive)};
	struct archiver_source source;

	limits = (struct stream_limits){.slot_len = rig.config.identity.slot_len,
		.slots = 4096,
		.rows = RIG_ROWS};
	assert_int_equal(limits.slot_len, STREAM_SLOT_LEN_MIN * 4);
	member.device = config.device = device_open();
	assert_int_equal(stream_backlog_begin(&config, &backlog, NULL), 0);
	assert_int_equal(archiver_start(rig.archive, &archiver, NULL), 0);
	source = stream_backlog_source(backlog);
	archiver_attach(archiver, &source);
	member_open(config.consumed);
	assert_int_equal(stream_backlog_fed(backlog, shm_memory_ops.address(member.lines),
				 1, READER, NULL),
		0);
}

static void joiner_close(void)
{
	archiver_detach(archiver);
	assert_int_equal(archiver_stop(archiver, WAIT_NS, NULL), 0);
	shm_memory_ops.disconnect(member.link);
	stream_backlog_end(backlog);
	shm_memory_ops.withdraw(member.lines);
	shm_memory_ops.close(member.device);
}

static void run_until(uint64_t archived, uint64_t oldest)
{
	uint64_t begun_ns = clock_now_ns();

	while (archiver_consumed(archiver) < archived) {
		member_feed(oldest);
		if (stream_backlog_step(backlog, archiver_consumed(archiver), NULL))
			archiver_wake(archiver);
		assert_int_equal(stream_backlog_error(backlog), 0);
		assert_true(clock_now_ns() - begun_ns < WAIT_NS);
		(void)poll(NULL, 0, 1);
	}
}

static void an_archive_is_fed_what_it_lacks(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 100, 20);
	joiner_open();
	run_until(POSITIONS, 1);
	joiner_close();
	rig_expect_all(1, POSITIONS);
}

static void what_the_member_has_no_more_is_told(void **state)
{
	struct archiver_status status;

	(void)state;
	rig_open();
	rig_append(1, 100, 20);
	joiner_open();
	run_until(POSITIONS, 501);
	archiver_status(archiver, &status);
	assert_int_equal(status.skipped_first, 101);
	assert_int_equal(status.skipped_last, 500);
	assert_int_equal(status.missing_count, 0);
	joiner_close();
}

static void a_member_that_is_not_there_is_told(void **state)
{
	struct error err;

	(void)state;
	rig_open();
	joiner_open();
	assert_int_equal(stream_backlog_fed(backlog, "shm:/nowhere", 1, 0, &err) != 0, 1);
	assert_true(err.text[0] != '\0');
	member_feed(1);
	assert_true(stream_backlog_step(backlog, 0, &err));
	assert_false(stream_backlog_step(backlog, 0, &err));
	joiner_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(an_archive_is_fed_what_it_lacks),
		RIG_STORY(what_the_member_has_no_more_is_told),
		RIG_STORY(a_member_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
