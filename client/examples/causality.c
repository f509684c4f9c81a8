/*
 * Lamport timestamps beside numbers of a counter, on the same run of messages: what each of them
 * tells, and when.
 *
 *     causality WHERE COUNTER FILE [PROCESSES [EVENTS]]
 *
 * Several processes share the events of FILE (lines with commas, the first of which is a heading).
 * Each stamps every event of its own with a Lamport timestamp and with a number of COUNTER, and sends
 * it to all others, by sockets; its clock goes on by what it receives.  Now and then a process is held
 * up between the stamp and the sending, as any can be, and the last one is silent for a while.  Then all
 * that everybody saw is put together.  Nobody else may draw from COUNTER meanwhile.
 *
 * It fails if the counter's order is against causality or real time, has a gap, or was not final.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pawl/pawl.h>

#include "causality_run.h"

#define PACE_NS 300000
#define STALL_NS 3000000
#define STALLED_OF 16 /* one of so many is held up */
#define SILENCE_NS 60000000
#define LISTEN_MS 20000 /* for what others still send */

/* What goes from one process to another. */
struct letter {
	unsigned int process;
	unsigned int i;
	uint64_t lamport;
};

struct process {
	struct run *run; /* shared; each writes its own part */
	unsigned int place;
	const int (*inboxes)[2]; /* [0] is read by its owner, [1] written by all others */
	struct pawl *pawl;
	struct pawl_counter *counter;
	uint64_t clock;
	unsigned int stamped;
	unsigned int received;
	uint64_t random;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sleep_ns(long ns)
{
	const struct timespec pause = {.tv_nsec = ns};

	(void)nanosleep(&pause, NULL);
}

static uint64_t random_below(struct process *p, uint64_t end)
{
	p->random = p->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (p->random >> 33) % end;
}

/* ---- Messages ---- */

static void letter_take(struct process *p, const struct letter *letter)
{
	struct message *m = &p->run->messages[letter->process][letter->i];

	m->arrived_ns[p->place] = now_ns();
	m->stamped[p->place] = p->stamped;
	p->clock = (letter->lamport > p->clock ? letter->lamport : p->clock) + 1;
	p->received++;
}

/* Takes what comes within the time; false: nothing came. */
static bool letters_take(struct process *p, int timeout_ms)
{
	int inbox = p->inboxes[p->place][0];
	struct pollfd line = {.fd = inbox, .events = POLLIN};
	struct letter letter;
	bool any = false;

	while (poll(&line, 1, any ? 0 : timeout_ms) > 0 &&
		recv(inbox, &letter, sizeof(letter), 0) == (ssize_t)sizeof(letter)) {
		letter_take(p, &letter);
		any = true;
	}
	return any;
}

static int stamp(struct process *p, struct message *m)
{
	int rc;

	m->begin_ns = now_ns();
	m->lamport = ++p->clock;
	m->between_ns = now_ns();
	rc = pawl_next(p->counter, &m->number);
	m->end_ns = now_ns();
	m->arrived_ns[p->place] = m->end_ns;
	m->stamped[p->place] = p->stamped++;
	if (rc)
		fprintf(stderr, "causality: %s\n", pawl_errmsg(p->pawl));
	return rc;
}

/* A full inbox waits for its owner, who may be waiting for this one's: so both go on taking. */
static int letter_send(struct process *p, unsigned int to, const struct letter *letter)
{
	while (send(p->inboxes[to][1], letter, sizeof(*letter), MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS) {
			fprintf(stderr, "causality: process %u: %s\n", to,
				strerror(errno));
			return -errno;
		}
		(void)letters_take(p, 1);
	}
	return 0;
}

static int event_do(struct process *p, unsigned int i)
{
	struct message *m = &p->run->messages[p->place][i];
	struct letter letter = {.process = p->place, .i = i};
	int rc = stamp(p, m);

	letter.lamport = m->lamport;
	if (!rc && random_below(p, STALLED_OF) == 0)
		sleep_ns((long)random_below(p, STALL_NS));
	for (unsigned int to = 0; to < p->run->processes && !rc; to++) {
		if (to != p->place)
			rc = letter_send(p, to, &letter);
	}
	return rc;
}

static int events_do(struct process *p)
{
	const struct run *run = p->run;
	unsigned int all = (run->processes - 1) * run->events;
	int rc = 0;

	for (unsigned int i = 0; i < run->events && !rc; i++) {
		if (p->place == run->processes - 1 && i == run->events / 2)
			sleep_ns(SILENCE_NS);
		sleep_ns((long)random_below(p, 2 * PACE_NS));
		(void)letters_take(p, 0);
		rc = event_do(p, i);
	}
	while (!rc && p->received < all) {
		if (!letters_take(p, LISTEN_MS)) {
			fprintf(stderr, "causality: process %u: messages are missing\n",
				p->place);
			rc = -ETIMEDOUT;
		}
	}
	return rc;
}

/* ---- Processes ---- */

static int process_run(struct process *p, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.program = "example causality";
	rc = pawl_open(argv[1], &options, &p->pawl);
	if (!rc)
		rc = pawl_counter_open(p->pawl, argv[2], &p->counter);
	if (rc)
		fprintf(stderr, "causality: %s\n", pawl_errmsg(p->pawl));
	else
		rc = events_do(p);
	pawl_close(p->pawl);
	return rc;
}

/* Nothing of Pawl is open here yet, so all may fork. */
static int processes_run(struct run *run, const int (*inboxes)[2], char **argv)
{
	int status, failures = 0;

	for (unsigned int i = 0; i < run->processes; i++) {
		struct process p = {
			.run = run, .place = i, .inboxes = inboxes, .random = i + 1};
		pid_t pid = fork();

		if (pid == 0)
			_exit(process_run(&p, argv) ? EXIT_FAILURE : EXIT_SUCCESS);
		failures += pid < 0;
	}
	while (wait(&status) > 0)
		failures += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	return failures ? -1 : 0;
}

static int inboxes_make(int (*inboxes)[2], unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, inboxes[i])) {
			perror("causality: socketpair");
			return -1;
		}
	}
	return 0;
}

