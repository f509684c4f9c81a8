/*
 * pawl admin recover: every member's memory is lost, and the operator says so.  The counters
 * go on from their ceilings, beyond any number that can have been given out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command/admin.h"

/* The replica to ask: the one that was named, or the only one that answers. */
static const struct survey_answer *recoverer(struct admin *admin, struct error *err)
{
	const struct survey_answer *only = NULL;

	if (admin->id) {
		only = survey_answer(admin->survey, admin->id);
		if (!only)
			(void)error_set(err, -ENOENT,
				"pawl admin: %s: replica %u does not answer; start it, "
				"or name another one",
				admin->where, admin->id);
		return only;
	}
	for (unsigned int i = 0; i < admin->survey->count; i++) {
		const struct survey_answer *a = &admin->survey->at[i];

		if (!a->status || a->repeated)
			continue;
		if (only) {
			(void)error_set(err, -EINVAL,
				"pawl admin: %s: more than one replica runs; give the id "
				"of the one that is to go on, say %u",
				admin->where, only->status->replica);
			return NULL;
		}
		only = a;
	}
	admin->id = only->status->replica;
	return only;
}

static int confirm(const struct admin *admin, struct error *err)
{
	const char *cluster = admin->status->cluster;
	char line[256];

	if (admin->yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(err, -EPERM,
			"pawl admin: %s: nobody is there to confirm the recovery; give "
			"--yes if the memory of every replica is really lost",
			admin->where);
	(void)fprintf(stderr,
		"Recovery skips numbers: every counter goes on from its ceiling.  It is "
		"right only\nwhen the memory of every replica is lost.  Over shared "
		"memory, first end programs that\nstill have the lost memory mapped: "
		"they may go on drawing smaller numbers (see pawl(1)).\nType the "
		"cluster's name to go on: ");
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, cluster) == 0)
		return 0;
	return error_set(err, -ECANCELED,
		"pawl admin: %s: not confirmed; nothing was changed", admin->where);
}

static bool is_serving(const struct admin *admin)
{
	const Control__Status *own = survey_status(admin->survey, admin->id);

	return own && survey_is_active(own) && survey_serves(own);
}

static int is_needed(const struct admin *admin, struct error *err)
{
	if (!is_serving(admin))
		return 0;
	return error_set(err, -EALREADY,
		"pawl admin: %s: replica %u serves, so nothing is lost that needs a "
		"recovery",
		admin->where, admin->id);
}

static void counters_print(const struct admin *admin)
{
	const Control__Status *own = survey_status(admin->survey, admin->id);

	for (size_t i = 0; i < own->n_counters; i++) {
		const Control__CounterStatus *c = own->counters[i];

		(void)printf("%s/%s: goes on after %" PRIu64 "; up to %" PRIu64
			     " numbers were skipped\n",
			own->cluster, c->name, c->epoch_base, c->jump);
	}
}

int admin_recover(struct admin *admin, struct error *err)
{
	const struct survey_answer *own = recoverer(admin, err);
	int rc;

	if (!own)
		return -EINVAL;
	rc = is_needed(admin, err);
	if (!rc)
		rc = confirm(admin, err);
	if (!rc)
		rc = admin_tell(
			&own->endpoint, CONTROL__ADMIN__ACTION__RECOVER, admin->id, err);
	if (!rc)
		rc = admin_await(admin, is_serving, "the recovery", err);
	if (!rc)
		counters_print(admin);
	return rc;
}
