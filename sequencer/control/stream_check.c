/* Messages about streams: shapes and ranges (sequencer/stream/places.h). */
#include "hw/memory.h"
#include "sequencer/control/message.h"
#include "sequencer/control/message_check.h"
#include "sequencer/control/stream_message.h"
#include "sequencer/core/limits.h"

#define READERS_MAX (1u << 16) /* a replica has far fewer */
#define PROGRAM_LEN 64
#define ALARM_LEN 1024
#define ERRNO_MAX 4095
#define NAME_LEN 256 /* of names that a user typed, which deserve an answer */

int stream_limits_check(
	const Control__StreamLimits *limits, bool rows_open, struct error *err)
{
	struct stream_limits l = stream_limits_from_wire(limits);

	if (limits->archiving > STREAM_ARCHIVE_REQUIRED)
		return message_refuse(err, "stream: unknown kind of archiving");
	if (rows_open && l.rows == 0)
		l.rows = 1;
	if (!stream_limits_valid(&l))
		return message_refuse(err, "stream: limits out of range");
	return 0;
}

/* Limits come from a user, and get their answer where the stream would be made. */
int open_stream_check(const Control__OpenStream *open, struct error *err)
{
	if (!message_text_valid(open->name, NAME_LEN))
		return message_refuse(err, "open stream: not a name");
	if (open->publisher != 0 && !open->publishes)
		return message_refuse(
			err, "open stream: a publisher that does not publish");
	return 0;
}

static int places_check(const Control__StreamPlaces *places, struct error *err)
{
	const char *const texts[] = {places->words, places->inbox, places->log,
		places->words_path, places->inbox_path, places->log_path};

	if (places->counter >= COUNTERS_MAX)
		return message_refuse(err, "places: counter out of range");
	if (places->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "places: epoch out of range");
	if (places->archived >= COUNTER_LIMIT || places->acknowledged >= COUNTER_LIMIT ||
		places->snapshot >= COUNTER_LIMIT || places->snapshot_error > ERRNO_MAX)
		return message_refuse(err, "places: position out of range");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!message_text_valid(texts[i], MEMORY_ADDRESS_MAX))
			return message_refuse(err, "places: not an address or a path");
	}
	return 0;
}

int stream_opened_check(const Control__StreamOpened *opened, struct error *err)
{
	int rc;

	if (opened->counter >= COUNTERS_MAX || opened->epoch_base >= COUNTER_LIMIT)
		return message_refuse(err, "stream: out of range");
	if (opened->epoch == 0 || opened->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "stream: epoch out of range");
	if (!opened->limits || !opened->places)
		return message_refuse(err, "stream: without limits or places");
	rc = stream_limits_check(opened->limits, false, err);
	if (rc)
		return rc;
	if (opened->places->counter != opened->counter)
		return message_refuse(err, "stream: places of another");
	return places_check(opened->places, err);
}

int subscribe_check(const Control__Subscribe *subscribe, struct error *err)
{
	uint32_t slots = subscribe->inbox_slots;

	if (subscribe->counter >= COUNTERS_MAX || subscribe->consumed >= COUNTER_LIMIT ||
		subscribe->reader > READERS_MAX)
		return message_refuse(err, "subscribe: out of range");
	if (!message_text_valid(subscribe->inbox, MEMORY_ADDRESS_MAX))
		return message_refuse(err, "subscribe: not an address");
	if ((subscribe->inbox[0] != '\0') != (slots != 0) || slots > STREAM_RING_MAX ||
		(slots & (slots - 1)) != 0)
		return message_refuse(err, "subscribe: slots of the inbox out of range");
	return 0;
}

int subscribed_check(const Control__Subscribed *subscribed, struct error *err)
{
	if (subscribed->counter >= COUNTERS_MAX || subscribed->reader == 0 ||
		subscribed->reader > READERS_MAX ||
		subscribed->consumed >= COUNTER_LIMIT ||
		subscribed->archive_oldest >= COUNTER_LIMIT)
		return message_refuse(err, "subscribed: out of range");
	if (subscribed->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "subscribed: epoch out of range");
	if (!subscribed->places || subscribed->places->counter != subscribed->counter)
		return message_refuse(err, "subscribed: without its places");
	return places_check(subscribed->places, err);
}

int unsubscribe_check(const Control__Unsubscribe *unsubscribe, struct error *err)
{
	bool named = unsubscribe->reader > 0 || unsubscribe->subscriber > 0;

	if (unsubscribe->counter >= COUNTERS_MAX || !named ||
		unsubscribe->reader > READERS_MAX)
		return message_refuse(err, "unsubscribe: out of range");
	return 0;
}

