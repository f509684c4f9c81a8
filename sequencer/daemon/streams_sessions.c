/* What the streams of a replica know of its clients: who may link, rows, readers. */
#include "sequencer/daemon/replica.h"

void streams_session_begin(struct replica *r, uint64_t token)
{
	if (!r->streams.host)
		return;
	stream_host_admit(r->streams.host, token);
	stream_host_wake(r->streams.host);
}

/* Its links end before anybody else gets its rows. */
void streams_session_end(struct replica *r, uint64_t token)
{
	struct replica_streams *s = &r->streams;

	if (!s->host)
		return;
	stream_host_evict(s->host, token);
	for (uint32_t i = 0; i < s->seats_count; i++)
		rows_release(&s->seats[i].rows, token);
}
