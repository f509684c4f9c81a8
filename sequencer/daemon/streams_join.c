/*
 * A replica outside the chain copies what it will need, while the streams run: at the change
 * only the newest slots are missing.
 */
#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define PATIENCE_NS UINT64_C(10000000000) /* then it joins as it is */

/* The last member that is in reach; id 0: nobody is. */
static struct epoch_member source_find(const struct replica *r)
{
	const struct epoch_chain *chain = &r->machine.seen.chain;

	for (uint32_t i = chain->count; i-- > 0;) {
		if (mesh_reaches(r->mesh, chain->at[i]))
			return chain->at[i];
	}
	return (struct epoch_member){.id = 0};
}

static bool is_outside(const struct replica *r)
{
	return r->machine.known && r->machine.seen.phase == EPOCH_ACTIVE &&
	       r->machine.config.rejoin && !r->served && !r->machine.pending.epoch &&
	       !replica_is_member(r) && r->catalog.streams_count > 0;
}

void streams_follow(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	uint64_t epoch = r->machine.seen.epoch;
	struct epoch_member source;
	struct error err;

	if (!is_outside(r))
		return;
	source = source_find(r);
	if (source.id == 0 ||
		(epoch_member_same(source, s->source) && epoch == s->source_epoch &&
			s->seats_count == r->catalog.streams_count))
		return;
	if (streams_know(r, &err)) {
		replica_end(r, REPLICA_FAILED, &err);
		return;
	}
	if (s->source.id == 0)
		s->source_ns = clock_now_ns();
	s->source = source;
	s->source_epoch = epoch;
	stream_host_follow(
		s->host, (struct stream_member){source.id, source.incarnation}, epoch);
	streams_ask_all(r);
}

bool streams_lag(const struct replica *r)
{
	const struct replica_streams *s = &r->streams;

	if (r->catalog.streams_count == 0)
		return false;
	if (s->source.id == 0)
		return is_outside(r); /* it has not even begun */
	return !stream_host_followed(s->host) &&
	       clock_now_ns() - s->source_ns < PATIENCE_NS;
}
