/*
 * Publishers and subscribers for tests/system/stream_takeover, and how long nothing came.
 *
 *     stream_pauses WHERE STREAM PUBLISHERS SUBSCRIBERS RATE
 *
 * Each is a process of its own.  A publisher sends RATE messages a second, each at its time,
 * whatever became of those before it.  Every line on standard input is answered by one line:
 *
 *     ACKNOWLEDGED DELIVERED PUBLISH_US DELIVER_US
 *
 * how many messages were acknowledged and delivered until now, and, since the line before, the
 * longest time between two acknowledgements of one publisher and between two deliveries of one
 * subscriber; a pause that goes on counts.  The line "end" ends it.  A failure is one line on
 * standard error and exit status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl/stream.h>

#include "tests/system/until_term.h"

#define WORKERS_MAX 64
#define RESULTS 64
#define MESSAGE_LEN 64
#define WAIT_NS UINT64_C(1000000)
#define NAP_MAX_NS UINT64_C(200000)

/* What a process tells; the parent reads it any time. */
struct worker {
	_Alignas(64) _Atomic uint64_t count;
	_Atomic uint64_t newest_ns; /* 0: nothing has come yet */
	_Atomic uint64_t pause_ns;  /* the longest since @round became what it is */
	_Atomic uint64_t round;
	pid_t pid;
};

struct shared {
	_Atomic uint64_t round; /* the lines that were read */
	struct worker workers[WORKERS_MAX];
};

struct work {
	const char *where, *name;
	uint64_t publishers, subscribers, rate;
	struct shared *shared;
};

/* A pause that began before the line was read belongs to the line after it too. */
static void came(struct work *work, struct worker *w, uint64_t count)
{
	uint64_t now = now_ns();
	uint64_t round = atomic_load(&work->shared->round);
	uint64_t newest = atomic_load(&w->newest_ns);
	uint64_t pause = newest ? now - newest : 0;

	if (round != atomic_load(&w->round) || pause > atomic_load(&w->pause_ns))
		atomic_store(&w->pause_ns, pause);
	atomic_store(&w->round, round);
	atomic_store(&w->newest_ns, now);
	atomic_fetch_add(&w->count, count);
}

static uint64_t pause_of(const struct worker *w, uint64_t round)
{
	uint64_t newest = atomic_load(&w->newest_ns), now = now_ns();
	uint64_t pause = newest && now > newest ? now - newest : 0;
	uint64_t told = atomic_load(&w->round) == round ? atomic_load(&w->pause_ns) : 0;

	return told > pause ? told : pause;
}

static int results_take(
	struct work *work, struct worker *w, struct pawl_stream *stream, uint64_t *done)
{
	struct pawl_published results[RESULTS];
	int count;
	int rc = pawl_publish_poll(stream, results, RESULTS, &count);

	for (int i = 0; !rc && i < count; i++)
		rc = results[i].status;
	if (!rc && count > 0) {
		*done += (uint64_t)count;
		came(work, w, (uint64_t)count);
	}
	return rc;
}

static void nap_until(uint64_t due_ns)
{
	uint64_t now = now_ns();
	uint64_t nap = now < due_ns ? due_ns - now : 0;
	struct timespec pause = {.tv_nsec = (long)(nap < NAP_MAX_NS ? nap : NAP_MAX_NS)};

	(void)nanosleep(&pause, NULL);
}

static int publish(struct work *work, struct worker *w, struct pawl *pawl)
{
	uint64_t sent = 0, done = 0, begun_ns = now_ns();
	char message[MESSAGE_LEN] = "";
	struct pawl_stream *stream;
	int rc = pawl_stream_open(pawl, work->name, NULL, &stream);

	while (!rc && !told_to_end) {
		uint64_t due_ns = begun_ns + sent * UINT64_C(1000000000) / work->rate;

		if (now_ns() >= due_ns) {
			rc = pawl_publish_submit(stream, message, sizeof(message), sent);
			sent += rc == 0;
			rc = rc == -EAGAIN ? 0 : rc;
		}
		if (!rc)
			rc = results_take(work, w, stream, &done);
		if (!rc)
			nap_until(done < sent ? 0 : due_ns);
	}
	return rc;
}

