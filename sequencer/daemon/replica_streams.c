#include "sequencer/daemon/replica_streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/region.h"
#include "sequencer/daemon/archive_home.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define NS_PER_S UINT64_C(1000000000)

static void on_news_async(uv_async_t *async)
{
	struct replica *r = async->data;

	if (r->ended)
		return;
	streams_look(r);
	replica_run(r);
}

int streams_init(struct replica *r, struct error *err)
{
	struct replica_streams *s = &r->streams;
	int rc = uv_async_init(r->loop, &s->news, on_news_async);

	if (rc)
		return error_set(err, rc, "pawld: %s: streams: %s", r->config->cluster,
			error_reason(rc));
	(void)uv_timer_init(r->loop, &s->ask);
	s->news.data = r;
	s->ask.data = r;
	s->handles_open = 2;
	return 0;
}

/* On a thread of the host. */
static void on_news(void *context)
{
	struct replica *r = context;

	(void)uv_async_send(&r->streams.news);
}

static void on_ask(void *context)
{
	streams_ask_all(context);
}

static void on_made(void *context)
{
	streams_tell_all(context);
}

static void on_tell(void *context, const char *line)
{
	(void)context;
	log_warning("%s", line);
}

static struct stream_archive_settings archive_settings(const struct replica *r)
{
	const struct daemon_config *c = r->config;

	return (struct stream_archive_settings){
		.directory = r->streams.archive_dir[0] ? r->streams.archive_dir : NULL,
		.sync = c->archive_sync,
		.sync_interval_ns = c->archive_sync_ms * NS_PER_MS,
		.segment_len = c->archive_segment,
		.size_max = c->archive_size,
		.age_max_ns = c->archive_age * NS_PER_S,
		.snapshots = c->archive_retain == CONFIG_RETAIN_SNAPSHOT};
}

/* What is above the replica's archives; if it can not be made, the first archive says why. */
static int archive_dir_make(
	const struct daemon_config *c, struct replica_streams *s, struct error *err)
{
	char directory[PATHS_LEN_MAX];

	if (paths_cluster_dir(c->archive_dir, c->cluster, directory, sizeof(directory),
		    NULL) == 0 &&
		paths_make(directory, 0755, NULL))
		log_debug("archives: %s can not be made", directory);
	return paths_archive(c->archive_dir, c->cluster, (uint16_t)c->id, s->archive_dir,
		sizeof(s->archive_dir), err);
}

static int host_start(struct replica *r, struct error *err)
{
	const struct daemon_config *c = r->config;
	struct replica_streams *s = &r->streams;
	struct stream_host_config config = {.ops = r->ops,
		.device = replica_device_config(c),
		.link_timeout_ns = c->link_timeout_ms * NS_PER_MS,
		.directory = c->memory_dir,
		.cluster = c->cluster,
		.replica = c->id,
		.instance = r->facts.instance,
		.incarnation = roster_self(&r->roster)->member.incarnation,
		.pages = r->regions.pages,
		.threads = c->stream_threads,
		.pin = c->stream_pin,
		.tail_memory = c->tail_memory,
		.news = on_news,
		.ask = on_ask,
		.made = on_made,
		.tell = on_tell,
		.context = r};
	int rc = 0;

	PAWL_ASSERT(r->facts.instance != 0);
	config.device.port = 0; /* each thread's device has another one */
	if (c->archive_dir[0])
		rc = archive_dir_make(c, s, err);
	config.archive = archive_settings(r);
	return rc ? rc : stream_host_start(&config, &s->host, err);
}

struct stream_seat *streams_seat(struct replica *r, uint32_t counter)
{
	struct replica_streams *s = &r->streams;

	for (uint32_t i = 0; i < s->seats_count; i++) {
		if (s->seats[i].counter == counter)
			return &s->seats[i];
	}
	return NULL;
}

static int seat_make(struct replica *r, uint32_t counter, struct error *err)
{
	struct replica_streams *s = &r->streams;
	const struct stream_limits *limits = catalog_stream(&r->catalog, counter);
	const char *name = catalog_name(&r->catalog, counter);
	struct stream_seat *seat = &s->seats[s->seats_count];
	int rc = 0;

	PAWL_ASSERT(s->seats_count < STREAMS_MAX); /* R8 of the record */
	if (!s->host)
		rc = host_start(r, err);
	if (!rc && limits->archiving != STREAM_ARCHIVE_OFF && s->archive_dir[0] &&
		archive_home_take(s->archive_dir, r->facts.instance, err))
		log_warning(
			"%s", err->text); /* the archive will say so too, as an alarm */
	if (!rc)
		rc = stream_host_know(s->host, counter, name, limits, err);
	if (rc)
		return rc;
	*seat = (struct stream_seat){.counter = counter};
	if (rows_init(&seat->rows, limits->rows))
		return error_set(err, -ENOMEM, "pawld: %s: out of memory", name);
	snapshots_know(r, s->seats_count++);
	return 0;
}

