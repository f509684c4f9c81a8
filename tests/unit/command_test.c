/* What the pawl command concludes from what replicas say and leave behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/command/locals.h"
#include "client/command/status_streams.h"
#include "client/command/survey.h"
#include "client/command/takeovers.h"
#include "tests/scratch.h"

#define REPLICAS 3
#define CHANGES (TAKEOVERS_MAX + 2)

static struct survey survey;
static Control__Status statuses[REPLICAS];
static Control__Takeover changes[REPLICAS][CHANGES];
static Control__Takeover *lists[REPLICAS][CHANGES];
static struct scratch scratch;

/* Replicas 1, 2 and 3 answer; all are outside, at epoch 1, and remember nothing. */
static int set_up(void **state)
{
	(void)state;
	memset(&survey, 0, sizeof(survey));
	for (uint32_t i = 0; i < REPLICAS; i++) {
		control__status__init(&statuses[i]);
		statuses[i].replica = i + 1;
		statuses[i].incarnation = 100 + i;
		statuses[i].epoch = 1;
		statuses[i].role = (char *)"outside";
		statuses[i].takeovers = lists[i];
		survey.at[i].status = &statuses[i];
	}
	survey.count = REPLICAS;
	return 0;
}

static void role_is(unsigned int i, uint64_t epoch, const char *role)
{
	statuses[i].epoch = epoch;
	statuses[i].role = (char *)role;
}

static void remembers(unsigned int i, uint64_t epoch)
{
	size_t n = statuses[i].n_takeovers++;

	control__takeover__init(&changes[i][n]);
	changes[i][n].epoch = epoch;
	lists[i][n] = &changes[i][n];
}

static void the_newest_epoch_is_believed(void **state)
{
	(void)state;
	role_is(0, 4, "head"); /* it was voted out and has not noticed */
	role_is(2, 5, "backup");
	assert_ptr_equal(survey_best(&survey), &statuses[2]);
}

static void within_an_epoch_the_head_is_believed(void **state)
{
	(void)state;
	role_is(0, 5, "outside");
	role_is(1, 5, "backup");
	role_is(2, 5, "head");
	assert_ptr_equal(survey_best(&survey), &statuses[2]);
	survey.at[2].status = NULL;
	assert_ptr_equal(survey_best(&survey), &statuses[1]);
}

static void nobody_is_believed_when_nobody_answers(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < REPLICAS; i++)
		survey.at[i].status = NULL;
	assert_null(survey_best(&survey));
	assert_ptr_equal(survey_failure(&survey), &survey.at[0]);
}

static void of_two_lives_of_a_replica_the_newer_one_answers(void **state)
{
	(void)state;
	statuses[1].replica = 1;
	role_is(0, 3, "head");
	role_is(1, 7, "backup");
	assert_ptr_equal(survey_status(&survey, 1), &statuses[1]);
	assert_null(survey_status(&survey, 2));
}

