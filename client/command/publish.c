/* pawl publish: every message of standard input goes into a stream, in order. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/publication.h"

#define OPTION_SLOT 0x100
#define OPTION_SLOTS 0x101
#define OPTION_HOLE_TIMEOUT 0x102
#define OPTION_MESSAGE_MAX 0x103
#define OPTION_ON_SLOW 0x104
#define OPTION_ARCHIVE 0x105
#define OPTION_DEPTH 0x106

struct publish_arguments {
	struct target_arguments target;
	const char *slot;
	const char *slots;
	const char *hole_timeout;
	const char *message_max;
	const char *on_slow;
	const char *archive;
	const char *depth;
	bool existing;
	bool framed;
	bool positions;
	bool times;
};

/* Where an option's text goes; NULL: it has none, or is another's. */
static const char **text_place(int key, struct publish_arguments *a)
{
	switch (key) {
	case OPTION_SLOT:
		return &a->slot;
	case OPTION_SLOTS:
		return &a->slots;
	case OPTION_HOLE_TIMEOUT:
		return &a->hole_timeout;
	case OPTION_MESSAGE_MAX:
		return &a->message_max;
	case OPTION_ON_SLOW:
		return &a->on_slow;
	case OPTION_ARCHIVE:
		return &a->archive;
	case OPTION_DEPTH:
		return &a->depth;
	default:
		return NULL;
	}
}

static error_t publish_option(int key, char *arg, struct argp_state *state)
{
	struct publish_arguments *a = state->input;
	const char **text_p = text_place(key, a);

	if (text_p) {
		*text_p = arg;
		return 0;
	}
	switch (key) {
	case 'e':
		a->existing = true;
		return 0;
	case 'r':
		a->framed = true;
		return 0;
	case 'p':
		a->positions = true;
		return 0;
	case 't':
		a->positions = a->times = true;
		return 0;
	default:
		return target_option(key, arg, state, &a->target);
	}
}

/* A number from @min to @max in steps that the library checks; NULL leaves it as it is. */
static int number_set(const char *option, const char *text, uint64_t min, uint64_t max,
	uint64_t *number_p)
{
	if (!text || command_number(text, min, max, number_p))
		return COMMAND_OK;
	return command_misuse("pawl publish: --%s=%s: not in its limits; use %" PRIu64
			      " to %" PRIu64,
		option, text, min, max);
}

/* One of @names, which end with NULL; *index_p is left as it is without @text. */
static int word_set(const char *option, const char *text, const char *const *names,
	unsigned int *index_p)
{
	for (unsigned int i = 0; text && names[i]; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*index_p = i;
		return COMMAND_OK;
	}
	if (!text)
		return COMMAND_OK;
	return command_misuse("pawl publish: --%s=%s: use %s, %s%s%s", option, text,
		names[0], names[1], names[2] ? " or " : "", names[2] ? names[2] : "");
}

static int sizes_set(
	const struct publish_arguments *a, struct pawl_stream_options *options)
{
	uint64_t slot = 0, slots = 0, hole_us = 0, depth = 0;
	int rc = number_set("slot", a->slot, 64, 65536, &slot);

	if (!rc)
		rc = number_set("slots", a->slots, 1u << 10, 1u << 24, &slots);
	if (!rc)
		rc = number_set("hole-timeout", a->hole_timeout, 10, 60000000, &hole_us);
	if (!rc)
		rc = number_set("message-max", a->message_max, 1, PAWL_MESSAGE_MAX,
			&options->message_max);
	if (!rc)
		rc = number_set("depth", a->depth, 1, PAWL_PUBLISH_DEPTH_MAX, &depth);
	options->slot_len = (uint32_t)slot;
	options->slots = (uint32_t)slots;
	options->hole_timeout_ns = hole_us * 1000;
	options->depth = (unsigned int)depth;
	return rc;
}

static int options_set(
	const struct publish_arguments *a, struct pawl_stream_options *options)
{
	static const char *const slow[] = {"lose", "block", NULL};
	static const char *const archiving[] = {"off", "on", "required", NULL};
	unsigned int on_slow = PAWL_ON_SLOW_LOSE, archive = PAWL_ARCHIVE_OFF;
	int rc = sizes_set(a, options);

	if (!rc)
		rc = word_set("on-slow", a->on_slow, slow, &on_slow);
	if (!rc)
		rc = word_set("archive", a->archive, archiving, &archive);
	options->on_slow = (enum pawl_on_slow)on_slow;
	options->archiving = (enum pawl_archiving)archive;
	options->existing = a->existing;
	return rc;
}

