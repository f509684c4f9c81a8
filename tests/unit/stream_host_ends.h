/* A publisher and a subscriber of the rig's stream, which are driven by hand. */
#ifndef PAWL_TESTS_UNIT_STREAM_HOST_ENDS_H
#define PAWL_TESTS_UNIT_STREAM_HOST_ENDS_H

#include "sequencer/core/stream_publisher.h"
#include "sequencer/core/stream_subscriber.h"
#include "tests/unit/stream_host_rig.h"

/* A publisher and its links to the head's region and inbox, and the tail's words. */
struct hand {
	struct stream_publisher machine;
	struct stream_message messages[DEPTH];
	uint32_t slot_len;
	uint32_t mask;
	uint64_t payload[DEPTH]; /* by id: what the message says */
	struct link *region;
	struct link *inbox;
	struct link *words;
	uint64_t acked; /* results that were taken */
	bool withholds; /* slots are drawn and never written */
};

static inline struct link *link_to(struct party *p, const char *address)
{
	struct link_config config = {.depth = 64, .token = 5};
	struct link *link;
	struct error err;

	assert_int_equal(
		shm_memory_ops.connect(p->device, address, &config, &link, &err), 0);
	return link;
}

static inline void hand_unlink(struct hand *h)
{
	if (!h->region)
		return;
	shm_memory_ops.disconnect(h->region);
	shm_memory_ops.disconnect(h->inbox);
	shm_memory_ops.disconnect(h->words);
	h->region = NULL;
}

static inline void hand_enter(struct hand *h, struct party *p, uint64_t epoch,
	uint64_t base, uint32_t head, uint32_t tail)
{
	struct stream_addresses at_head, at_tail;

	hand_unlink(h);
	assert_true(stream_host_addresses(p->members[head].host, COUNTER, &at_head));
	assert_true(stream_host_addresses(p->members[tail].host, COUNTER, &at_tail));
	assert_true(at_tail.epoch == epoch);
	h->region = link_to(p, shm_memory_ops.address(p->members[head].region));
	h->inbox = link_to(p, at_head.inbox);
	h->words = link_to(p, at_tail.words);
	stream_publisher_enter(&h->machine, epoch, base, p->limits.slots);
}

static inline void hand_begin(struct hand *h, struct party *p, uint32_t row)
{
	memset(h, 0, sizeof(*h));
	h->slot_len = p->limits.slot_len;
	h->mask = p->limits.slots - 1;
	stream_publisher_init(
		&h->machine, stream_publisher_name(row + 1, row), h->messages, DEPTH);
}

static inline uint64_t completed(struct link *link, int rc)
{
	struct completion done;

	assert_int_equal(rc, 0);
	assert_int_equal(link_wait_completion(link, WAIT_NS, &done), 0);
	assert_int_equal(done.status, 0);
	return done.value;
}

static inline void hand_write(struct hand *h, const struct stream_publisher_effect *e)
{
	_Alignas(64) unsigned char bytes[SLOT_LEN];
	struct stream_slot slot = {.position = e->position,
		.epoch = h->machine.epoch,
		.publisher = h->machine.publisher,
		.id = e->id,
		.len = sizeof(uint64_t),
		.flags = e->flags};

	if (h->withholds)
		return;
	stream_slot_write(bytes, &slot, &h->payload[e->id % DEPTH]);
	(void)completed(h->inbox,
		shm_memory_ops.write(h->inbox,
			STREAM_INBOX_RING + (e->position & h->mask) * h->slot_len, bytes,
			stream_slot_used(&slot), 0));
}

static inline void hand_read(struct hand *h)
{
	uint32_t row = stream_publisher_row(h->machine.publisher);
	uint64_t commit, entry;

	(void)completed(
		h->words, shm_memory_ops.read(h->words, 0, &commit, sizeof(commit), 0));
	(void)completed(h->words,
		shm_memory_ops.read(h->words,
			offsetof(struct stream_words, entries) + row * sizeof(uint64_t),
			&entry, sizeof(entry), 0));
	stream_publisher_on_words(&h->machine, commit, entry);
}

