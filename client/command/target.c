#include "client/command/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"

#define TIMEOUT_MAX_S 86400
#define TIMEOUT_DEFAULT_NS UINT64_C(5000000000)

error_t target_option(
	int key, char *arg, struct argp_state *state, struct target_arguments *a)
{
	switch (key) {
	case TARGET_OPTION_TIMEOUT:
		a->timeout = arg;
		return 0;
	case TARGET_OPTION_RESERVE:
		a->reserve = arg;
		return 0;
	case TARGET_OPTION_WAIT:
		a->wait = arg;
		return 0;
	default:
		return command_argument(key, arg, state, &a->text);
	}
}

static int timeout_set(const char *text, struct pawl_options *options)
{
	uint64_t seconds;

	if (!command_number(text, 1, TIMEOUT_MAX_S, &seconds))
		return command_misuse(
			"pawl: --timeout=%s: not a time; use 1 to %d seconds", text,
			TIMEOUT_MAX_S);
	options->timeout_ns = seconds * 1000000000u;
	return COMMAND_OK;
}

static int reserve_set(const char *text, struct pawl_options *options)
{
	if (!command_number(text, 0, PAWL_ADD_MAX, &options->reserve))
		return command_misuse(
			"pawl: --reserve=%s: not a number of numbers; use 0 to %" PRIu64,
			text, PAWL_ADD_MAX);
	return COMMAND_OK;
}

/* That the handle goes on elsewhere is nobody's concern; that numbers are missing is. */
static void on_event(void *context, const struct pawl_event *event)
{
	(void)context;
	if (event->kind == PAWL_EVENT_JUMP)
		(void)command_fail("%s", event->text);
}

static int open_failed(int code, const char *text)
{
	(void)command_fail("%s", text);
	return code == -EINVAL || code == -ENAMETOOLONG ? COMMAND_USAGE : COMMAND_FAILURE;
}

int target_split(const char *text, char **where_p, const char **counter_p)
{
	const char *slash = strncmp(text, "unix:", 5) == 0 ? strrchr(text, '/')
							   : strchr(text, '/');

	if (!slash || slash == text || slash[1] == '\0')
		return command_misuse("pawl: '%s': write NAME/COUNTER, NAME/STREAM or "
				      "NAME/STORE: the cluster, and what is meant in it",
			text);
	*where_p = strndup(text, (size_t)(slash - text));
	if (!*where_p)
		return command_fail("pawl: out of memory");
	*counter_p = slash + 1;
	return COMMAND_OK;
}

static int wait_set(const char *text, struct pawl_options *options)
{
	static const char *const names[] = {[PAWL_WAIT_YIELD] = "yield",
		[PAWL_WAIT_SPIN] = "spin",
		[PAWL_WAIT_SLEEP] = "sleep"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		options->wait = (enum pawl_wait)i;
		return COMMAND_OK;
	}
	return command_misuse("pawl: --wait=%s: use spin, yield or sleep", text);
}

static int options_set(const struct target_arguments *a, struct pawl_options *options)
{
	int rc = a->timeout ? timeout_set(a->timeout, options) : COMMAND_OK;

	if (!rc && a->reserve)
		rc = reserve_set(a->reserve, options);
	return !rc && a->wait ? wait_set(a->wait, options) : rc;
}

/* Opens the cluster; *name_p is what is meant in it, a part of @a->text. */
static int handle_open(const struct target_arguments *a, struct pawl_options *options,
	const char **name_p, struct target *target_p)
{
	char *where;
	int rc = options_set(a, options);

	if (!rc)
		rc = target_split(a->text, &where, name_p);
	if (rc)
		return rc;
	options->on_event = on_event;
	*target_p = (struct target){.text = a->text};
	rc = pawl_open(where, options, &target_p->pawl);
	free(where);
	return rc ? open_failed(rc, pawl_errmsg(NULL)) : COMMAND_OK;
}

/* What was asked for in the cluster is open, or the handle is closed again. */
static int inner_opened(int rc, struct target *target)
{
	if (!rc)
		return COMMAND_OK;
	rc = open_failed(rc, pawl_errmsg(target->pawl));
	pawl_close(target->pawl);
	return rc;
}

int target_create(const struct target_arguments *a,
	const struct pawl_counter_options *counter_options, struct target *target_p)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	const char *counter;
	int rc = handle_open(a, &options, &counter, target_p);

	if (rc)
		return rc;
	return inner_opened(pawl_counter_open_with(target_p->pawl, counter,
				    counter_options, &target_p->counter),
		target_p);
}

/* The handle of what waits for others, and not for single numbers. */
static int patient_open(const struct target_arguments *a, const char **name_p,
	struct target *target_p, uint64_t *timeout_ns_p)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.timeout_ns = TIMEOUT_DEFAULT_NS;
	options.wait = PAWL_WAIT_SLEEP;
	rc = handle_open(a, &options, name_p, target_p);
	if (!rc)
		*timeout_ns_p = options.timeout_ns;
	return rc;
}

int target_stream_open(const struct target_arguments *a,
	const struct pawl_stream_options *stream_options, struct target *target_p,
	uint64_t *timeout_ns_p)
{
	const char *stream;
	int rc = patient_open(a, &stream, target_p, timeout_ns_p);

	if (rc)
		return rc;
	return inner_opened(pawl_stream_open(target_p->pawl, stream, stream_options,
				    &target_p->stream),
		target_p);
}

int target_store_open(const struct target_arguments *a,
	const struct pawl_store_options *store_options, struct target *target_p,
	uint64_t *timeout_ns_p)
{
	const char *store;
	int rc = patient_open(a, &store, target_p, timeout_ns_p);

	if (rc)
		return rc;
	return inner_opened(
		pawl_store_open(target_p->pawl, store, store_options, &target_p->store),
		target_p);
}

int target_open(const struct target_arguments *a, struct target *target_p)
{
	return target_create(a, NULL, target_p);
}

void target_close(struct target *target)
{
	pawl_store_close(target->store);
	pawl_close(target->pawl);
}

int target_fail(const struct target *target)
{
	return command_fail("%s", pawl_errmsg(target->pawl));
}