int acknowledge_snapshot_check(
	const Control__AcknowledgeSnapshot *acknowledge, struct error *err)
{
	if (acknowledge->counter >= COUNTERS_MAX || acknowledge->position == 0 ||
		acknowledge->position >= COUNTER_LIMIT)
		return message_refuse(err, "acknowledge snapshot: out of range");
	return 0;
}

int tail_read_check(const Control__TailRead *read, struct error *err)
{
	if (read->counter >= COUNTERS_MAX)
		return message_refuse(err, "tail read: counter out of range");
	if (read->epoch == 0 || read->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "tail read: epoch out of range");
	if (read->query.len == 0 || read->query.len > MESSAGE_QUERY_MAX)
		return message_refuse(err, "tail read: length of the query out of range");
	return 0;
}

int tail_answer_check(const Control__TailAnswer *answer, struct error *err)
{
	if (answer->epoch == 0 || answer->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "tail answer: epoch out of range");
	if (answer->position >= COUNTER_LIMIT)
		return message_refuse(err, "tail answer: position out of range");
	if (answer->len > MESSAGE_ANSWER_MAX || answer->piece.len > MESSAGE_PIECE_MAX ||
		answer->offset > answer->len ||
		answer->piece.len > answer->len - answer->offset)
		return message_refuse(err, "tail answer: a piece out of range");
	return 0;
}

static bool piece_is_in(uint64_t len, uint64_t offset, size_t piece_len)
{
	return offset <= len && piece_len <= len - offset &&
	       piece_len <= MESSAGE_PIECE_MAX;
}

int put_snapshot_check(const Control__PutSnapshot *put, struct error *err)
{
	if (put->counter >= COUNTERS_MAX || put->position == 0 ||
		put->position >= COUNTER_LIMIT ||
		!piece_is_in(put->len, put->offset, put->piece.len))
		return message_refuse(err, "put snapshot: out of range");
	return 0;
}

int get_snapshot_check(const Control__GetSnapshot *get, struct error *err)
{
	if (get->counter >= COUNTERS_MAX || get->position >= COUNTER_LIMIT)
		return message_refuse(err, "get snapshot: out of range");
	return 0;
}

int snapshot_piece_check(const Control__SnapshotPiece *piece, struct error *err)
{
	if (piece->counter >= COUNTERS_MAX || piece->position == 0 ||
		piece->position >= COUNTER_LIMIT || piece->older >= piece->position ||
		piece->coming >= COUNTER_LIMIT ||
		!piece_is_in(piece->len, piece->offset, piece->piece.len))
		return message_refuse(err, "snapshot: out of range");
	return 0;
}

int stream_ask_check(const Control__StreamAsk *ask, struct error *err)
{
	if (ask->snapshot)
		return get_snapshot_check(ask->snapshot, err);
	if (ask->n_feeds > STREAMS_MAX)
		return message_refuse(err, "stream ask: feeds of too many streams");
	for (size_t i = 0; i < ask->n_feeds; i++) {
		int rc = subscribe_check(ask->feeds[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

int stream_tell_check(const Control__StreamTell *tell, struct error *err)
{
	if (tell->replica < 1 || tell->replica > UINT16_MAX || tell->incarnation == 0)
		return message_refuse(err, "places: of nobody");
	if (tell->snapshot)
		return snapshot_piece_check(tell->snapshot, err);
	for (size_t i = 0; i < tell->n_fed; i++) {
		if (tell->fed[i]->counter >= COUNTERS_MAX || tell->fed[i]->reader == 0 ||
			tell->fed[i]->reader > READERS_MAX)
			return message_refuse(err, "places: a feed out of range");
	}
	if (tell->n_places > STREAMS_MAX)
		return message_refuse(err, "places: of too many streams");
	for (size_t i = 0; i < tell->n_places; i++) {
		int rc = places_check(tell->places[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

static int stream_status_check(const Control__StreamStatus *status, struct error *err)
{
	if (!message_text_valid(status->name, COUNTER_NAME_MAX + 1) ||
		!message_text_valid(status->archive_alarm, ALARM_LEN))
		return message_refuse(err, "status: not a text");
	if (!status->limits || stream_limits_check(status->limits, false, err))
		return message_refuse(err, "status: a stream without good limits");
	for (size_t i = 0; i < status->n_readers; i++) {
		if (!message_text_valid(status->readers[i]->program, PROGRAM_LEN))
			return message_refuse(err, "status: not a program");
	}
	return 0;
}

int stream_statuses_check(
	Control__StreamStatus *const *streams, size_t count, struct error *err)
{
	if (count > STREAMS_MAX)
		return message_refuse(err, "status: too many streams");
	for (size_t i = 0; i < count; i++) {
		int rc = stream_status_check(streams[i], err);

		if (rc)
			return rc;
	}
	return 0;
}