struct reading {
	struct work *work;
	struct worker *worker;
};

static void on_delivery(void *context, const struct pawl_delivery *d)
{
	struct reading *reading = context;

	(void)d;
	came(reading->work, reading->worker, 1);
}

static int subscribe(struct work *work, struct worker *w, struct pawl *pawl)
{
	struct reading reading = {work, w};
	struct pawl_subscriber *subscriber;
	struct pawl_stream *stream;
	int count;
	int rc = pawl_stream_open(pawl, work->name, NULL, &stream);

	if (!rc)
		rc = pawl_subscribe(stream, NULL, &subscriber);
	while (!rc && !told_to_end)
		rc = pawl_subscriber_wait(
			subscriber, on_delivery, &reading, RESULTS, WAIT_NS, &count);
	return rc;
}

static int run(struct work *work, struct worker *w, bool publishes)
{
	struct pawl *pawl;
	int rc = pawl_open(work->where, NULL, &pawl);

	if (rc) {
		(void)fprintf(stderr, "stream_pauses: %s\n", pawl_errmsg(NULL));
		return rc;
	}
	rc = publishes ? publish(work, w, pawl) : subscribe(work, w, pawl);
	if (rc)
		(void)fprintf(stderr, "stream_pauses: %s: %s: %s\n",
			publishes ? "publisher" : "subscriber", strerror(-rc),
			pawl_errmsg(pawl));
	pawl_close(pawl);
	return rc;
}

static void begin(struct work *work, uint64_t place)
{
	struct worker *w = &work->shared->workers[place];
	pid_t pid = fork();

	if (pid != 0) {
		w->pid = pid;
		return;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)close(STDIN_FILENO); /* the parent's */
	_exit(run(work, w, place < work->publishers) ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void line_answer(struct work *work)
{
	uint64_t counts[2] = {0}, pauses_ns[2] = {0};
	uint64_t round = atomic_load(&work->shared->round);

	for (uint64_t i = 0; i < work->publishers + work->subscribers; i++) {
		const struct worker *w = &work->shared->workers[i];
		int side = i < work->publishers ? 0 : 1;
		uint64_t pause = pause_of(w, round);

		counts[side] += atomic_load(&w->count);
		pauses_ns[side] = pause > pauses_ns[side] ? pause : pauses_ns[side];
	}
	atomic_store(&work->shared->round, round + 1);
	(void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counts[0],
		counts[1], pauses_ns[0] / 1000, pauses_ns[1] / 1000);
	(void)fflush(stdout);
}

static int end(struct work *work)
{
	int failures = 0, status;

	for (uint64_t i = 0; i < work->publishers + work->subscribers; i++) {
		pid_t pid = work->shared->workers[i].pid;

		if (pid <= 0) {
			failures++;
			continue;
		}
		(void)kill(pid, SIGTERM);
		if (waitpid(pid, &status, 0) != pid || status != 0) {
			(void)fprintf(stderr,
				"stream_pauses: worker %" PRIu64 ": status 0x%x\n", i,
				(unsigned int)status);
			failures++;
		}
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int shared_make(struct work *work)
{
	work->shared = mmap(NULL, sizeof(*work->shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return work->shared == MAP_FAILED ? -ENOMEM : 0;
}

int main(int argc, char **argv)
{
	struct work work;
	char line[16];

	if (argc != 6) {
		(void)fprintf(stderr, "usage: stream_pauses WHERE STREAM PUBLISHERS "
				      "SUBSCRIBERS RATE\n");
		return 2;
	}
	work = (struct work){.where = argv[1],
		.name = argv[2],
		.publishers = strtoull(argv[3], NULL, 10),
		.subscribers = strtoull(argv[4], NULL, 10),
		.rate = strtoull(argv[5], NULL, 10)};
	if (work.publishers + work.subscribers > WORKERS_MAX || work.rate == 0 ||
		shared_make(&work))
		return 2;
	(void)signal(SIGTERM, on_term);
	for (uint64_t i = 0; i < work.publishers + work.subscribers; i++)
		begin(&work, i);
	while (fgets(line, sizeof(line), stdin) && strncmp(line, "end", 3) != 0)
		line_answer(&work);
	return end(&work);
}
