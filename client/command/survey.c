#include "client/command/survey.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/control/frame.h"

#define LOOK_MS 10

static void answer_fail(struct survey_answer *a, int rc)
{
	a->rc = rc;
	a->waits = false;
}

/* A survey that is full asks no more: the user named so many. */
static void answer_begin(
	struct survey *survey, const struct endpoint *endpoint, uint32_t member)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__GetStatus get = CONTROL__GET_STATUS__INIT;
	struct survey_answer *a = &survey->at[survey->count];
	int rc;

	if (survey->count == ENDPOINTS_MAX)
		return;
	a->endpoint = *endpoint;
	a->member = member;
	rc = control_init(&a->control, FRAME_HEADER_LEN + FRAME_MAX);
	if (rc) {
		(void)error_set(&a->err, rc, "pawl: out of memory");
		answer_fail(a, rc);
		return;
	}
	survey->count++;
	request.body_case = CONTROL__REQUEST__BODY_GET_STATUS;
	request.get_status = &get;
	rc = control_connect(&a->control, &a->endpoint, &a->err);
	if (!rc)
		rc = control_request(&a->control, &request, &a->request);
	a->waits = rc == 0;
	a->rc = rc;
}

static void answer_take(struct survey_answer *a, const Control__Reply *reply)
{
	if (reply->error) {
		answer_fail(a, error_set(&a->err, -(int)reply->error, "%s", reply->text));
	} else if (reply->body_case != CONTROL__REPLY__BODY_STATUS) {
		answer_fail(a, error_set(&a->err, -EPROTO,
				       "pawl: %s: unexpected answer; is the replica of "
				       "this version?",
				       a->endpoint.text));
	} else {
		a->status = reply->status;
		a->waits = false;
	}
}

static void answer_advance(struct survey_answer *a)
{
	Control__Reply *reply;
	int rc;

	do
		rc = control_receive(&a->control, &reply, &a->err);
	while (rc == 0 && reply->id != a->request);
	if (rc == 0)
		answer_take(a, reply);
	else if (rc != -EAGAIN)
		answer_fail(a, rc);
}

static void survey_sleep(const struct survey *survey)
{
	struct pollfd fds[ENDPOINTS_MAX];
	nfds_t count = 0;

	for (unsigned int i = 0; i < survey->count; i++) {
		const struct survey_answer *a = &survey->at[i];

		if (!a->waits)
			continue;
		fds[count].fd = a->control.fd;
		fds[count].events = POLLIN;
		if (a->control.connecting || a->control.out_used > 0)
			fds[count].events |= POLLOUT;
		count++;
	}
	(void)poll(fds, count, LOOK_MS);
}

static bool survey_advance(struct survey *survey)
{
	bool waits = false;

	for (unsigned int i = 0; i < survey->count; i++) {
		struct survey_answer *a = &survey->at[i];

		if (a->waits)
			answer_advance(a);
		waits |= a->waits;
	}
	return waits;
}

static void survey_await(struct survey *survey)
{
	uint64_t deadline = clock_now_ns() + SURVEY_TIMEOUT_NS;

	while (survey_advance(survey)) {
		if (clock_now_ns() >= deadline)
			break;
		survey_sleep(survey);
	}
	for (unsigned int i = 0; i < survey->count; i++) {
		struct survey_answer *a = &survey->at[i];

		if (a->waits)
			answer_fail(
				a, error_set(&a->err, -ETIMEDOUT,
					   "pawl: %s: no answer within %llu ms; is the "
					   "replica stopped or busy?",
					   a->endpoint.text,
					   (unsigned long long)(SURVEY_TIMEOUT_NS /
								1000000)));
	}
}

/* Of two answers of one life of a replica the first counts. */
static void repeated_mark(struct survey *survey)
{
	for (unsigned int i = 0; i < survey->count; i++) {
		const Control__Status *one = survey->at[i].status;

		for (unsigned int j = i + 1; one && j < survey->count; j++) {
			const Control__Status *other = survey->at[j].status;

			if (other && other->replica == one->replica &&
				other->incarnation == one->incarnation)
				survey->at[j].repeated = true;
		}
	}
}

static bool is_asked(const struct survey *survey, const char *address)
{
	for (unsigned int i = 0; i < survey->count; i++) {
		if (strcmp(survey->at[i].endpoint.text, address) == 0)
			return true;
	}
	return false;
}

static void member_ask(struct survey *survey, const Control__Member *member)
{
	struct endpoint endpoint;

	for (size_t i = 0; i < member->n_control; i++) {
		const char *address = member->control[i];

		if (!is_asked(survey, address) &&
			endpoint_parse(address, false, &endpoint, NULL) == 0)
			answer_begin(survey, &endpoint, member->replica);
	}
}

/* Members on other hosts, and those whose socket has lost its name. */
static void members_ask(struct survey *survey)
{
	const Control__Status *best = survey_best(survey);
	unsigned int before = survey->count;

	for (size_t i = 0; best && i < best->n_chain; i++) {
		if (!survey_status(survey, best->chain[i]->replica))
			member_ask(survey, best->chain[i]);
	}
	if (survey->count > before)
		survey_await(survey);
}

struct survey *survey_make(const struct endpoint_list *endpoints)
{
	struct survey *survey = calloc(1, sizeof(*survey));

	if (!survey)
		return NULL;
	for (unsigned int i = 0; i < endpoints->count; i++)
		answer_begin(survey, &endpoints->at[i], 0);
	survey_await(survey);
	members_ask(survey);
	repeated_mark(survey);
	return survey;
}

void survey_free(struct survey *survey)
{
	for (unsigned int i = 0; i < survey->count; i++)
		control_destroy(&survey->at[i].control);
	free(survey);
}

const struct survey_answer *survey_answer(const struct survey *survey, uint32_t replica)
{
	const struct survey_answer *newest = NULL;

	for (unsigned int i = 0; i < survey->count; i++) {
		const struct survey_answer *a = &survey->at[i];

		if (a->status && a->status->replica == replica &&
			(!newest || a->status->epoch > newest->status->epoch))
			newest = a;
	}
	return newest;
}

const Control__Status *survey_status(const struct survey *survey, uint32_t replica)
{
	const struct survey_answer *a = survey_answer(survey, replica);

	return a ? a->status : NULL;
}

enum survey_rank survey_rank(const Control__Status *status)
{
	if (strcmp(status->role, "head") == 0)
		return SURVEY_HEAD;
	return strcmp(status->role, "backup") == 0 ? SURVEY_BACKUP : SURVEY_OUTSIDE;
}

const Control__Status *survey_best(const struct survey *survey)
{
	const Control__Status *best = NULL;

	for (unsigned int i = 0; i < survey->count; i++) {
		const Control__Status *s = survey->at[i].status;

		if (s && (!best || s->epoch > best->epoch ||
				 (s->epoch == best->epoch &&
					 survey_rank(s) > survey_rank(best))))
			best = s;
	}
	return best;
}

const struct survey_answer *survey_failure(const struct survey *survey)
{
	for (unsigned int i = 0; i < survey->count; i++) {
		if (!survey->at[i].status)
			return &survey->at[i];
	}
	return NULL;
}

int survey_place(const Control__Status *status, uint32_t replica)
{
	for (size_t i = 0; i < status->n_chain; i++) {
		if (status->chain[i]->replica == replica)
			return (int)i;
	}
	return -1;
}

bool survey_is_active(const Control__Status *status)
{
	return strcmp(status->phase, "active") == 0;
}

bool survey_serves(const Control__Status *status)
{
	return survey_rank(status) != SURVEY_OUTSIDE;
}