/* Event i of the file is the (i / processes)-th of process i % processes. */
static int events_read(struct run *run, const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned int i = 0;
	char line[256];

	if (!file || !fgets(line, sizeof(line), file)) {
		fprintf(stderr, "causality: %s: no events can be read\n", path);
		return -1;
	}
	for (; i < run->events * run->processes && fgets(line, sizeof(line), file); i++) {
		struct message *m =
			&run->messages[i % run->processes][i / run->processes];
		char id[16] = "", rest[24] = "";

		(void)sscanf(
			line, "%15[^,],%*[^,],%*[^,],%*[^,],%*[^,],%23[^\n]", id, rest);
		(void)snprintf(m->text, sizeof(m->text), "%s %s", id, rest);
	}
	(void)fclose(file);
	run->events = i / run->processes;
	return run->events > 0 ? 0 : -1;
}

/* ---- The table ---- */

static void row(const char *what, uint64_t lamport, uint64_t counter)
{
	printf("%-62s %8" PRIu64 " %8" PRIu64 "\n", what, lamport, counter);
}

static void row_ms(const char *what, double lamport, double counter)
{
	printf("%-62s %8.2f %8.2f\n", what, lamport, counter);
}

static void table_print(const struct properties *l, const struct properties *c)
{
	printf("\n%-62s %8s %8s\n", "", "Lamport", "counter");
	row("order: stamped below a message that the sender knew", l->against_causality,
		c->against_causality);
	row("staleness: stamped below one that had its stamp before", l->against_time,
		c->against_time);
	row("gaps: stamps in between that nobody has", l->gaps, c->gaps);
	row("ties: stamps that another message has as well", l->ties, c->ties);
	row("decisions: each message at each process, when it arrives", l->decisions,
		c->decisions);
	row("  where its place was not what it seemed", l->wrong_place, c->wrong_place);
	row("  smaller ones that came later, and nothing told of them", l->unknown_behind,
		c->unknown_behind);
	row("  smaller ones that came later, known to be missing", l->known_behind,
		c->known_behind);
	row_ms("finality: ms until the place is known for good, median", l->final_ms[0],
		c->final_ms[0]);
	row_ms("  of 99 %", l->final_ms[1], c->final_ms[1]);
	row_ms("  the longest", l->final_ms[2], c->final_ms[2]);
	row("  never, for somebody has not spoken since", l->never, c->never);
}

static int tell(const struct run *run)
{
	struct properties lamport, counter;

	properties_find(run, LAMPORT, &lamport);
	properties_find(run, COUNTER, &counter);
	printf("%u processes, %u messages of each to all others\n\n", run->processes,
		run->events);
	surprises_print(run, 3);
	table_print(&lamport, &counter);
	if (lamport.against_causality || counter.against_causality ||
		counter.against_time || counter.gaps || counter.ties ||
		counter.wrong_place || counter.unknown_behind || counter.never) {
		fprintf(stderr, "causality: VIOLATION: see the table\n");
		return -EILSEQ;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct run *run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int inboxes[PROCESSES_MAX][2];

	if (argc < 4 || argc > 6 || run == MAP_FAILED) {
		fprintf(stderr,
			"usage: causality WHERE COUNTER FILE [PROCESSES [EVENTS]]\n");
		return 2;
	}
	run->processes = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 4;
	run->events = argc > 5 ? (unsigned int)strtoul(argv[5], NULL, 10) : 250;
	if (run->processes < 2 || run->processes > PROCESSES_MAX || run->events < 1 ||
		run->events > EVENTS_MAX) {
		fprintf(stderr, "causality: give 2 to %d processes, and 1 to %d events\n",
			PROCESSES_MAX, EVENTS_MAX);
		return 2;
	}
	if (events_read(run, argv[3]) || inboxes_make(inboxes, run->processes) ||
		processes_run(run, (const int(*)[2])inboxes, argv) || tell(run))
		return EXIT_FAILURE;
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
