#include "tests/unit/fake_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/panic.h"
#include "tests/unit/fake_talk.h"

#define ROW 1u
#define HOLE_NS UINT64_C(1000000)
#define FEED_MAX 64

static struct fake_log *log_of(struct fake_source *s, const struct fake_replica *r)
{
	return &s->logs[r->id - 1];
}

static struct memory *memory_make(struct fake *fake, uint64_t len)
{
	struct memory_config config = {
		.pages = {.len = len, .huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1}};
	struct error err = {.text = ""};
	struct memory *memory;

	if (shm_memory_ops.expose(fake->device, &config, &memory, &err))
		fail_msg("%s", err.text);
	return memory;
}

static void *base(const struct memory *memory)
{
	return memory->ops->base(memory);
}

static void words_make(struct fake_source *s, struct fake_log *log, uint64_t epoch)
{
	struct stream_words *words;

	log->words[epoch] = memory_make(s->fake, stream_words_room(FAKE_ROWS));
	words = base(log->words[epoch]);
	stream_log_prepare(&log->machine, epoch, words, &log->no_inbox);
	stream_log_enter(&log->machine,
		&(struct stream_entering){.epoch = epoch,
			.ceiling = COUNTER_LIMIT - 1,
			.hole_timeout_ns = HOLE_NS,
			.head = true,
			.tail = true,
			.places = {.words = words,
				.inbox = &log->no_inbox,
				.ring = {.bytes = (unsigned char *)base(log->inbox) +
						  STREAM_INBOX_RING,
					.slot_len = FAKE_SLOT_LEN,
					.mask = FAKE_SLOTS - 1}}});
}

static void log_make(struct fake_source *s, struct fake_log *log)
{
	uint64_t len;

	assert_true(stream_log_len(FAKE_SLOTS, FAKE_SLOT_LEN, FAKE_ROWS, &len));
	log->log = memory_make(s->fake, len);
	log->inbox = memory_make(s->fake, stream_inbox_len(&s->limits));
	stream_log_create(
		&log->machine, base(log->log), FAKE_SLOTS, FAKE_SLOT_LEN, FAKE_ROWS, 0);
	words_make(s, log, s->fake->newest.epoch);
}

static void places_fill(const struct fake_log *log, const struct fake_replica *r,
	Control__StreamPlaces *places)
{
	const struct memory *words = log->words[r->serves.epoch];

	places->epoch = r->serves.epoch;
	places->words = (char *)words->ops->address(words);
	places->inbox = (char *)log->inbox->ops->address(log->inbox);
	places->log = (char *)log->log->ops->address(log->log);
	places->words_path = (char *)words->ops->pages(words)->path;
	places->inbox_path = (char *)log->inbox->ops->pages(log->inbox)->path;
	places->log_path = (char *)log->log->ops->pages(log->log)->path;
}

static void on_open(struct fake_source *s, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__StreamOpened opened = CONTROL__STREAM_OPENED__INIT;
	Control__StreamLimits limits = CONTROL__STREAM_LIMITS__INIT;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;

	limits.slot_len = s->limits.slot_len;
	limits.slots = s->limits.slots;
	limits.rows = s->limits.rows;
	limits.blocks = s->limits.blocks;
	limits.archiving = s->limits.archiving;
	limits.hole_timeout_ns = s->limits.hole_timeout_ns;
	limits.message_max = s->limits.message_max;
	places_fill(log_of(s, r), r, &places);
	opened.epoch = r->serves.epoch;
	opened.epoch_base = s->fake->base;
	opened.limits = &limits;
	opened.places = &places;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_STREAM_OPENED;
	reply.stream_opened = &opened;
	fake_reply_send(c, &reply);
}

static uint64_t log_oldest(const struct fake_log *log)
{
	return stream_log_oldest(&log->machine);
}

/* The reader that it is, or a new one. */
static uint32_t reader_take(struct fake_log *log, const Control__Subscribe *wanted)
{
	uint32_t i = wanted->reader ? wanted->reader - 1 : 0;

	while (!wanted->reader && log->readers[i].used &&
		log->readers[i].subscriber != wanted->subscriber)
		i++;
	PAWL_ASSERT(i < FAKE_READERS);
	if (log->readers[i].link)
		shm_memory_ops.disconnect(log->readers[i].link);
	log->readers[i] = (struct fake_reader){
		.used = true, .subscriber = wanted->subscriber};
	return i;
}

