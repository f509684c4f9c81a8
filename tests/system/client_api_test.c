/* libpawl's public interface, against a running cluster. */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/open_files.h"
#include "tests/system/client_test.h"

const char *test_cluster(void)
{
	return getenv("PAWL_TEST_CLUSTER");
}

pid_t test_replica(void)
{
	return (pid_t)atoi(getenv("PAWL_TEST_REPLICA"));
}

uint64_t test_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct pawl *test_open(const struct pawl_options *options)
{
	struct pawl *pawl = NULL;

	if (pawl_open(test_cluster(), options, &pawl))
		fail_msg("%s", pawl_errmsg(NULL));
	return pawl;
}

struct pawl_counter *test_counter(struct pawl *pawl, const char *name)
{
	struct pawl_counter *counter = NULL;

	if (pawl_counter_open(pawl, name, &counter))
		fail_msg("%s", pawl_errmsg(pawl));
	return counter;
}

uint64_t test_next(struct pawl_counter *counter)
{
	uint64_t number = 0;

	assert_int_equal(pawl_next(counter, &number), 0);
	return number;
}

void test_text_is_one_line(const char *text)
{
	assert_true(strlen(text) > 10);
	assert_null(strchr(text, '\n'));
}

void test_in_child(bool (*child)(void *context), void *context)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child(context) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void numbers_begin_at_one_and_are_dense(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "dense");
	struct pawl_stats stats;
	uint64_t last;

	(void)state;
	assert_int_equal(pawl_read(counter, &last), 0);
	assert_int_equal(last, 0);
	assert_int_equal(test_next(counter), 1);
	assert_int_equal(pawl_add(counter, 100, &last), 0);
	assert_int_equal(last, 101);
	assert_int_equal(test_next(counter), 102);
	assert_int_equal(pawl_read(counter, &last), 0);
	assert_int_equal(last, 102);
	assert_int_equal(pawl_stats_get(pawl, &stats), 0);
	assert_true(stats.additions >= 3);
	assert_true(stats.epoch > 0);
	pawl_close(pawl);
}

static void opening_a_name_again_gives_the_same_counter(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "same");

	(void)state;
	assert_ptr_equal(test_counter(pawl, "same"), counter);
	assert_ptr_not_equal(test_counter(pawl, "Same"), counter);
	pawl_close(pawl);
}

static void arguments_out_of_range_are_refused(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "range");
	struct pawl_result result;
	uint64_t number = 77;
	int count = 77;

	(void)state;
	assert_string_equal(pawl_errmsg(pawl), "");
	assert_int_equal(pawl_add(counter, 0, &number), -EINVAL);
	test_text_is_one_line(pawl_errmsg(pawl));
	assert_int_equal(pawl_add(counter, PAWL_ADD_MAX + 1, &number), -ERANGE);
	test_text_is_one_line(pawl_errmsg(pawl));
	assert_int_equal(pawl_submit(counter, PAWL_ADD_MAX + 1, 0), -ERANGE);
	assert_int_equal(pawl_poll(pawl, &result, 0, &count), -EINVAL);
	assert_int_equal(pawl_poll(pawl, &result, -1, &count), -EINVAL);
	assert_int_equal(number, 77);
	assert_int_equal(count, 77);
	assert_int_equal(test_next(counter), 1);
	pawl_close(pawl);
}

static void names_that_are_none_are_refused(void **state)
{
	char longest[PAWL_NAME_MAX + 2];
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = NULL;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[PAWL_NAME_MAX + 1] = '\0';
	assert_int_equal(pawl_counter_open(pawl, longest, &counter), -ENAMETOOLONG);
	assert_int_equal(pawl_counter_open(pawl, "", &counter), -EINVAL);
	assert_int_equal(pawl_counter_open(pawl, "a\nb", &counter), -EINVAL);
	test_text_is_one_line(pawl_errmsg(pawl));
	assert_int_equal(pawl_counter_open(pawl, "b\303\274ro", &counter), -EINVAL);
	assert_null(counter);
	longest[PAWL_NAME_MAX] = '\0';
	assert_int_equal(test_next(test_counter(pawl, longest)), 1);
	pawl_close(pawl);
}

static void open_fails(const char *where, const struct pawl_options *options, int code)
{
	struct pawl *pawl = NULL;

	assert_int_equal(pawl_open(where, options, &pawl), code);
	assert_null(pawl);
	test_text_is_one_line(pawl_errmsg(NULL));
}

static void clusters_and_options_that_are_none_are_refused(void **state)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	char endless[1000];

	(void)state;
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	open_fails(endless, NULL, -EINVAL);
	open_fails("", NULL, -EINVAL);
	open_fails("a b", NULL, -EINVAL);
	open_fails("no-such-cluster", NULL, -ENOENT);
	open_fails("127.0.0.1:1", NULL, -ECONNREFUSED);
	open_fails("127.0.0.1:", NULL, -EINVAL);
	options.depth = PAWL_DEPTH_MAX + 1;
	open_fails(test_cluster(), &options, -EINVAL);
	options.depth = 0;
	options.wait = (enum pawl_wait)9;
	open_fails(test_cluster(), &options, -EINVAL);
	options.wait = PAWL_WAIT_YIELD;
	options.size = 1;
	open_fails(test_cluster(), &options, -EINVAL);
	options.size = sizeof(options);
	options.device = endless;
	open_fails(test_cluster(), &options, -EINVAL);
}

static void nothing_is_left_open(void **state)
{
	unsigned int before;

	(void)state;
	pawl_close(test_open(NULL));
	pawl_close(NULL);
	before = open_files_count();
	for (int i = 0; i < 20; i++) {
		struct pawl *pawl = test_open(NULL);

		(void)test_counter(pawl, "left open");
		pawl_close(pawl);
		open_fails("no-such-cluster", NULL, -ENOENT);
		open_fails("127.0.0.1:1", NULL, -ECONNREFUSED);
	}
	assert_int_equal(open_files_count(), before);
}

