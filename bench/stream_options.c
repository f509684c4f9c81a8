#include "bench/stream_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/numbers.h"
#include "bench/stream_order.h"
#include "bench/team.h"
#include "bench/words.h"
#include "client/include/pawl/stream.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/stream_limits.h"

#define COMMAND "pawl-bench stream"
#define LINE 64

static const struct number_option numbers[] = {
	{'p', "publishers", 1, STREAM_PUBLISHERS_MAX - 1,
		offsetof(struct stream_options, publishers)},
	{'S', "subscribers", 1, TEAM_MAX - 1,
		offsetof(struct stream_options, subscribers)},
	{'n', "replicas", 1, CHAIN_MAX, offsetof(struct stream_options, replicas)},
	{'s', "seconds", 1, STREAM_SECONDS_MAX, offsetof(struct stream_options, seconds)},
	{'l', "length", STREAM_MESSAGE_MIN, STREAM_LEN_MAX,
		offsetof(struct stream_options, message_len)},
	{'L', "slot", LINE, 65536, offsetof(struct stream_options, slot_len)},
	{'k', "slots", STREAM_RING_MIN, STREAM_RING_MAX,
		offsetof(struct stream_options, slots)},
	{'b', "batch", 1, STREAM_BATCH_MAX, offsetof(struct stream_options, batch)},
	{'r', "rate", 0, STREAM_RATE_MAX, offsetof(struct stream_options, rate)},
	{'H', "hole-timeout-us", 10, 60000000, offsetof(struct stream_options, hole_us)},
};

#define NUMBERS_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static const char *const modes[] = {"batch", "single", "sync", NULL};

const char *stream_mode_name(enum stream_mode mode)
{
	return modes[mode];
}

uint64_t stream_message_slots(const struct stream_options *o)
{
	uint64_t room = o->slot_len - PAWL_SLOT_HEADER;

	return (o->message_len + room - 1) / room;
}

static int mode_set(struct stream_options *o, const char *text)
{
	static const struct word_option option = {COMMAND, "mode", modes};
	int place = 0;
	int rc = word_option_set(&option, text, &place);

	o->mode = (enum stream_mode)place;
	return rc;
}

/* Smallest slot that holds the message, as far as there is one. */
static uint64_t slot_len_default(const struct stream_options *o)
{
	uint64_t len = (o->message_len + PAWL_SLOT_HEADER + LINE - 1) / LINE * LINE;

	return len < 65536 ? len : 65536;
}

static int options_finish(struct stream_options *o)
{
	char text[32];

	if (o->slot_len == 0)
		o->slot_len = slot_len_default(o);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)o->slot_len);
	if (o->slot_len % LINE)
		return option_refuse(COMMAND, "slot", text, "give a multiple of 64");
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)o->slots);
	if (o->slots & (o->slots - 1))
		return option_refuse(COMMAND, "slots", text, "give a power of two");
	if (stream_message_slots(o) * 2 > o->slots)
		return option_refuse(
			COMMAND, "slots", text, "a message must fit into half a ring");
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)o->subscribers);
	if (o->publishers + o->subscribers > TEAM_MAX)
		return option_refuse(COMMAND, "subscribers", text,
			"at most 64 processes, publishers included, can be measured");
	if (o->mode != STREAM_BATCH)
		o->batch = 1;
	return 0;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct stream_options *o = state->input;

	switch (key) {
	case 't':
		return transport_option_set(COMMAND, text, &o->verbs);
	case 'm':
		return mode_set(o, text);
	case 'w':
		return wait_option_set(COMMAND, text, &o->wait);
	case 'P':
		return plot_option_set(COMMAND, text, &o->plot);
	case 'D':
		o->device = text;
		return 0;
	case 'c':
		o->pin = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_END:
		return options_finish(o);
	default:
		return number_option_set(numbers, NUMBERS_COUNT, key, text, COMMAND, o);
	}
}

static const struct argp_option table[] = {
	{"transport", 't', "shm|verbs", 0, "Shared memory (default) or RDMA", 0},
	{"publishers", 'p', "P", 0, "Processes that publish (1)", 0},
	{"subscribers", 'S', "S", 0, "Processes that subscribe (1)", 0},
	{"replicas", 'n', "N", 0, "Length of the chain, 1 to 7 (1)", 0},
	{"seconds", 's', "S", 0, "How long to measure (5)", 0},
	{"length", 'l', "BYTES", 0, "Of a message, 32 to 1048576 (64)", 0},
	{"slot", 'L', "BYTES", 0,
		"Of a slot, a multiple of 64 (the least that holds a message)", 0},
	{"slots", 'k', "N", 0, "Of the stream, a power of two (65536)", 0},
	{"mode", 'm', "batch|single|sync", 0,
		"Publish many messages with one call (default), or one with each, or one "
		"with each and wait for its acknowledgement",
		0},
	{"batch", 'b', "B", 0, "Messages of one call in batch mode, at most (64)", 0},
	{"rate", 'r', "R", 0,
		"Messages per second of each publisher, each at a moment of its own, "
		"whatever became of those before (0: full speed)",
		0},
	{"wait", 'w', "yield|spin|sleep", 0, "How processes wait (yield)", 0},
	{"hole-timeout-us", 'H', "US", 0,
		"When a position that nobody writes is void (the library's)", 0},
	{"pin", 'c', NULL, 0,
		"Give each process a processor of its own, if there are enough", 0},
	{"plot", 'P', "PREFIX", 0,
		"Measure at rising rates too; drawn to PREFIX.png and PREFIX.svg by "
		"gnuplot, from PREFIX.gp and PREFIX.dat",
		0},
	{"device", 'D', "DEVICE", 0, "RDMA device (the first usable)", 0},
	{"json", 'j', NULL, 0, "Everything, as JSON", 0}, {0}};

int stream_options_parse(int argc, char **argv, struct stream_options *options_p)
{
	static const struct argp argp = {table, option_take, NULL,
		"Measure a stream beside a bare ring of the same slots in shared memory, "
		"in turns: messages per second, and how long they take until they are "
		"acknowledged and delivered.  All that is delivered is checked: each "
		"message once, none missing, whole, in one order.",
		NULL, NULL, NULL};

	*options_p = (struct stream_options){.publishers = 1,
		.subscribers = 1,
		.replicas = 1,
		.seconds = 5,
		.message_len = 64,
		.slots = 65536,
		.batch = 64};
	argp_err_exit_status = BENCH_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, options_p) ? BENCH_USAGE : 0;
}
