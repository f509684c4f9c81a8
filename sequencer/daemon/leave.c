/* How a replica leaves its chain when its process is to end. */
#include <errno.h>
#include <systemd/sd-daemon.h>

#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/pawld.h"

/*
 * In a chain of several the others go on without a pause to speak of; alone this replica
 * saves the numbers, which is a stop of the cluster.  What can not be asked for now is tried
 * again until it is time to end.
 */
static void leave_ask(struct pawld *d)
{
	struct replica *r = d->handlers.replica;
	const struct epoch_record *seen = &r->machine.seen;
	/* What was asked for while an epoch was prepared may be forgotten with it. */
	uint64_t epoch = seen->epoch * 2 + (seen->phase == EPOCH_ACTIVE);
	struct error err = {.text = ""};

	if (!replica_is_member(r) || (d->leave_asked && d->leave_epoch == epoch))
		return;
	d->leave_asked = true;
	d->leave_epoch = epoch;
	if (seen->chain.count > 1)
		d->leave_asked = replica_remove(r, d->config.id, &err) == 0;
	else
		d->leave_asked = replica_stop(r, false, &err) == 0;
	if (!d->leave_asked)
		log_debug("%s", err.text);
}

/* Clients use its region, or will when the change that is under way is done. */
static bool is_needed(const struct replica *r)
{
	return r->served != 0 || replica_is_member(r);
}

/* Once the chain goes on without this replica, nobody needs its region. */
void pawld_leave_look(struct pawld *d)
{
	struct replica *r = d->handlers.replica;

	if (!d->leaving || d->winding_down)
		return;
	leave_ask(d);
	if (d->winding_down || (is_needed(r) && clock_now_ns() < d->leave_by_ns))
		return;
	if (is_needed(r))
		d->exit_status = pawld_fail(-ETIMEDOUT,
			"pawld: the chain could not be changed in time; this replica "
			"ends without it, and its memory stays for the next start");
	pawld_wind_down(d);
}

void pawld_leave(struct pawld *d)
{
	(void)sd_notify(0, "STOPPING=1");
	d->leaving = true;
	d->leave_by_ns = clock_now_ns() + d->config.stop_timeout_ms * NS_PER_MS;
	replica_rejoin_set(d->handlers.replica, false);
	pawld_leave_look(d);
}