static int differs(const char *text, const char *option, const char *has)
{
	return command_fail("pawl publish: %s: exists with --%s=%s, which can not be "
			    "changed; leave the option out, or use another stream",
		text, option, has);
}

static int number_compare(const char *text, const char *option, const char *asked,
	uint64_t wanted, uint64_t has)
{
	char number[24];

	if (!asked || wanted == has)
		return COMMAND_OK;
	(void)snprintf(number, sizeof(number), "%" PRIu64, has);
	return differs(text, option, number);
}

/* The stream is what was asked for, whoever created it. */
static int options_compare(const struct publish_arguments *a,
	const struct pawl_stream_options *wanted, const struct pawl_stream_options *has)
{
	static const char *const archiving[] = {"off", "on", "required"};
	const char *text = a->target.text;
	int rc = number_compare(text, "slot", a->slot, wanted->slot_len, has->slot_len);

	if (!rc)
		rc = number_compare(text, "slots", a->slots, wanted->slots, has->slots);
	if (!rc)
		rc = number_compare(text, "hole-timeout", a->hole_timeout,
			wanted->hole_timeout_ns / 1000, has->hole_timeout_ns / 1000);
	if (!rc)
		rc = number_compare(text, "message-max", a->message_max,
			wanted->message_max, has->message_max);
	if (!rc && a->on_slow && wanted->on_slow != has->on_slow)
		rc = differs(text, "on-slow",
			has->on_slow == PAWL_ON_SLOW_BLOCK ? "block" : "lose");
	if (!rc && a->archive && wanted->archiving != has->archiving)
		rc = differs(text, "archive", archiving[has->archiving]);
	return rc;
}

static int stream_publish(
	const struct publish_arguments *a, const struct pawl_stream_options *wanted)
{
	struct publication_config config = {
		.framed = a->framed, .positions = a->positions, .times = a->times};
	struct pawl_stream_options has = PAWL_STREAM_OPTIONS_INIT;
	struct target target;
	int rc = target_stream_open(&a->target, wanted, &target, &config.timeout_ns);

	if (rc)
		return rc;
	rc = pawl_stream_options_get(target.stream, &has) ? target_fail(&target)
							  : COMMAND_OK;
	config.message_max = has.message_max;
	if (!rc)
		rc = options_compare(a, wanted, &has);
	if (!rc)
		rc = publication_run(&target, &config);
	target_close(&target);
	return rc;
}

int command_publish(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"framed", 'r', NULL, 0,
			"Messages are not lines: each has its length before it, 4 "
			"bytes, big-endian",
			0},
		{"positions", 'p', NULL, 0,
			"Write a line for each acknowledged message: its number in the "
			"input, a tab and its position",
			0},
		{"times", 't', NULL, 0,
			"The same, and the times in ns (CLOCK_MONOTONIC) at which it "
			"was submitted and acknowledged",
			0},
		{"depth", OPTION_DEPTH, "N", 0, "Messages in flight (32768)", 0},
		{"existing", 'e', NULL, 0, "Do not create the stream", 0},
		{"slot", OPTION_SLOT, "BYTES", 0,
			"Create it with slots of so many bytes, 48 of them Pawl's "
			"(256)",
			0},
		{"slots", OPTION_SLOTS, "N", 0, "... so many slots (65536)", 0},
		{"hole-timeout", OPTION_HOLE_TIMEOUT, "US", 0,
			"... a position that was drawn is void if nothing comes for "
			"so long (1000 us)",
			0},
		{"message-max", OPTION_MESSAGE_MAX, "BYTES", 0,
			"... messages of up to so many bytes (1048576)", 0},
		{"on-slow", OPTION_ON_SLOW, "WHAT", 0,
			"... slow subscribers lose messages, or block publishers: "
			"lose, block (lose)",
			0},
		{"archive", OPTION_ARCHIVE, "WHAT", 0,
			"... replicas archive it: off, on, required (off)", 0},
		{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
			"Give up when the stream stands still for S seconds (5), or "
			"nothing is acknowledged for 12 times as long",
			0},
		{0}};
	static const struct argp argp = {options, publish_option, "NAME/STREAM",
		"Publish the lines of standard input in a stream, and wait until all "
		"are acknowledged.",
		NULL, NULL, NULL};
	struct pawl_stream_options wanted = PAWL_STREAM_OPTIONS_INIT;
	struct publish_arguments a = {.slot = NULL};
	int rc = command_parse(&argp, argc, argv, &a);

	if (!rc)
		rc = options_set(&a, &wanted);
	return rc ? rc : stream_publish(&a, &wanted);
}
