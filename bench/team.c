#include "bench/team.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/team_shared.h"
#include "hw/clock.h"

#define LOOK_NS 20000
#define LOOKS_CHILDREN 50 /* looks between two looks at the children */
#define CALL_TIMEOUT_NS UINT64_C(30000000000)
#define END_TIMEOUT_NS UINT64_C(2000000000)
#define START_AHEAD_NS 20000

struct team {
	struct team_config config;
	const volatile sig_atomic_t *interrupted;
	struct team_shared *shared;
	size_t shared_len;
	uint64_t *room; /* shared too: the workers' arrays, one worker after the other */
	size_t room_len;
	uint32_t number;
	pid_t pids[TEAM_MAX]; /* 0: it has been waited for */
	int cpus[TEAM_MAX];
};

static uint64_t words_of_worker(const struct team_config *c)
{
	return c->rate_max / c->processes + 2 * (c->timed_max / c->processes);
}

/* The n-th processor for the n-th process, if there is one for each. */
static void cpus_choose(struct team *team)
{
	unsigned int chosen = 0;
	cpu_set_t cpus;

	if (team->config.unpinned || sched_getaffinity(0, sizeof(cpus), &cpus))
		CPU_ZERO(&cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE && chosen < team->config.processes; cpu++) {
		if (CPU_ISSET((size_t)cpu, &cpus))
			team->cpus[chosen++] = cpu;
	}
	for (unsigned int i = 0; i < TEAM_MAX && chosen < team->config.processes; i++)
		team->cpus[i] = -1;
}

static struct team_room room_of(const struct team *team, unsigned int i)
{
	const struct team_config *c = &team->config;
	struct team_room room;

	room.values = team->room + i * words_of_worker(c);
	room.begins_ns = room.values + c->rate_max / c->processes;
	room.ends_ns = room.begins_ns + c->timed_max / c->processes;
	return room;
}

static int worker_fork(struct team *team, unsigned int i, struct error *err)
{
	struct worker worker = {.place = i,
		.parent = getpid(),
		.cpu = team->cpus[i],
		.config = team->config,
		.shared = team->shared,
		.seat = &team->shared->seats[i],
		.room = room_of(team, i)};
	pid_t pid = fork();

	if (pid == 0)
		worker_run(&worker);
	if (pid < 0)
		return error_set(err, -errno,
			"bench: process %u of %u: can not be forked: %s", i + 1,
			team->config.processes, error_reason(-errno));
	team->pids[i] = pid;
	return 0;
}

int team_start(const struct team_config *config, const volatile sig_atomic_t *interrupted,
	struct team **team_p, struct error *err)
{
	struct team *team = calloc(1, sizeof(*team));
	int rc = 0;

	if (!team)
		return error_set(err, -ENOMEM, "bench: out of memory");
	team->config = *config;
	team->interrupted = interrupted;
	team->shared_len = sizeof(*team->shared);
	team->shared = shared_map(team->shared_len, 0);
	team->room_len = words_of_worker(config) * config->processes * sizeof(uint64_t);
	if (team->room_len > 0)
		team->room = shared_map(team->room_len, MAP_POPULATE);
	if (!team->shared || (team->room_len > 0 && !team->room))
		rc = error_set(err, -ENOMEM,
			"bench: out of memory: %zu MiB are needed for the values",
			team->room_len >> 20);
	cpus_choose(team);
	for (unsigned int i = 0; i < config->processes && !rc; i++)
		rc = worker_fork(team, i, err);
	if (rc)
		team_end(team);
	else
		*team_p = team;
	return rc;
}

static bool all_arrived(const struct team *team)
{
	for (unsigned int i = 0; i < team->config.processes; i++) {
		if (atomic_load(&team->shared->seats[i].arrived) != team->number)
			return false;
	}
	return true;
}

static bool all_done(const struct team *team)
{
	for (unsigned int i = 0; i < team->config.processes; i++) {
		if (atomic_load(&team->shared->seats[i].done) != team->number)
			return false;
	}
	return true;
}

