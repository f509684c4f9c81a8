#include "tests/linear/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define KEYS_MAX 5
#define ITEMS_SAID_MAX 8

struct saying saying_of(struct linear_report *report)
{
	report->text[0] = '\0';
	return (struct saying){.text = report->text, .room = sizeof(report->text)};
}

void say(struct saying *s, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(s->text + s->len, s->room - s->len, format, arguments);
	va_end(arguments);
	if (len > 0)
		s->len += (size_t)len;
	if (s->len > s->room - 1)
		s->len = s->room - 1;
}

/* Strings come from outside: what can not be seen is shown as a question mark. */
static void say_string(struct saying *s, const struct linear_history *h, uint32_t number)
{
	const char *text = strings_text(&h->strings, number);

	if (!text) {
		say(s, "nothing");
		return;
	}
	say(s, "\"");
	for (int i = 0; text[i] && i < 64; i++)
		say(s, "%c", text[i] >= 0 && text[i] < ' ' ? '?' : text[i]);
	say(s, "\"");
}

static void say_found(
	struct saying *s, const struct linear_history *h, const struct item *item)
{
	say(s, " found ");
	say_string(s, h, item->value);
	if (item->version)
		say(s, " of %" PRIu64, item->version);
}

static void say_item(
	struct saying *s, const struct linear_history *h, const struct item *item)
{
	static const char *const names[] = {[IF_VALUE] = "if",
		[IF_VERSION] = "if",
		[IF_PRESENT] = "if",
		[IF_FREE] = "if",
		[IF_FRESH] = "if",
		[DO_GET] = "get",
		[DO_PUT] = "put",
		[DO_DELETE] = "delete",
		[DO_LOCK] = "lock",
		[DO_RELEASE] = "release",
		[DO_RAISE] = "raise",
		[DO_LIST] = "list"};

	say(s, " %s ", names[item->kind]);
	say_string(s, h, item->key);
	if (item->kind == IF_VALUE || item->kind == DO_PUT)
		say(s, " %s ", item->kind == IF_VALUE ? "is" : "to");
	if (item->kind == IF_VALUE || item->kind == DO_PUT)
		say_string(s, h, item->value);
	if (item->kind == IF_VERSION)
		say(s, " is of %" PRIu64, item->version);
	if (item->kind == IF_PRESENT)
		say(s, " is there");
	if (item->kind == IF_FREE || item->kind == DO_LOCK || item->kind == DO_RELEASE) {
		say(s, item->kind == IF_FREE ? " is free for " : " for ");
		say_string(s, h, item->value);
	}
	if (item->kind == IF_FRESH || item->kind == DO_RAISE)
		say(s,
			item->kind == IF_FRESH ? " saw no more than %" PRIu64
					       : " to %" PRIu64,
			item->version);
	if (item->kind == DO_GET && item->told)
		say_found(s, h, item);
}

/* The comparisons, and the way that was taken or, not known which, would be if they hold. */
static void say_items(
	struct saying *s, const struct linear_history *h, const struct operation *o)
{
	const struct item *items = &h->items[o->first];
	uint32_t steps = o->answer == LINEAR_REFUSED ? o->otherwise : o->then;
	const struct item *step = items + o->compare;

	if (o->answer == LINEAR_REFUSED)
		step += o->then;
	for (uint32_t i = 0; i < o->compare && i < ITEMS_SAID_MAX; i++)
		say_item(s, h, &items[i]);
	if (o->compare > 0)
		say(s, ":");
	if (o->answer == LINEAR_REFUSED)
		say(s, " refused,");
	for (uint32_t i = 0; i < steps && i < ITEMS_SAID_MAX; i++)
		say_item(s, h, &step[i]);
	if (o->compare > ITEMS_SAID_MAX || steps > ITEMS_SAID_MAX)
		say(s, " and more");
}

void say_operation(struct saying *s, const struct linear_history *h, uint32_t operation)
{
	const struct operation *o = &h->operations[operation];

	say(s, "process %" PRIu32, o->process);
	if (o->line)
		say(s, ", line %" PRIu32, o->line);
	say(s, ": %s:", linear_kind_name(o->kind));
	say_items(s, h, o);
	if (o->position)
		say(s, ", position %" PRIu64, o->position);
	if (o->outcome == LINEAR_OK)
		say(s, "; from %" PRIu64 " to %" PRIu64, o->invoked, o->returned);
	else
		say(s, "; from %" PRIu64 ", outcome unknown", o->invoked);
}

void say_cell(
	struct saying *s, const struct plan *plan, uint32_t cell, const struct cell *is)
{
	say_string(s, plan->history, plan->keys[cell]);
	say(s, " is ");
	say_string(s, plan->history, is->value);
	if (is->version)
		say(s, " (%s%" PRIu64 ")", is->exact || !is->value ? "" : "later than ",
			is->version);
}

void say_part(struct saying *s, const struct plan *plan, const struct part *part)
{
	for (uint32_t i = 0; i < part->cells_count && i < KEYS_MAX; i++) {
		say(s, i ? ", " : "");
		say_string(s, plan->history, plan->keys[part->cells_first + i]);
	}
	if (part->cells_count > KEYS_MAX)
		say(s, " and %" PRIu32 " more keys", part->cells_count - KEYS_MAX);
}
