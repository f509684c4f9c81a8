#include "bench/crew.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/crew_shared.h"
#include "hw/clock.h"

#define LOOK_NS 1000000
#define WAIT_TIMEOUT_NS UINT64_C(60000000000)
#define END_TIMEOUT_NS UINT64_C(2000000000)

struct crew {
	unsigned int processes;
	const volatile sig_atomic_t *interrupted;
	struct crew_shared *shared;
	uint64_t *room; /* shared too: the arrays of one process after the other */
	uint32_t round;
	pid_t pids[CREW_MAX];
};

#define ROOM_LEN (3 * CREW_ROOM * sizeof(uint64_t))

static struct crew_room room_of(const struct crew *crew, unsigned int i)
{
	uint64_t max = CREW_ROOM / crew->processes;
	uint64_t *begin = crew->room + 3 * max * i;

	return (struct crew_room){.values = begin,
		.begins_ns = begin + max,
		.ends_ns = begin + 2 * max,
		.max = max};
}

static int member_fork(struct crew *crew, unsigned int i, const char *where,
	const char *counter, struct error *err)
{
	struct crew_member member = {.parent = getpid(),
		.where = where,
		.counter = counter,
		.shared = crew->shared,
		.seat = &crew->shared->seats[i],
		.room = room_of(crew, i)};
	pid_t pid = fork();

	if (pid == 0)
		crew_member_run(&member);
	if (pid < 0)
		return error_set(err, -errno,
			"bench: process %u of %u: can not be forked: %s", i + 1,
			crew->processes, error_reason(-errno));
	crew->pids[i] = pid;
	return 0;
}

/* The first failure that a process reported, or met. */
static int trouble_find(struct crew *crew, struct error *err)
{
	for (unsigned int i = 0; i < crew->processes; i++) {
		struct crew_seat *seat = &crew->shared->seats[i];
		int rc = atomic_load_explicit(&seat->rc, memory_order_acquire);

		if (rc) {
			*err = seat->err;
			return rc;
		}
	}
	if (*crew->interrupted)
		return error_set(err, -EINTR, "bench: interrupted");
	return children_check(crew->pids, crew->processes, err);
}

typedef bool (*ready_fn)(const struct crew *crew, unsigned int i, uint64_t value);

static bool all_are(const struct crew *crew, ready_fn is, uint64_t value)
{
	for (unsigned int i = 0; i < crew->processes; i++) {
		if (!is(crew, i, value))
			return false;
	}
	return true;
}

/* Until @is is true of all, with an eye on failures. */
static int await(struct crew *crew, ready_fn is, uint64_t value, const char *what,
	struct error *err)
{
	uint64_t deadline = clock_now_ns() + WAIT_TIMEOUT_NS;
	struct timespec pause = {.tv_nsec = LOOK_NS};

	while (!all_are(crew, is, value)) {
		int rc = trouble_find(crew, err);

		if (rc)
			return rc;
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"bench: the processes did not %s within %d s", what,
				(int)(WAIT_TIMEOUT_NS / 1000000000));
		(void)nanosleep(&pause, NULL);
	}
	return trouble_find(crew, err);
}

static bool is_ready(const struct crew *crew, unsigned int i, uint64_t value)
{
	return atomic_load(&crew->shared->seats[i].ready) == (value != 0);
}

static bool has_begun(const struct crew *crew, unsigned int i, uint64_t round)
{
	return atomic_load(&crew->shared->seats[i].begun) == round;
}

static bool has_finished(const struct crew *crew, unsigned int i, uint64_t round)
{
	return atomic_load(&crew->shared->seats[i].finished) == round;
}

/* It has confirmed a number since it went on in an epoch from @epoch on. */
static bool has_drawn_in(const struct crew *crew, unsigned int i, uint64_t epoch)
{
	const struct crew_seat *seat = &crew->shared->seats[i];
	uint64_t before;

	return has_begun(crew, i, crew->round) &&
	       crew_before_epoch(crew, i, epoch, &before) &&
	       atomic_load_explicit(&seat->count, memory_order_acquire) > before;
}

int crew_start(unsigned int processes, const char *where, const char *counter,
	const volatile sig_atomic_t *interrupted, struct crew **crew_p, uint64_t *last_p,
	struct error *err)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int rc = 0;

	if (!crew)
		return error_set(err, -ENOMEM, "bench: out of memory");
	crew->processes = processes;
	crew->interrupted = interrupted;
	crew->shared = shared_map(sizeof(*crew->shared), 0);
	crew->room = shared_map(ROOM_LEN, MAP_POPULATE);
	if (!crew->shared || !crew->room)
		rc = error_set(err, -ENOMEM,
			"bench: out of memory: %zu MiB are needed for the numbers",
			ROOM_LEN >> 20);
	for (unsigned int i = 0; i < processes && !rc; i++)
		rc = member_fork(crew, i, where, counter, err);
	if (!rc)
		rc = await(crew, is_ready, true, "open the counter", err);
	if (rc) {
		crew_end(crew);
		return rc;
	}
	*last_p = crew->shared->seats[0].last;
	*crew_p = crew;
	return 0;
}

void crew_begin(struct crew *crew, enum crew_pace pace)
{
	crew_pace(crew, pace);
	crew->round++;
	atomic_store(&crew->shared->round, crew->round);
}

void crew_pace(struct crew *crew, enum crew_pace pace)
{
	atomic_store(&crew->shared->pace, (int)pace);
}

int crew_sleep(struct crew *crew, uint64_t ns, struct error *err)
{
	uint64_t deadline = clock_now_ns() + ns;
	uint64_t now;

	while ((now = clock_now_ns()) < deadline) {
		uint64_t left = deadline - now;
		struct timespec pause = {
			.tv_nsec = (long)(left < LOOK_NS ? left : LOOK_NS)};
		int rc = trouble_find(crew, err);

		if (rc)
			return rc;
		(void)nanosleep(&pause, NULL);
	}
	return trouble_find(crew, err);
}

int crew_await_epoch(struct crew *crew, uint64_t epoch, struct error *err)
{
	return await(crew, has_drawn_in, epoch, "go on drawing", err);
}

int crew_finish(struct crew *crew, struct error *err)
{
	crew_pace(crew, CREW_REST);
	return await(crew, has_finished, crew->round, "finish a number", err);
}

void crew_part(const struct crew *crew, unsigned int i, struct history_part *part_p)
{
	struct crew_room room = room_of(crew, i);

	*part_p = (struct history_part){.values = room.values,
		.begins_ns = room.begins_ns,
		.ends_ns = room.ends_ns,
		.count = atomic_load_explicit(
			&crew->shared->seats[i].count, memory_order_acquire)};
}

bool crew_before_epoch(
	const struct crew *crew, unsigned int i, uint64_t epoch, uint64_t *count_p)
{
	const struct crew_seat *seat = &crew->shared->seats[i];
	unsigned int count = atomic_load_explicit(
		&seat->changes_count, memory_order_acquire);

	for (unsigned int at = 0; at < count; at++) {
		if (seat->changes[at].epoch >= epoch) {
			*count_p = seat->changes[at].before;
			return true;
		}
	}
	return false;
}

void crew_end(struct crew *crew)
{
	if (crew->shared) {
		crew_pace(crew, CREW_END);
		children_end(crew->pids, crew->processes, END_TIMEOUT_NS);
		(void)munmap(crew->shared, sizeof(*crew->shared));
	}
	if (crew->room)
		(void)munmap(crew->room, ROOM_LEN);
	free(crew);
}
