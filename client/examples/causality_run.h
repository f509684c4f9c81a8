/*
 * One run of messages, as everybody saw it: what 'causality' writes down, and what follows from it.
 * All moments are of the host's monotonic clock.
 */
#ifndef CAUSALITY_RUN_H
#define CAUSALITY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#define PROCESSES_MAX 8
#define EVENTS_MAX 2000 /* of each process */
#define TEXT_LEN 48

/* A message, which everybody else gets.  Its sender has it when it is stamped. */
struct message {
	uint64_t lamport;
	uint64_t number;     /* of Pawl's counter */
	uint64_t begin_ns;   /* of the stamping, */
	uint64_t between_ns; /* when it has the timestamp, but no number yet, */
	uint64_t end_ns;     /* and when it has both */
	uint64_t arrived_ns[PROCESSES_MAX]; /* at each */
	/* So many messages of its own had each stamped when it arrived. */
	unsigned int stamped[PROCESSES_MAX];
	char text[TEXT_LEN]; /* the event that it is about */
};

struct run {
	unsigned int processes;
	unsigned int events; /* messages of each */
	struct message messages[PROCESSES_MAX][EVENTS_MAX];
};

/* The two orders of the same messages. */
enum order {
	LAMPORT, /* timestamps, and of equal ones by the process */
	COUNTER,
	ORDERS
};

struct properties {
	uint64_t
		against_causality; /* messages stamped below one that their sender knew */
	uint64_t
		against_time; /* stamped below one whose stamping had ended before: stale */
	uint64_t ties;	      /* with a stamp that another one has too */
	uint64_t gaps; /* stamps between the least and the greatest that nobody has */
	/* Of decisions: each message at each process, when it arrives. */
	uint64_t decisions;
	uint64_t wrong_place; /* its place as it seems then is not that of the end */
	uint64_t
		unknown_behind; /* smaller ones came later, and nothing had told of them */
	uint64_t known_behind; /* smaller ones came later, and were known to be missing */
	uint64_t never;	       /* not known to be final when the run is over */
	double final_ms[3];    /* until it is known to be final: median, 99 %, longest */
};

/* What holds for one order on this run. */
void properties_find(
	const struct run *run, enum order order, struct properties *properties_p);

/* Tells of up to @max decisions by timestamps that were not final when they were due. */
void surprises_print(const struct run *run, unsigned int max);

#endif