static void reader_feed(struct fake_source *s, struct fake_reader *reader,
	const Control__Subscribe *wanted, uint64_t consumed)
{
	const struct link_config config = {.depth = FEED_MAX};

	PAWL_ASSERT(shm_memory_ops.connect(s->fake->device, wanted->inbox, &config,
			    &reader->link, NULL) == 0);
	stream_feed_init(&reader->feed, wanted->inbox_slots, consumed);
}

static void refuse(struct fake_connection *c, uint64_t id, int code)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.id = id;
	reply.error = (uint32_t)code;
	reply.text = (char *)"fake: no subscribers here";
	fake_reply_send(c, &reply);
}

static struct stream_reader_line *lines(const struct fake_log *log)
{
	return base(log->inbox);
}

static void on_subscribe(struct fake_source *s, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	const Control__Subscribe *wanted = request->subscribe;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Subscribed told = CONTROL__SUBSCRIBED__INIT;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;
	struct fake_log *log = log_of(s, r);
	uint32_t place;

	log->subscribes++;
	log->fed += wanted->inbox[0] != '\0';
	if (log->refusal) {
		refuse(c, request->id, log->refusal);
		if (log->refusals > 0 && --log->refusals == 0)
			log->refusal = 0;
		return;
	}
	place = reader_take(log, wanted);
	places_fill(log, r, &places);
	told.reader = place + 1;
	told.epoch = r->serves.epoch;
	told.archive_oldest = log->archive ? log->archive_oldest : 0;
	told.consumed = wanted->consumed;
	if (wanted->oldest)
		told.consumed = (told.archive_oldest ? told.archive_oldest
						     : log_oldest(log)) -
				1;
	told.places = &places;
	lines(log)[place].consumed = told.consumed;
	if (wanted->inbox[0])
		reader_feed(s, &log->readers[place], wanted, told.consumed);
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_SUBSCRIBED;
	reply.subscribed = &told;
	if (!log->answers_nothing)
		fake_reply_send(c, &reply);
}

static void reader_end(struct fake_reader *reader)
{
	if (reader->link)
		shm_memory_ops.disconnect(reader->link);
	*reader = (struct fake_reader){.used = false};
}

static void on_unsubscribe(struct fake_log *log, const Control__Unsubscribe *leaving)
{
	uint32_t i = leaving->reader ? leaving->reader - 1 : 0;

	while (!leaving->reader && i + 1 < FAKE_READERS &&
		log->readers[i].subscriber != leaving->subscriber)
		i++;
	reader_end(&log->readers[i]);
}

static bool on_request(struct fake *fake, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	struct fake_source *s = fake->extra.context;

	switch (request->body_case) {
	case CONTROL__REQUEST__BODY_OPEN_STREAM:
		on_open(s, r, c, request);
		return true;
	case CONTROL__REQUEST__BODY_SUBSCRIBE:
		on_subscribe(s, r, c, request);
		return true;
	case CONTROL__REQUEST__BODY_UNSUBSCRIBE:
		on_unsubscribe(log_of(s, r), request->unsubscribe);
		/* Partner: reading_left. */
		__atomic_fetch_add(&log_of(s, r)->unsubscribes, 1, __ATOMIC_RELEASE);
		return true;
	default:
		return false;
	}
}

/* One slot into a reader's inbox. */
static void slot_send(struct fake_reader *reader, const void *slot, uint64_t position)
{
	uint64_t at = sizeof(struct stream_inbox) +
		      (position & (reader->feed.slots - 1)) * FAKE_SLOT_LEN;
	struct completion done;
	int count;

	PAWL_ASSERT(shm_memory_ops.write(reader->link, at, slot, FAKE_SLOT_LEN, 0) == 0);
	PAWL_ASSERT(shm_memory_ops.poll(reader->link, &done, 1, &count) == 0);
}

