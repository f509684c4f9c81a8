#include "tests/linear/events.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * One of the two events of an operation.  Outside checkers take a process for a thread: it asks
 * for one thing at a time, and what does not know how its operation ended does nothing more.  So
 * each operation goes to a *lane* that is free.
 */
struct event {
	json_t *operation; /* shared by its two events */
	uint64_t time;
	size_t number; /* of the operation */
	size_t lane;
	bool ends;
};

static uint64_t number_of(const json_t *operation, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(operation, field));
}

static const char *text_of(
	const json_t *operation, const char *field, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(operation, field));

	return text ? text : otherwise;
}

static bool is_ok(const json_t *operation)
{
	return strcmp(text_of(operation, "outcome", "ok"), "ok") == 0;
}

int events_add(struct events *e, const char *text, size_t len)
{
	json_t *operation = json_loadb(text, len, 0, NULL);

	if (!operation)
		return 0; /* an empty line */
	if (e->count + 2 > e->room) {
		size_t room = e->room ? 2 * e->room : 1024;
		struct event *wider = realloc(e->events, room * sizeof(*wider));

		if (!wider) {
			json_decref(operation);
			return -ENOMEM;
		}
		e->events = wider;
		e->room = room;
	}
	e->events[e->count] = (struct event){.operation = operation,
		.time = number_of(operation, "invoked"),
		.number = e->count / 2};
	e->events[e->count + 1] = (struct event){.operation = json_incref(operation),
		.time = is_ok(operation) ? number_of(operation, "returned") : UINT64_MAX,
		.number = e->count / 2,
		.ends = true};
	e->count += 2;
	return 0;
}

/* What touches in time overlaps, so beginnings come first. */
static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->ends != y->ends)
		return x->ends ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

/* @free_lanes is a stack of those in use before and free now; @lanes is by operation. */
static void lanes_give(struct events *e, size_t *free_lanes, size_t *lanes)
{
	size_t free_count = 0, made = 0;

	for (size_t i = 0; i < e->count; i++) {
		struct event *event = &e->events[i];

		if (event->ends) {
			event->lane = lanes[event->number];
			free_lanes[free_count++] = event->lane;
			continue;
		}
		event->lane = free_count > 0 ? free_lanes[--free_count] : made++;
		lanes[event->number] = event->lane;
	}
}

/* A register's read, write and cas as everybody writes them; anything else as it is here. */
static json_t *value_of(const json_t *o, const char *op, bool ends)
{
	const char *key = text_of(o, "key", "");
	json_t *read = ends ? json_object_get(o, "result") : NULL;
	json_t *whole;

	if (strcmp(op, "get") == 0)
		return json_pack("[s, O]", key, read ? read : json_null());
	if (strcmp(op, "put") == 0)
		return json_pack("[s, O]", key, json_object_get(o, "value"));
	if (strcmp(op, "cas") == 0 && !json_object_get(o, "expect_version"))
		return json_pack("[s, [s?, s?]]", key, text_of(o, "expect", NULL),
			text_of(o, "value", NULL));
	whole = json_copy((json_t *)(uintptr_t)o);
	(void)json_object_del(whole, "op");
	(void)json_object_del(whole, "process");
	(void)json_object_del(whole, "invoked");
	(void)json_object_del(whole, "returned");
	(void)json_object_del(whole, "outcome");
	if (ends)
		return whole;
	if (strcmp(op, "lock") == 0)
		(void)json_object_del(whole, "token");
	(void)json_object_del(whole, "done");
	(void)json_object_del(whole, "result");
	(void)json_object_del(whole, "version");
	(void)json_object_del(whole, "position");
	return whole;
}

static const char *function_of(const char *op)
{
	if (strcmp(op, "get") == 0)
		return "read";
	return strcmp(op, "put") == 0 ? "write" : op;
}

/* A compare-and-set that was refused has changed nothing, which is called fail elsewhere. */
static const char *type_of(const struct event *event, const char *op)
{
	const json_t *o = event->operation;

	if (!event->ends)
		return "invoke";
	if (strcmp(op, "cas") == 0 && json_is_false(json_object_get(o, "done")))
		return "fail";
	if (is_ok(o))
		return "ok";
	return strcmp(text_of(o, "outcome", ""), "failed") == 0 ? "fail" : "info";
}

static int event_print(
	const struct event *event, size_t index, uint64_t last, FILE *stream)
{
	const char *op = text_of(event->operation, "op", "");
	uint64_t time = event->time == UINT64_MAX ? last : event->time;
	json_t *line = json_pack("{sI ss sI ss so sI}", "index", (json_int_t)index,
		"type", type_of(event, op), "process", (json_int_t)event->lane, "f",
		function_of(op), "value", value_of(event->operation, op, event->ends),
		"time", (json_int_t)time);
	int rc;

	if (!line)
		return -ENOMEM;
	rc = json_dumpf(line, stream, JSON_COMPACT) || fputc('\n', stream) == EOF ? -EIO
										  : 0;
	json_decref(line);
	return rc;
}

int events_print(struct events *e, FILE *stream)
{
	size_t *free_lanes = calloc(e->count + 1, sizeof(*free_lanes));
	size_t *lanes = calloc(e->count + 1, sizeof(*lanes));
	uint64_t last = 0;
	int rc = free_lanes && lanes ? 0 : -ENOMEM;

	if (e->count)
		qsort(e->events, e->count, sizeof(*e->events), by_time);
	if (!rc)
		lanes_give(e, free_lanes, lanes);
	for (size_t i = 0; i < e->count && !rc; i++) {
		last = e->events[i].time == UINT64_MAX ? last : e->events[i].time;
		rc = event_print(&e->events[i], i, last, stream);
	}
	if (!rc && fflush(stream))
		rc = -EIO;
	free(free_lanes);
	free(lanes);
	return rc;
}

void events_end(struct events *e)
{
	for (size_t i = 0; i < e->count; i++)
		json_decref(e->events[i].operation);
	free(e->events);
	*e = (struct events){0};
}