int streams_know(struct replica *r, struct error *err)
{
	struct replica_streams *s = &r->streams;
	uint32_t from = s->seats_count ? s->seats[s->seats_count - 1].counter + 1 : 0;
	int rc = 0;

	if (s->seats_count == r->catalog.streams_count)
		return 0;
	for (uint32_t i = from; i < r->catalog.count && !rc; i++) {
		if (catalog_stream(&r->catalog, i))
			rc = seat_make(r, i, err);
	}
	return rc;
}

int streams_adopt(struct replica *r, uint32_t counters_count, struct error *err)
{
	struct replica_streams *s = &r->streams;
	int rc = streams_know(r, err);

	for (uint32_t i = 0; i < s->seats_count && !rc; i++) {
		if (s->seats[i].counter < counters_count) /* B4 */
			rc = stream_host_adopt(s->host, s->seats[i].counter, err);
	}
	return rc;
}

static void seat_enter(struct replica *r, struct stream_seat *seat, uint64_t epoch)
{
	struct held_region *region = region_set_find(&r->regions, epoch);
	const struct memory *memory = NULL;

	PAWL_ASSERT(region && seat->prepared == epoch); /* H3 */
	if (region->head)
		memory = region->owner.memory;
	seat->entered = epoch;
	stream_host_enter(r->streams.host, seat->counter, epoch, memory,
		region_counter_offset(seat->counter));
}

void streams_seal(struct replica *r, uint64_t epoch)
{
	struct replica_streams *s = &r->streams;

	for (uint32_t i = 0; i < s->seats_count; i++) {
		struct stream_seat *seat = &s->seats[i];

		if (!stream_host_seal(s->host, seat->counter, epoch, &seat->sealed))
			seat->sealed = 0; /* it is newer than its record here */
	}
}

void streams_report(struct replica *r, uint32_t counters_count, uint64_t *values)
{
	struct replica_streams *s = &r->streams;

	for (uint32_t i = 0; i < s->seats_count; i++) {
		struct stream_seat *seat = &s->seats[i];

		if (seat->counter < counters_count)
			values[seat->counter] = seat->sealed; /* B1 */
	}
}

/* 0: in this epoch nobody's log matters (E2). */
static uint64_t followed_epoch(const struct replica *r, const struct epoch_record *record)
{
	const struct epoch_machine *m = &r->machine;
	bool mine = m->proposal.claim == record->epoch &&
		    epoch_member_same(record->proposer, m->config.self);

	if (mine && (m->proposal.recovers || m->seen.former.count == 0))
		return 0;
	return record->active_epoch;
}

static void chain_to_stream(
	const struct replica *r, const struct epoch_chain *from, struct stream_chain *to)
{
	*to = (struct stream_chain){.count = from->count};
	to->place = epoch_chain_place_of_id(from, r->config->id);
	for (uint32_t i = 0; i < from->count; i++)
		to->at[i] = (struct stream_member){
			from->at[i].id, from->at[i].incarnation};
}

static int seat_prepare(struct replica *r, struct stream_seat *seat,
	const struct epoch_record *record, uint64_t from, struct error *err)
{
	const struct epoch_counter *counter = &record->counters[seat->counter];
	struct stream_change change = {.epoch = record->epoch,
		.from = from,
		.base = counter->base,
		.ceiling = counter->ceiling};
	int rc;

	chain_to_stream(r, &record->chain, &change.chain);
	rc = stream_host_prepare(r->streams.host, seat->counter, &change, err);
	if (!rc)
		seat->prepared = record->epoch;
	return rc;
}

int streams_install(struct replica *r, const struct epoch_record *record, bool *ready_p,
	struct error *err)
{
	struct replica_streams *s = &r->streams;
	uint64_t from = followed_epoch(r, record);
	int rc = streams_know(r, err);

	*ready_p = true;
	for (uint32_t i = 0; i < s->seats_count && !rc; i++) {
		if (s->seats[i].counter < record->counters_count)
			rc = seat_prepare(r, &s->seats[i], record, from, err);
	}
	if (rc || !s->host)
		return rc;
	s->source = (struct epoch_member){.id = 0};
	streams_tell_all(r);
	*ready_p = stream_host_prepared(s->host, record->epoch);
	s->installing = *ready_p ? 0 : record->epoch;
	return 0;
}

void streams_serve(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	bool head = replica_is_head(r), again = s->headed;

	s->headed = head;
	for (uint32_t i = 0; i < s->seats_count; i++) {
		struct stream_seat *seat = &s->seats[i];

		if (head)
			rows_begin(&seat->rows, r->served, again, clock_now_ns());
		if (seat->prepared == r->served && seat->entered != r->served)
			seat_enter(r, seat, r->served);
	}
	if (s->host) {
		streams_tell_all(r);
		stream_host_wake(s->host);
	}
}

/* Its memory of the epoch that is served is there. */
static bool is_made(const struct replica *r, uint32_t counter)
{
	struct stream_addresses addresses;

	return stream_host_addresses(r->streams.host, counter, &addresses) &&
	       addresses.epoch == r->served;
}

