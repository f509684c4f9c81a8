#include "client/command/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/command/ask.h"
#include "client/command/survey.h"
#include "hw/clock.h"

/* A change of the chain may be on its way, and the store may be slow... */
#define STOP_TIMEOUT_NS UINT64_C(15000000000)
/* ... but a replica that is lost may take a request with it, so it is made again. */
#define AGAIN_NS UINT64_C(2000000000)
/* A replica that could not save its numbers may end all the same. */
#define FAILED_END_NS UINT64_C(1000000000)

/* How replicas that were asked have ended. */
struct end {
	bool cluster;	    /* one of them stopped all of it */
	struct error alone; /* why another only ended itself */
};

static void end_note(const Control__Reply *reply, struct end *end)
{
	const Control__Stopping *stopping = reply->body_case ==
							    CONTROL__REPLY__BODY_STOPPING
						    ? reply->stopping
						    : NULL;

	if (stopping && stopping->alone)
		(void)error_set(&end->alone, 0, "%.200s", stopping->why);
	else
		end->cluster = true;
}

static int stop_ask(
	const struct endpoint *endpoint, bool erase, struct end *end, struct error *err)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Stop stop = CONTROL__STOP__INIT;
	Control__Reply *reply;
	struct control control;
	int rc = control_init(&control, CONTROL_BUFFER_LEN);

	if (rc)
		return error_set(err, rc, "pawl down: out of memory");
	stop.erase = erase;
	request.body_case = CONTROL__REQUEST__BODY_STOP;
	request.stop = &stop;
	rc = ask(&control, endpoint, &request, AGAIN_NS, &reply, err);
	if (!rc)
		end_note(reply, end);
	control_destroy(&control);
	return rc;
}

static bool is_here(const struct survey_answer *a)
{
	return a->status && !a->repeated && a->member == 0;
}

/*
 * Asks those here of one rank.  Whoever serves stops the cluster, so one is enough; the
 * others end alone, each of them.  -ENOENT: there is none.
 */
static int stop_ask_some(const struct survey *survey, enum survey_rank rank, bool erase,
	struct end *end, struct error *err)
{
	int rc = -ENOENT;

	for (unsigned int i = 0; i < survey->count; i++) {
		const struct survey_answer *a = &survey->at[i];
		struct error own;
		int own_rc;

		if (!is_here(a) || survey_rank(a->status) != rank)
			continue;
		own_rc = stop_ask(&a->endpoint, erase, end, &own);
		if (own_rc && rc != -ENOENT && rc != -EREMCHG)
			continue; /* the first reason counts */
		if (own_rc)
			*err = own;
		rc = own_rc;
		if (own_rc == 0 && rank != SURVEY_OUTSIDE)
			break;
	}
	return rc;
}

static const struct survey_answer *served_elsewhere(const struct survey *survey)
{
	for (unsigned int i = 0; i < survey->count; i++) {
		const struct survey_answer *a = &survey->at[i];

		if (a->member != 0 && a->status && survey_serves(a->status))
			return a;
	}
	return NULL;
}

/* Replicas that serve stop the cluster; those that only wait for something end alone. */
static int stop_any(
	const struct survey *survey, bool erase, struct end *end, struct error *err)
{
	const struct survey_answer *failure = survey_failure(survey);
	const struct survey_answer *other = served_elsewhere(survey);
	struct error ignored;
	int rc = stop_ask_some(survey, SURVEY_HEAD, erase, end, err);

	if (rc == -ENOENT || rc == -EREMCHG)
		rc = stop_ask_some(survey, SURVEY_BACKUP, erase, end, err);
	if (rc == 0)
		(void)!stop_ask_some(survey, SURVEY_OUTSIDE, false, end, &ignored);
	if (rc != -ENOENT)
		return rc;
	if (other)
		return error_set(err, -EREMCHG,
			"pawl down: %s: is served by replica %u on another host; stop it "
			"there, or end only the replica here by SIGTERM",
			other->status->cluster, other->status->replica);
	rc = stop_ask_some(survey, SURVEY_OUTSIDE, erase, end, err);
	if (rc != -ENOENT || !failure)
		return rc;
	*err = failure->err;
	return failure->rc;
}

static int sockets_find(
	const struct locals *locals, struct endpoint_list *list_p, struct error *err)
{
	int rc = 0;

	list_p->count = 0;
	for (unsigned int i = 0; !rc && i < locals->count; i++) {
		if (locals->at[i].runs)
			rc = local_endpoint(locals->runtime, locals->cluster,
				locals->at[i].id, &list_p->at[list_p->count++], err);
	}
	return rc;
}

static void surroundings_learn(
	const struct survey *survey, struct stop_surroundings *learned_p)
{
	const Control__Status *best = survey_best(survey);
	const char *slash;

	if (!best)
		return;
	(void)snprintf(learned_p->store, sizeof(learned_p->store), "%s", best->store);
	slash = strrchr(best->memory, '/');
	if (best->memory[0] == '/' && slash > best->memory)
		(void)snprintf(learned_p->memory_dir, sizeof(learned_p->memory_dir),
			"%.*s", (int)(slash - best->memory), best->memory);
}

/* Nobody says no to a stop, but without the store nobody can say yes. */
static void trouble_find(const struct endpoint_list *sockets, struct error *err)
{
	struct survey *survey = survey_make(sockets);
	const Control__Status *best = survey ? survey_best(survey) : NULL;

	if (best && best->store_trouble[0])
		(void)error_set(err, -ETIMEDOUT,
			"pawl down: %s: not yet, since the numbers can not be saved: "
			"%.350s",
			best->cluster, best->store_trouble);
	if (survey)
		survey_free(survey);
}

static int stop_try(const struct endpoint_list *sockets, bool erase,
	struct stop_surroundings *learned_p, struct error *err)
{
	struct survey *survey = survey_make(sockets);
	struct end end = {.cluster = false};
	int rc;

	if (!survey)
		return error_set(err, -ENOMEM, "pawl down: out of memory");
	surroundings_learn(survey, learned_p);
	rc = stop_any(survey, erase, &end, err);
	survey_free(survey);
	if (!rc && !end.cluster)
		learned_p->alone = end.alone;
	return rc;
}

int stop_cluster(const struct locals *locals, bool erase,
	struct stop_surroundings *learned_p, struct error *err)
{
	uint64_t deadline = clock_now_ns() + STOP_TIMEOUT_NS;
	struct endpoint_list sockets;
	int rc = sockets_find(locals, &sockets, err);

	if (rc)
		return rc;
	do
		rc = stop_try(&sockets, erase, learned_p, err);
	while ((rc == -ETIMEDOUT || rc == -EREMCHG) && locals_living(locals) &&
		clock_now_ns() < deadline);
	if (rc == -ETIMEDOUT)
		trouble_find(&sockets, err);
	if (rc && rc != -EACCES && rc != -ETIMEDOUT)
		(void)locals_await_end(locals, FAILED_END_NS);
	return rc;
}
