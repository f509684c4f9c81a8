#include "sequencer/stream/idleness.h"

#include "hw/clock.h"

#define SPINS 8 /* a few microseconds: others may need this processor */
#define YIELD_NS NS_PER_MS
#define NAP_MIN_NS 20000
#define NAP_MAX_NS NS_PER_MS
#define QUIET_AFTER_NS (1000 * NS_PER_MS)
#define QUIET_NAP_NS (100 * NS_PER_MS)
#define RUSH_SLOT_NS 1000      /* between two slots of a rush, at most, */
#define RUSH_OVER_NS NS_PER_MS /*   in the mean over so long, at least */
#define RUSH_YIELDS 2
#define RUSH_NAP_NS ((uint64_t)IDLENESS_NAP_SLOTS * RUSH_SLOT_NS)
#define AWAKE_NS (100 * NS_PER_MS) /* without naps in rushes */
#define CROWD_LOOK_NS NS_PER_MS
#define CROWD_NS (100 * NS_PER_MS) /* so long one is expected to last */

bool idleness_wants_crowd(const struct idleness *idle, uint64_t now_ns)
{
	return idle->rush && now_ns - idle->looked_ns >= CROWD_LOOK_NS;
}

void idleness_crowd(struct idleness *idle, uint64_t now_ns, uint64_t switches)
{
	if (switches != idle->switches && idle->looked_ns > 0)
		idle->crowded_until_ns = now_ns + CROWD_NS;
	idle->switches = switches;
	idle->looked_ns = now_ns;
}

/* How fast slots came since this was looked up the last time. */
static void rate_look(struct idleness *idle, uint64_t now_ns)
{
	uint64_t ns = now_ns - idle->rated_ns;

	if (ns < RUSH_OVER_NS)
		return;
	idle->rush = ns <= idle->moved * RUSH_SLOT_NS;
	idle->moved = 0;
	idle->rated_ns = now_ns;
}

/* Work has ended, or somebody says that there may be some. */
static void begin(struct idleness *idle, uint64_t now_ns, uint64_t wakes)
{
	idle->turns = 0;
	idle->since_ns = now_ns;
	idle->nap_ns = NAP_MIN_NS;
	idle->wakes = wakes;
}

bool idleness_is_long(const struct idleness *idle, uint64_t now_ns)
{
	return idle->turns > 0 && now_ns - idle->since_ns > QUIET_AFTER_NS;
}

static uint64_t nap_next(struct idleness *idle, bool quiet)
{
	uint64_t nap_ns = idle->nap_ns;

	if (quiet)
		return QUIET_NAP_NS;
	idle->nap_ns = nap_ns * 2 < NAP_MAX_NS ? nap_ns * 2 : NAP_MAX_NS;
	return nap_ns;
}

/* Whether publishers go on while this thread sleeps (I3). */
static void sleep_judge(struct idleness *idle, uint64_t now_ns)
{
	if (idle->slept_in_rush || idle->slept_in_vain)
		idle->awake_until_ns = now_ns + AWAKE_NS;
	idle->slept_in_rush = false;
	idle->slept_in_vain = false;
}

static bool may_sleep_soon(const struct idleness *idle, uint64_t now_ns)
{
	return idle->rush && now_ns < idle->crowded_until_ns &&
	       now_ns >= idle->awake_until_ns;
}

enum idle_step idleness_step(struct idleness *idle, uint64_t now_ns, uint64_t wakes,
	bool quiet, uint64_t *nap_ns_p)
{
	uint32_t turn;

	rate_look(idle, now_ns);
	sleep_judge(idle, now_ns);
	if (idle->turns == 0 || wakes != idle->wakes)
		begin(idle, now_ns, wakes);
	turn = idle->turns++;
	if (turn < SPINS)
		return IDLE_LOOK_AWAY;
	if (now_ns - idle->since_ns >= YIELD_NS) {
		*nap_ns_p = nap_next(idle, quiet);
		return IDLE_NAP;
	}
	if (!may_sleep_soon(idle, now_ns) || turn < SPINS + RUSH_YIELDS)
		return IDLE_YIELD;
	idle->slept_in_rush = true;
	*nap_ns_p = RUSH_NAP_NS;
	return IDLE_NAP;
}
