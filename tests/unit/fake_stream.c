#include "tests/unit/fake_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hw/clock.h"
#include "sequencer/control/stream_message.h"
#include "tests/unit/fake_talk.h"

#define RUN_MAX 64

static const struct stream_limits usual = {.slot_len = 128,
	.slots = STREAM_RING_MIN,
	.rows = 8,
	.hole_timeout_ns = 20 * NS_PER_MS,
	.message_max = 65536};

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

static void *base_of(const struct memory *memory)
{
	return memory->ops->base(memory);
}

static struct fake_stream_member *member_of(struct fake *fake, unsigned int place)
{
	struct fake_stream *s = &fake->stream;
	struct fake_stream_member *m = &s->members[place];
	uint64_t len;

	if (m->inbox)
		return m;
	assert_true(stream_log_len(
		s->limits.slots, s->limits.slot_len, s->limits.rows, &len));
	m->log_memory = memory_make(fake, len);
	m->inbox = memory_make(fake, stream_inbox_len(&s->limits));
	stream_log_create(&m->log, base_of(m->log_memory), s->limits.slots,
		s->limits.slot_len, s->limits.rows, 0);
	return m;
}

static struct stream_places places_of(
	struct fake *fake, unsigned int place, uint64_t epoch, bool head)
{
	struct fake_stream *s = &fake->stream;
	struct fake_stream_member *m = &s->members[place];
	unsigned char *words = base_of(m->words[epoch]);
	unsigned char *behind = words + stream_words_room(s->limits.rows);
	struct stream_places places = {.words = (void *)words,
		.inbox = (void *)behind,
		.ring = {.slot_len = s->limits.slot_len, .mask = s->limits.slots - 1}};

	places.ring.bytes = head ? (unsigned char *)base_of(m->inbox) + STREAM_INBOX_RING
				 : behind + sizeof(struct stream_inbox);
	return places;
}

static void member_enter(struct fake *fake, unsigned int at, uint64_t epoch)
{
	struct fake_stream *s = &fake->stream;
	unsigned int place = fake->newest.chain[at];
	struct fake_stream_member *m = member_of(fake, place);
	struct stream_entering entering = {.epoch = epoch,
		.ceiling = fake->ceiling,
		.hole_timeout_ns = s->limits.hole_timeout_ns,
		.head = at == 0,
		.tail = at + 1 == fake->newest.count};

	m->words[epoch] = memory_make(fake, stream_words_memory_len(&s->limits, true));
	entering.places = places_of(fake, place, epoch, entering.head);
	stream_log_prepare(&m->log, epoch, entering.places.words, entering.places.inbox);
	stream_log_enter(&m->log, &entering);
}

static void all_enter(struct fake *fake, uint64_t epoch)
{
	fake->stream.epoch = epoch;
	for (unsigned int i = 0; i < fake->newest.count; i++)
		member_enter(fake, i, epoch);
}

void fake_stream_make(
	struct fake *fake, const char *name, const struct stream_limits *limits)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->stream.limits = limits ? *limits : usual;
	assert_true(stream_limits_valid(&fake->stream.limits));
	fake->stream.counter = fake_name_place(fake, name);
	fake->stream.base = fake->base;
	all_enter(fake, fake->newest.epoch);
	fake->stream.made = true;
	(void)pthread_mutex_unlock(&fake->lock);
}

static void memory_end(struct memory *memory)
{
	if (memory)
		memory->ops->withdraw(memory);
}

static void memories_end(struct fake *fake)
{
	fake_snapshots_end(fake);
	for (int i = 0; i < FAKE_STREAM_PLACES; i++) {
		struct fake_stream_member *m = &fake->stream.members[i];

		memory_end(m->log_memory);
		memory_end(m->inbox);
		for (int k = 0; k < FAKE_STREAM_EPOCHS; k++)
			memory_end(m->words[k]);
	}
}

/* Brings a log to the base, out of one that ends there. */
static void log_fill(struct stream_log *to, const struct stream_log *from, uint64_t base)
{
	while (stream_log_end(to) < base)
		assert_true(stream_log_fill(
			to, stream_ring_at(&from->ring, stream_log_end(to) + 1)));
}

