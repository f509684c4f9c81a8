/* What the tests of the configuration share: a file of its own, and command lines. */
#ifndef PAWL_TESTS_UNIT_CONFIG_RIG_H
#define PAWL_TESTS_UNIT_CONFIG_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sequencer/daemon/config.h"
#include "tests/scratch.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define ARGUMENTS_MAX 12

static struct scratch scratch;
static char file[160], file_option[180];
static struct daemon_config config;
static enum config_action action;
static struct error err;

static inline int set_up(void **state)
{
	(void)state;
	(void)setenv("PAWL_RUNTIME_DIR", "/env/run", 1);
	(void)setenv("PAWL_STATE_DIR", "/env/state", 1);
	err.text[0] = '\0';
	if (scratch_make(&scratch))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/pawld.conf", scratch.path);
	(void)snprintf(file_option, sizeof(file_option), "--config=%s", file);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static inline void write_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* The arguments, up to a NULL, as a command line of their own. */
static inline int parse(const char *const *arguments)
{
	char *argv[ARGUMENTS_MAX + 2];
	int argc = 0, rc;

	argv[argc++] = strdup("pawld");
	while (argc <= ARGUMENTS_MAX && arguments[argc - 1]) {
		argv[argc] = strdup(arguments[argc - 1]);
		argc++;
	}
	argv[argc] = NULL;
	rc = config_parse(argc, argv, &config, &action, &err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return rc;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static inline void assert_parsed(int rc)
{
	if (rc)
		fail_msg("%s", err.text);
}

#endif