static void words_send(struct fake_reader *reader, uint64_t oldest)
{
	struct stream_fed words;
	struct completion done;
	int count;

	if (!stream_feed_words(&reader->feed, oldest, &words))
		return;
	PAWL_ASSERT(shm_memory_ops.write(reader->link, 0, &words, sizeof(words), 0) == 0);
	PAWL_ASSERT(shm_memory_ops.poll(reader->link, &done, 1, &count) == 0);
	stream_feed_words_posted(&reader->feed, &words);
}

/* What is before the ring is taken from the archive, if there is one that has it. */
static void reader_turn(struct fake_log *log, struct fake_reader *reader)
{
	const struct stream_ring *ring = &log->machine.ring;
	uint64_t retained = log_oldest(log), end = stream_log_end(&log->machine);
	bool archive = log->archive && reader->feed.sent + 1 < retained;
	uint64_t oldest = archive ? log->archive_oldest : retained;
	struct stream_run run;

	if (stream_feed_run(&reader->feed, FAKE_SLOTS, oldest, end, FEED_MAX, &run)) {
		for (uint64_t p = run.parts[0].first; p <= run.end; p++)
			slot_send(reader,
				archive ? log->archive + p * FAKE_SLOT_LEN
					: stream_ring_at(ring, p),
				p);
		stream_feed_run_posted(&reader->feed, &run);
	}
	words_send(reader, oldest);
}

static void log_turn(struct fake_log *log)
{
	for (unsigned int i = 0; i < FAKE_READERS && log->log; i++) {
		struct fake_reader *reader = &log->readers[i];

		if (!reader->link || log->feeds_nothing)
			continue;
		stream_feed_consumed(&reader->feed,
			__atomic_load_n(&lines(log)[i].consumed, __ATOMIC_ACQUIRE));
		reader_turn(log, reader);
	}
}

static void on_turn(struct fake *fake)
{
	struct fake_source *s = fake->extra.context;

	for (unsigned int i = 0; i < FAKE_REPLICAS; i++)
		log_turn(&s->logs[i]);
}

void fake_source_begin(
	struct fake_source *s, struct fake *fake, enum stream_archiving archiving)
{
	(void)pthread_mutex_lock(&fake->lock);
	*s = (struct fake_source){.fake = fake,
		.limits = {.slot_len = FAKE_SLOT_LEN,
			.slots = FAKE_SLOTS,
			.rows = FAKE_ROWS,
			.archiving = archiving,
			.hole_timeout_ns = HOLE_NS,
			.message_max = FAKE_MESSAGE_MAX}};
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		if (fake->replicas[i].listener >= 0)
			log_make(s, &s->logs[i]);
	}
	fake->extra = (struct fake_extra){
		.request = on_request, .turn = on_turn, .context = s};
	(void)pthread_mutex_unlock(&fake->lock);
}

static void log_end(struct fake_log *log)
{
	for (unsigned int i = 0; i < FAKE_READERS; i++)
		reader_end(&log->readers[i]);
	for (unsigned int i = 0; i < FAKE_EPOCHS; i++) {
		if (log->words[i])
			log->words[i]->ops->withdraw(log->words[i]);
	}
	log->log->ops->withdraw(log->log);
	log->inbox->ops->withdraw(log->inbox);
	free(log->archive);
}

void fake_source_end(struct fake_source *s)
{
	(void)pthread_mutex_lock(&s->fake->lock);
	s->fake->extra = (struct fake_extra){.context = NULL};
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		if (s->logs[i].log)
			log_end(&s->logs[i]);
	}
	(void)pthread_mutex_unlock(&s->fake->lock);
}

void fake_source_enter(struct fake_source *s, uint64_t epoch)
{
	(void)pthread_mutex_lock(&s->fake->lock);
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		struct stream_log *log = &s->logs[i].machine;
		uint64_t len;

		if (!s->logs[i].log)
			continue;
		assert_true(stream_log_seal(log, log->control->epoch, &len));
		words_make(s, &s->logs[i], epoch);
	}
	(void)pthread_mutex_unlock(&s->fake->lock);
}

void fake_source_archive(struct fake_source *s, unsigned int place)
{
	struct fake_log *log = &s->logs[place];

	(void)pthread_mutex_lock(&s->fake->lock);
	log->archive = calloc(FAKE_ARCHIVE_MAX, FAKE_SLOT_LEN);
	assert_non_null(log->archive);
	log->archived = stream_log_end(&log->machine);
	log->archive_oldest = log->archived + 1;
	(void)pthread_mutex_unlock(&s->fake->lock);
}

