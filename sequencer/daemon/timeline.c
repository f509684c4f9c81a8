#include "sequencer/daemon/timeline.h"

#include <stdio.h>
#include <string.h>

#include "hw/clock.h"

/* A cause that led to nothing for so long has nothing to do with what comes later. */
#define CAUSE_NS UINT64_C(60000000000)

void timeline_cause(struct timeline *t, const char *cause, uint64_t now_ns)
{
	if (t->noticed_ns && now_ns - t->noticed_ns < CAUSE_NS)
		return; /* the first of several */
	(void)snprintf(t->cause, sizeof(t->cause), "%s", cause);
	t->noticed_ns = now_ns;
}

static void change_begins(
	struct timeline *t, const struct epoch_machine *m, uint64_t now_ns)
{
	bool goes_on = t->now.noticed_ns != 0; /* claimed again, for another chain */

	if (!goes_on) {
		bool known = t->noticed_ns && now_ns - t->noticed_ns < CAUSE_NS;

		t->now = (struct takeover){.noticed_ns = known ? t->noticed_ns : now_ns};
		(void)snprintf(t->now.cause, sizeof(t->now.cause), "%s",
			known ? t->cause : "the cluster begins");
	}
	t->now.epoch = m->proposal.claim;
	t->now.from = m->seen.active_epoch;
	t->noticed_ns = 0;
}

static void change_ends(
	struct timeline *t, const struct epoch_machine *m, uint64_t now_ns)
{
	if (m->known && m->seen.active_epoch == t->now.epoch && t->now.epoch != 0) {
		t->now.activated_ns = now_ns;
		t->now.wall_ns = clock_wall_ns();
		t->now.members = m->seen.chain.count;
		memmove(&t->done[1], &t->done[0],
			(TIMELINE_KEPT - 1) * sizeof(t->done[0]));
		t->done[0] = t->now;
		if (t->done_count < TIMELINE_KEPT)
			t->done_count++;
	}
	t->now = (struct takeover){.epoch = 0};
}

void timeline_look(struct timeline *t, const struct epoch_machine *m, uint64_t now_ns)
{
	enum epoch_step step = m->proposal.step;

	if (step == EPOCH_CLAIMING && m->proposal.claim != t->now.epoch)
		change_begins(t, m, now_ns);
	if (step >= EPOCH_SEALING && !t->now.claimed_ns)
		t->now.claimed_ns = now_ns;
	if (step >= EPOCH_INSTALLING && !t->now.sealed_ns) {
		t->now.sealed_ns = now_ns;
		t->now.head_sealed = m->proposal.head_sealed;
	}
	if (step >= EPOCH_LEASING && !t->now.installed_ns)
		t->now.installed_ns = now_ns;
	if (step == EPOCH_IDLE && t->step != EPOCH_IDLE)
		change_ends(t, m, now_ns);
	else if (step == EPOCH_IDLE && m->seen.active_epoch != t->active_epoch)
		t->noticed_ns = 0; /* another replica acted on it */
	t->active_epoch = m->seen.active_epoch;
	t->step = step;
}
