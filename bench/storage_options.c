#include "bench/storage_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/gnuplot.h"
#include "bench/numbers.h"
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
static const char *const waits[] = {"yield", "spin", "sleep", NULL};
static const char *const transports[] = {"shm", "verbs", NULL};
static const char *const switches[] = {"off", "on", NULL};

const char *storage_reading_name(enum pawl_reading reading)
{
	return readings[reading];
}

const char *storage_wait_name(enum pawl_wait wait)
{
	return waits[wait];
}

static int refuse(const char *option, const char *text, const char *instead)
{
	(void)fprintf(
		stderr, COMMAND ": --%s=%s: not allowed; %s\n", option, text, instead);
	return EINVAL;
}

/* Which of @words *place_p is. */
static int word_set(const char *const *words, const char *option, const char *text,
	const char *instead, int *place_p)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*place_p = i;
			return 0;
		}
	}
	return refuse(option, text, instead);
}

static int options_finish(const struct storage_options *o)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)o->keys);
	if (o->keys * o->clients > LEDGER_MAX)
		return refuse("keys", text,
			"keys times clients can be 8388608 at most, for all is checked");
	return 0;
}

static int words_take(struct storage_options *o, int key, const char *text)
{
	int place = 0, rc;

	switch (key) {
	case 'r':
		rc = word_set(
			readings, "read", text, "use log, sync, local or tail", &place);
		o->reading = (enum pawl_reading)place;
		return rc;
	case 'w':
		rc = word_set(waits, "wait", text, "use yield, spin or sleep", &place);
		o->wait = (enum pawl_wait)place;
		return rc;
	case 't':
		rc = word_set(transports, "transport", text, "use shm or verbs", &place);
		o->verbs = place == 1;
		return rc;
	default:
		rc = word_set(switches, "archive", text, "use on or off", &place);
		o->archive = place == 1;
		return rc;
	}
}

static int plot_set(struct storage_options *o, const char *text)
{
	if (!gnuplot_prefix_valid(text))
		return refuse("plot", text,
			"use a path of letters, digits and / . _ - that does not end "
			"with /");
	o->plot = text;
	return 0;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct storage_options *o = state->input;

	switch (key) {
	case 'r':
	case 'w':
	case 't':
	case 'a':
		return words_take(o, key, text);
	case 'P':
		return plot_set(o, text);
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