/* Does what the machine wants, and takes results. */
static inline void hand_pump(struct hand *h)
{
	struct stream_publisher_effect e;
	struct stream_publisher_result result;
	int steps = 0;

	while (steps++ < 600 && stream_publisher_next(&h->machine, &e)) {
		stream_publisher_posted(&h->machine, &e);
		if (e.kind == STREAM_DRAW)
			stream_publisher_on_draw(&h->machine,
				completed(h->region, shm_memory_ops.fetch_add(h->region,
							     WORD_OFFSET, e.n, 0)));
		else if (e.kind == STREAM_WRITE)
			hand_write(h, &e);
		else
			hand_read(h);
		if (e.kind == STREAM_READ)
			break;
	}
	while (stream_publisher_take(&h->machine, &result)) {
		assert_int_equal(result.outcome, STREAM_ACKNOWLEDGED);
		h->acked++;
	}
}

static inline bool hand_submit(struct hand *h)
{
	uint64_t id;

	if (!stream_publisher_submit(&h->machine, 1, 0, &id))
		return false;
	h->payload[id % DEPTH] = stream_publisher_row(h->machine.publisher) *
					 UINT64_C(1000000000) +
				 id;
	return true;
}

/* @count messages more, until all are acknowledged. */
static inline void hand_publish(struct hand *h, uint64_t count)
{
	uint64_t until = h->machine.submitted + count;
	uint64_t deadline_ns = clock_now_ns() + 2 * WAIT_NS;

	while (h->acked < until) {
		while (h->machine.submitted < until && hand_submit(h))
			;
		hand_pump(h);
		assert_true(clock_now_ns() < deadline_ns);
	}
}

/* A subscriber that reads the log of a member in place. */
struct eye {
	struct stream_subscriber machine;
	struct pages log;
	struct pages words;
	_Alignas(64) unsigned char slot[SLOT_LEN];
	unsigned char buffer[4096];
	uint64_t newest[ROWS]; /* message of each publisher */
	uint64_t messages;
	uint64_t voids;
};

static inline void eye_close(struct eye *e)
{
	if (e->log.base) {
		pages_unmap(&e->log);
		pages_unmap(&e->words);
	}
	e->log.base = NULL;
}

static inline void eye_attach(struct eye *e, struct party *p, uint32_t member)
{
	struct stream_addresses at;
	struct stream_control *control;
	struct stream_words *words;
	struct stream_ring ring = {
		.slot_len = p->limits.slot_len, .mask = p->limits.slots - 1};
	bool backup;
	uint64_t len;
	struct error err;

	eye_close(e);
	assert_true(stream_host_addresses(p->members[member].host, COUNTER, &at));
	assert_true(stream_log_len(
		p->limits.slots, p->limits.slot_len, p->limits.rows, &len));
	assert_int_equal(pages_attach(at.log_path, pages_round(len), &e->log, &err), 0);
	backup = pages_attach(at.words_path,
			 pages_round(stream_words_memory_len(&p->limits, false)),
			 &e->words, &err) != 0;
	if (backup)
		assert_int_equal(
			pages_attach(at.words_path,
				pages_round(stream_words_memory_len(&p->limits, true)),
				&e->words, &err),
			0);
	control = e->log.base;
	words = e->words.base;
	ring.bytes = (unsigned char *)e->log.base + len - stream_ring_len(&p->limits);
	stream_subscriber_attach(&e->machine, &ring, &words->commit, &control->oldest);
}

static inline void eye_begin(struct eye *e, struct party *p, uint32_t member)
{
	struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.position = 1,
		.voids = true,
		.slot = e->slot,
		.buffer = e->buffer,
		.buffer_len = sizeof(e->buffer)};

	memset(e, 0, sizeof(*e));
	stream_subscriber_init(&e->machine, &config);
	eye_attach(e, p, member);
}

static inline void eye_check(struct eye *e, const struct stream_delivery *d)
{
	uint32_t row = stream_publisher_row(d->publisher);
	uint64_t says;

	assert_int_not_equal(d->kind, STREAM_GONE);
	if (d->kind == STREAM_NOTHING) {
		e->voids++;
		return;
	}
	memcpy(&says, d->payload, sizeof(says));
	assert_true(d->id == e->newest[row] + 1);
	assert_true(says == row * UINT64_C(1000000000) + d->id);
	e->newest[row] = d->id;
	e->messages++;
}

/* Delivers what is there. */
static inline void eye_look(struct eye *e)
{
	struct stream_delivery d;

	while (stream_subscriber_poll(&e->machine, 4096, &d))
		eye_check(e, &d);
}

/* Until it has @messages. */
static inline void eye_await(struct eye *e, uint64_t messages)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	do {
		eye_look(e);
		assert_true(clock_now_ns() < deadline_ns);
	} while (e->messages < messages);
	assert_true(e->messages == messages);
}

#endif
