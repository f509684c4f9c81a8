#include "client/command/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "client/command/ask.h"
#include "client/command/takeovers.h"
#include "hw/clock.h"

#define TELL_TIMEOUT_NS UINT64_C(5000000000)
#define AGAIN_NS UINT64_C(1000000000)
#define LOOK_MS 10

int admin_look(struct admin *admin, struct error *err)
{
	if (admin->survey)
		survey_free(admin->survey);
	admin->status = NULL;
	admin->survey = survey_make(&admin->endpoints);
	if (!admin->survey)
		return error_set(err, -ENOMEM, "pawl admin: out of memory");
	admin->status = survey_best(admin->survey);
	if (!admin->status) {
		const struct survey_answer *failure = survey_failure(admin->survey);

		*err = failure->err;
		return failure->rc;
	}
	return 0;
}

int admin_tell(const struct endpoint *endpoint, Control__Admin__Action action,
	uint32_t id, struct error *err)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Admin wish = CONTROL__ADMIN__INIT;
	Control__Reply *reply;
	struct control control;
	int rc = control_init(&control, CONTROL_BUFFER_LEN);

	if (rc)
		return error_set(err, rc, "pawl admin: out of memory");
	wish.action = action;
	wish.id = id;
	request.body_case = CONTROL__REQUEST__BODY_ADMIN;
	request.admin = &wish;
	rc = ask(&control, endpoint, &request, TELL_TIMEOUT_NS, &reply, err);
	control_destroy(&control);
	return rc;
}

/* To one replica of the rank after the other, until one takes it.  -EREMCHG: none does. */
static int wish_bring_to(const struct admin *admin, enum survey_rank rank,
	Control__Admin__Action action, struct error *err)
{
	int rc = -EREMCHG;

	for (unsigned int i = 0; rc == -EREMCHG && i < admin->survey->count; i++) {
		const struct survey_answer *a = &admin->survey->at[i];

		if (a->status && !a->repeated && survey_rank(a->status) == rank)
			rc = admin_tell(&a->endpoint, action, admin->id, err);
	}
	return rc;
}

/* The head answers for itself; the others pass a wish on and do not hear what becomes of it. */
static int wish_bring(
	const struct admin *admin, Control__Admin__Action action, struct error *err)
{
	int rc = error_set(err, -EREMCHG,
		"pawl admin: %s: no replica that answers may change the chain now",
		admin->where);
	struct error own;

	for (int rank = SURVEY_HEAD; rc == -EREMCHG && rank >= SURVEY_OUTSIDE; rank--) {
		rc = wish_bring_to(admin, (enum survey_rank)rank, action, &own);
		if (rc && rc != -EREMCHG)
			*err = own;
	}
	return rc;
}

static int not_in_time(const struct admin *admin, const char *what, struct error *err)
{
	const char *trouble = admin->status ? admin->status->store_trouble : "";

	return error_set(err, -ETIMEDOUT,
		"pawl admin: %s: %s did not happen within %" PRIu64
		" s, but still may%s%.300s",
		admin->where, what, admin->timeout_ns / 1000000000u,
		trouble[0] ? ": " : "; look at 'pawl status'", trouble);
}

/* 0: it has come true.  -EAGAIN: not yet.  -ENOMEM. */
static int goal_look(struct admin *admin, admin_goal goal, struct error *err)
{
	int rc = admin_look(admin, err);

	if (rc == -ENOMEM)
		return rc;
	return rc == 0 && goal(admin) ? 0 : -EAGAIN;
}

int admin_await(struct admin *admin, admin_goal goal, const char *what, struct error *err)
{
	uint64_t deadline = clock_now_ns() + admin->timeout_ns;
	int rc;

	while ((rc = goal_look(admin, goal, err)) == -EAGAIN) {
		if (clock_now_ns() >= deadline)
			return not_in_time(admin, what, err);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return rc;
}

/* What another replica, or a later moment, may mend. */
static bool may_come_right(int rc)
{
	return rc == -EREMCHG || rc == -ETIMEDOUT || rc == -ECONNRESET ||
	       rc == -ECONNREFUSED || rc == -ENOENT || rc == -EBUSY;
}

int admin_wish(struct admin *admin, Control__Admin__Action action, admin_goal goal,
	const char *what, struct error *err)
{
	uint64_t deadline = clock_now_ns() + admin->timeout_ns;
	uint64_t due = 0;
	int rc, answer = 0;
	struct error said;

	while ((rc = goal_look(admin, goal, err)) == -EAGAIN) {
		uint64_t now = clock_now_ns();

		if (admin->status && now >= due) {
			answer = wish_bring(admin, action, &said);
			due = clock_now_ns() + AGAIN_NS;
		}
		if (answer && (now >= deadline || !may_come_right(answer)))
			break;
		if (now >= deadline)
			return not_in_time(admin, what, err);
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (rc != -EAGAIN)
		return rc;
	*err = said;
	return answer;
}

/* The one that the command is about, if it tells. */
static const Control__Status *chainless(const struct admin *admin)
{
	const Control__Status *found = NULL;

	for (unsigned int i = 0; i < admin->survey->count; i++) {
		const Control__Status *s = admin->survey->at[i].status;

		if (s && survey_serves(s))
			return NULL;
		if (s && s->no_chain && (!found || s->replica == admin->id))
			found = s;
	}
	return found;
}

int admin_chain_check(const struct admin *admin, struct error *err)
{
	const Control__Status *found = chainless(admin);

	if (!found)
		return 0;
	return error_set(err, -EREMCHG,
		"pawl admin: %s: the cluster has no chain, so nothing can be changed: "
		"replica %u: %.380s",
		admin->where, found->replica, found->waiting);
}

/* Of all changes since the command began. */
static uint64_t pause_ns(const struct admin *admin)
{
	struct takeovers takeovers;
	uint64_t sum = 0;

	takeovers_find(admin->survey, &takeovers);
	for (unsigned int i = 0; i < takeovers.count; i++) {
		if (takeovers.at[i].what->epoch > admin->began_epoch)
			sum += takeover_pause_ns(takeovers.at[i].what);
	}
	return sum;
}

const char *admin_chain_text(const struct admin *admin, char text[CHAIN_TEXT_SIZE])
{
	const Control__Status *s = admin->status;
	size_t used = 0;

	(void)snprintf(text, CHAIN_TEXT_SIZE, "empty");
	for (size_t i = 0; i < s->n_chain && used < CHAIN_TEXT_SIZE; i++)
		used += (size_t)snprintf(text + used, CHAIN_TEXT_SIZE - used, "%s%u%s",
			i ? ", " : "", s->chain[i]->replica, i == 0 ? " (head)" : "");
	return text;
}

void admin_print_chain(const struct admin *admin)
{
	char chain[CHAIN_TEXT_SIZE], text[DURATION_SIZE];
	uint64_t pause = pause_ns(admin);

	(void)printf("%s: epoch %" PRIu64 ", chain %s", admin->status->cluster,
		admin->status->epoch, admin_chain_text(admin, chain));
	if (pause)
		(void)printf("; drawing paused for %s", duration_text(pause, text));
	(void)printf("\n");
}
