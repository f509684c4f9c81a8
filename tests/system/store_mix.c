/*
 * A client for the tests: does a bit of everything with a store until it is told to end (SIGTERM),
 * and writes what it asked for and what it was answered as a history (docs/histories.md).
 *
 *     store_mix [--process N] [--seed N] [--keys N] [--pause US] [--timeout MS] [--silence MS]
 *               [--reads KIND,...] [--guard FILE] WHERE STORE FILE
 *
 * All of them read and write the same keys, claim the same names, move money between the same
 * accounts and take the same locks.  A session that stays silent for longer than its time is
 * expired by whoever wants a lock that it has.  Who has a lock asks FILE, which is shared by all on
 * one host, to let its fencing token pass.
 *
 * An operation is written twice: before it is asked for, as of unknown outcome, and with its
 * answer; both have the same note, and of two the second one counts.  Each line is one write, so a
 * client that is killed loses nothing but an answer.  A failure is one line on standard error and
 * exit status 1.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/store_mix.h"
#include "tests/system/until_term.h"

struct options {
	struct mix_config mix;
	const char *reads;
	uint64_t pause_us;
	uint64_t timeout_ms;
	const char *where;
	const char *store;
	const char *file;
};

enum {
	OPT_PROCESS = 256,
	OPT_SEED,
	OPT_KEYS,
	OPT_PAUSE,
	OPT_TIMEOUT,
	OPT_SILENCE,
	OPT_READS,
	OPT_GUARD
};

static const struct argp_option known[] = {
	{"process", OPT_PROCESS, "N", 0, "its number in the history (1)", 0},
	{"seed", OPT_SEED, "N", 0, "of its choices (that number)", 0},
	{"keys", OPT_KEYS, "N", 0, "that are written (8)", 0},
	{"pause", OPT_PAUSE, "US", 0, "between two operations (0)", 0},
	{"timeout", OPT_TIMEOUT, "MS", 0, "of one operation (10000)", 0},
	{"silence", OPT_SILENCE, "MS", 0, "after which a session is expired (1000)", 0},
	{"reads", OPT_READS, "KIND,...", 0, "log, sync, tail, local (all)", 0},
	{"guard", OPT_GUARD, "FILE", 0, "what the locks guard", 0},
	{0},
};

static error_t option_parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;
	uint64_t number = text ? strtoull(text, NULL, 10) : 0;

	switch (key) {
	case OPT_PROCESS:
		o->mix.process = (uint32_t)number;
		return 0;
	case OPT_SEED:
		o->mix.seed = number;
		return 0;
	case OPT_KEYS:
		o->mix.keys = (uint32_t)number;
		return 0;
	case OPT_PAUSE:
		o->pause_us = number;
		return 0;
	case OPT_TIMEOUT:
		o->timeout_ms = number;
		return 0;
	case OPT_SILENCE:
		o->mix.silence_ms = number;
		return 0;
	case OPT_READS:
		o->reads = text;
		return 0;
	case OPT_GUARD:
		o->mix.guard = text;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 2)
			argp_usage(state);
		*(state->arg_num == 0	      ? &o->where
			: state->arg_num == 1 ? &o->store
					      : &o->file) = text;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 3)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int reads_take(struct mix_config *mix, const char *text)
{
	char words[64], *rest = words;
	const char *word;

	(void)snprintf(words, sizeof(words), "%s", text);
	for (mix->reads_count = 0; (word = strsep(&rest, ",")); mix->reads_count++) {
		if (mix->reads_count == MIX_READS ||
			mix_reading(word, &mix->reads[mix->reads_count]))
			return -1;
	}
	return 0;
}

static int mix_until_told(const struct options *o, struct pawl *pawl)
{
	struct mix *mix;
	int rc = mix_begin(&o->mix, pawl, o->store, o->file, &mix);

	while (!rc && !told_to_end) {
		rc = mix_step(mix);
		if (o->pause_us > 0)
			(void)usleep((useconds_t)o->pause_us);
	}
	if (rc)
		(void)fprintf(stderr, "store_mix: %s\n",
			rc == -EIO ? strerror(errno) : pawl_errmsg(pawl));
	if (mix)
		mix_end(mix);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		known, option_parse, "WHERE STORE FILE", NULL, NULL, NULL, NULL};
	struct options o = {.mix = {.process = 1, .keys = 8, .silence_ms = 1000},
		.reads = "log,sync,tail,local",
		.timeout_ms = 10000};
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl *pawl;
	int rc;

	(void)argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.mix.keys == 0 || o.mix.process == 0 || reads_take(&o.mix, o.reads)) {
		(void)fprintf(stderr, "store_mix: there is no such read, or no keys\n");
		return 2;
	}
	(void)signal(SIGTERM, on_term);
	options.program = "store_mix";
	options.timeout_ns = o.timeout_ms * 1000000;
	if (pawl_open(o.where, &options, &pawl)) {
		(void)fprintf(stderr, "store_mix: %s\n", pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	rc = mix_until_told(&o, pawl);
	pawl_close(pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
