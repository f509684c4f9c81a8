/* Counters: opening them by name, once per handle. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/handle.h"
#include "hw/clock.h"
#include "sequencer/core/names.h"

#define REJOIN_WAIT_MS 1

_Static_assert(PAWL_NAME_MAX == COUNTER_NAME_MAX, "public limit");

int handle_name_check(struct pawl *pawl, const char *name, const char *what)
{
	size_t len = strlen(name);

	if (len > COUNTER_NAME_MAX)
		return error_set(&pawl->err, -ENAMETOOLONG,
			"pawl: %s/%.20s...: the name of a %s is %zu bytes long; at "
			"most %d are allowed",
			pawl->where, name, what, len, COUNTER_NAME_MAX);
	if (!names_counter_valid(name, len))
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s/%s: not a name for a %s; use 1 to %d printable ASCII "
			"characters",
			pawl->where, name, what, COUNTER_NAME_MAX);
	return 0;
}

static struct pawl_counter *counter_make(struct pawl *pawl, const char *name)
{
	struct pawl_counter **list = realloc(pawl->counters,
		(pawl->counters_count + 1) * sizeof(struct pawl_counter *));
	struct pawl_counter *c;
	struct ticket *slots;

	if (!list)
		return NULL;
	pawl->counters = list;
	c = calloc(1, sizeof(*c));
	slots = calloc(ticket_slots_count(pawl->options.depth), sizeof(*slots));
	if (!c || !slots) {
		free(c);
		free(slots);
		return NULL;
	}
	ticket_queue_init(&c->queue, slots, pawl->options.depth);
	c->pawl = pawl;
	c->hot = pawl->hot;
	c->slot = pawl->counters_count;
	(void)strcpy(c->name, name);
	pawl->counters[pawl->counters_count++] = c;
	pawl->session.unopened++;
	return c;
}

/* Takes the newest counter, whose opener has given up, off the handle again. */
static void counter_unmake(struct pawl *pawl)
{
	struct pawl_counter *c = pawl->counters[--pawl->counters_count];

	if (c->opening == COUNTER_UNASKED || c->opening == COUNTER_ASKED)
		pawl->session.unopened--;
	free(c->queue.slots);
	free(c);
}

static struct pawl_counter *counter_find(const struct pawl *pawl, const char *name)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		struct pawl_counter *c = pawl->counters[i];

		if (!c->of_stream && strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* No number is taken by opening a counter, but it may be made without being open here. */
static int not_open_yet(struct pawl_counter *c)
{
	struct pawl *pawl = c->pawl;
	const struct session *s = &pawl->session;
	const char *why = s->why.text[0] ? s->why.text : "still joining";

	if (s->stage == SESSION_READY)
		why = "the head does not answer";
	return error_set(&pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: not open within %llu ms, and if it is new it may have been "
		"made: %.250s; 'pawl status' shows what the replicas wait for",
		pawl->where, c->name,
		(unsigned long long)(pawl->options.timeout_ns / 1000000), why);
}

/* Steps the session until the counter, the newest, is open. */
static int counter_enter(struct pawl_counter *c)
{
	struct pawl *pawl = c->pawl;
	struct session *s = &pawl->session;
	uint64_t deadline = clock_now_ns() + pawl->options.timeout_ns;

	c->open_by_ns = deadline;
	for (;;) {
		int rc = session_step(pawl);

		if (c->opening == COUNTER_REFUSED)
			return error_set(&pawl->err, s->why_code, "%s", s->why.text);
		if (!rc)
			return 0;
		rc = session_verdict(pawl, clock_now_ns(), deadline);
		if (rc)
			return rc == -ETIMEDOUT ? not_open_yet(c) : rc;
		session_wait(pawl, REJOIN_WAIT_MS);
	}
}

static int options_take(struct pawl *pawl, const struct pawl_counter_options *given,
	struct pawl_counter_options *options_p)
{
	struct pawl_counter_options o = PAWL_COUNTER_OPTIONS_INIT;

	if (given && given->size < sizeof(given->size))
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s: counter option out of range: size; begin with "
			"PAWL_COUNTER_OPTIONS_INIT",
			pawl->where);
	if (given)
		memcpy(&o, given, given->size < sizeof(o) ? given->size : sizeof(o));
	if (o.reserve_max > PAWL_ADD_MAX)
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s: counter option out of range: reserve_max; at most "
			"2^32 "
			"numbers can be reserved",
			pawl->where);
	*options_p = o;
	return 0;
}

static int counter_open_new(struct pawl *pawl, const char *name, uint64_t reserve_max,
	bool of_stream, struct pawl_counter **counter_p)
{
	struct pawl_counter *c;
	int rc;

	pawl->hot->way = WAY_QUEUE;
	c = counter_make(pawl, name);
	if (!c)
		return error_set(&pawl->err, -ENOMEM, "pawl: %s/%s: out of memory",
			pawl->where, name);
	c->reserve_max = reserve_max;
	c->of_stream = of_stream;
	rc = counter_enter(c);
	if (rc)
		counter_unmake(pawl);
	else
		*counter_p = c;
	pump_way_update(pawl);
	return rc;
}

int pawl_counter_open_with(struct pawl *pawl, const char *name,
	const struct pawl_counter_options *options, struct pawl_counter **counter_p)
{
	struct pawl_counter_options taken = PAWL_COUNTER_OPTIONS_INIT;
	struct pawl_counter *c;
	int rc = handle_check(pawl);

	if (!rc)
		rc = handle_name_check(pawl, name, "counter");
	if (!rc)
		rc = options_take(pawl, options, &taken);
	if (rc)
		return rc;
	c = counter_find(pawl, name);
	if (!c)
		return counter_open_new(pawl, name, taken.reserve_max, false, counter_p);
	*counter_p = c;
	return 0;
}

int counter_open_of_stream(
	struct pawl *pawl, const char *name, struct pawl_counter **counter_p)
{
	return counter_open_new(pawl, name, 0, true, counter_p);
}

int pawl_counter_open(
	struct pawl *pawl, const char *name, struct pawl_counter **counter_p)
{
	return pawl_counter_open_with(pawl, name, NULL, counter_p);
}

const char *pawl_counter_name(const struct pawl_counter *counter)
{
	return counter->name;
}
