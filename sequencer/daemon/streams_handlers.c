#include "sequencer/daemon/streams_handlers.h"

#include <errno.h>

#include "sequencer/daemon/streams_wire.h"

int streams_session_check(struct handlers *h, const struct connection *connection,
	uint32_t counter, struct stream_addresses *addresses, struct error *err)
{
	struct replica *r = h->replica;
	const struct stream_seat *seat = streams_seat(r, counter);

	if (!connection_session(connection))
		return error_set(err, -EPROTO,
			"pawld: %s: only who has joined may use a stream; is the other "
			"side a pawl of this version?",
			r->facts.name);
	if (!seat || !r->served || seat->entered != r->served ||
		!stream_host_addresses(r->streams.host, counter, addresses) ||
		addresses->epoch != r->served)
		return error_set(err, -EAGAIN,
			"pawld: %s/%u: the stream is not served here at the moment",
			r->facts.name, r->config->id);
	return 0;
}

static int reader_add(struct replica *r, const struct session *session,
	const Control__Subscribe *subscribe, struct stream_reader_answer *answer_p,
	struct error *err)
{
	struct stream_reader_config config = {.token = session->token,
		.consumed = subscribe->consumed,
		.oldest = subscribe->oldest,
		.inbox = subscribe->inbox,
		.inbox_slots = subscribe->inbox_slots,
		.reader = subscribe->reader,
		.subscriber = subscribe->subscriber,
		.pid = (uint64_t)session->pid,
		.program = session->program};

	streams_session_begin(r, session->token);
	return stream_host_reader_add(
		r->streams.host, subscribe->counter, &config, answer_p, err);
}

static void subscribed_reply(struct replica *r, struct connection *connection,
	uint64_t id, uint32_t counter, const struct stream_addresses *addresses,
	const struct stream_reader_answer *answer)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Subscribed subscribed = CONTROL__SUBSCRIBED__INIT;
	Control__StreamPlaces places;

	streams_places_to_wire(counter, addresses, &places);
	places.archived = stream_host_archived(r->streams.host, counter);
	subscribed.counter = counter;
	subscribed.reader = answer->reader;
	subscribed.epoch = r->served;
	subscribed.consumed = answer->consumed;
	subscribed.archive_oldest = answer->archive_oldest;
	subscribed.places = &places;
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_SUBSCRIBED;
	reply.subscribed = &subscribed;
	connection_reply(connection, &reply);
}

void streams_subscribe(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Subscribe *subscribe)
{
	const struct session *session = connection_session(connection);
	struct stream_reader_answer answer = {.reader = 0};
	struct stream_addresses addresses = {.epoch = 0};
	uint32_t counter = subscribe->counter;
	struct error err = {.text = ""};
	int rc = streams_session_check(h, connection, counter, &addresses, &err);

	if (!rc)
		rc = reader_add(h->replica, session, subscribe, &answer, &err);
	if (rc)
		handlers_reply_error(connection, id, rc, err.text);
	else
		subscribed_reply(
			h->replica, connection, id, counter, &addresses, &answer);
}

void streams_unsubscribe(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Unsubscribe *unsubscribe)
{
	const struct session *session = connection_session(connection);
	struct replica *r = h->replica;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Unsubscribed unsubscribed = CONTROL__UNSUBSCRIBED__INIT;

	if (session && streams_seat(r, unsubscribe->counter))
		stream_host_reader_remove(r->streams.host, unsubscribe->counter,
			session->token, unsubscribe->reader, unsubscribe->subscriber);
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_UNSUBSCRIBED;
	reply.unsubscribed = &unsubscribed;
	connection_reply(connection, &reply);
}

void streams_acknowledge(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__AcknowledgeSnapshot *acknowledge)
{
	struct replica *r = h->replica;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotAcknowledged acknowledged = CONTROL__SNAPSHOT_ACKNOWLEDGED__INIT;
	uint32_t counter = acknowledge->counter;
	uint64_t position = acknowledge->position;
	struct stream_addresses unused = {.epoch = 0};
	struct error err = {.text = ""};
	int rc = streams_session_check(h, connection, counter, &unused, &err);

	if (!rc)
		rc = stream_host_snapshot_check(r->streams.host, counter, position, &err);
	if (!rc && acknowledge->kept)
		rc = snapshots_check(r, counter, position, &err);
	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	if (stream_host_snapshot(r->streams.host, counter, position))
		streams_tell_all(r);
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED;
	reply.snapshot_acknowledged = &acknowledged;
	connection_reply(connection, &reply);
}

void streams_tail_read(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__TailRead *read)
{
	struct stream_addresses unused = {.epoch = 0};
	struct error err = {.text = ""};
	int rc = streams_session_check(h, connection, read->counter, &unused, &err);

	if (!rc)
		rc = questions_add(&h->questions, connection, id, read, &err);
	if (rc)
		handlers_reply_error(connection, id, rc, err.text);
}
