#include "bench/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "client/command/survey.h"
#include "client/command/takeovers.h"
#include "hw/clock.h"

#define CHAIN_TIMEOUT_NS UINT64_C(60000000000)
#define CHANGE_TIMEOUT_NS UINT64_C(5000000000)
#define LOOK_MS 5

static int survey_take(const char *where, struct survey **survey_p, struct error *err)
{
	struct endpoint_list endpoints;
	int rc = endpoint_list_find(where, &endpoints, err);

	if (rc)
		return rc;
	*survey_p = survey_make(&endpoints);
	return *survey_p ? 0 : error_set(err, -ENOMEM, "bench: out of memory");
}

static void chain_fill(struct chain *chain, const Control__Status *status)
{
	*chain = (struct chain){.epoch = status->epoch,
		.members = (unsigned int)status->n_chain,
		.head = status->n_chain ? status->chain[0]->replica : 0};
	(void)snprintf(
		chain->transport, sizeof(chain->transport), "%s", status->transport);
}

int chain_look(const char *where, struct chain *chain_p, struct error *err)
{
	const Control__Status *best;
	struct survey *survey;
	int rc = survey_take(where, &survey, err);

	if (rc)
		return rc;
	best = survey_best(survey);
	if (best) {
		chain_fill(chain_p, best);
	} else {
		rc = survey_failure(survey)->rc;
		*err = survey_failure(survey)->err;
	}
	survey_free(survey);
	return rc;
}

/* Whether all members of the newest epoch, @members of them, serve it. */
static bool is_complete(
	const struct survey *survey, const Control__Status *best, unsigned int members)
{
	if (!best || best->n_chain != members || !survey_is_active(best))
		return false;
	for (unsigned int i = 0; i < members; i++) {
		const Control__Status *status = survey_status(
			survey, best->chain[i]->replica);

		if (!status || status->epoch != best->epoch || !survey_serves(status))
			return false;
	}
	return true;
}

/* 0; -EAGAIN: it is not yet so, and @err tells how it is. */
static int complete_look(
	const char *where, unsigned int members, struct chain *chain_p, struct error *err)
{
	const Control__Status *best;
	struct survey *survey;
	int rc = survey_take(where, &survey, err);

	if (rc)
		return rc;
	best = survey_best(survey);
	if (is_complete(survey, best, members))
		chain_fill(chain_p, best);
	else if (!best)
		rc = error_set(err, -EAGAIN, "no replica answers");
	else
		rc = error_set(err, -EAGAIN,
			"epoch %" PRIu64 " is %s with %zu of them%s%s", best->epoch,
			best->phase, best->n_chain, best->waiting[0] ? ": " : "",
			best->waiting);
	survey_free(survey);
	return rc;
}

int chain_await(const char *where, unsigned int members,
	const volatile sig_atomic_t *interrupted, struct chain *chain_p,
	struct error *err)
{
	uint64_t deadline = clock_now_ns() + CHAIN_TIMEOUT_NS;
	struct error state;
	int rc;

	while ((rc = complete_look(where, members, chain_p, &state)) == -EAGAIN) {
		if (*interrupted)
			return error_set(err, -EINTR, "bench: interrupted");
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"bench: %u replicas did not come into one chain within "
				"%d s: %s",
				members, (int)(CHAIN_TIMEOUT_NS / 1000000000),
				state.text);
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (rc)
		*err = state;
	return rc;
}

/* The oldest that is newer than @epoch. */
static const Control__Takeover *first_after(
	const struct takeovers *takeovers, uint64_t epoch)
{
	const Control__Takeover *first = NULL;

	for (unsigned int i = 0; i < takeovers->count; i++) {
		const Control__Takeover *one = takeovers->at[i].what;

		if (one->epoch > epoch && (!first || one->epoch < first->epoch))
			first = one;
	}
	return first;
}

static void change_fill(const Control__Takeover *t, struct chain_change *change,
	struct split_moments *moments)
{
	*change = (struct chain_change){.epoch = t->epoch, .members = t->members};
	(void)snprintf(change->cause, sizeof(change->cause), "%s", t->cause);
	moments->noticed_ns = t->noticed_ns;
	moments->claimed_ns = t->claimed_ns;
	moments->sealed_ns = t->sealed_ns;
	moments->installed_ns = t->installed_ns;
	moments->activated_ns = t->activated_ns;
}

static int change_look(const char *where, uint64_t epoch, struct chain_change *change_p,
	struct split_moments *moments, struct error *err)
{
	const Control__Takeover *found;
	struct takeovers takeovers;
	struct survey *survey;
	int rc = survey_take(where, &survey, err);

	if (rc)
		return rc;
	takeovers_find(survey, &takeovers);
	found = first_after(&takeovers, epoch);
	if (found)
		change_fill(found, change_p, moments);
	else
		rc = -EAGAIN;
	survey_free(survey);
	return rc;
}

int chain_change_find(const char *where, uint64_t epoch,
	const volatile sig_atomic_t *interrupted, struct chain_change *change_p,
	struct split_moments *moments, struct error *err)
{
	uint64_t deadline = clock_now_ns() + CHANGE_TIMEOUT_NS;
	int rc;

	while ((rc = change_look(where, epoch, change_p, moments, err)) == -EAGAIN) {
		if (*interrupted)
			return error_set(err, -EINTR, "bench: interrupted");
		if (clock_now_ns() >= deadline)
			return error_set(err, -ENODATA,
				"bench: no replica remembers how the epoch after %" PRIu64
				" began; please report this",
				epoch);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return rc;
}
