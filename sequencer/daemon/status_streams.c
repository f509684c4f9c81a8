#include "sequencer/daemon/status_streams.h"

#include <stdlib.h>

#include "sequencer/control/stream_message.h"

struct shown_reader {
	struct stream_reader_status of;
	Control__ReaderStatus wire;
};

struct shown_stream {
	struct stream_status of;
	Control__StreamLimits limits;
	Control__StreamStatus wire;
};

struct status_streams {
	uint32_t streams_count;
	struct shown_stream *streams; /* room for as many as are known */
	Control__StreamStatus **stream_list;
	uint32_t readers_count;
	struct shown_reader readers[STATUS_READERS_MAX];
	Control__ReaderStatus *reader_list[STATUS_READERS_MAX];
};

void status_streams_free(struct status_streams *all)
{
	if (!all)
		return;
	free(all->streams);
	free(all->stream_list);
	free(all);
}

static struct status_streams *room_make(uint32_t streams_count)
{
	struct status_streams *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->streams = calloc(streams_count + 1, sizeof(*all->streams));
	all->stream_list = calloc(streams_count + 1, sizeof(*all->stream_list));
	if (all->streams && all->stream_list)
		return all;
	status_streams_free(all);
	return NULL;
}

static void reader_to_wire(struct shown_reader *reader)
{
	const struct stream_reader_status *from = &reader->of;
	Control__ReaderStatus *to = &reader->wire;

	control__reader_status__init(to);
	to->reader = from->reader;
	to->pid = from->pid;
	to->program = reader->of.program;
	to->consumed = from->consumed;
	to->lag = from->lag;
	to->fed = from->fed;
	to->archive = from->archive;
	to->slow = from->slow;
}

static void readers_make(struct status_streams *all, struct stream_host *host,
	uint32_t counter, Control__StreamStatus *to)
{
	to->readers = &all->reader_list[all->readers_count];
	for (uint32_t i = 0; all->readers_count < STATUS_READERS_MAX; i++) {
		struct shown_reader *reader = &all->readers[all->readers_count];

		if (!stream_host_reader_status(host, counter, i, &reader->of))
			return;
		reader_to_wire(reader);
		all->reader_list[all->readers_count++] = &reader->wire;
		to->n_readers++;
	}
}

static void archive_to_wire(const struct stream_status *from, Control__StreamStatus *to)
{
	to->archiving = from->archiving;
	to->archive_oldest = from->archive_oldest;
	to->archived = from->archived;
	to->synced = from->synced;
	to->archive_missing = from->archive_missing;
	to->acknowledged = from->acknowledged;
	to->archive_alarm = (char *)(uintptr_t)from->archive_alarm;
}

static void stream_to_wire(struct shown_stream *stream, const struct stream_seat *seat)
{
	const struct stream_status *from = &stream->of;
	Control__StreamStatus *to = &stream->wire;

	control__stream_status__init(to);
	stream_limits_to_wire(&from->limits, &stream->limits);
	to->limits = &stream->limits;
	to->counter = seat->counter;
	to->name = (char *)(uintptr_t)from->name;
	to->oldest = from->oldest;
	to->end = from->end;
	to->commit = from->commit;
	to->accepted = from->counts.accepted;
	to->holes = from->counts.holes;
	to->refused = from->counts.refused;
	to->rate = from->rate;
	to->writes = from->writes;
	to->runs = from->runs;
	to->tail_reads = from->tail_reads;
	to->tail_refused = from->tail_refused;
	to->tail_applied = from->tail_applied;
	archive_to_wire(from, to);
}

struct status_streams *status_streams_make(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	struct status_streams *all = room_make(s->seats_count);

	for (uint32_t i = 0; all && i < s->seats_count; i++) {
		struct shown_stream *stream = &all->streams[all->streams_count];
		const struct stream_seat *seat = &s->seats[i];

		if (!stream_host_status(s->host, seat->counter, &stream->of))
			continue;
		stream_to_wire(stream, seat);
		if (replica_is_head(r))
			stream->wire.publishers = seat->rows.held;
		readers_make(all, s->host, seat->counter, &stream->wire);
		all->stream_list[all->streams_count++] = &stream->wire;
	}
	return all;
}

void status_streams_fill(struct status_streams *all, Control__Status *status)
{
	status->n_streams = all->streams_count;
	status->streams = all->stream_list;
}
