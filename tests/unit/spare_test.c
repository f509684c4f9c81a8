/* Memory that is made ahead of need: made once, given away once, and never too much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "hw/clock.h"
#include "sequencer/stream/spare.h"

#define LEN (UINT64_C(1) << 20)
#define COUNTER 7

struct shelf {
	char directory[64];
	struct stretch_common common;
	struct spare_maker *maker;
	struct spare spare;
};

static int shelf_make(void **state)
{
	struct shelf *s = calloc(1, sizeof(*s));
	struct error err;

	assert_non_null(s);
	(void)snprintf(s->directory, sizeof(s->directory), "/dev/shm/spare-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	s->common = (struct stretch_common){.pages = {.node = -1},
		.directory = s->directory,
		.cluster = "desk",
		.replica = 1,
		.instance = 5};
	s->spare = SPARE_EMPTY;
	assert_int_equal(spare_maker_start(&s->common, &s->maker, &err), 0);
	*state = s;
	return 0;
}

/* Nothing is left. */
static int shelf_end(void **state)
{
	struct shelf *s = *state;

	spare_drop(s->maker, &s->spare);
	spare_maker_stop(s->maker);
	assert_int_equal(rmdir(s->directory), 0);
	free(s);
	return 0;
}

static void made(struct shelf *s)
{
	uint64_t deadline = clock_now_ns() + 10000 * NS_PER_MS;

	while (spare_is_awaited(s->maker, &s->spare)) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
}

static struct stretch words(struct shelf *s, uint64_t epoch)
{
	struct stretch stretch;

	assert_int_equal(
		stretch_name(&stretch, &s->common, COUNTER, "words", epoch, NULL), 0);
	return stretch;
}

static void zeroed(const struct stretch *stretch)
{
	int fd = open(stretch->path, O_RDONLY);
	unsigned char *bytes = malloc(LEN);
	struct stat at;

	assert_true(fd >= 0 && bytes);
	assert_int_equal(fstat(fd, &at), 0);
	assert_int_equal(at.st_size, LEN);
	assert_true((uint64_t)at.st_blocks * 512 >= LEN);
	assert_int_equal(read(fd, bytes, LEN), LEN);
	for (uint64_t i = 0; i < LEN; i++)
		assert_int_equal(bytes[i], 0);
	free(bytes);
	close(fd);
}

static void a_spare_is_given_away_once(void **state)
{
	struct shelf *s = *state;
	struct stretch first = words(s, 1), second = words(s, 2);

	assert_false(spare_take(s->maker, &s->spare, LEN, &first));
	spare_want(s->maker, &s->spare, COUNTER, LEN);
	spare_want(s->maker, &s->spare, COUNTER, LEN);
	made(s);
	assert_int_equal(access(first.path, F_OK), -1);
	assert_true(spare_take(s->maker, &s->spare, LEN, &first));
	zeroed(&first);
	assert_false(spare_take(s->maker, &s->spare, LEN, &second)); /* K1 */
	assert_int_equal(access(second.path, F_OK), -1);
	spare_want(s->maker, &s->spare, COUNTER, LEN);
	made(s);
	assert_true(spare_take(s->maker, &s->spare, LEN, &second));
	zeroed(&second);
	stretch_close(&first, true);
	stretch_close(&second, true);
}

static void one_of_another_length_stays(void **state)
{
	struct shelf *s = *state;
	struct stretch stretch = words(s, 1);

	spare_want(s->maker, &s->spare, COUNTER, LEN);
	made(s);
	assert_false(spare_take(s->maker, &s->spare, LEN / 2, &stretch));
	assert_true(spare_take(s->maker, &s->spare, LEN, &stretch));
	stretch_close(&stretch, true);
}

/* Whether it is being made or was not begun. */
static void one_that_was_just_wanted_can_be_taken_or_dropped(void **state)
{
	struct shelf *s = *state;
	struct stretch stretch = words(s, 1);

	for (int i = 0; i < 50; i++) {
		spare_want(s->maker, &s->spare, COUNTER, LEN);
		(void)poll(NULL, 0, i % 2);
		if (spare_take(s->maker, &s->spare, LEN, &stretch))
			zeroed(&stretch);
		(void)unlink(stretch.path);
		spare_want(s->maker, &s->spare, COUNTER, LEN);
		(void)poll(NULL, 0, i % 2);
		spare_drop(s->maker, &s->spare);
	}
}

static void what_would_take_too_much_is_done_without(void **state)
{
	struct shelf *s = *state;
	struct stretch stretch = words(s, 1);
	struct statvfs fs;
	uint64_t len;

	assert_int_equal(statvfs(s->directory, &fs), 0);
	len = (uint64_t)fs.f_bavail * fs.f_frsize / 2;
	spare_want(s->maker, &s->spare, COUNTER, len);
	made(s);
	assert_false(spare_take(s->maker, &s->spare, len, &stretch)); /* K3 */
}

static void a_file_is_closed_in_the_background(void **state)
{
	struct shelf *s = *state;
	uint64_t deadline = clock_now_ns() + 10000 * NS_PER_MS;
	int fd = open(s->directory, O_RDONLY);

	assert_true(fd >= 0);
	spare_maker_close(s->maker, fd);
	while (fcntl(fd, F_GETFD) >= 0) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
}

/* Neither made nor closed (K4); a machine that is slow to look only makes it rest longer. */
static void nothing_is_begun_for_a_moment_after_a_change(void **state)
{
	struct shelf *s = *state;
	uint64_t begun_ns = clock_now_ns();
	int fd = open(s->directory, O_RDONLY);

	assert_true(fd >= 0);
	spare_maker_rest(s->maker);
	spare_maker_close(s->maker, fd);
	spare_want(s->maker, &s->spare, COUNTER, LEN);
	made(s);
	assert_true(clock_now_ns() - begun_ns >= 100 * NS_PER_MS);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Who ends does not wait for the moment to be over. */
static void what_rests_can_be_dropped(void **state)
{
	struct shelf *s = *state;
	struct stretch stretch = words(s, 1);

	spare_maker_rest(s->maker);
	spare_want(s->maker, &s->spare, COUNTER, LEN);
	assert_false(spare_take(s->maker, &s->spare, LEN, &stretch));
	assert_false(spare_is_awaited(s->maker, &s->spare));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_make, shelf_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_spare_is_given_away_once),
		TEST(one_of_another_length_stays),
		TEST(one_that_was_just_wanted_can_be_taken_or_dropped),
		TEST(what_would_take_too_much_is_done_without),
		TEST(a_file_is_closed_in_the_background),
		TEST(nothing_is_begun_for_a_moment_after_a_change),
		TEST(what_rests_can_be_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
