#include "sequencer/stream/spare.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/core/panic.h"

#define SHARE 4 /* of what is free, at most one of so many parts (K3) */
#define NICE 5	/* those who move messages come first */
#define CLOSING_MAX 64
#define REST_NS (200 * NS_PER_MS)

struct spare_maker {
	const struct stretch_common *common;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	pthread_cond_t done;
	struct spare *first; /* the newest first: there are few */
	int closing[CLOSING_MAX];
	uint32_t closing_count;
	uint64_t rests_until_ns;
	bool ended;
};

static bool fits(const struct stretch_common *common, uint64_t len)
{
	struct statvfs fs;

	return statvfs(common->directory, &fs) == 0 &&
	       len <= (uint64_t)fs.f_bavail * fs.f_frsize / SHARE;
}

/* What can not be made now is made when it is needed, and then says why it can not be. */
static bool file_make(const struct stretch_common *common, struct spare *spare)
{
	struct error err;

	return fits(common, spare->len) &&
	       stretch_file_make(&spare->file, common, spare->len, &err) == 0;
}

/* The mutex is held, but for the making. */
static void make_one(struct spare_maker *maker)
{
	struct spare *spare = maker->first;
	bool made;

	maker->first = spare->next;
	spare->state = SPARE_MAKING;
	(void)pthread_mutex_unlock(&maker->mutex);
	made = file_make(maker->common, spare);
	(void)pthread_mutex_lock(&maker->mutex);
	spare->state = made ? SPARE_MADE : SPARE_NONE;
	(void)pthread_cond_broadcast(&maker->done);
}

/* The mutex is held, but for the closing. */
static void close_one(struct spare_maker *maker)
{
	int fd = maker->closing[--maker->closing_count];

	(void)pthread_mutex_unlock(&maker->mutex);
	(void)close(fd);
	(void)pthread_mutex_lock(&maker->mutex);
}

static void work_one(struct spare_maker *maker)
{
	if (maker->closing_count > 0)
		close_one(maker);
	else
		make_one(maker);
}

void spare_maker_close(struct spare_maker *maker, int fd)
{
	bool room;

	(void)pthread_mutex_lock(&maker->mutex);
	room = maker->closing_count < CLOSING_MAX;
	if (room)
		maker->closing[maker->closing_count++] = fd;
	(void)pthread_cond_signal(&maker->wanted);
	(void)pthread_mutex_unlock(&maker->mutex);
	if (!room)
		(void)close(fd);
}

void spare_maker_rest(struct spare_maker *maker)
{
	(void)pthread_mutex_lock(&maker->mutex);
	maker->rests_until_ns = clock_now_ns() + REST_NS;
	(void)pthread_mutex_unlock(&maker->mutex);
}

/* The mutex is held.  False: there is something to do, but not yet (K4). */
static bool is_time(struct spare_maker *maker)
{
	uint64_t until_ns = maker->rests_until_ns;
	struct timespec until = {.tv_sec = (time_t)(until_ns / (1000 * NS_PER_MS)),
		.tv_nsec = (long)(until_ns % (1000 * NS_PER_MS))};

	if (maker->ended || clock_now_ns() >= until_ns)
		return true;
	(void)pthread_cond_clockwait(
		&maker->wanted, &maker->mutex, CLOCK_MONOTONIC, &until);
	return false;
}

/* What is closed makes room for what is made (K2). */
static void *maker_run(void *argument)
{
	struct spare_maker *maker = argument;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread */
	(void)pthread_mutex_lock(&maker->mutex);
	while (!maker->ended || maker->closing_count > 0) {
		if (maker->closing_count == 0 && !maker->first)
			(void)pthread_cond_wait(&maker->wanted, &maker->mutex);
		else if (is_time(maker))
			work_one(maker);
	}
	(void)pthread_mutex_unlock(&maker->mutex);
	return NULL;
}

static void maker_free(struct spare_maker *maker)
{
	(void)pthread_cond_destroy(&maker->done);
	(void)pthread_cond_destroy(&maker->wanted);
	(void)pthread_mutex_destroy(&maker->mutex);
	free(maker);
}