static int take(struct pawl *pawl, struct pawl_result *results, int wanted)
{
	uint64_t began_ms = test_now_ms();
	int taken = 0;

	while (taken < wanted && test_now_ms() - began_ms < 5000) {
		int count;

		assert_int_equal(
			pawl_poll(pawl, results + taken, wanted - taken, &count), 0);
		taken += count;
	}
	return taken;
}

static void results_come_in_the_order_of_submission(void **state)
{
	static const uint64_t sizes[] = {1, 5, 0, PAWL_ADD_MAX, 0, 1};
	static const uint64_t lasts[] = {
		1, 6, 6, 6 + PAWL_ADD_MAX, 6 + PAWL_ADD_MAX, 7 + PAWL_ADD_MAX};
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "in order");
	struct pawl_result results[6];

	(void)state;
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(pawl_submit(counter, sizes[i], 1000 + i), 0);
	assert_int_equal(take(pawl, results, 6), 6);
	for (uint64_t i = 0; i < 6; i++) {
		assert_int_equal(results[i].status, 0);
		assert_ptr_equal(results[i].counter, counter);
		assert_int_equal(results[i].cookie, 1000 + i);
		assert_int_equal(results[i].n, sizes[i]);
		assert_int_equal(results[i].last, lasts[i]);
	}
	pawl_close(pawl);
}

static void a_full_queue_refuses_and_goes_on_after_a_poll(void **state)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_counter *counter, *other;
	struct pawl_result results[8];
	struct pawl *pawl;
	uint64_t number;

	(void)state;
	options.depth = 8;
	pawl = test_open(&options);
	counter = test_counter(pawl, "full");
	other = test_counter(pawl, "not full");
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(pawl_submit(counter, 1, i), 0);
	assert_int_equal(pawl_submit(counter, 1, 8), -EAGAIN);
	assert_int_equal(pawl_next(counter, &number), -EAGAIN);
	test_text_is_one_line(pawl_errmsg(pawl));
	assert_int_equal(test_next(other), 1);
	assert_int_equal(take(pawl, results, 3), 3);
	assert_int_equal(test_next(counter), 9);
	assert_int_equal(pawl_submit(counter, 1, 8), 0);
	assert_int_equal(take(pawl, results, 6), 6);
	assert_int_equal(results[5].cookie, 8);
	assert_int_equal(results[5].last, 10);
	pawl_close(pawl);
}

static void pipelines_of_every_depth_are_dense(void **state)
{
	static const unsigned int depths[] = {1, 2, 63, PAWL_DEPTH_MAX};

	(void)state;
	for (int d = 0; d < 4; d++) {
		struct pawl_options options = PAWL_OPTIONS_INIT;
		uint64_t submitted = 0, done = 0, first;
		struct pawl_counter *counter;
		struct pawl_result result;
		struct pawl *pawl;

		options.depth = depths[d];
		pawl = test_open(&options);
		counter = test_counter(pawl, "pipeline");
		assert_int_equal(pawl_read(counter, &first), 0);
		while (done < 5000) {
			int count;

			while (submitted < 5000 &&
				pawl_submit(counter, 1, submitted) == 0)
				submitted++;
			assert_true(submitted - done <= depths[d]);
			assert_int_equal(pawl_poll(pawl, &result, 1, &count), 0);
			if (count == 0)
				continue;
			assert_int_equal(result.status, 0);
			assert_int_equal(result.cookie, done);
			assert_int_equal(result.last, first + ++done);
		}
		pawl_close(pawl);
	}
}

static void closing_with_additions_in_flight_leaves_the_others_alone(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "in flight");
	struct pawl *other = test_open(NULL);
	uint64_t number;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(pawl_submit(counter, 1, i), 0);
	pawl_close(pawl);
	number = test_next(test_counter(other, "in flight"));
	assert_in_range(number, 1, 11);
	pawl_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_begin_at_one_and_are_dense),
		cmocka_unit_test(opening_a_name_again_gives_the_same_counter),
		cmocka_unit_test(arguments_out_of_range_are_refused),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(clusters_and_options_that_are_none_are_refused),
		cmocka_unit_test(nothing_is_left_open),
		cmocka_unit_test(results_come_in_the_order_of_submission),
		cmocka_unit_test(a_full_queue_refuses_and_goes_on_after_a_poll),
		cmocka_unit_test(pipelines_of_every_depth_are_dense),
		cmocka_unit_test(
			closing_with_additions_in_flight_leaves_the_others_alone),
		cmocka_unit_test(a_process_that_lost_its_connection_keeps_its_row),
		cmocka_unit_test(a_child_may_not_use_its_parents_handle),
		cmocka_unit_test(a_child_that_just_exits_does_not_disturb_its_parent),
		cmocka_unit_test(a_child_opens_a_handle_of_its_own),
		cmocka_unit_test(threads_with_handles_of_their_own_draw_in_one_order),
		cmocka_unit_test_teardown(
			a_stopped_replica_ends_an_open_within_the_timeout,
			replica_continue),
		cmocka_unit_test_teardown(
			a_stopped_replica_ends_opening_a_counter_within_the_timeout,
			replica_continue),
		cmocka_unit_test_teardown(
			numbers_over_shared_memory_need_no_replica_process,
			replica_continue),
		cmocka_unit_test(whoever_answers_nonsense_is_an_error_of_the_list),
	};

	if (!test_cluster() || !getenv("PAWL_TEST_REPLICA")) {
		print_message("skipped: needs a cluster; tests/system/client_api makes "
			      "one\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
