/* pawld: one replica of a cluster. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sequencer/control/paths.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/pawld.h"

#define EXIT_USAGE 2

static int identity_find(struct pawld *d, struct error *err)
{
	char path[PATHS_LEN_MAX];
	int rc = paths_lock(d->config.runtime_dir, d->config.cluster,
		(uint16_t)d->config.id, path, sizeof(path), err);

	return rc ? rc : identity_take(path, &d->identity, err);
}

/* The outcomes that need no daemon; true when there was one, with its exit status. */
static bool answered(
	const struct daemon_config *config, enum config_action action, int *status_p)
{
	struct error err;

	*status_p = EXIT_SUCCESS;
	switch (action) {
	case CONFIG_RUN:
		return false;
	case CONFIG_HELP:
		config_help(stdout);
		break;
	case CONFIG_VERSION:
		(void)printf("pawld %s\n", PAWL_VERSION);
		break;
	case CONFIG_PRINT:
		if (config_print(config, stdout, &err))
			*status_p = pawld_fail(-EIO, err.text);
		break;
	}
	return true;
}

/* With the replica's lock held. */
static int run(struct pawld *d)
{
	struct error err = {0};
	int status, rc = surroundings_find(&d->config, &d->surroundings, &err);

	if (rc)
		return pawld_fail(rc, err.text);
	rc = uv_loop_init(&d->loop);
	if (rc) {
		(void)error_set(&err, rc, "pawld: no event loop: %s", error_reason(rc));
		return pawld_fail(rc, err.text);
	}
	status = d->config.settle ? pawld_settle(d) : pawld_serve(d);
	(void)uv_loop_close(&d->loop);
	return status;
}

int main(int argc, char **argv)
{
	static struct pawld d; /* large, and as long-lived as the process */
	enum config_action action;
	struct error err = {0};
	int rc = config_parse(argc, argv, &d.config, &action, &err);
	int status;

	if (rc) {
		(void)pawld_fail(rc, err.text);
		return EXIT_USAGE;
	}
	if (answered(&d.config, action, &status))
		return status;
	log_open((enum log_level)d.config.log_level);
	(void)signal(SIGPIPE, SIG_IGN);
	rc = identity_find(&d, &err);
	if (rc)
		return pawld_fail(rc, err.text);
	status = run(&d);
	identity_release(&d.identity);
	return status;
}