static void the_newest_changes_stand_first_and_none_twice(void **state)
{
	static const uint64_t wanted[] = {9, 7, 4, 2};
	struct takeovers found;

	(void)state;
	remembers(0, 4);
	remembers(0, 2);
	remembers(1, 9);
	remembers(1, 4);
	remembers(2, 7);
	takeovers_find(&survey, &found);
	assert_int_equal(found.count, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(found.at[i].what->epoch, wanted[i]);
	assert_int_equal(found.at[0].by, 2);
	assert_ptr_equal(found.at[1].what, &changes[2][0]);
}

static void of_many_changes_the_oldest_are_left_out(void **state)
{
	struct takeovers found;

	(void)state;
	for (uint64_t epoch = 1; epoch <= CHANGES; epoch++)
		remembers(0, epoch);
	takeovers_find(&survey, &found);
	assert_int_equal(found.count, TAKEOVERS_MAX);
	assert_int_equal(found.at[0].what->epoch, CHANGES);
	assert_int_equal(found.at[TAKEOVERS_MAX - 1].what->epoch, 3);
}

static void drawing_pauses_from_the_claim_to_the_new_epoch(void **state)
{
	Control__Takeover t = CONTROL__TAKEOVER__INIT;

	(void)state;
	t.noticed_ns = 100;
	t.claimed_ns = 300;
	t.activated_ns = 1200;
	assert_int_equal(takeover_pause_ns(&t), 900);
	t.claimed_ns = 0; /* not known */
	assert_int_equal(takeover_pause_ns(&t), 0);
}

static void durations_have_three_digits_or_so(void **state)
{
	char text[DURATION_SIZE];

	(void)state;
	assert_string_equal(duration_text(0, text), "0 us");
	assert_string_equal(duration_text(310999, text), "310 us");
	assert_string_equal(duration_text(9999999, text), "9999 us");
	assert_string_equal(duration_text(12340000, text), "12.3 ms");
	assert_string_equal(duration_text(45000000000, text), "45 s");
}

static Control__StreamStatus streams[REPLICAS];
static Control__StreamStatus *stream_lists[REPLICAS];

static void has_stream(unsigned int i, const char *name, uint64_t end)
{
	control__stream_status__init(&streams[i]);
	streams[i].name = (char *)name;
	streams[i].end = end;
	stream_lists[i] = &streams[i];
	statuses[i].streams = &stream_lists[i];
	statuses[i].n_streams = 1;
}

static void a_stream_is_told_of_by_every_replica_that_has_it(void **state)
{
	struct status_view view = {.survey = &survey, .best = &statuses[0]};
	const Control__Status *replica;
	unsigned int at = 0;

	(void)state;
	has_stream(0, "orders", 10);
	has_stream(1, "fills", 10);
	has_stream(2, "orders", 7);
	assert_ptr_equal(status_stream_next(&view, "orders", &at, &replica), &streams[0]);
	assert_ptr_equal(status_stream_next(&view, "orders", &at, &replica), &streams[2]);
	assert_ptr_equal(replica, &statuses[2]);
	assert_null(status_stream_next(&view, "orders", &at, &replica));
	at = 0;
	survey.at[0].repeated = true;
	assert_ptr_equal(status_stream_next(&view, "orders", &at, &replica), &streams[2]);
}

static void a_backup_of_the_same_epoch_is_so_much_behind(void **state)
{
	struct status_view view = {.survey = &survey, .best = &statuses[0]};
	uint64_t behind = 99;

	(void)state;
	role_is(0, 5, "head");
	role_is(1, 5, "backup");
	role_is(2, 4, "backup"); /* it has not noticed */
	has_stream(0, "orders", 10);
	has_stream(1, "orders", 7);
	has_stream(2, "orders", 7);
	assert_true(status_stream_behind(&view, &statuses[1], &streams[1], &behind));
	assert_int_equal(behind, 3);
	streams[1].end = 12; /* it was asked later */
	assert_true(status_stream_behind(&view, &statuses[1], &streams[1], &behind));
	assert_int_equal(behind, 0);
	assert_false(status_stream_behind(&view, &statuses[0], &streams[0], &behind));
	assert_false(status_stream_behind(&view, &statuses[2], &streams[2], &behind));
}

static int runtime_make(void **state)
{
	char path[160];

	(void)state;
	if (scratch_make(&scratch))
		return -1;
	(void)setenv("PAWL_RUNTIME_DIR", scratch.path, 1);
	(void)snprintf(path, sizeof(path), "%s/desk", scratch.path);
	return mkdir(path, 0700);
}

static int runtime_remove(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

/* A replica's lock as its process would have it; its file stays open. */
static int lock_make(const char *name, bool held)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/desk/%s", scratch.path, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "4321\n") == 5);
	if (held)
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static void locks_tell_who_runs_and_who_was_killed(void **state)
{
	int files[] = {lock_make("10.lock", true), lock_make("2.lock", false),
		lock_make("x.lock", true), lock_make("07.lock", true),
		lock_make("70000.lock", true)};
	struct locals locals;
	struct error err;
	char pid[16];

	(void)state;
	assert_int_equal(locals_find("desk", &locals, &err), 0);
	assert_int_equal(locals.count, 2);
	assert_int_equal(locals.at[0].id, 2);
	assert_false(locals.at[0].runs);
	assert_int_equal(locals.at[1].id, 10);
	assert_true(locals.at[1].runs);
	assert_false(local_has_ended(&locals.at[1]));
	local_pid(&locals, 10, pid);
	assert_string_equal(pid, "4321");
	local_pid(&locals, 3, pid);
	assert_string_equal(pid, "?");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)close(files[i]);
	assert_true(local_has_ended(&locals.at[1]));
	locals_close(&locals);
}

static void a_replica_that_starts_anew_is_not_the_one_that_ended(void **state)
{
	int old = lock_make("1.lock", true), new;
	struct locals locals;
	struct error err;
	char path[160];

	(void)state;
	assert_int_equal(locals_find("desk", &locals, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/desk/1.lock", scratch.path);
	assert_int_equal(unlink(path), 0);
	(void)close(old);
	new = lock_make("1.lock", true);
	assert_true(local_has_ended(&locals.at[0]));
	(void)close(new);
	locals_close(&locals);
}

static void a_cluster_that_was_never_here_has_no_replicas(void **state)
{
	struct locals locals;
	struct error err;

	(void)state;
	assert_int_equal(locals_find("tray", &locals, &err), 0);
	assert_int_equal(locals.count, 0);
}

#define VIEW(story) cmocka_unit_test_setup(story, set_up)
#define LOCKS(story) cmocka_unit_test_setup_teardown(story, runtime_make, runtime_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VIEW(the_newest_epoch_is_believed),
		VIEW(within_an_epoch_the_head_is_believed),
		VIEW(nobody_is_believed_when_nobody_answers),
		VIEW(of_two_lives_of_a_replica_the_newer_one_answers),
		VIEW(the_newest_changes_stand_first_and_none_twice),
		VIEW(of_many_changes_the_oldest_are_left_out),
		VIEW(drawing_pauses_from_the_claim_to_the_new_epoch),
		VIEW(durations_have_three_digits_or_so),
		VIEW(a_stream_is_told_of_by_every_replica_that_has_it),
		VIEW(a_backup_of_the_same_epoch_is_so_much_behind),
		LOCKS(locks_tell_who_runs_and_who_was_killed),
		LOCKS(a_replica_that_starts_anew_is_not_the_one_that_ended),
		LOCKS(a_cluster_that_was_never_here_has_no_replicas),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
