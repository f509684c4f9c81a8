#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/control/stream_message.h"
#include "sequencer/core/names.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/openings_internal.h"

#define OPENING_NS UINT64_C(5000000000) /* for clients that do not tell their patience */
#define PATIENCE_MAX_NS (UINT64_C(86400) * 1000000000)
#define MARGIN_NS UINT64_C(500000000) /* so much earlier than the client gives up */

static int name_check(const char *name, struct error *err)
{
	size_t len = strlen(name);

	if (len > COUNTER_NAME_MAX)
		return error_set(err, -ENAMETOOLONG,
			"pawld: the name of a counter is %zu bytes long; at most %d are "
			"allowed",
			len, COUNTER_NAME_MAX);
	if (!names_counter_valid(name, len))
		return error_set(err, -EINVAL,
			"pawld: '%.63s': not a name for a counter; use 1 to %d printable "
			"ASCII characters",
			name, COUNTER_NAME_MAX);
	return 0;
}

int opening_not_served(const struct replica *r, struct error *err)
{
	return error_set(err, -EAGAIN,
		"pawld: %s/%u: this replica is not the head any more; connect again",
		r->facts.name, r->config->id);
}

int opening_other_kind(const struct replica *r, uint32_t index, struct error *err)
{
	bool stream = catalog_stream(&r->catalog, index) != NULL;

	return error_set(err, -EEXIST,
		"pawld: %s/%s: is a %s, not a %s; use another name", r->facts.name,
		catalog_name(&r->catalog, index), stream ? "stream" : "counter",
		stream ? "counter" : "stream");
}

static void opened_reply(struct replica *r, const struct opening *opening, uint32_t index)
{
	const struct epoch_counter *c = &r->machine.seen.counters[index];
	const struct held_region *region = replica_region(r);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__CounterOpened opened = CONTROL__COUNTER_OPENED__INIT;

	opened.counter = index;
	opened.epoch = r->served;
	opened.epoch_base = owner_counter_base(&region->owner, index);
	opened.stand = epoch_stand(&r->machine, opening->from_epoch, index);
	opened.ceiling = c->ceiling;
	opened.reserve_max = c->reserve_max;
	opened.jump = replica_counter_jump(r, index);
	reply.id = opening->id;
	reply.body_case = CONTROL__REPLY__BODY_COUNTER_OPENED;
	reply.counter_opened = &opened;
	connection_reply(opening->connection, &reply);
}

static int counter_want(
	struct replica *r, const struct opening *opening, struct error *err)
{
	if (opening->hidden)
		return error_set(err, -ENOENT, "pawld: %s/%s: there is no such stream",
			r->facts.name, opening->name);
	return replica_counter_want(r, opening->name, opening->reserve_max, NULL, err) ==
			       -ENOSPC
		       ? -ENOSPC
		       : -EINPROGRESS;
}

/* A counter of the served region whose record is known: 0.  -EINPROGRESS: not yet. */
static int counter_try(
	struct replica *r, const struct opening *opening, struct error *err)
{
	struct held_region *region = replica_region(r);
	uint32_t index;

	if (!region || !replica_is_head(r))
		return opening_not_served(r, err);
	/* After the addition: whoever seals counts the counters after sealing the state. */
	if (!owner_is_open(&region->owner))
		return -EINPROGRESS;
	if (!catalog_find(&r->catalog, opening->name, &index))
		return counter_want(r, opening, err);
	if (opening->hidden != (catalog_stream(&r->catalog, index) != NULL))
		return opening_other_kind(r, index, err);
	if (index >= region->owner.counters_count ||
		index >= r->machine.seen.counters_count)
		return -EINPROGRESS;
	opened_reply(r, opening, index);
	return 0;
}

/* The outcome is unknown only to those whose counter may have reached the store. */
int opening_overdue(struct replica *r, const char *name, struct error *err)
{
	char obstacle[ERROR_TEXT_MAX];
	uint32_t index;
	const char *outcome = "was not made";

	replica_counter_obstacle(r, obstacle, sizeof(obstacle));
	if (catalog_find(&r->catalog, name, &index))
		outcome = "can not be opened now";
	else if (!replica_counter_drop(r, name))
		outcome = "the outcome is unknown, it may have been made";
	return error_set(err, -ETIMEDOUT, "pawld: %s/%s: %s: %s", r->facts.name, name,
		outcome, obstacle);
}

/* A write that is under way is waited for a little longer: its answer tells the outcome. */
static bool is_overdue(const struct replica *r, const struct opening *opening)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns < opening->deadline_ns)
		return false;
	return now_ns >= opening->last_ns || !replica_counter_awaited(r, opening->name);
}

