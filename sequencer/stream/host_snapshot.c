/* Snapshots of applications: archives are told which positions are in one (host.h). */
#include <errno.h>
#include <inttypes.h>

#include "sequencer/stream/host_internal.h"

/* With the thread held. */
static int position_check(const struct stream *s, uint64_t position, struct error *err)
{
	if (s->stage != STREAM_SERVED || !stream_is_head(s))
		return error_set(err, -EAGAIN,
			"stream: %s: its head is not here at the moment", s->name);
	if (position > stream_log_end(&s->log))
		return error_set(err, -EINVAL,
			"stream: %s: position %" PRIu64
			" can be in no snapshot: the stream goes up to %" PRIu64
			"; acknowledge what was delivered",
			s->name, position, stream_log_end(&s->log));
	if (position > s->log.commit)
		return error_set(err, -EAGAIN,
			"stream: %s: position %" PRIu64
			" is not committed yet; the commit point is %" PRIu64,
			s->name, position, s->log.commit);
	return 0;
}

int stream_host_snapshot_check(
	struct stream_host *host, uint32_t counter, uint64_t position, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	if (!s)
		return error_set(
			err, -EAGAIN, "stream: there is no such stream here yet");
	stream_thread_hold(s->thread);
	rc = position_check(s, position, err);
	stream_thread_release(s->thread);
	return rc;
}

bool stream_host_snapshot(struct stream_host *host, uint32_t counter, uint64_t position)
{
	struct stream *s = host_stream(host, counter);

	return s && s->keeper && keeper_acknowledge(s->keeper, position);
}

uint64_t stream_host_acknowledged(const struct stream_host *host, uint32_t counter)
{
	const struct stream *s = host_stream(host, counter);

	return s && s->keeper ? keeper_acknowledged(s->keeper) : 0;
}