int streams_added(struct replica *r, uint32_t index, bool *made_p, struct error *err)
{
	struct epoch_record begun = {.epoch = r->served,
		.chain = epoch_serving(&r->machine)->chain,
		.counters_count = index + 1,
		.counters = r->machine.seen.counters};
	struct stream_seat *seat;
	int rc = streams_know(r, err);

	if (rc)
		return rc;
	seat = streams_seat(r, index);
	PAWL_ASSERT(seat);
	if (seat->prepared != r->served) {
		if (replica_is_head(r))
			rows_begin(&seat->rows, r->served, true, clock_now_ns());
		r->streams.pending = true;
		rc = seat_prepare(r, seat, &begun, 0, err);
	}
	*made_p = is_made(r, index);
	return rc;
}

void streams_retire(struct replica *r, uint64_t epoch)
{
	struct replica_streams *s = &r->streams;

	if (s->installing == epoch)
		s->installing = 0;
	if (s->host)
		stream_host_retire(s->host, epoch);
}

void streams_ceilings(struct replica *r, const struct epoch_record *record)
{
	struct replica_streams *s = &r->streams;

	for (uint32_t i = 0; i < s->seats_count; i++) {
		uint32_t counter = s->seats[i].counter;

		if (counter < record->counters_count)
			stream_host_ceiling(
				s->host, counter, record->counters[counter].ceiling);
	}
}

void streams_enter(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	const struct held_region *region = replica_region(r);

	if (!s->pending || !region || !stream_host_prepared(s->host, r->served))
		return;
	s->pending = false;
	for (uint32_t i = 0; i < s->seats_count; i++) {
		struct stream_seat *seat = &s->seats[i];

		if (seat->prepared != r->served || seat->entered == r->served)
			continue;
		if (seat->counter < region->owner.counters_count)
			seat_enter(r, seat, r->served);
		else
			s->pending = true;
	}
	streams_tell_all(r);
}

void streams_look(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	uint64_t epoch = s->installing;
	struct error err;

	if (!s->host)
		return;
	if (stream_host_look(s->host, &err)) {
		replica_end(r, REPLICA_FAILED, &err);
		return;
	}
	snapshots_look(r);
	streams_enter(r);
	if (!epoch || !stream_host_prepared(s->host, epoch))
		return;
	s->installing = 0;
	epoch_on_installed_here(&r->machine, epoch, clock_now_ns()); /* B2 */
}

bool streams_being_made(const struct replica *r)
{
	const struct replica_streams *s = &r->streams;

	return s->pending && !stream_host_prepared(s->host, r->served);
}

/* Log, inbox, and the words of two epochs. */
static uint64_t bytes_needed(const struct stream_limits *limits)
{
	uint64_t log = 0;

	if (!stream_log_len(limits->slots, limits->slot_len, limits->rows, &log))
		return UINT64_MAX;
	return log + stream_inbox_len(limits) + 2 * stream_words_memory_len(limits, true);
}

/* What does not fit here now would end every replica that has to make it. */
int streams_room_check(const struct replica *r, const char *name,
	const struct stream_limits *limits, struct error *err)
{
	uint64_t needed = bytes_needed(limits), room = UINT64_MAX;
	struct statvfs fs;

	if (r->catalog.streams_count >= STREAMS_MAX)
		return error_set(err, -ENOSPC,
			"pawld: %s: there are %d streams, and a cluster can not have "
			"more",
			name, STREAMS_MAX);
	if (statvfs(r->config->memory_dir, &fs) == 0)
		room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (needed <= room)
		return 0;
	return error_set(err, -ENOSPC,
		"pawld: %s: the stream needs %" PRIu64 " MiB of memory at every replica, "
		"and %s has %" PRIu64 " MiB left; make fewer or shorter slots",
		name, (needed + (1u << 20) - 1) >> 20, r->config->memory_dir, room >> 20);
}

void streams_finish(struct replica *r)
{
	const struct epoch_record *seen = &r->machine.seen;
	struct replica_streams *s = &r->streams;

	for (uint32_t i = 0; i < s->seats_count; i++) {
		uint32_t counter = s->seats[i].counter;

		if (counter < seen->counters_count)
			stream_host_finish(s->host, counter, seen->active_epoch,
				seen->counters[counter].base);
	}
}

void streams_end(struct replica *r, bool remove)
{
	struct replica_streams *s = &r->streams;

	snapshots_end(r);
	for (uint32_t i = 0; i < s->seats_count; i++)
		rows_destroy(&s->seats[i].rows);
	s->seats_count = 0;
	if (s->host)
		stream_host_stop(s->host, remove);
	s->host = NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct replica *r = handle->data;

	r->streams.handles_open--;
}

void streams_close(struct replica *r)
{
	struct replica_streams *s = &r->streams;

	if (s->handles_open != 2 || uv_is_closing((uv_handle_t *)&s->news))
		return;
	uv_close((uv_handle_t *)&s->news, on_handle_closed);
	uv_close((uv_handle_t *)&s->ask, on_handle_closed);
}