void fake_source_archive_cut(struct fake_source *s, unsigned int place, uint64_t oldest)
{
	(void)pthread_mutex_lock(&s->fake->lock);
	s->logs[place].archive_oldest = oldest;
	(void)pthread_mutex_unlock(&s->fake->lock);
}

/* Takes what is in the inbox up to @position, and archives it. */
static void log_take(struct fake_log *log, uint64_t position, uint64_t now_ns)
{
	const struct stream_ring *ring = &log->machine.ring;

	while (stream_log_advance(&log->machine, position, FEED_MAX, now_ns)) {
	}
	while (log->archive && log->archived < stream_log_end(&log->machine)) {
		uint64_t p = ++log->archived;

		PAWL_ASSERT(p < FAKE_ARCHIVE_MAX);
		memcpy(log->archive + p * FAKE_SLOT_LEN, stream_ring_at(ring, p),
			FAKE_SLOT_LEN);
	}
}

static void slot_put(struct fake_log *log, uint64_t position, uint64_t id, uint8_t flags,
	const void *bytes, uint16_t len)
{
	struct stream_slot slot = {.position = position,
		.epoch = log->machine.control->epoch,
		.publisher = stream_publisher_name(1, ROW),
		.id = id,
		.time_ns = position,
		.len = len,
		.flags = flags};

	stream_slot_write(
		stream_ring_at(&log->machine.places.ring, position), &slot, bytes);
	log_take(log, position, 0);
	PAWL_ASSERT(stream_log_end(&log->machine) == position);
}

/* The publisher's next id, as this log knows it. */
static uint64_t id_next(const struct fake_log *log)
{
	uint64_t publisher = stream_publisher_name(1, ROW);

	return stream_table_id(&log->machine.table, publisher) + 1;
}

static void message_put(struct fake_log *log, uint64_t first, uint32_t slots,
	const void *bytes, uint16_t len)
{
	uint64_t id = id_next(log);

	for (uint32_t i = 0; i < slots; i++) {
		uint8_t flags = 0;

		if (i == 0)
			flags |= STREAM_FIRST;
		if (i + 1 == slots)
			flags |= STREAM_LAST;
		slot_put(log, first + i, id, flags, bytes, len);
	}
}

void fake_source_put(struct fake_source *s, unsigned int places, uint64_t position)
{
	(void)pthread_mutex_lock(&s->fake->lock);
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		if (places & 1u << i)
			message_put(
				&s->logs[i], position, 1, &position, sizeof(position));
	}
	(void)pthread_mutex_unlock(&s->fake->lock);
}

void fake_source_put_until(
	struct fake_source *s, unsigned int places, uint64_t first, uint64_t last)
{
	for (uint64_t p = first; p <= last; p++)
		fake_source_put(s, places, p);
}

void fake_source_put_long(
	struct fake_source *s, unsigned int places, uint64_t first, uint32_t slots)
{
	char bytes[FAKE_SLOT_LEN - STREAM_SLOT_HEADER];

	memset(bytes, 'x', sizeof(bytes));
	(void)pthread_mutex_lock(&s->fake->lock);
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		if (places & 1u << i)
			message_put(&s->logs[i], first, slots, bytes, sizeof(bytes));
	}
	(void)pthread_mutex_unlock(&s->fake->lock);
}

/* It was drawn, and its slot does not come. */
void fake_source_put_void(struct fake_source *s, unsigned int places, uint64_t position)
{
	(void)pthread_mutex_lock(&s->fake->lock);
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++) {
		if (!(places & 1u << i))
			continue;
		log_take(&s->logs[i], position, 1);
		log_take(&s->logs[i], position, 2 + 2 * HOLE_NS);
		PAWL_ASSERT(stream_log_end(&s->logs[i].machine) == position);
	}
	(void)pthread_mutex_unlock(&s->fake->lock);
}

uint64_t fake_source_line(struct fake_source *s, unsigned int place, uint32_t reader)
{
	return __atomic_load_n(
		&lines(&s->logs[place])[reader - 1].consumed, __ATOMIC_ACQUIRE);
}
