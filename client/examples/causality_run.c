#include "causality_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A message by its sender and which of its sender's it is. */
struct name {
	unsigned int process;
	unsigned int i;
};

static const struct message *message_of(const struct run *run, struct name name)
{
	return &run->messages[name.process][name.i];
}

/* Whatever is larger comes later in the order; no two messages have the same. */
static uint64_t key_of(const struct run *run, enum order order, struct name name)
{
	const struct message *m = message_of(run, name);

	return order == COUNTER ? m->number : m->lamport * PROCESSES_MAX + name.process;
}

static uint64_t stamp_of(const struct message *m, enum order order)
{
	return order == COUNTER ? m->number : m->lamport;
}

static bool next(const struct run *run, struct name *name)
{
	if (++name->i < run->events)
		return true;
	name->i = 0;
	return ++name->process < run->processes;
}

/* ---- What holds of stamps ---- */

static bool is_against_causality(
	const struct run *run, enum order order, struct name name)
{
	struct name before = name;
	struct name one = {0, 0};

	if (before.i-- > 0 && key_of(run, order, before) >= key_of(run, order, name))
		return true;
	do {
		const struct message *m = message_of(run, one);

		if (one.process != name.process && m->stamped[name.process] <= name.i &&
			m->arrived_ns[name.process] > 0 &&
			key_of(run, order, one) >= key_of(run, order, name))
			return true;
	} while (next(run, &one));
	return false;
}

