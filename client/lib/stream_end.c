/* The linearizable end of a stream: what its counter says, with the check of section 4. */
#include "client/lib/stream.h"

/* The counter is drawn before a message can be acknowledged, so it is never behind. */
int pawl_stream_end(struct pawl_stream *stream, uint64_t *position_p)
{
	int rc = handle_check(stream->pawl);

	if (!rc && !stream->end)
		rc = counter_open_of_stream(stream->pawl, stream->name, &stream->end);
	return rc ? rc : pawl_read(stream->end, position_p);
}
