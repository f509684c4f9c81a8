#include "client/command/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"

#define TIMEOUT_MAX_S 86400

int target_timeout_set(const char *text, struct pawl_options *options)
{
	uint64_t seconds;

	if (!command_number(text, 1, TIMEOUT_MAX_S, &seconds))
		return command_misuse(
			"pawl: --timeout=%s: not a time; use 1 to %d seconds", text,
			TIMEOUT_MAX_S);
	options->timeout_ns = seconds * 1000000000u;
	return COMMAND_OK;
}

static int open_failed(int code, const char *text)
{
	(void)command_fail("%s", text);
	return code == -EINVAL || code == -ENAMETOOLONG ? COMMAND_USAGE : COMMAND_FAILURE;
}

static int both_open(const char *where, const char *counter,
	const struct pawl_options *options, struct target *target_p)
{
	int rc = pawl_open(where, options, &target_p->pawl);

	if (rc)
		return open_failed(rc, pawl_errmsg(NULL));
	rc = pawl_counter_open(target_p->pawl, counter, &target_p->counter);
	if (rc) {
		rc = open_failed(rc, pawl_errmsg(target_p->pawl));
		pawl_close(target_p->pawl);
	}
	return rc;
}

int target_open(
	const char *text, const struct pawl_options *options, struct target *target_p)
{
	const char *slash = strncmp(text, "unix:", 5) == 0 ? strrchr(text, '/')
							   : strchr(text, '/');
	char *where;
	int rc;

	if (!slash || slash == text || slash[1] == '\0')
		return command_misuse("pawl: '%s': write NAME/COUNTER, the cluster and "
				      "the counter in it",
			text);
	where = strndup(text, (size_t)(slash - text));
	if (!where)
		return command_fail("pawl: out of memory");
	target_p->text = text;
	rc = both_open(where, slash + 1, options, target_p);
	free(where);
	return rc;
}

void target_close(struct target *target)
{
	pawl_close(target->pawl);
}

int target_fail(const struct target *target)
{
	return command_fail("%s", pawl_errmsg(target->pawl));
}