/* True when it is answered. */
static bool opening_finish(struct openings *openings, const struct opening *opening)
{
	struct error err = {.text = ""};
	struct replica *r = openings->replica;
	int rc = opening->stream ? opening_stream_try(r, opening, &err)
				 : counter_try(r, opening, &err);

	if (rc == -EINPROGRESS && is_overdue(r, opening))
		rc = opening->stream ? opening_stream_overdue(r, opening, &err)
				     : opening_overdue(r, opening->name, &err);
	if (rc == -EINPROGRESS)
		return false;
	if (rc)
		handlers_reply_error(opening->connection, opening->id, rc, err.text);
	return true;
}

/* The answer has to be there before the client gives up, and is made within a tick. */
static void deadlines_set(struct opening *opening, uint64_t told_ns)
{
	uint64_t wait_ns = told_ns < PATIENCE_MAX_NS ? told_ns : PATIENCE_MAX_NS;
	uint64_t margin_ns = wait_ns / 4 < MARGIN_NS ? wait_ns / 4 : MARGIN_NS;

	opening->deadline_ns = clock_now_ns() +
			       (wait_ns ? wait_ns - margin_ns : OPENING_NS);
	opening->last_ns = opening->deadline_ns + margin_ns / 2;
}

/* Answers now, or remembers it. */
static void opening_begin(
	struct openings *openings, const struct opening *asked, uint64_t wait_ns)
{
	struct opening *opening = malloc(sizeof(*opening));

	if (!opening) {
		handlers_reply_error(asked->connection, asked->id, -ENOMEM,
			"pawld: open: out of memory");
		return;
	}
	*opening = *asked;
	deadlines_set(opening, wait_ns);
	if (opening_finish(openings, opening)) {
		free(opening);
		return;
	}
	opening->next = openings->first;
	openings->first = opening;
	replica_run(openings->replica);
}

void openings_add(struct openings *openings, struct connection *connection, uint64_t id,
	const Control__OpenCounter *open)
{
	struct opening opening = {.connection = connection,
		.id = id,
		.from_epoch = open->from_epoch,
		.reserve_max = open->reserve_max,
		.hidden = open->stream};
	struct error err = {.text = ""};
	int rc = name_check(open->name, &err);

	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	(void)snprintf(opening.name, sizeof(opening.name), "%s", open->name);
	opening_begin(openings, &opening, open->wait_ns);
}

static int limits_take(const struct replica *r, const Control__OpenStream *open,
	struct stream_limits *limits, struct error *err)
{
	*limits = stream_limits_from_wire(open->limits);
	if (!open->limits)
		return 0;
	if (limits->rows == 0)
		limits->rows = r->facts.sessions_max;
	if (limits->archiving != STREAM_ARCHIVE_OFF && !r->config->archive_dir[0])
		return error_set(err, -EINVAL,
			"pawld: %s/%s: there is no directory for its archive; start the "
			"replicas with --archive-dir",
			r->facts.name, open->name);
	if (stream_limits_valid(limits))
		return 0;
	return error_set(err, -EINVAL,
		"pawld: %s/%s: no stream can be made like that: slots are 64 to 65536 "
		"bytes, a multiple of 64, and 2^10 to 2^24 of them, 64 GiB together; "
		"hole "
		"time-outs 10 us to 1 minute; messages 1 byte to 1 GiB",
		r->facts.name, open->name);
}

void openings_add_stream(struct openings *openings, struct connection *connection,
	uint64_t id, const Control__OpenStream *open)
{
	struct opening opening = {.connection = connection,
		.id = id,
		.stream = true,
		.publishes = open->publishes,
		.publisher = open->publisher};
	struct error err = {.text = ""};
	int rc = name_check(open->name, &err);

	if (!rc)
		rc = limits_take(openings->replica, open, &opening.limits, &err);
	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	(void)snprintf(opening.name, sizeof(opening.name), "%s", open->name);
	opening_begin(openings, &opening, open->wait_ns);
}

void openings_look(struct openings *openings)
{
	struct opening **link = &openings->first;

	while (*link) {
		struct opening *opening = *link;

		if (!opening_finish(openings, opening)) {
			link = &opening->next;
			continue;
		}
		*link = opening->next;
		free(opening);
	}
}

void openings_forget(struct openings *openings, const struct connection *connection)
{
	struct opening **link = &openings->first;

	while (*link) {
		struct opening *opening = *link;

		if (opening->connection != connection) {
			link = &opening->next;
			continue;
		}
		*link = opening->next;
		free(opening);
	}
}

void openings_free(struct openings *openings)
{
	while (openings->first) {
		struct opening *next = openings->first->next;

		free(openings->first);
		openings->first = next;
	}
}