void fake_stream_change(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain)
{
	struct fake_stream *s = &fake->stream;
	struct fake_epoch was = fake->newest;
	struct stream_log *longest = &s->members[was.chain[0]].log;
	uint64_t base;

	for (unsigned int i = 0; i < was.count; i++)
		fake_seal(fake, was.chain[i], was.epoch);
	(void)pthread_mutex_lock(&fake->lock);
	for (unsigned int i = was.count; i-- > 0;)
		assert_true(
			stream_log_seal(&s->members[was.chain[i]].log, was.epoch, &base));
	fake->base = base; /* the head's */
	s->base = base;
	(void)pthread_mutex_unlock(&fake->lock);
	fake_install(fake, epoch, count, chain);
	(void)pthread_mutex_lock(&fake->lock);
	for (unsigned int i = 0; i < count; i++)
		log_fill(&member_of(fake, chain[i])->log, longest, base);
	all_enter(fake, epoch);
	(void)pthread_mutex_unlock(&fake->lock);
}

unsigned char *fake_stream_slot(struct fake *fake, unsigned int place, uint64_t position)
{
	struct stream_places places = places_of(fake, place, fake->stream.epoch, true);

	return stream_ring_at(&places.ring, position);
}

bool fake_stream_read(struct fake *fake, unsigned int place, uint64_t position,
	struct stream_slot *slot_p, void *payload)
{
	const struct stream_log *log = &fake->stream.members[place].log;
	const unsigned char *bytes;
	bool there;

	(void)pthread_mutex_lock(&fake->lock);
	bytes = stream_ring_at(&log->ring, position);
	there = position >= stream_log_oldest(log) && position <= stream_log_end(log) &&
		stream_slot_read(bytes, log->ring.slot_len, slot_p) &&
		slot_p->position == position;
	if (there && payload)
		memcpy(payload, bytes + STREAM_SLOT_HEADER, slot_p->len);
	(void)pthread_mutex_unlock(&fake->lock);
	return there;
}

uint64_t fake_stream_length(struct fake *fake, unsigned int place)
{
	uint64_t end;

	(void)pthread_mutex_lock(&fake->lock);
	end = stream_log_end(&fake->stream.members[place].log);
	(void)pthread_mutex_unlock(&fake->lock);
	return end;
}

static void run_carry(struct stream_log *from, struct stream_log *to)
{
	uint32_t slot_len = from->ring.slot_len;
	struct stream_run run;
	struct stream_fed words;

	while (stream_log_run(from, RUN_MAX, &run)) {
		for (uint32_t i = 0; i < run.parts_count; i++)
			memcpy(stream_ring_at(&to->places.ring, run.parts[i].first),
				stream_ring_at(&from->ring, run.parts[i].first),
				(size_t)run.parts[i].count * slot_len);
		stream_feed_run_posted(&from->successor, &run);
	}
	if (!stream_feed_words(&from->successor, stream_log_oldest(from), &words))
		return;
	to->places.inbox->fed = words;
	stream_feed_words_posted(&from->successor, &words);
}

static void answer_carry(struct stream_log *from, struct stream_log *to)
{
	struct stream_back back;

	if (!stream_log_back(to, &back))
		return;
	from->places.words->back = back;
	stream_log_back_posted(to, &back);
	(void)stream_log_look_back(from);
}

static void logs_turn(struct fake *fake)
{
	struct fake_stream *s = &fake->stream;
	struct stream_log *head, *tail;
	uint64_t drawn;

	if (!s->made || s->epoch != fake->newest.epoch)
		return;
	head = &s->members[fake->newest.chain[0]].log;
	tail = &s->members[fake->newest.chain[fake->newest.count - 1]].log;
	drawn = *fake_word(
		fake, fake->newest.chain[0], s->epoch, region_counter_offset(s->counter));
	if (head->phase == STREAM_OPEN && !s->held)
		(void)stream_log_advance(head, drawn, RUN_MAX, clock_now_ns());
	if (head == tail || s->tail_held)
		return;
	run_carry(head, tail);
	(void)stream_log_advance(tail, 0, RUN_MAX, 0);
	answer_carry(head, tail);
}

static uint64_t row_for(struct fake *fake, uint64_t presented)
{
	struct fake_stream *s = &fake->stream;

	if (s->forgets)
		return 0;
	if (!presented) {
		s->rows++;
		presented = stream_publisher_name(
			s->epoch << 20 | s->rows, s->rows % s->limits.rows);
	}
	s->publisher = presented;
	return presented;
}

