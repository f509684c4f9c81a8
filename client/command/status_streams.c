#include "client/command/status_streams.h"

#include <string.h>

const Control__StreamStatus *status_stream_find(
	const Control__Status *status, const char *name)
{
	for (size_t i = 0; i < status->n_streams; i++) {
		if (strcmp(status->streams[i]->name, name) == 0)
			return status->streams[i];
	}
	return NULL;
}

const Control__StreamStatus *status_stream_next(const struct status_view *view,
	const char *name, unsigned int *at_p, const Control__Status **replica_p)
{
	while (*at_p < view->survey->count) {
		const struct survey_answer *a = &view->survey->at[(*at_p)++];
		const Control__StreamStatus *stream = a->status && !a->repeated
							      ? status_stream_find(
									a->status, name)
							      : NULL;

		if (!stream)
			continue;
		*replica_p = a->status;
		return stream;
	}
	return NULL;
}

bool status_stream_has_archive(const Control__StreamStatus *stream)
{
	return stream->archiving || stream->archived > 0 || stream->archive_alarm[0];
}

bool status_stream_behind(const struct status_view *view, const Control__Status *status,
	const Control__StreamStatus *stream, uint64_t *behind_p)
{
	const Control__StreamStatus *head = status_stream_find(view->best, stream->name);

	if (!head || status == view->best || status->epoch != view->best->epoch ||
		strcmp(status->role, "backup") != 0)
		return false;
	/* They were asked one after the other, so a backup may seem to be ahead. */
	*behind_p = head->end > stream->end ? head->end - stream->end : 0;
	return true;
}

const char *status_on_slow_text(const Control__StreamLimits *limits)
{
	return limits->blocks ? "block" : "lose";
}

const char *status_archiving_text(const Control__StreamLimits *limits)
{
	static const char *const texts[] = {"off", "on", "required"};

	return limits->archiving < 3 ? texts[limits->archiving] : "?";
}