static bool is_against_time(const struct run *run, enum order order, struct name name)
{
	const struct message *m = message_of(run, name);
	uint64_t begin_ns = order == COUNTER ? m->between_ns : m->begin_ns;
	struct name one = {0, 0};

	do {
		const struct message *other = message_of(run, one);
		uint64_t end_ns = order == COUNTER ? other->end_ns : other->between_ns;

		if (end_ns < begin_ns &&
			key_of(run, order, one) > key_of(run, order, name))
			return true;
	} while (next(run, &one));
	return false;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void stamps_look(const struct run *run, enum order order, struct properties *p)
{
	static uint64_t stamps[PROCESSES_MAX * EVENTS_MAX];
	struct name one = {0, 0};
	uint64_t count = 0;

	do {
		stamps[count++] = stamp_of(message_of(run, one), order);
		p->against_causality += is_against_causality(run, order, one);
		p->against_time += is_against_time(run, order, one);
	} while (next(run, &one));
	qsort(stamps, count, sizeof(*stamps), compare);
	for (uint64_t i = 1; i < count; i++) {
		p->ties += stamps[i] == stamps[i - 1];
		p->gaps += stamps[i] > stamps[i - 1] + 1 ? stamps[i] - stamps[i - 1] - 1
							 : 0;
	}
}

/* ---- What holds of decisions ---- */

/* What becomes of one message at one process. */
struct decision {
	uint64_t place;	   /* in the end, from 1 */
	uint64_t seen;	   /* smaller ones that were there when it arrived */
	uint64_t later;	   /* and those that came afterwards */
	uint64_t last_ns;  /* when the last of them came */
	uint64_t heard_ns; /* when something larger had come from everybody, or 0 */
};

static void smaller_count(const struct run *run, enum order order, struct name name,
	unsigned int at, struct decision *d)
{
	uint64_t key = key_of(run, order, name);
	uint64_t due_ns = message_of(run, name)->arrived_ns[at];
	struct name one = {0, 0};

	do {
		uint64_t arrived_ns = message_of(run, one)->arrived_ns[at];

		if (key_of(run, order, one) >= key)
			continue;
		d->seen += arrived_ns <= due_ns;
		d->later += arrived_ns > due_ns;
		d->last_ns = arrived_ns > d->last_ns ? arrived_ns : d->last_ns;
	} while (next(run, &one));
	d->place = d->seen + d->later + 1;
}

/* Messages of one sender come in order, so after a larger one of it no smaller one comes. */
static uint64_t heard_of(
	const struct run *run, struct name name, unsigned int at, unsigned int process)
{
	uint64_t key = key_of(run, LAMPORT, name);

	for (struct name one = {process, 0}; one.i < run->events; one.i++) {
		if (key_of(run, LAMPORT, one) >= key)
			return message_of(run, one)->arrived_ns[at];
	}
	return 0;
}

static uint64_t heard_of_all(const struct run *run, struct name name, unsigned int at)
{
	uint64_t heard_ns = message_of(run, name)->arrived_ns[at];

	for (unsigned int process = 0; process < run->processes; process++) {
		uint64_t one_ns = process == at ? heard_ns
						: heard_of(run, name, at, process);

		if (one_ns == 0)
			return 0;
		heard_ns = one_ns > heard_ns ? one_ns : heard_ns;
	}
	return heard_ns;
}

static struct decision decision_of(
	const struct run *run, enum order order, struct name name, unsigned int at)
{
	struct decision d = {0};

	smaller_count(run, order, name, at, &d);
	d.heard_ns = order == LAMPORT ? heard_of_all(run, name, at)
				      : message_of(run, name)->arrived_ns[at];
	return d;
}

static uint64_t least_number(const struct run *run)
{
	uint64_t least = UINT64_MAX;
	struct name one = {0, 0};

	do {
		uint64_t number = message_of(run, one)->number;

		least = number < least ? number : least;
	} while (next(run, &one));
	return least;
}

/*
 * A number says its place and how many are before it, whether they have come or not.  A timestamp
 * says that some may be; its place is behind those that have come.
 */
static void decision_take(struct properties *p, enum order order,
	const struct decision *d, uint64_t number, uint64_t due_ns, double *final_ms,
	uint64_t *final_count)
{
	uint64_t seems = order == COUNTER ? number : d->seen + 1;

	p->decisions++;
	p->wrong_place += seems != d->place;
	if (order == COUNTER) {
		uint64_t told = number - 1 - d->seen; /* that it knows to be missing */

		p->known_behind += d->later < told ? d->later : told;
		p->unknown_behind += d->later > told ? d->later - told : 0;
	} else {
		p->unknown_behind += d->later;
	}
	if (d->heard_ns == 0)
		p->never++;
	else
		final_ms[(*final_count)++] = (double)(d->heard_ns - due_ns) / 1e6;
}

static int compare_ms(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void decisions_look(const struct run *run, enum order order, struct properties *p)
{
	static double final_ms[PROCESSES_MAX * PROCESSES_MAX * EVENTS_MAX];
	uint64_t base = least_number(run) - 1, count = 0;
	struct name one = {0, 0};

	do {
		const struct message *m = message_of(run, one);

		for (unsigned int at = 0; at < run->processes; at++) {
			struct decision d = decision_of(run, order, one, at);

			decision_take(p, order, &d, m->number - base, m->arrived_ns[at],
				final_ms, &count);
		}
	} while (next(run, &one));
	if (count == 0)
		return;
	qsort(final_ms, count, sizeof(*final_ms), compare_ms);
	p->final_ms[0] = final_ms[count / 2];
	p->final_ms[1] = final_ms[count * 99 / 100];
	p->final_ms[2] = final_ms[count - 1];
}

void properties_find(
	const struct run *run, enum order order, struct properties *properties_p)
{
	*properties_p = (struct properties){0};
	stamps_look(run, order, properties_p);
	decisions_look(run, order, properties_p);
}

/* ---- Where timestamps were not final ---- */

/* The smaller one that came last. */
static struct name latest_smaller(
	const struct run *run, struct name name, unsigned int at, uint64_t arrived_ns)
{
	struct name one = {0, 0};

	do {
		if (message_of(run, one)->arrived_ns[at] == arrived_ns &&
			key_of(run, LAMPORT, one) < key_of(run, LAMPORT, name))
			break;
	} while (next(run, &one));
	return one;
}

static void surprise_print(const struct run *run, struct name name, unsigned int at,
	const struct decision *d)
{
	struct name late = latest_smaller(run, name, at, d->last_ns);
	const struct message *m = message_of(run, name), *l = message_of(run, late);

	printf("process %u is to decide about %" PRIu64
	       ".%u (%s): it seems to be number %" PRIu64
	       "\n    of all; %.2f ms later comes %" PRIu64
	       ".%u (%s), and it is number %" PRIu64
	       ".\n    The counter has called them %" PRIu64 " and %" PRIu64 ".\n",
		at, m->lamport, name.process, m->text, d->seen + 1,
		(double)(d->last_ns - m->arrived_ns[at]) / 1e6, l->lamport, late.process,
		l->text, d->place, m->number, l->number);
}

void surprises_print(const struct run *run, unsigned int max)
{
	struct name one = {0, 0};

	do {
		unsigned int at = (one.process + 1) % run->processes;
		struct decision d = decision_of(run, LAMPORT, one, at);

		if (d.later > 0 && max > 0) {
			surprise_print(run, one, at, &d);
			max--;
		}
	} while (max > 0 && next(run, &one));
}
