#include "sequencer/stream/snapshot_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/stream_limits.h"

/* One stream; all but the first three are the thread's. */
struct place {
	char path[ARCHIVE_PATH_MAX];
	char name[COUNTER_NAME_MAX + 1];
	struct archive_identity identity;
	bool open;
	struct snapshots snapshots;
};

struct queue {
	struct snapshot_job *first;
	struct snapshot_job **last;
};

struct snapshot_thread {
	pthread_t thread;
	uint64_t len_max;
	const struct archive_files *files;
	void (*news)(void *context);
	void *context;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct queue todo;
	struct queue done;
	unsigned int count; /* X3 */
	bool stop;
	bool ended;
	bool left; /* nobody waits for its end: it frees itself */

	uint32_t places_count; /* grows with the lock held */
	struct place *places[STREAMS_MAX];
};

/* ---- Queues, with the lock held ---- */

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_add(struct queue *queue, struct snapshot_job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct snapshot_job *queue_take(struct queue *queue)
{
	struct snapshot_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->last = &queue->first;
	return job;
}

static void queue_free(struct queue *queue)
{
	struct snapshot_job *job;

	while ((job = queue_take(queue)))
		free(job);
}

/* ---- The thread ---- */

static int place_open(
	struct snapshot_thread *t, struct place *place, struct snapshot_job *job)
{
	int rc;

	if (place->open)
		return 0;
	rc = snapshots_open(&place->snapshots, place->path, &place->identity, t->len_max,
		t->files, &job->passed, &job->err);
	place->open = rc == 0;
	return rc;
}

static int job_do(struct snapshots *s, struct snapshot_job *job)
{
	if (job->kind == SNAPSHOT_PUT)
		return snapshots_put(s, &job->id, job->offset, job->bytes, job->len,
			&job->upto, &job->err);
	if (job->kind == SNAPSHOT_GET && job->id.position == 0)
		job->id.position = s->kept[0].position;
	if (job->kind == SNAPSHOT_GET)
		return snapshots_get(s, job->id.position, job->offset, job->bytes,
			sizeof(job->bytes), &job->len, &job->id, &job->err);
	return 0;
}

static void job_run(struct snapshot_thread *t, struct snapshot_job *job)
{
	struct place *place = t->places[job->stream];

	job->code = place_open(t, place, job);
	if (job->code)
		return;
	job->code = job_do(&place->snapshots, job);
	memcpy(job->kept, place->snapshots.kept, sizeof(job->kept));
	job->coming = place->snapshots.coming.position;
}

/* NULL: it is to stop. */
static struct snapshot_job *job_wait(struct snapshot_thread *t)
{
	struct snapshot_job *job = NULL;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->stop && !t->todo.first)
		(void)pthread_cond_wait(&t->changed, &t->lock);
	if (!t->stop)
		job = queue_take(&t->todo);
	(void)pthread_mutex_unlock(&t->lock);
	return job;
}

static void job_give_back(struct snapshot_thread *t, struct snapshot_job *job)
{
	(void)pthread_mutex_lock(&t->lock);
	queue_add(&t->done, job);
	if (!t->stop)
		t->news(t->context);
	(void)pthread_mutex_unlock(&t->lock);
}

static void thread_free(struct snapshot_thread *t)
{
	queue_free(&t->todo);
	queue_free(&t->done);
	for (uint32_t i = 0; i < t->places_count; i++) {
		if (t->places[i]->open)
			snapshots_close(&t->places[i]->snapshots);
		free(t->places[i]);
	}
	(void)pthread_cond_destroy(&t->changed);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

static void *run(void *context)
{
	struct snapshot_thread *t = context;
	struct snapshot_job *job;
	bool left;

	while ((job = job_wait(t))) {
		job_run(t, job);
		job_give_back(t, job);
	}
	(void)pthread_mutex_lock(&t->lock);
	t->ended = true;
	left = t->left;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
	if (left)
		thread_free(t);
	return NULL;
}

/* ---- The loop's side ---- */

static struct snapshot_thread *thread_make(void)
{
	struct snapshot_thread *t = calloc(1, sizeof(*t));
	pthread_condattr_t monotonic;

	if (!t)
		return NULL;
	queue_init(&t->todo);
	queue_init(&t->done);
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&t->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return t;
}

int snapshot_thread_start(uint64_t len_max, const struct archive_files *files,
	void (*news)(void *context), void *context, struct snapshot_thread **thread_p,
	struct error *err)
{
	struct snapshot_thread *t = thread_make();

	if (t) {
		t->len_max = len_max;
		t->files = files;
		t->news = news;
		t->context = context;
	}
	if (t && thread_start(&t->thread, "pawl-snapshots", NULL, run, t) == 0) {
		*thread_p = t;
		return 0;
	}
	if (t)
		thread_free(t);
	return error_set(err, -ENOMEM,
		"archive: snapshots: no memory or no thread to keep them; free some "
		"memory "
		"or raise the limit on threads");
}

int snapshot_thread_know(struct snapshot_thread *t, const char *path,
	const struct archive_identity *identity, uint32_t *stream_p)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place || t->places_count == STREAMS_MAX) {
		free(place);
		return -ENOMEM;
	}
	(void)snprintf(place->path, sizeof(place->path), "%s", path);
	(void)snprintf(place->name, sizeof(place->name), "%s", identity->stream);
	place->identity = *identity;
	place->identity.stream = place->name;
	(void)pthread_mutex_lock(&t->lock);
	*stream_p = t->places_count;
	t->places[t->places_count++] = place;
	(void)pthread_mutex_unlock(&t->lock);
	return 0;
}

int snapshot_thread_add(struct snapshot_thread *t, struct snapshot_job *job)
{
	int rc = -EAGAIN;

	(void)pthread_mutex_lock(&t->lock);
	if (t->count < SNAPSHOT_JOBS_MAX) {
		t->count++;
		queue_add(&t->todo, job);
		(void)pthread_cond_broadcast(&t->changed);
		rc = 0;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return rc;
}

struct snapshot_job *snapshot_thread_take(struct snapshot_thread *t)
{
	struct snapshot_job *job;

	(void)pthread_mutex_lock(&t->lock);
	job = queue_take(&t->done);
	t->count -= job != NULL;
	(void)pthread_mutex_unlock(&t->lock);
	return job;
}

bool snapshot_thread_stop(struct snapshot_thread *t, uint64_t timeout_ns)
{
	uint64_t until_ns = clock_now_ns() + timeout_ns;
	struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u)};
	int rc = 0;
	bool ended;

	(void)pthread_mutex_lock(&t->lock);
	t->stop = true;
	(void)pthread_cond_broadcast(&t->changed);
	while (!t->ended && rc == 0)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	ended = t->ended;
	t->left = !ended;
	if (!ended)
		(void)pthread_detach(t->thread);
	(void)pthread_mutex_unlock(&t->lock);
	if (!ended)
		return false;
	(void)pthread_join(t->thread, NULL);
	thread_free(t);
	return true;
}
