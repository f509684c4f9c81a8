/* What 'pawl status' shows, as text and as JSON. */
#ifndef PAWL_COMMAND_STATUS_VIEW_H
#define PAWL_COMMAND_STATUS_VIEW_H

#include "client/command/survey.h"
#include "client/command/takeovers.h"

struct status_view {
	const struct survey *survey;
	const Control__Status *best; /* who is believed about the cluster */
	struct takeovers takeovers;
};

/*
 * How far the backup @status is behind the counter @index of @view->best: *lag_p, negative
 * when marks were written ahead.  False when it does not tell.
 */
bool status_lag(const struct status_view *view, const Control__Status *status,
	size_t index, int64_t *lag_p);

/* Who did not answer and is worth a word: not another address of one who did. */
bool status_is_missing(const struct status_view *view, const struct survey_answer *a);

void status_text_print(const struct status_view *view);

/* -ENOMEM. */
int status_json_print(const struct status_view *view) __attribute__((warn_unused_result));

#endif
