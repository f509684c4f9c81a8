/* A subscriber that is fed: for want of a log on its host, or out of an archive. */
#include "tests/unit/subscriber_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define HEAD 1u
#define ALL 3u

static const unsigned int first[] = {0};

static int archived_of_one(void **state)
{
	*state = reading_make(1, 1, STREAM_ARCHIVE_ON);
	return 0;
}

static int archived_of_two(void **state)
{
	*state = reading_make(2, 2, STREAM_ARCHIVE_ON);
	return 0;
}

/* Logs that can not be read in place: they are not what the limits say. */
static void logs_hide(struct reading *r, bool hidden)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (r->source.logs[i].log)
			r->source.logs[i].machine.control->zero = 0;
		if (r->source.logs[i].log)
			r->source.logs[i].machine.control->magic = hidden ? 1
									  : STREAM_MAGIC;
	}
}

static void subscribe_fed(struct reading *r, enum pawl_from from, uint64_t position)
{
	struct pawl_subscribe_options options = PAWL_SUBSCRIBE_OPTIONS_INIT;

	options.from = from;
	options.position = position;
	options.inbox_slots = 64;
	if (!r->rig.pawl)
		reading_open(r);
	logs_hide(r, true);
	reading_subscribe_with(r, &options);
	assert_int_equal(r->s->kind, SOURCE_INBOX);
}

static void messages_come_through_an_inbox_many_times_over(void **state)
{
	struct reading *r = *state;

	subscribe_fed(r, PAWL_FROM_NOW, 0);
	reading_gets_nothing(r);
	for (uint64_t p = 1; p <= 2000; p += 200) {
		fake_source_put_until(&r->source, HEAD, p, p + 199);
		reading_gets(r, (unsigned int)p + 199);
	}
	reading_has(r, 0, 1, 2000);
	reading_gets_nothing(r);
	assert_int_equal(pawl_subscriber_lag(r->s), 0);
	assert_int_equal(fake_source_line(&r->source, 0, r->s->inbox.reader), 2000);
}

static void from_now_is_behind_what_is_committed(void **state)
{
	struct reading *r = *state;

	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 77);
	subscribe_fed(r, PAWL_FROM_NOW, 0);
	fake_source_put(&r->source, HEAD, 78);
	reading_gets(r, 1);
	reading_has(r, 0, 78, 78);
}

static void from_the_oldest_and_from_a_position(void **state)
{
	struct reading *r = *state;

	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 1500);
	subscribe_fed(r, PAWL_FROM_OLDEST, 0);
	reading_gets(r, 1024);
	reading_has(r, 0, 477, 1500);
	r->count = 0;
	subscribe_fed(r, PAWL_FROM_POSITION, 1400);
	reading_gets(r, 101);
	reading_has(r, 0, 1400, 1500);
}

static void one_that_is_lapped_is_told(void **state)
{
	struct reading *r = *state;

	subscribe_fed(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	reading_gets(r, 5);
	r->source.logs[0].feeds_nothing = true;
	fake_source_put_until(&r->source, HEAD, 6, 3000);
	r->source.logs[0].feeds_nothing = false;
	assert_int_equal(reading_until(r, 6), -EOVERFLOW);
	reading_lost(r, 6, 1976);
	reading_gets(r, 5 + 1024);
	reading_has(r, 5, 1977, 3000);
}

static void another_member_feeds_on_where_the_last_one_was(void **state)
{
	struct reading *r = *state;

	subscribe_fed(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->source.logs[1].fed, 1);
	fake_source_put_until(&r->source, ALL, 1, 50);
	reading_gets(r, 50);
	fake_source_put_until(&r->source, ALL, 51, 70);
	fake_kill(&r->rig.fake, 1);
	(void)usleep(2000); /* the dead one's last writes */
	fake_source_put_until(&r->source, HEAD, 71, 90);
	reading_gets(r, 70);
	reading_change(r, 2, 1, first);
	reading_gets(r, 90);
	fake_source_put_until(&r->source, HEAD, 91, 400);
	reading_gets(r, 400);
	reading_has(r, 0, 1, 400);
}

/* A stream that blocks would wait for it until the process ends. */
static void a_reader_of_which_no_answer_told_is_given_back(void **state)
{
	struct reading *r = *state;

	r->source.logs[1].answers_nothing = true;
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, ALL, 1, 100);
	reading_gets(r, 100);
	assert_int_equal(r->s->place.member, 0);
	reading_left(r, 1);
	assert_false(r->source.logs[1].readers[0].used);
}

