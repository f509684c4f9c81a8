/*
 * Three members of etcd, whose leader is killed again and again while two processes count
 * in one value under compare-and-set: nothing is lost or done twice.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/etcd_server.h"
#include "tests/conformance/store_call.h"

#define WORKERS 2
#define KILLS 3
#define TIMEOUT_MS 6000
#define REPLY_NS UINT64_C(60000000000)

static struct server server;

/* The value is a count for each worker, and each only ever raises its own. */
struct counts {
	long each[WORKERS];
};

static int open_store(struct store **store_p)
{
	char address[256];
	struct store_config config = {
		.address = address, .cluster = "cluster", .timeout_ms = TIMEOUT_MS};
	struct error err;

	(void)snprintf(address, sizeof(address),
		"etcd:http://127.0.0.1:%d,http://127.0.0.1:%d,http://127.0.0.1:%d/pawl",
		server.members[0].port, server.members[1].port, server.members[2].port);
	return store_open(&config, store_p, &err);
}

static int read_counts(struct store *store, struct counts *counts_p, uint64_t *revision_p)
{
	struct call get = call_get(store);

	memset(counts_p, 0, sizeof(*counts_p));
	if (get.status)
		return get.status;
	if (get.len == sizeof(*counts_p))
		memcpy(counts_p, get.bytes, sizeof(*counts_p));
	*revision_p = get.revision;
	return 0;
}

/* What a worker knows: so many of its steps are done, and perhaps one more. */
struct progress {
	long done;
	long unknown; /* 0 or 1 */
	long resolved;
};

/*
 * A count that is neither what it must be nor one more, where that may be, was lost or
 * done twice.
 */
static int settle(struct progress *progress, long found)
{
	if (found < progress->done || found > progress->done + progress->unknown) {
		fprintf(stderr, "found %ld; done %ld, unknown %ld\n", found,
			progress->done, progress->unknown);
		return -1;
	}
	progress->resolved += found - progress->done;
	progress->done = found;
	return 0;
}

static int count_once(struct store *store, int worker, struct progress *progress)
{
	struct counts counts;
	struct call put;
	uint64_t revision;
	int rc = read_counts(store, &counts, &revision);

	if (rc)
		return rc == -ETIMEDOUT ? 0 : rc;
	if (settle(progress, counts.each[worker]))
		return -1;
	counts.each[worker]++;
	put = call_put(store, revision, &counts, sizeof(counts));
	if (put.status == 0) {
		progress->done++;
		progress->unknown = 0;
	} else if (put.status == -ETIMEDOUT) {
		progress->unknown = 1;
	} else if (put.status != -ESTALE) {
		fprintf(stderr, "%s\n", put.err.text);
		return put.status;
	}
	return 0;
}

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

static int work(int worker, int result)
{
	struct progress progress = {0};
	struct store *store;
	int rc = open_store(&store);

	while (!rc && !stopped)
		rc = count_once(store, worker, &progress);
	if (!rc && write(result, &progress, sizeof(progress)) != sizeof(progress))
		rc = -EIO;
	store_close(store);
	return rc;
}

struct worker {
	pid_t pid;
	int result;
};

static struct worker start_worker(int index)
{
	struct worker worker;
	pid_t parent = getpid();
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	worker.pid = fork();
	assert_true(worker.pid >= 0);
	if (worker.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGTERM, on_stop);
		(void)close(ends[0]);
		_exit(getppid() == parent && work(index, ends[1]) == 0 ? 0 : 1);
	}
	(void)close(ends[1]);
	worker.result = ends[0];
	return worker;
}

static struct progress end_worker(const struct worker *worker)
{
	struct progress progress = {0};
	int status;

	assert_int_equal(kill(worker->pid, SIGTERM), 0);
	assert_int_equal(
		read(worker->result, &progress, sizeof(progress)), sizeof(progress));
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	assert_int_equal(status, 0);
	(void)close(worker->result);
	return progress;
}

static int find_leader(void)
{
	uint64_t deadline = clock_now_ns() + REPLY_NS;
	int leader = -1;

	while (leader < 0 && clock_now_ns() < deadline) {
		leader = server_leader(&server);
		(void)usleep(50000);
	}
	assert_in_range(leader, 0, SERVER_MEMBERS_MAX - 1);
	return leader;
}

static long total(struct store *store)
{
	struct counts counts;
	uint64_t revision;

	assert_int_equal(read_counts(store, &counts, &revision), 0);
	return counts.each[0] + counts.each[1];
}

/* Service goes on without the member that was killed, and then with it. */
static void kill_a_leader(struct store *store)
{
	uint64_t deadline = clock_now_ns() + REPLY_NS;
	int leader = find_leader();
	long before = total(store);

	server_kill(&server, leader);
	while (total(store) < before + 100 && clock_now_ns() < deadline)
		(void)usleep(20000);
	assert_true(total(store) >= before + 100);
	assert_int_equal(server_restart(&server, leader), 0);
}

static void killed_leaders_lose_and_double_nothing(void **state)
{
	struct worker workers[WORKERS];
	struct counts counts;
	struct store *store;
	uint64_t revision;

	(void)state;
	assert_int_equal(open_store(&store), 0);
	for (int i = 0; i < WORKERS; i++)
		workers[i] = start_worker(i);
	for (int i = 0; i < KILLS; i++)
		kill_a_leader(store);
	for (int i = 0; i < WORKERS; i++) {
		struct progress progress = end_worker(&workers[i]);

		assert_int_equal(read_counts(store, &counts, &revision), 0);
		print_message("worker %d: %ld done, %ld of them found later\n", i,
			progress.done, progress.resolved);
		assert_in_range(
			counts.each[i], progress.done, progress.done + progress.unknown);
	}
	store_close(store);
}

static void note_change(void *context, int status, const struct error *err)
{
	(void)err;
	if (status == 0)
		++*(int *)context;
}

static void a_watch_leaves_a_member_that_died(void **state)
{
	struct store *watcher, *writer;
	struct counts counts;
	uint64_t revision, deadline;
	int changes = 0, before;

	(void)state;
	assert_int_equal(open_store(&watcher), 0);
	assert_int_equal(open_store(&writer), 0);
	store_watch(watcher, note_change, &changes);
	deadline = clock_now_ns() + REPLY_NS;
	while (changes == 0 && clock_now_ns() < deadline)
		store_wait(watcher, 50);
	server_kill(&server, 0); /* the first in the address, where the watch is */
	before = changes;
	assert_int_equal(read_counts(writer, &counts, &revision), 0);
	assert_int_equal(call_put(writer, revision, &counts, sizeof(counts)).status, 0);
	while (changes == before && clock_now_ns() < deadline)
		store_wait(watcher, 50);
	assert_true(changes > before);
	store_close(watcher);
	store_close(writer);
	assert_int_equal(server_restart(&server, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_leaders_lose_and_double_nothing),
		cmocka_unit_test(a_watch_leaves_a_member_that_died),
	};
	const char *missing = server_missing(false);
	int failed;

	if (missing) {
		printf("skipped: %s\n", missing);
		return 77;
	}
	if (server_start(&server, SERVER_MEMBERS_MAX, false))
		return 1;
	failed = cmocka_run_group_tests_name("etcd_cluster", tests, NULL, NULL);
	server_stop(&server);
	return failed;
}
