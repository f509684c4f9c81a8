/* The thread that writes and reads snapshots, so that a loop need not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/crc32c.h"
#include "sequencer/stream/snapshot_thread.h"
#include "tests/unit/archive_rig.h"

#define LEN_MAX (UINT64_C(1) << 20)
#define LEN 100

static unsigned char state[LEN];

static _Atomic unsigned int news;

static void on_news(void *context)
{
	(void)context;
	news++;
}

static struct snapshot_job *job_make(enum snapshot_job_kind kind)
{
	struct snapshot_job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->kind = kind;
	return job;
}

static struct snapshot_job *job_await(struct snapshot_thread *thread)
{
	uint64_t deadline = clock_now_ns() + UINT64_C(20000000000);
	struct snapshot_job *job;

	while (!(job = snapshot_thread_take(thread)))
		assert_true(clock_now_ns() < deadline);
	return job;
}

static void the_thread_does_what_it_is_told(void **unused)
{
	struct snapshot_id id = {10, LEN, 0};
	struct snapshot_thread *thread;
	struct snapshot_job *job;
	uint32_t stream = 99;

	(void)unused;
	news = 0;
	memset(state, 7, sizeof(state));
	id.crc = crc32c_update(0, state, LEN);
	assert_int_equal(
		snapshot_thread_start(LEN_MAX, NULL, on_news, NULL, &thread, &rig.err),
		0);
	assert_int_equal(
		snapshot_thread_know(thread, rig.path, &rig.config.identity, &stream), 0);
	assert_int_equal(stream, 0);
	job = job_make(SNAPSHOT_PUT);
	job->id = id;
	job->len = LEN;
	memcpy(job->bytes, state, LEN);
	assert_int_equal(snapshot_thread_add(thread, job), 0);
	assert_int_equal(snapshot_thread_add(thread, job_make(SNAPSHOT_GET)), 0);
	job = job_await(thread); /* X2 */
	assert_true(job->kind == SNAPSHOT_PUT && job->code == 0 && job->upto == LEN);
	assert_int_equal(job->kept[0].position, 10);
	free(job);
	job = job_await(thread);
	assert_true(job->kind == SNAPSHOT_GET && job->code == 0 && job->len == LEN);
	assert_int_equal(job->id.position, 10);
	assert_memory_equal(job->bytes, state, LEN);
	free(job);
	assert_true(news >= 1);
	assert_true(snapshot_thread_stop(thread, UINT64_C(20000000000)));
}

/* X3, and what is left at the end is freed. */
static void the_thread_takes_no_more_than_it_can(void **unused)
{
	struct snapshot_thread *thread;
	struct snapshot_job *more = job_make(SNAPSHOT_LOOK);
	uint32_t stream;

	(void)unused;
	assert_int_equal(
		snapshot_thread_start(LEN_MAX, NULL, on_news, NULL, &thread, &rig.err),
		0);
	assert_int_equal(
		snapshot_thread_know(thread, rig.path, &rig.config.identity, &stream), 0);
	for (int i = 0; i < SNAPSHOT_JOBS_MAX; i++)
		assert_int_equal(snapshot_thread_add(thread, job_make(SNAPSHOT_LOOK)), 0);
	assert_int_equal(snapshot_thread_add(thread, more), -EAGAIN);
	free(job_await(thread));
	assert_int_equal(snapshot_thread_add(thread, more), 0);
	assert_true(snapshot_thread_stop(thread, UINT64_C(20000000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(the_thread_does_what_it_is_told),
		RIG_STORY(the_thread_takes_no_more_than_it_can),
	};

	return cmocka_run_group_tests_name("snapshot thread", tests, NULL, NULL);
}