static void a_feeder_that_is_silent_is_asked_again(void **state)
{
	struct reading *r = *state;

	subscribe_fed(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	reading_gets(r, 5);
	r->source.logs[0].readers[r->s->inbox.reader - 1].feed.sent = 1000; /* stuck */
	fake_source_put_until(&r->source, HEAD, 6, 9);
	reading_gets(r, 9);
	reading_has(r, 0, 1, 9);
	assert_int_equal(r->source.logs[0].fed, 2);
}

/* The replica's group can open it, and a crash leaves nothing behind. */
static void an_inbox_lies_beside_the_log_until_it_is_fed(void **state)
{
	struct reading *r = *state;
	struct inbox inbox = {.memory = NULL};
	struct stat file;
	char *log, path[256];
	int fd;

	reading_subscribe(r, PAWL_FROM_NOW, 0);
	log = r->stream->members[0].at.log_path;
	(void)strcpy(log, "/dev/shm/pawl-test-XXXXXX");
	fd = mkstemp(log);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0660), 0);
	assert_int_equal(inbox_open(r->s, 0, &inbox), 0);
	(void)unlink(log);
	(void)close(fd);
	(void)snprintf(
		path, sizeof(path), "%s", inbox.memory->ops->pages(inbox.memory)->path);
	assert_non_null(strstr(path, "/dev/shm/pawl-subscriber-"));
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0660);
	assert_false(inbox_is_fed(&inbox));
	assert_int_equal(stat(path, &file), 0);
	((struct stream_inbox *)inbox.memory->ops->base(inbox.memory))->fed.oldest = 1;
	assert_true(inbox_is_fed(&inbox));
	assert_int_equal(stat(path, &file), -1);
	inbox_close(&inbox);
}

static void what_the_ring_has_no_more_comes_from_the_archive(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	reading_gets(r, 5);
	fake_source_put_until(&r->source, HEAD, 6, 5000);
	reading_gets(r, 4000);
	fake_source_put_until(&r->source, HEAD, 5001, 5200);
	reading_gets(r, 5200);
	reading_has(r, 0, 1, 5200);
	reading_gets_nothing(r);
	assert_int_equal(r->s->kind, SOURCE_PLACE); /* it has gone back */
	assert_null(r->s->inbox.memory);
	fake_source_put_until(&r->source, HEAD, 5201, 5300);
	reading_gets(r, 5300);
	reading_has(r, 5200, 5201, 5300);
	assert_int_equal(r->source.logs[0].readers[1].used, false);
	assert_null(r->source.logs[0].readers[0].link);
}

/* After a restart of all an archive may be opened for longer than anybody is asked in one go. */
static void an_archive_that_is_not_open_yet_is_waited_for(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, HEAD, 1, 5);
	reading_gets(r, 5);
	r->source.logs[0].refusal = EAGAIN;
	r->source.logs[0].refusals = 130;
	fake_source_put_until(&r->source, HEAD, 6, 5000);
	reading_gets(r, 5000);
	reading_has(r, 0, 1, 5000);
	assert_int_equal(r->source.logs[0].refusals, 0);
}

static void a_long_message_across_the_change_comes_whole(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	for (uint64_t p = 1; p <= 2000; p += 200)
		fake_source_put_long(&r->source, HEAD, p, 200);
	reading_gets(r, 10);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(r->seen[i].first, 1 + i * 200);
		assert_int_equal(r->seen[i].position, 200 + i * 200);
		assert_int_equal(r->seen[i].len, 3200);
	}
}

static void the_oldest_is_that_of_the_archive(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 3000);
	fake_source_archive_cut(&r->source, 0, 101);
	reading_subscribe(r, PAWL_FROM_OLDEST, 0);
	reading_gets(r, 2900);
	reading_has(r, 0, 101, 3000);
}

/* The tail has no archive. */
static void the_oldest_is_that_of_any_member(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_open(r);
	fake_source_put_until(&r->source, ALL, 1, 3000);
	fake_source_archive_cut(&r->source, 0, 101);
	reading_subscribe(r, PAWL_FROM_OLDEST, 0);
	assert_int_equal(r->s->place.member, 1);
	reading_gets(r, 2900);
	reading_has(r, 0, 101, 3000);
}

