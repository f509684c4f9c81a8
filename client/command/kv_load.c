/*
 * pawl kv put, claim and del of many keys: a line of standard input each, many in flight.
 *
 * Lines are numbered from 1 and decided in their order.  Those that turn out not to be in the
 * stream are sent again, also in order: they are the last ones, so whatever is behind them is sent
 * again as well, and of two lines with one key the later one wins.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/ending.h"
#include "client/command/input.h"
#include "client/command/kv.h"
#include "hw/clock.h"

#define LINES 4096		  /* in flight, and read ahead */
#define BYTES_MAX (16u << 20)	  /* of all of them, and a line more */
#define BATCH 256		  /* messages applied in a turn */
#define LOOK_MS 200		  /* between two looks at signals and at the store */
#define NAP_NS 200000		  /* the processor is left to others */
#define DOUBT_NS (500 * 1000000u) /* without an outcome, before the log is looked at */

/* A line that is not decided yet. */
struct line {
	unsigned char *bytes;
	size_t key_len;
	size_t value_len; /* behind the key */
};

enum load_stage {
	LOAD_GOES_ON,
	LOAD_HALTED, /* nothing more is sent */
	LOAD_OVER,   /* and nothing more comes back */
};

struct load {
	struct kvcmd *kv;
	enum load_stage stage;
	enum pawl_command_kind kind;
	const char *value; /* of every key; NULL: each line has one */
	struct input input;
	struct line lines[LINES]; /* of number % LINES */
	uint64_t taken;		  /* lines, */
	uint64_t sent;	  /*   those of them that are in the stream or on their way, */
	uint64_t decided; /*   and those with an outcome */
	size_t bytes;	  /* of all lines that are not decided */
	uint64_t done;
	uint64_t refused; /* there was a key, or none */
	uint64_t failed;  /* a limit of the store, or no chance to come in */
	uint64_t unknown;
	uint64_t
		progress_ns; /* the newest outcome, or when there was nothing in flight */
	uint64_t doubt_ns;   /* the newest look at the log */
	char why[512];	     /* the first failure */
};

static struct line *line_of(struct load *l, uint64_t number)
{
	return &l->lines[number % LINES];
}

static bool has_key_alone(const struct load *l)
{
	return l->kind == PAWL_DELETE || l->value;
}

/* ---- Outcomes ---- */

static void done_print(
	const struct load *l, const struct line *line, const struct pawl_reply *reply)
{
	const struct kvcmd_item item = {
		.key = line->bytes, .key_len = line->key_len, .reply = reply};

	if (!l->kv->a->quiet)
		kvcmd_item_print(l->kv, &item);
}

static void failure_note(struct load *l, uint64_t number)
{
	if (l->why[0] == '\0')
		(void)snprintf(l->why, sizeof(l->why), "line %" PRIu64 ": %s", number,
			pawl_errmsg(l->kv->target.pawl));
}

/* What a line that is decided counts as. */
static void outcome_count(struct load *l, const struct pawl_store_outcome *o)
{
	switch (o->status) {
	case 0:
		l->done++;
		done_print(l, line_of(l, o->cookie), &o->reply);
		return;
	case -EEXIST:
	case -ENOENT:
		l->refused++;
		return;
	case -ENOSPC:
	case -EMSGSIZE:
	case -EINVAL:
	case -EUSERS:
		l->failed++;
		break;
	default:
		l->unknown++;
	}
	failure_note(l, o->cookie);
}

static void on_outcome(void *context, const struct pawl_store_outcome *o)
{
	struct load *l = context;
	struct line *line = line_of(l, o->cookie);

	if (o->status == -ECANCELED) { /* and so are all behind it */
		if (l->sent >= o->cookie)
			l->sent = o->cookie - 1;
		return;
	}
	l->progress_ns = clock_now_ns();
	outcome_count(l, o);
	l->decided = o->cookie;
	l->bytes -= line->key_len + line->value_len;
	free(line->bytes);
	line->bytes = NULL;
}

/* ---- Lines ---- */

static int line_wrong(const struct load *l, const char *what)
{
	return command_fail("pawl kv %s: %s: line %" PRIu64 " %s; nothing from it on was "
			    "done",
		l->kv->a->action, l->kv->target.text, l->taken + 1, what);
}