static void places_fill(
	struct fake_stream *s, unsigned int place, Control__StreamPlaces *places)
{
	struct fake_stream_member *m = &s->members[place];
	struct memory *words = m->words[s->epoch];

	places->counter = s->counter;
	places->epoch = s->tells_epoch ? s->tells_epoch : s->epoch;
	places->words = (char *)words->ops->address(words);
	places->inbox = (char *)words->ops->address(m->inbox);
	places->log = (char *)words->ops->address(m->log_memory);
	places->words_path = (char *)words->ops->pages(words)->path;
	places->inbox_path = (char *)words->ops->pages(m->inbox)->path;
	places->log_path = (char *)words->ops->pages(m->log_memory)->path;
}

static void opened_send(struct fake *fake, unsigned int place, struct fake_connection *c,
	const Control__Request *request)
{
	struct fake_stream *s = &fake->stream;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__StreamOpened opened = CONTROL__STREAM_OPENED__INIT;
	Control__StreamLimits limits;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;

	stream_limits_to_wire(&s->limits, &limits);
	places_fill(s, place, &places);
	opened.counter = places.counter;
	opened.epoch = places.epoch;
	opened.epoch_base = s->base;
	if (request->open_stream->publishes)
		opened.publisher = row_for(fake, request->open_stream->publisher);
	opened.limits = &limits;
	opened.places = &places;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_STREAM_OPENED;
	reply.stream_opened = &opened;
	fake_reply_send(c, &reply);
}

/* Everybody reads in place, and nobody is waited for; so lines may be shared. */
static void subscribed_send(struct fake *fake, unsigned int place,
	struct fake_connection *c, const Control__Request *request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Subscribed told = CONTROL__SUBSCRIBED__INIT;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;

	places_fill(&fake->stream, place, &places);
	told.reader = 1;
	told.epoch = places.epoch;
	told.consumed = request->subscribe->consumed;
	told.places = &places;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_SUBSCRIBED;
	reply.subscribed = &told;
	fake_reply_send(c, &reply);
}

static void refusal_send(
	struct fake_connection *c, const Control__Request *request, int refusal)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.id = request->id;
	reply.error = (uint32_t)refusal;
	reply.text = (char *)"fake: no stream for you; try another";
	fake_reply_send(c, &reply);
}

static void snapshot_answer(
	struct fake_stream *s, struct fake_connection *c, const Control__Request *request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotAcknowledged done = CONTROL__SNAPSHOT_ACKNOWLEDGED__INIT;

	s->snapshots++;
	s->snapshot = request->acknowledge_snapshot->position;
	if (s->snapshot_refusal)
		refusal_send(c, request, s->snapshot_refusal);
	if (s->snapshot_refusal || s->snapshot_lost)
		return;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED;
	reply.snapshot_acknowledged = &done;
	fake_reply_send(c, &reply);
}

static bool stream_answer(struct fake *fake, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	struct fake_stream *s = &fake->stream;
	unsigned int place = (unsigned int)(r - fake->replicas);
	int refusal = s->refusal;

	if (request->body_case == CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT) {
		snapshot_answer(s, c, request);
		return true;
	}
	if (request->body_case == CONTROL__REQUEST__BODY_UNSUBSCRIBE ||
		fake_snapshots_request(fake, place, c, request))
		return true;
	if (request->body_case == CONTROL__REQUEST__BODY_SUBSCRIBE && s->made &&
		r->serves.epoch == s->epoch) {
		subscribed_send(fake, place, c, request);
		return true;
	}
	if (request->body_case != CONTROL__REQUEST__BODY_OPEN_STREAM)
		return false;
	if (!refusal && request->open_stream->publishes)
		refusal = s->row_refusal;
	s->opened++;
	if (!refusal && (!s->made || r->serves.epoch != s->epoch))
		refusal = s->made ? EAGAIN : ENOENT;
	if (refusal)
		refusal_send(c, request, refusal);
	else
		opened_send(fake, place, c, request);
	return true;
}

void fake_stream_begin(struct fake *fake)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->extra = (struct fake_extra){
		.request = stream_answer, .turn = logs_turn, .end = memories_end};
	(void)pthread_mutex_unlock(&fake->lock);
}
