/* A daemon's part in making counters: the machine knows places, the daemon knows names. */
#include <errno.h>
#include <string.h>

#include "tests/sim/cluster.h"

static bool name_is_there(const struct sim_replica *r, uint32_t name)
{
	for (uint32_t i = 0; i < r->names_count; i++) {
		if (r->names[i] == name)
			return true;
	}
	return false;
}

/* Of the counter that the machine adds, if it adds one; the others are known. */
void creation_name(const struct sim_replica *r, struct parcel *write)
{
	uint32_t count = write->record.counters_count;

	PAWL_ASSERT(count <= r->names_count + 1);
	memcpy(write->names, r->names, sizeof(write->names));
	if (count > r->names_count) {
		write->names[count - 1] = r->creating;
		write->wish = r->wish;
	}
}

void creation_learn(struct sim_replica *r, const uint32_t *names, uint32_t count)
{
	if (count < r->names_count)
		return; /* an answer that was long on its way */
	memcpy(r->names, names, count * sizeof(names[0]));
	r->names_count = count;
}

/* Whoever wanted it waits no more, and hears that it is not made, if that is known. */
static void creation_give_up(struct sim_replica *r)
{
	struct cluster *c = r->cluster;

	if (!epoch_counter_drop(&r->machine))
		return;
	cluster_trace(
		c, "replica %u: counter '%u' is not made", r->index + 1, r->creating);
	c->withdrawn[r->wish] = true;
	r->creating = 0;
}

void creation_check(struct cluster *c, const struct parcel *written)
{
	if (c->withdrawn[written->wish])
		cluster_wrong(c, "a counter was made after it was said not to be");
}

void creation_advance(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	int rc;

	if (r->creating == 0)
		return;
	if (r->machine.wishes.counter) {
		if (!c->quiet && !c->config.scripted && cluster_chance(c, 100))
			creation_give_up(r);
		return;
	}
	if (name_is_there(r, r->creating)) {
		cluster_trace(c, "replica %u: counter '%u' is there", r->index + 1,
			r->creating);
		c->promised[r->creating] = true;
		r->creating = 0;
		return;
	}
	rc = epoch_counter_add(
		&r->machine, reserve_of_name(c, r->creating), replica_clock(r));
	PAWL_ASSERT(rc != -EBUSY);
	if (rc)
		r->creating = 0; /* whoever wanted it asks elsewhere */
	else
		r->wish = ++c->wishes;
	PAWL_ASSERT(c->wishes <= WISHES_MAX);
}
