/* Opening a stream: made at the head, answered by every member, a row for who publishes. */
#include <errno.h>

#include "hw/clock.h"
#include "sequencer/control/stream_message.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/openings_internal.h"
#include "sequencer/daemon/streams_wire.h"

static int stream_want(
	struct replica *r, const struct opening *opening, struct error *err)
{
	if (!replica_is_head(r))
		return -EINPROGRESS; /* the head makes it */
	if (opening->limits.slot_len == 0)
		return error_set(err, -ENOENT, "pawld: %s/%s: there is no such stream",
			r->facts.name, opening->name);
	if (streams_being_made(r))
		return -EINPROGRESS; /* is there room for another? */
	return replica_counter_want(r, opening->name, 0, &opening->limits, err) == -ENOSPC
		       ? -ENOSPC
		       : -EINPROGRESS;
}

struct entry_source {
	const struct stream_host *host;
	uint32_t counter;
};

static struct stream_entry entry_of(void *context, uint32_t row)
{
	const struct entry_source *source = context;
	struct stream_entry entry = {.publisher = 0};

	(void)stream_host_entry(source->host, source->counter, row, &entry);
	return entry;
}

static int row_take(struct replica *r, struct stream_seat *seat,
	const struct opening *opening, uint64_t *publisher_p, struct error *err)
{
	const struct session *session = connection_session(opening->connection);
	struct entry_source source = {r->streams.host, seat->counter};
	struct rows_ask ask = {.token = session ? session->token : 0,
		.publisher = opening->publisher,
		.now_ns = clock_now_ns(),
		.entry = entry_of,
		.context = &source};

	if (!replica_is_head(r))
		return opening_not_served(r, err);
	if (!session)
		return error_set(err, -EPROTO,
			"pawld: %s/%s: only who has joined may publish; is the other "
			"side a pawl of this version?",
			r->facts.name, opening->name);
	if (rows_take(&seat->rows, &ask, publisher_p) == 0)
		return 0;
	return error_set(err, -EUSERS,
		"pawld: %s/%s: all %u rows for publishers are taken; close some, or make "
		"the cluster with a larger --sessions-max",
		r->facts.name, opening->name, seat->rows.count);
}

static void opened_reply(struct replica *r, const struct opening *opening,
	const struct stream_addresses *addresses, uint32_t index, uint64_t publisher)
{
	const struct held_region *region = replica_region(r);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__StreamOpened opened = CONTROL__STREAM_OPENED__INIT;
	Control__StreamPlaces places;
	Control__StreamLimits limits;

	stream_limits_to_wire(catalog_stream(&r->catalog, index), &limits);
	streams_places_to_wire(index, addresses, &places);
	places.archived = stream_host_archived(r->streams.host, index);
	opened.counter = index;
	opened.epoch = r->served;
	opened.epoch_base = owner_counter_base(&region->owner, index);
	opened.publisher = publisher;
	opened.limits = &limits;
	opened.places = &places;
	reply.id = opening->id;
	reply.body_case = CONTROL__REPLY__BODY_STREAM_OPENED;
	reply.stream_opened = &opened;
	connection_reply(opening->connection, &reply);
}

/* The stream is served in this epoch, and others may find its memory. */
static bool is_entered(struct replica *r, uint32_t index, struct stream_addresses *to)
{
	const struct stream_seat *seat = streams_seat(r, index);

	return seat && seat->entered == r->served &&
	       stream_host_addresses(r->streams.host, index, to) &&
	       to->epoch == r->served;
}

int opening_stream_try(
	struct replica *r, const struct opening *opening, struct error *err)
{
	const struct session *session = connection_session(opening->connection);
	struct held_region *region = replica_region(r);
	struct stream_addresses addresses;
	uint64_t publisher = 0;
	uint32_t index;
	int rc = 0;

	if (!region)
		return opening_not_served(r, err);
	if (!owner_is_open(&region->owner))
		return -EINPROGRESS;
	if (!catalog_find(&r->catalog, opening->name, &index))
		return stream_want(r, opening, err);
	if (!catalog_stream(&r->catalog, index))
		return opening_other_kind(r, index, err);
	if (index >= region->owner.counters_count || !is_entered(r, index, &addresses))
		return -EINPROGRESS;
	if (opening->publishes)
		rc = row_take(r, streams_seat(r, index), opening, &publisher, err);
	if (rc)
		return rc;
	if (session)
		streams_session_begin(r, session->token);
	opened_reply(r, opening, &addresses, index, publisher);
	return 0;
}

int opening_stream_overdue(
	struct replica *r, const struct opening *opening, struct error *err)
{
	if (replica_is_head(r))
		return opening_overdue(r, opening->name, err);
	return error_set(err, -EAGAIN,
		"pawld: %s/%s: the stream is not served by replica %u yet; try again",
		r->facts.name, opening->name, r->config->id);
}