static int line_keep(struct load *l, const unsigned char *key, size_t key_len,
	const void *value, size_t value_len)
{
	struct line *line = line_of(l, l->taken + 1);

	line->bytes = malloc(key_len + value_len + 1);
	if (!line->bytes)
		return command_fail("pawl kv: out of memory");
	memcpy(line->bytes, key, key_len);
	memcpy(line->bytes + key_len, value, value_len);
	line->key_len = key_len;
	line->value_len = value_len;
	l->bytes += key_len + value_len;
	if (l->decided == l->taken)
		l->progress_ns = clock_now_ns();
	l->taken++;
	return COMMAND_OK;
}

static int line_take(struct load *l, const void *bytes, size_t len)
{
	const unsigned char *tab = has_key_alone(l) ? NULL : memchr(bytes, '\t', len);
	size_t key_len = tab ? (size_t)(tab - (const unsigned char *)bytes) : len;

	if (!tab && !has_key_alone(l))
		return line_wrong(l, "has no tab between key and value");
	if (key_len == 0)
		return line_wrong(l, "has no key");
	if (tab)
		return line_keep(l, bytes, key_len, tab + 1, len - key_len - 1);
	return line_keep(l, bytes, key_len, l->value ? l->value : "",
		l->value ? strlen(l->value) : 0);
}

static int input_failed(const struct load *l, int rc)
{
	if (rc == -EMSGSIZE)
		return line_wrong(l, "is longer than a key and a value can be");
	if (rc == -EPROTO)
		return line_wrong(l, "is cut short by the end of the input");
	return command_fail(
		"pawl kv %s: standard input: %s", l->kv->a->action, strerror(-rc));
}

static bool has_room(const struct load *l)
{
	return l->taken - l->decided < LINES && l->bytes < BYTES_MAX;
}

/* Lines that were read as a whole, as many as there is room for. */
static int lines_take(struct load *l)
{
	int rc = COMMAND_OK;

	while (!rc && has_room(l)) {
		const void *bytes;
		size_t len;

		rc = input_next(&l->input, &bytes, &len);
		if (rc == -EAGAIN)
			return COMMAND_OK;
		rc = rc ? input_failed(l, rc) : line_take(l, bytes, len);
	}
	return rc;
}

/* ---- The way into the stream ---- */

/* What is in flight may still come back, if it was the line that can not be sent. */
static int store_failed(struct load *l, enum load_stage stage)
{
	l->stage = stage;
	return target_fail(&l->kv->target);
}

/* -EAGAIN: there is no room, or the log has to be looked at; COMMAND_OK: it is on its way. */
static int line_send(struct load *l)
{
	const struct line *line = line_of(l, l->sent + 1);
	const struct pawl_command command = {.kind = l->kind,
		.key = line->bytes,
		.key_len = line->key_len,
		.value = line->value_len ? line->bytes + line->key_len : NULL,
		.value_len = line->value_len};
	int rc = pawl_store_submit(l->kv->target.store, &command, l->sent + 1);

	if (rc == -ESTALE) {
		rc = pawl_store_sync(l->kv->target.store);
		return rc && rc != -ETIMEDOUT ? store_failed(l, LOAD_OVER) : -EAGAIN;
	}
	if (rc)
		return rc == -EAGAIN ? rc : store_failed(l, LOAD_HALTED);
	l->sent++;
	return COMMAND_OK;
}

/* Applies what has come back. */
static int store_move(struct load *l)
{
	int count, rc = pawl_store_poll(l->kv->target.store, BATCH, &count);

	return rc && rc != -ETIMEDOUT ? store_failed(l, LOAD_OVER) : COMMAND_OK;
}

static int patience_ended(struct load *l)
{
	l->stage = LOAD_OVER;
	return command_fail("pawl kv %s: %s: nothing came back for %" PRIu64
			    " s; look at 'pawl status'",
		l->kv->a->action, l->kv->target.text,
		(clock_now_ns() - l->progress_ns) / 1000000000u);
}

/* Nothing came back in this turn.  A look at the log tells what never will. */
static int wait_a_little(struct load *l)
{
	struct timespec pause = {.tv_nsec = NAP_NS};
	uint64_t now = clock_now_ns();
	int rc;

	if (now - l->progress_ns > l->kv->timeout_ns)
		return patience_ended(l);
	if (now - l->progress_ns < DOUBT_NS || now - l->doubt_ns < DOUBT_NS) {
		(void)nanosleep(&pause, NULL);
		return COMMAND_OK;
	}
	rc = pawl_store_sync(l->kv->target.store);
	l->doubt_ns = clock_now_ns();
	return rc && rc != -ETIMEDOUT ? store_failed(l, LOAD_OVER) : COMMAND_OK;
}

