#include "bench/stream_status.h"

#include <errno.h>
#include <string.h>

#include "client/command/survey.h"

static const Control__StreamStatus *stream_find(
	const Control__Status *status, const char *stream)
{
	for (size_t i = 0; status && i < status->n_streams; i++) {
		if (strcmp(status->streams[i]->name, stream) == 0)
			return status->streams[i];
	}
	return NULL;
}

static int replica_fill(const struct survey *survey, uint32_t id, const char *stream,
	struct stream_replica *replica_p, struct error *err)
{
	const Control__StreamStatus *s = stream_find(survey_status(survey, id), stream);

	if (!s)
		return error_set(err, -ENODATA,
			"bench: %s: replica %u does not tell of it; please report this",
			stream, id);
	*replica_p = (struct stream_replica){.replica = id,
		.runs = s->runs,
		.writes = s->writes,
		.holes = s->holes,
		.refused = s->refused};
	return 0;
}

static int chain_fill(const struct survey *survey, const char *stream,
	struct stream_status *status, struct error *err)
{
	const Control__Status *best = survey_best(survey);
	int rc = 0;

	if (!best) {
		*err = survey_failure(survey)->err;
		return survey_failure(survey)->rc;
	}
	for (size_t i = 0; i < best->n_chain && i < CHAIN_MAX && !rc; i++) {
		rc = replica_fill(survey, best->chain[i]->replica, stream,
			&status->replicas[i], err);
		status->count = (unsigned int)i + 1;
	}
	return rc;
}

int stream_status_look(const char *where, const char *stream,
	struct stream_status *status_p, struct error *err)
{
	struct endpoint_list endpoints;
	struct survey *survey;
	int rc = endpoint_list_find(where, &endpoints, err);

	if (rc)
		return rc;
	survey = survey_make(&endpoints);
	if (!survey)
		return error_set(err, -ENOMEM, "bench: out of memory");
	memset(status_p, 0, sizeof(*status_p));
	rc = chain_fill(survey, stream, status_p, err);
	survey_free(survey);
	return rc;
}
