/* pawl status. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/status_view.h"

struct status_arguments {
	const char *where;
	bool json;
};

static error_t status_option(int key, char *arg, struct argp_state *state)
{
	struct status_arguments *a = state->input;

	if (key != 'j')
		return command_argument(key, arg, state, &a->where);
	a->json = true;
	return 0;
}

bool status_lag(const struct status_view *view, const Control__Status *status,
	size_t index, int64_t *lag_p)
{
	const Control__CounterStatus *head = view->best->counters[index];

	if (status == view->best || status->epoch != view->best->epoch ||
		strcmp(status->role, "backup") != 0)
		return false;
	if (index >= status->n_counters ||
		strcmp(status->counters[index]->name, head->name) != 0)
		return false;
	*lag_p = (int64_t)(head->value - status->counters[index]->value);
	return true;
}

bool status_is_missing(const struct status_view *view, const struct survey_answer *a)
{
	if (a->status)
		return false;
	return a->member == 0 || !survey_status(view->survey, a->member);
}

static int survey_print(const struct survey *survey, bool json)
{
	struct status_view view = {
		.survey = survey, .best = survey_best(survey), .takeovers = {0}};

	if (!view.best)
		return command_fail("%s", survey_failure(survey)->err.text);
	takeovers_find(survey, &view.takeovers);
	if (!json)
		status_text_print(&view);
	else if (status_json_print(&view))
		return command_fail("pawl status: out of memory");
	return command_finish_output();
}

int command_status(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", 'j', NULL, 0, "Print JSON", 0}, {0}};
	static const struct argp argp = {options, status_option, "NAME",
		"Show a cluster: its chain, replicas, counters, streams, sessions and "
		"the last "
		"changes of its epoch.",
		NULL, NULL, NULL};
	struct status_arguments a = {0};
	struct endpoint_list endpoints;
	struct survey *survey;
	struct error err;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	rc = endpoint_list_find(a.where, &endpoints, &err);
	if (rc) {
		(void)command_fail("%s", err.text);
		return rc == -EINVAL ? COMMAND_USAGE : COMMAND_FAILURE;
	}
	survey = survey_make(&endpoints);
	if (!survey)
		return command_fail("pawl status: out of memory");
	rc = survey_print(survey, a.json);
	survey_free(survey);
	return rc;
}
