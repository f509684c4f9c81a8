#include "bench/stream_budget.h"

#include <errno.h>
#include <inttypes.h>

int stream_budget_check_publishers(
	const struct pawl_stream_stats *s, uint64_t slots, struct error *err)
{
	uint64_t allowed = s->submitted * slots;

	if (s->redone > 0 || (s->draws <= allowed && s->writes <= allowed))
		return 0;
	return error_set(err, -ERANGE,
		"bench: publishers: %" PRIu64 " fetch-adds and %" PRIu64
		" writes were posted for %" PRIu64 " messages of %" PRIu64
		" slots; please report this",
		s->draws, s->writes, s->submitted, slots);
}

int stream_budget_check_replica(const struct stream_replica *r, struct error *err)
{
	if (r->writes <= 2 * r->runs)
		return 0;
	return error_set(err, -ERANGE,
		"bench: replica %u: %" PRIu64 " writes were posted to forward %" PRIu64
		" runs of slots; please report this",
		r->replica, r->writes, r->runs);
}