int spare_maker_start(const struct stretch_common *common, struct spare_maker **maker_p,
	struct error *err)
{
	struct spare_maker *maker = calloc(1, sizeof(*maker));
	int rc;

	if (!maker)
		return error_set(err, -ENOMEM, "stream: spare: out of memory");
	maker->common = common;
	(void)pthread_mutex_init(&maker->mutex, NULL);
	(void)pthread_cond_init(&maker->wanted, NULL);
	(void)pthread_cond_init(&maker->done, NULL);
	rc = thread_start(&maker->thread, "pawl-spare", NULL, maker_run, maker);
	if (rc) {
		maker_free(maker);
		return error_set(err, rc, "stream: spare: thread: %s", error_reason(rc));
	}
	*maker_p = maker;
	return 0;
}

void spare_maker_stop(struct spare_maker *maker)
{
	(void)pthread_mutex_lock(&maker->mutex);
	PAWL_ASSERT(!maker->first);
	maker->ended = true;
	(void)pthread_cond_signal(&maker->wanted);
	(void)pthread_mutex_unlock(&maker->mutex);
	(void)pthread_join(maker->thread, NULL);
	maker_free(maker);
}

static void want(
	struct spare_maker *maker, struct spare *spare, uint32_t counter, uint64_t len)
{
	struct error err;

	if (stretch_name(&spare->file, maker->common, counter, "spare", 0, &err))
		return; /* the words have a name as long, and say it */
	spare->len = len;
	spare->state = SPARE_WANTED;
	spare->next = maker->first;
	maker->first = spare;
	(void)pthread_cond_signal(&maker->wanted);
}

void spare_want(
	struct spare_maker *maker, struct spare *spare, uint32_t counter, uint64_t len)
{
	(void)pthread_mutex_lock(&maker->mutex);
	if (spare->state == SPARE_NONE)
		want(maker, spare, counter, len);
	(void)pthread_mutex_unlock(&maker->mutex);
}

/* The mutex is held.  It is not wanted any more, and nobody is making it. */
static void settle(struct spare_maker *maker, struct spare *spare)
{
	struct spare **at = &maker->first;

	while (spare->state == SPARE_MAKING)
		(void)pthread_cond_wait(&maker->done, &maker->mutex);
	if (spare->state != SPARE_WANTED)
		return;
	while (*at != spare)
		at = &(*at)->next;
	*at = spare->next;
	spare->state = SPARE_NONE;
}

bool spare_take(struct spare_maker *maker, struct spare *spare, uint64_t len,
	const struct stretch *stretch)
{
	bool taken = false;

	(void)pthread_mutex_lock(&maker->mutex);
	if (spare->state == SPARE_NONE || spare->len == len)
		settle(maker, spare);
	if (spare->state == SPARE_MADE && spare->len == len) {
		taken = rename(spare->file.path, stretch->path) == 0;
		if (!taken)
			stretch_close(&spare->file, true);
		*spare = SPARE_EMPTY; /* K1 */
	}
	(void)pthread_mutex_unlock(&maker->mutex);
	return taken;
}

bool spare_has(struct spare_maker *maker, const struct spare *spare, const char *path)
{
	bool has;

	(void)pthread_mutex_lock(&maker->mutex);
	has = strcmp(spare->file.path, path) == 0;
	(void)pthread_mutex_unlock(&maker->mutex);
	return has;
}

bool spare_is_awaited(struct spare_maker *maker, const struct spare *spare)
{
	bool awaited;

	(void)pthread_mutex_lock(&maker->mutex);
	awaited = spare->state == SPARE_WANTED || spare->state == SPARE_MAKING;
	(void)pthread_mutex_unlock(&maker->mutex);
	return awaited;
}

void spare_drop(struct spare_maker *maker, struct spare *spare)
{
	(void)pthread_mutex_lock(&maker->mutex);
	settle(maker, spare);
	if (spare->state == SPARE_MADE)
		stretch_close(&spare->file, true);
	*spare = SPARE_EMPTY;
	(void)pthread_mutex_unlock(&maker->mutex);
}