static void the_oldest_may_be_that_of_the_ring(void **state)
{
	struct reading *r = *state;
	uint64_t oldest;

	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 3000);
	oldest = r->source.logs[0].machine.control->oldest;
	assert_true(oldest > 1);
	reading_subscribe(r, PAWL_FROM_OLDEST, 0);
	reading_gets(r, (unsigned int)(3001 - oldest));
	reading_has(r, 0, oldest, 3000);
}

static void what_the_archive_lacks_is_a_loss(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_open(r);
	fake_source_put_until(&r->source, HEAD, 1, 3000);
	fake_source_archive_cut(&r->source, 0, 101);
	reading_subscribe(r, PAWL_FROM_POSITION, 50);
	assert_int_equal(reading_until(r, 1), -EOVERFLOW);
	reading_lost(r, 50, 100);
	reading_gets(r, 2900);
	reading_has(r, 0, 101, 3000);
}

/* The tail has no archive; the head has one, though not of everything. */
static void an_archive_of_another_member_is_found(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	assert_int_equal(r->s->place.member, 1);
	fake_source_put_until(&r->source, ALL, 1, 5);
	reading_gets(r, 5);
	fake_source_put_until(&r->source, ALL, 6, 3000);
	fake_source_archive_cut(&r->source, 0, 21);
	assert_int_equal(reading_until(r, 6), -EOVERFLOW);
	reading_lost(r, 6, 20);
	reading_gets(r, 5 + 2980);
	reading_has(r, 5, 21, 3000);
	reading_gets_nothing(r);
	assert_int_equal(r->s->kind, SOURCE_PLACE);
	assert_int_equal(r->s->place.member, 1);
	reading_left(r, 0);
}

static void the_member_with_the_most_of_it_is_read(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 1);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, ALL, 1, 3000);
	fake_source_archive_cut(&r->source, 1, 21);
	assert_int_equal(reading_until(r, 1), -EOVERFLOW);
	reading_lost(r, 1, 20);
	reading_gets(r, 2980);
	reading_has(r, 0, 21, 3000);
}

static void an_epoch_changes_while_an_archive_feeds(void **state)
{
	struct reading *r = *state;

	fake_source_archive(&r->source, 0);
	fake_source_archive(&r->source, 1);
	reading_subscribe(r, PAWL_FROM_NOW, 0);
	fake_source_put_until(&r->source, ALL, 1, 4000);
	reading_gets(r, 500);
	fake_kill(&r->rig.fake, 1);
	reading_change(r, 2, 1, first);
	reading_gets(r, 4000);
	reading_has(r, 0, 1, 4000);
	reading_gets_nothing(r);
	assert_int_equal(r->s->kind, SOURCE_PLACE);
	assert_int_equal(r->s->place.member, 0);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, reading_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(messages_come_through_an_inbox_many_times_over, reading_of_one),
		CASE(from_now_is_behind_what_is_committed, reading_of_one),
		CASE(from_the_oldest_and_from_a_position, reading_of_one),
		CASE(one_that_is_lapped_is_told, reading_of_one),
		CASE(another_member_feeds_on_where_the_last_one_was, reading_of_two),
		CASE(a_feeder_that_is_silent_is_asked_again, reading_of_one),
		CASE(an_inbox_lies_beside_the_log_until_it_is_fed, reading_of_one),
		CASE(a_reader_of_which_no_answer_told_is_given_back, reading_of_two),
		CASE(what_the_ring_has_no_more_comes_from_the_archive, archived_of_one),
		CASE(an_archive_that_is_not_open_yet_is_waited_for, archived_of_one),
		CASE(a_long_message_across_the_change_comes_whole, archived_of_one),
		CASE(the_oldest_is_that_of_the_archive, archived_of_one),
		CASE(the_oldest_is_that_of_any_member, archived_of_two),
		CASE(the_oldest_may_be_that_of_the_ring, reading_of_one),
		CASE(the_oldest_may_be_that_of_the_ring, archived_of_one),
		CASE(what_the_archive_lacks_is_a_loss, archived_of_one),
		CASE(an_archive_of_another_member_is_found, archived_of_two),
		CASE(the_member_with_the_most_of_it_is_read, archived_of_two),
		CASE(an_epoch_changes_while_an_archive_feeds, archived_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