/* Sends what is not sent, and takes what came back. */
static int lines_move(struct load *l)
{
	uint64_t decided = l->decided, sent = l->sent;
	int rc = COMMAND_OK;

	while (!rc && l->stage == LOAD_GOES_ON && l->sent < l->taken)
		rc = line_send(l);
	if (rc && rc != -EAGAIN)
		return rc;
	rc = store_move(l);
	if (rc || l->decided != decided || l->sent != sent || l->decided == l->taken)
		return rc;
	(void)fflush(stdout);
	return wait_a_little(l);
}

/* ---- The input ---- */

/* Reads what is there; with nothing in flight it waits for a while. */
static int input_more(struct load *l)
{
	struct pollfd in = {.fd = l->input.fd, .events = POLLIN};
	int rc;

	if (!has_room(l) || poll(&in, 1, l->decided < l->taken ? 0 : LOOK_MS) <= 0)
		return COMMAND_OK;
	rc = input_read(&l->input);
	if (rc == -EINTR || rc == -EAGAIN)
		return COMMAND_OK;
	return rc ? input_failed(l, rc) : COMMAND_OK;
}

static int input_load(struct load *l)
{
	int rc = COMMAND_OK;

	while (!rc && !ending_asked()) {
		uint64_t taken = l->taken;

		rc = lines_take(l);
		if (!rc && taken == l->taken && l->input.ended && has_room(l))
			return COMMAND_OK;
		if (!rc)
			rc = lines_move(l);
		if (!rc && !l->input.ended)
			rc = input_more(l);
	}
	if (rc)
		return rc;
	return command_fail("pawl kv %s: %s: interrupted; the rest of the input was not "
			    "done",
		l->kv->a->action, l->kv->target.text);
}

/* What was taken is finished, also after an error of the input, as far as it can be. */
static int rest_finish(struct load *l)
{
	int rc = COMMAND_OK;

	while (!rc && l->stage != LOAD_OVER &&
		l->decided < (l->stage == LOAD_HALTED ? l->sent : l->taken))
		rc = lines_move(l);
	return rc;
}

/* ---- All of it ---- */

static void count_tell(const char *before, uint64_t count, const char *what)
{
	if (count)
		(void)fprintf(stderr, "%s%" PRIu64 " %s", before, count, what);
}

static int outcome_tell(const struct load *l, int rc)
{
	uint64_t open = l->unknown + l->sent - l->decided;

	if (l->why[0])
		(void)command_fail("pawl kv %s: %s", l->kv->a->action, l->why);
	(void)fprintf(stderr, "pawl kv %s: %s: %" PRIu64 " done", l->kv->a->action,
		l->kv->target.text, l->done);
	count_tell(", ", l->refused, "refused");
	count_tell(", ", l->failed + l->taken - l->sent, "not done");
	count_tell(", ", open, "more may be in");
	(void)fputc('\n', stderr);
	if (rc || l->failed || open || l->taken > l->sent)
		return COMMAND_FAILURE;
	return l->refused ? l->kv->refused : COMMAND_OK;
}

static void lines_free(struct load *l)
{
	for (unsigned int i = 0; i < LINES; i++)
		free(l->lines[i].bytes);
}

int kvcmd_load(struct kvcmd *kv, enum pawl_command_kind kind)
{
	static struct load l;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_limits limits;
	int rc;

	l = (struct load){.kv = kv, .kind = kind};
	l.value = kv->a->words_count ? kv->a->words[0] : NULL;
	options.depth = LINES;
	options.on_outcome = on_outcome;
	options.outcome_context = &l;
	rc = kvcmd_open(kv, &options, kind == PAWL_DELETE);
	if (rc)
		return rc;
	pawl_store_limits_get(kv->target.store, &limits);
	if (input_begin(&l.input, STDIN_FILENO, kv->a->framed,
		    (size_t)limits.key_max + 1 + limits.value_max))
		return command_fail("pawl kv: out of memory");
	ending_watch();
	rc = input_load(&l);
	if (rest_finish(&l))
		rc = COMMAND_FAILURE;
	(void)fflush(stdout);
	rc = outcome_tell(&l, rc);
	input_end(&l.input);
	lines_free(&l);
	return rc ? rc : command_finish_output();
}
