/* pawl create: a counter with its options, before it is first used. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/survey.h"
#include "client/command/target.h"

struct create_arguments {
	struct target_arguments target;
	const char *reserve_max;
};

static error_t create_option(int key, char *arg, struct argp_state *state)
{
	struct create_arguments *a = state->input;

	if (key != 'm')
		return target_option(key, arg, state, &a->target);
	a->reserve_max = arg;
	return 0;
}

static const Control__CounterStatus *counter_find(
	const Control__Status *status, const char *name)
{
	for (size_t i = 0; status && i < status->n_counters; i++) {
		if (strcmp(status->counters[i]->name, name) == 0)
			return status->counters[i];
	}
	return NULL;
}

/* What the counter has, which is what it was created with, by whomever. */
static int reserve_max_find(const char *where, const char *name, uint64_t *reserve_max_p)
{
	const Control__CounterStatus *counter;
	struct endpoint_list endpoints;
	struct survey *survey;
	struct error err;

	if (endpoint_list_find(where, &endpoints, &err))
		return command_fail("%s", err.text);
	survey = survey_make(&endpoints);
	if (!survey)
		return command_fail("pawl create: out of memory");
	counter = counter_find(survey_best(survey), name);
	if (counter)
		*reserve_max_p = counter->reserve_max;
	survey_free(survey);
	if (counter)
		return COMMAND_OK;
	return command_fail("pawl create: %s/%s: is made, but no replica tells what it "
			    "has; look at 'pawl status'",
		where, name);
}

static int outcome_tell(const char *text, uint64_t asked, uint64_t has)
{
	if (has != asked)
		return command_fail("pawl create: %s: exists with --reserve-max=%" PRIu64
				    ", which can not be changed; use another counter",
			text, has);
	if (has)
		(void)printf(
			"%s: up to %" PRIu64 " numbers may be reserved\n", text, has);
	else
		(void)printf("%s: dense\n", text);
	return command_finish_output();
}

static int counter_create(const struct target_arguments *a,
	const struct pawl_counter_options *counter_options)
{
	struct target target;
	uint64_t has = 0;
	const char *name;
	char *where;
	int rc = target_create(a, counter_options, &target);

	if (rc)
		return rc;
	target_close(&target);
	rc = target_split(a->text, &where, &name);
	if (rc)
		return rc;
	rc = reserve_max_find(where, name, &has);
	free(where);
	return rc ? rc : outcome_tell(a->text, counter_options->reserve_max, has);
}

int command_create(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"reserve-max", 'm', "R", 0,
			"The most that anybody may reserve ahead.  If the head is lost, "
			"so many numbers may be skipped (0: dense, none ever is)",
			0},
		TARGET_TIMEOUT_ENTRY, {0}};
	static const struct argp argp = {options, create_option, "NAME/COUNTER",
		"Create a counter.  One that is used without is created dense.", NULL,
		NULL, NULL};
	struct pawl_counter_options counter_options = PAWL_COUNTER_OPTIONS_INIT;
	struct create_arguments a = {.reserve_max = "0"};
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!command_number(a.reserve_max, 0, PAWL_ADD_MAX, &counter_options.reserve_max))
		return command_misuse("pawl create: --reserve-max=%s: not a number of "
				      "numbers; use 0 to %" PRIu64,
			a.reserve_max, PAWL_ADD_MAX);
	return counter_create(&a.target, &counter_options);
}
