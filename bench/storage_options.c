#include "bench/storage_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/numbers.h"
#include "bench/words.h"
#include "sequencer/core/limits.h"

#define COMMAND "pawl-bench store"
#define LEDGER_MAX (UINT64_C(1) << 23) /* entries: of each client and key */

static const struct number_option numbers[] = {
	{'c', "clients", 1, STORAGE_CLIENTS_MAX,
		offsetof(struct storage_options, clients)},
	{'d', "depth", 1, STORAGE_DEPTH_MAX, offsetof(struct storage_options, depth)},
	{'R', "reads", 0, 100, offsetof(struct storage_options, reads)},
	{'k', "keys", 1, STORAGE_KEYS_MAX, offsetof(struct storage_options, keys)},
	{'l', "length", STORAGE_LEN_MIN, STORAGE_LEN_MAX,
		offsetof(struct storage_options, value_len)},
	{'n', "replicas", 1, CHAIN_MAX, offsetof(struct storage_options, replicas)},
	{'s', "seconds", 1, STORAGE_SECONDS_MAX,
		offsetof(struct storage_options, seconds)},
};

#define NUMBERS_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static const char *const readings[] = {"log", "sync", "local", "tail", NULL};
static const char *const switches[] = {"on", "off", NULL};

const char *storage_reading_name(enum pawl_reading reading)
{
	return readings[reading];
}

static int options_finish(const struct storage_options *o)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)o->keys);
	if (o->keys * o->clients > LEDGER_MAX)
		return option_refuse(COMMAND, "keys", text,
			"keys times clients can be 8388608 at most, for all is checked");
	return 0;
}

static int reading_set(struct storage_options *o, const char *text)
{
	static const struct word_option option = {COMMAND, "read", readings};
	int place = 0;
	int rc = word_option_set(&option, text, &place);

	o->reading = (enum pawl_reading)place;
	return rc;
}

static int archive_set(struct storage_options *o, const char *text)
{
	static const struct word_option option = {COMMAND, "archive", switches};
	int place = 0;
	int rc = word_option_set(&option, text, &place);

	o->archive = place == 0;
	return rc;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct storage_options *o = state->input;

	switch (key) {
	case 'r':
		return reading_set(o, text);
	case 'a':
		return archive_set(o, text);
	case 'w':
		return wait_option_set(COMMAND, text, &o->wait);
	case 't':
		return transport_option_set(COMMAND, text, &o->verbs);
	case 'P':
		return plot_option_set(COMMAND, text, &o->plot);
	case 'D':
		o->device = text;
		return 0;
	case 'A':
		o->alone = true;
		return 0;
	case 'p':
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
	{"clients", 'c', "C", 0, "Processes, each with a store of its own (1)", 0},
	{"depth", 'd', "D", 0, "Operations in flight of each client (64)", 0},
	{"reads", 'R', "PERCENT", 0, "Reads among the operations (0)", 0},
	{"read", 'r', "log|sync|local|tail", 0,
		"How is read: through the log, by sync (default), at the tail, all "
		"linearizable, or locally; etcd's reads are serializable then, and else "
		"linearizable",
		0},
	{"keys", 'k', "N", 0, "Keys, all of them there from the beginning (10000)", 0},
	{"length", 'l', "BYTES", 0, "Of a value, 32 to 8192 (64)", 0},
	{"replicas", 'n', "N", 0, "Length of the chain, 1 to 7 (2)", 0},
	{"archive", 'a', "on|off", 0, "Replicas write files as well (off)", 0},
	{"seconds", 's', "S", 0, "How long to measure (10)", 0},
	{"wait", 'w', "yield|spin|sleep", 0, "How clients wait (yield)", 0},
	{"pin", 'p', NULL, 0,
		"Give each client a processor of its own, if there are enough", 0},
	{"alone", 'A', NULL, 0, "Without etcd", 0},
	{"plot", 'P', "PREFIX", 0,
		"Measure with 1, 2, 4, ... operations in flight too; drawn to PREFIX.png "
		"and PREFIX.svg by gnuplot, from PREFIX.gp and PREFIX.dat",
		0},
	{"device", 'D', "DEVICE", 0, "RDMA device (the first usable)", 0},
	{"json", 'j', NULL, 0, "Everything, as JSON", 0}, {0}};

int storage_options_parse(int argc, char **argv, struct storage_options *options_p)
{
	static const struct argp argp = {table, option_take, NULL,
		"Measure a store beside an etcd of the run's own that does the same, in "
		"turns: operations per second, and how long they take.  What is written "
		"and read is checked on both sides: versions rise, reads are not older "
		"than they may be, and everything is there in the end.",
		NULL, NULL, NULL};

	*options_p = (struct storage_options){.clients = 1,
		.depth = 64,
		.reading = PAWL_READ_SYNC,
		.keys = 10000,
		.value_len = 64,
		.replicas = 2,
		.seconds = 10};
	argp_err_exit_status = BENCH_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, options_p) ? BENCH_USAGE : 0;
}
