/* pawl subscribe: the messages of a stream, in order, to standard output. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/deliveries.h"
#include "client/command/ending.h"
#include "client/command/target.h"

#define BATCH 1024
#define LOOK_NS UINT64_C(100000000) /* between two looks at signals and at the output */
#define OPTION_FROM 'f'

struct subscribe_arguments {
	struct target_arguments target;
	struct deliveries_arguments deliveries;
	const char *from;
};

struct subscription {
	struct target target;
	struct pawl_subscribe_options options;
	struct pawl_subscriber *subscriber;
	struct deliveries deliveries;
	bool until_end; /* of the stream, as it is at the begin */
};

static error_t subscribe_option(int key, char *arg, struct argp_state *state)
{
	struct subscribe_arguments *a = state->input;
	error_t rc;

	if (key == OPTION_FROM) {
		a->from = arg;
		return 0;
	}
	rc = deliveries_option(key, arg, &a->deliveries);
	return rc == ARGP_ERR_UNKNOWN ? target_option(key, arg, state, &a->target) : rc;
}

static int from_set(const char *text, struct pawl_subscribe_options *options)
{
	if (strcmp(text, "now") == 0)
		options->from = PAWL_FROM_NOW;
	else if (strcmp(text, "oldest") == 0)
		options->from = PAWL_FROM_OLDEST;
	else if (command_number(text, 1, INT64_MAX, &options->position))
		options->from = PAWL_FROM_POSITION;
	else
		return command_misuse("pawl subscribe: --from=%s: use oldest, now, or a "
				      "position from 1",
			text);
	return COMMAND_OK;
}

static int until_set(const char *text, struct subscription *s)
{
	s->until_end = text && strcmp(text, "end") == 0;
	if (!text || s->until_end ||
		command_number(text, 1, INT64_MAX, &s->deliveries.until))
		return COMMAND_OK;
	return command_misuse(
		"pawl subscribe: --until=%s: use end, or a position from 1", text);
}

static int subscription_set(const struct subscribe_arguments *a, struct subscription *s)
{
	int rc = deliveries_begin(
		&a->deliveries, "pawl subscribe", a->target.text, &s->deliveries);

	s->options = (struct pawl_subscribe_options)PAWL_SUBSCRIBE_OPTIONS_INIT;
	s->options.voids = a->deliveries.voids;
	if (!rc)
		rc = from_set(a->from, &s->options);
	return rc ? rc : until_set(a->deliveries.until, s);
}

static int subscription_open(const struct subscribe_arguments *a, struct subscription *s)
{
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	uint64_t timeout_ns;
	int rc;

	stream.existing = true;
	rc = target_stream_open(&a->target, &stream, &s->target, &timeout_ns);
	if (rc)
		return rc;
	if (pawl_subscribe(s->target.stream, &s->options, &s->subscriber) ||
		(s->until_end &&
			pawl_stream_end(s->target.stream, &s->deliveries.until))) {
		rc = target_fail(&s->target);
		target_close(&s->target);
	}
	return rc;
}

static void on_delivery(void *context, const struct pawl_delivery *delivery)
{
	deliveries_put(context, delivery);
}

static void overflow_tell(struct subscription *s)
{
	uint64_t first, last;

	pawl_subscriber_lost(s->subscriber, &first, &last);
	deliveries_lost(&s->deliveries, first, last,
		"overwritten before they were read here, and in no archive");
}

/* One that is passed over is lost as well; its position is not told. */
static void too_long_tell(struct subscription *s)
{
	s->deliveries.lost++;
	(void)command_fail("%s", pawl_errmsg(s->target.pawl));
}

static int subscription_turn(struct subscription *s)
{
	int room = deliveries_room(&s->deliveries, BATCH);
	int count = 0;
	int rc = pawl_subscriber_wait(
		s->subscriber, on_delivery, &s->deliveries, room, LOOK_NS, &count);

	if (rc == -EOVERFLOW)
		overflow_tell(s);
	else if (rc == -EMSGSIZE)
		too_long_tell(s);
	else if (rc)
		return target_fail(&s->target);
	if (rc || count < room)
		deliveries_flush(&s->deliveries);
	return COMMAND_OK;
}

static int subscription_run(struct subscription *s)
{
	int rc = COMMAND_OK;

	ending_watch();
	while (!rc && !ending_asked() &&
		!deliveries_done(&s->deliveries, pawl_subscriber_position(s->subscriber)))
		rc = subscription_turn(s);
	return deliveries_end(&s->deliveries, rc);
}

int command_subscribe(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"from", OPTION_FROM, "WHERE", 0,
			"Begin with the oldest message there is, with what comes from "
			"now on, or at a position: oldest, now, P (now)",
			0},
		{"until", DELIVERIES_OPTION_UNTIL, "P", 0,
			"End when everything up to position P was written; end: up to "
			"what is acknowledged when the command starts",
			0},
		DELIVERIES_ENTRIES, TARGET_WAIT_ENTRY,
		{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
			"Give up when no replica is there for S seconds (5)", 0},
		{0}};
	static const struct argp argp = {options, subscribe_option, "NAME/STREAM",
		"Write the messages of a stream to standard output in the order of "
		"their positions, each once.",
		NULL, NULL, NULL};
	struct subscribe_arguments a = {.from = "now"};
	struct subscription s = {.subscriber = NULL};
	int rc = command_parse(&argp, argc, argv, &a);

	if (!rc)
		rc = subscription_set(&a, &s);
	if (!rc)
		rc = subscription_open(&a, &s);
	if (rc)
		return rc;
	rc = subscription_run(&s);
	target_close(&s.target);
	return rc;
}