/* Waits for @ready with an eye on the children, the clock and the user. */
static int await(struct team *team, bool (*ready)(const struct team *team),
	uint64_t timeout_ns, struct error *err)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;
	struct timespec pause = {.tv_nsec = LOOK_NS};

	for (unsigned int looks = 1; !ready(team); looks++) {
		int rc = 0;

		if (looks % LOOKS_CHILDREN == 0)
			rc = children_check(team->pids, team->config.processes, err);
		if (rc)
			return rc;
		if (*team->interrupted)
			return error_set(err, -EINTR, "bench: interrupted");
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"bench: the processes did not answer within %llu s; is "
				"the machine overloaded?",
				(unsigned long long)(timeout_ns / 1000000000));
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static void call_send(struct team *team, enum call_kind kind)
{
	team->shared->call.kind = kind;
	team->number++;
	atomic_store(&team->shared->number, team->number);
}

/* The first failure that a process reported. */
static int failure_find(const struct team *team, struct error *err)
{
	for (unsigned int i = 0; i < team->config.processes; i++) {
		const struct seat *seat = &team->shared->seats[i];

		if (seat->rc) {
			*err = seat->err;
			return seat->rc;
		}
	}
	return 0;
}

static int done_await(struct team *team, uint64_t timeout_ns, struct error *err)
{
	int rc = await(team, all_done, timeout_ns, err);

	return rc ? rc : failure_find(team, err);
}

static int address_copy(char *to, size_t size, const char *address, struct error *err)
{
	if (strlen(address) >= size)
		return error_set(err, -EINVAL,
			"bench: '%.40s...': the address is too long", address);
	(void)strcpy(to, address);
	return 0;
}

int team_open(struct team *team, const char *where, const char *const *raws,
	unsigned int raws_count, struct error *err)
{
	struct call *call = &team->shared->call;
	int rc = address_copy(call->where, sizeof(call->where), where, err);

	for (unsigned int i = 0; i < raws_count && !rc; i++)
		rc = address_copy(call->raws[i], sizeof(call->raws[i]), raws[i], err);
	if (rc)
		return rc;
	call->raws_count = raws_count;
	call_send(team, CALL_OPEN);
	return done_await(team, CALL_TIMEOUT_NS, err);
}

/* The parent keeps off the processors while the others run.  A signal ends it early. */
static void sleep_until(uint64_t end_ns)
{
	struct timespec end = {.tv_sec = (time_t)(end_ns / 1000000000),
		.tv_nsec = (long)(end_ns % 1000000000)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

int team_turn(struct team *team, const struct turn *turn, struct error *err)
{
	struct team_shared *shared = team->shared;
	int rc;

	shared->call.turn = *turn;
	atomic_store(&shared->full, false);
	atomic_store(&shared->ball, 0);
	call_send(team, CALL_TURN);
	rc = await(team, all_arrived, CALL_TIMEOUT_NS, err);
	if (rc)
		return rc;
	shared->start_ns = clock_now_ns() + START_AHEAD_NS;
	atomic_store(&shared->go, team->number);
	sleep_until(shared->start_ns + turn->length_ns);
	return done_await(team, turn->length_ns + CALL_TIMEOUT_NS, err);
}

void team_result(const struct team *team, unsigned int i, struct team_result *result_p)
{
	const struct turn *turn = &team->shared->call.turn;
	const struct seat *seat = &team->shared->seats[i];
	bool timed = turn->what == TURN_TIMED;
	bool stamped = timed && seat->sides[turn->side].stamped;
	struct team_room room = room_of(team, i);

	*result_p = (struct team_result){
		.part = {.values = room.values,
			.begins_ns = stamped ? room.begins_ns : NULL,
			.ends_ns = stamped ? room.ends_ns : NULL,
			.count = seat->count},
		.durations_ns = timed && !stamped ? room.ends_ns : NULL,
		.begin_ns = seat->begin_ns,
		.end_ns = seat->end_ns,
		.round_trip_ns = seat->round_trip_ns,
	};
}

void team_side(
	const struct team *team, enum turn_side side, uint64_t *n_p, uint64_t *last_p)
{
	*n_p = team->shared->seats[0].sides[side].n;
	*last_p = team->shared->seats[0].sides[side].last;
}

bool team_is_pinned(const struct team *team)
{
	return team->cpus[0] >= 0;
}

int team_cpu(const struct team *team, unsigned int i)
{
	return team->cpus[i];
}

void team_end(struct team *team)
{
	if (team->shared) {
		call_send(team, CALL_END);
		children_end(team->pids, team->config.processes, END_TIMEOUT_NS);
		(void)munmap(team->shared, team->shared_len);
	}
	if (team->room)
		(void)munmap(team->room, team->room_len);
	free(team);
}
