#include "tests/unit/readers_rig.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"

struct bed bed;
struct bed_link bed_link;
struct bed_disk bed_disk;

/*
 * A link over shared memory whose puts can be held up: they are done, and everything completes,
 * when somebody polls after that.
 */
#define HELD_MAX 64

static struct {
	struct link *link;
	uint64_t offset;
	const struct memory *source;
	uint64_t source_offset;
	size_t len;
	uint64_t cookie;
} held[HELD_MAX];
static unsigned int held_count;

static struct memory_ops slow_ops;

static int slow_connect(struct device *device, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err)
{
	int rc = shm_memory_ops.connect(device, address, config, link_p, err);

	if (rc == 0)
		(*link_p)->ops = &slow_ops;
	return rc;
}

static int slow_put(struct link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	if (!bed_link.held)
		return shm_memory_ops.put(
			link, offset, source, source_offset, len, cookie);
	assert_true(held_count < HELD_MAX);
	held[held_count].link = link;
	held[held_count].offset = offset;
	held[held_count].source = source;
	held[held_count].source_offset = source_offset;
	held[held_count].len = len;
	held[held_count++].cookie = cookie;
	return 0;
}

static void held_put_all(void)
{
	for (unsigned int i = 0; i < held_count; i++)
		assert_int_equal(
			shm_memory_ops.put(held[i].link, held[i].offset, held[i].source,
				held[i].source_offset, held[i].len, held[i].cookie),
			0);
	held_count = 0;
}

static int slow_poll(
	struct link *link, struct completion *completions, int max, int *count_p)
{
	if (bed_link.held) {
		*count_p = 0;
		return 0;
	}
	held_put_all();
	if (!bed_link.fails)
		return shm_memory_ops.poll(link, completions, max, count_p);
	completions[0] = (struct completion){.status = -ETIMEDOUT};
	*count_p = 1;
	return 0;
}

static void disk_wait(void)
{
	if (!atomic_load(&bed_disk.stuck))
		return;
	(void)atomic_fetch_add(&bed_disk.stuck_count, 1);
	while (atomic_load(&bed_disk.stuck))
		(void)poll(NULL, 0, 1);
}

static int disk_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
	disk_wait();
	if (atomic_load(&bed_disk.full))
		return -ENOSPC;
	return archive_files_system.write(fd, bytes, len, offset);
}

static int disk_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *len_p)
{
	disk_wait();
	return archive_files_system.read(fd, bytes, len, offset, len_p);
}

static int disk_sync(int fd)
{
	return archive_files_system.sync(fd);
}

static int disk_reserve(int fd, uint64_t len)
{
	if (atomic_load(&bed_disk.full))
		return -ENOSPC;
	return archive_files_system.reserve(fd, len);
}

static int disk_truncate(int fd, uint64_t len)
{
	return archive_files_system.truncate(fd, len);
}

const struct archive_files bed_files = {.write = disk_write,
	.read = disk_read,
	.sync = disk_sync,
	.reserve = disk_reserve,
	.truncate = disk_truncate,
	.now_ns = clock_now_ns,
	.wall_ns = clock_wall_ns};

static void *zeroed(size_t len)
{
	void *bytes = aligned_alloc(64, (len + 63) / 64 * 64);

	assert_non_null(bytes);
	return memset(bytes, 0, (len + 63) / 64 * 64);
}

int bed_set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	memset(&bed_link, 0, sizeof(bed_link));
	memset(&bed_disk, 0, sizeof(bed_disk));
	held_count = 0;
	slow_ops = shm_memory_ops;
	slow_ops.connect = slow_connect;
	slow_ops.put = slow_put;
	slow_ops.poll = slow_poll;
	if (scratch_make(&bed.scratch))
		return -1;
	(void)snprintf(
		bed.archives, sizeof(bed.archives), "%s/archives", bed.scratch.path);
	bed.settings = (struct stream_archive_settings){
		.directory = bed.archives, .segment_len = ARCHIVE_SEGMENT_LEN_MIN};
	bed.limits = (struct stream_limits){.slot_len = BED_SLOT_LEN,
		.slots = BED_SLOTS,
		.rows = BED_ROWS,
		.hole_timeout_ns = 1000,
		.message_max = BED_SLOT_LEN};
	bed.now_ns = 1;
	return 0;
}

int bed_tear_down(void **state)
{
	(void)state;
	atomic_store(&bed_disk.full, false);
	atomic_store(&bed_disk.stuck, false);
	if (bed.readers)
		readers_free(bed.readers);
	if (bed.feeder)
		feeder_free(bed.feeder, BED_WAIT_NS);
	if (bed.keeper && keeper_stop(bed.keeper, BED_WAIT_NS, &bed.err))
		return -1;
	if (bed.log_memory)
		shm_memory_ops.withdraw(bed.log_memory);
	if (bed.inbox_memory)
		shm_memory_ops.withdraw(bed.inbox_memory);
	if (bed.device)
		shm_memory_ops.close(bed.device);
	free(bed.words);
	free(bed.fed);
	free(bed.ring.bytes);
	scratch_remove(&bed.scratch);
	return 0;
}

static struct memory *expose(uint64_t len)
{
	struct memory_config config = {
		.pages = {.len = len, .huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1},
		.source = true};
	struct memory *memory;

	if (shm_memory_ops.expose(bed.device, &config, &memory, &bed.err))
		fail_msg("%s", bed.err.text);
	return memory;
}

void bed_keeper_start(void)
{
	struct keeper_config config = {.settings = &bed.settings,
		.instance = 7,
		.stream = BED_STREAM,
		.limits = &bed.limits,
		.files = &bed_files};

	if (keeper_start(&config, &bed.keeper, &bed.err))
		fail_msg("%s", bed.err.text);
}

static void device_open(void)
{
	struct device_config config = {.listen = true};

	if (shm_memory_ops.open(&config, &bed.device, &bed.err))
		fail_msg("%s", bed.err.text);
	bed.device->ops = &slow_ops;
}

static void log_enter(const struct stream_change *change)
{
	struct stream_entering entering = {.epoch = change->epoch,
		.ceiling = UINT64_C(1) << 40,
		.hole_timeout_ns = bed.limits.hole_timeout_ns,
		.head = true,
		.tail = change->chain.count == 1};

	free(bed.words);
	free(bed.fed);
	bed.words = zeroed(stream_words_len(BED_ROWS));
	bed.fed = zeroed(sizeof(*bed.fed));
	entering.places = (struct stream_places){
		.words = bed.words, .inbox = bed.fed, .ring = bed.ring};
	stream_log_prepare(&bed.log, change->epoch, bed.words, bed.fed);
	readers_enter(bed.readers, change, &bed.log, bed.now_ns);
	stream_log_waits_for(
		&bed.log, readers_waited_for(bed.readers, &bed.log, bed.now_ns));
	stream_log_enter(&bed.log, &entering);
	bed.epoch = change->epoch;
	if (bed.keeper)
		keeper_attach(bed.keeper, &bed.log);
}

void bed_readers_open(void)
{
	struct readers_config config = {.stream = BED_STREAM,
		.limits = &bed.limits,
		.device = bed.device,
		.log = bed.log_memory,
		.inbox = bed.inbox_memory,
		.keeper = bed.keeper,
		.feeder = bed.feeder};

	assert_int_equal(readers_make(&config, &bed.readers, &bed.err), 0);
}

void bed_open(void)
{
	struct stream_change change = {.epoch = 1,
		.chain = {.count = 1, .at = {{.replica = 1, .incarnation = 1}}}};
	uint64_t len;

	device_open();
	assert_true(stream_log_len(BED_SLOTS, BED_SLOT_LEN, BED_ROWS, &len));
	bed.log_memory = expose(len);
	bed.inbox_memory = expose(stream_inbox_len(&bed.limits));
	stream_log_create(&bed.log, shm_memory_ops.base(bed.log_memory), BED_SLOTS,
		BED_SLOT_LEN, BED_ROWS, 0);
	bed.ring = (struct stream_ring){.bytes = zeroed(BED_SLOTS * BED_SLOT_LEN),
		.slot_len = BED_SLOT_LEN,
		.mask = BED_SLOTS - 1};
	if (bed.limits.archiving != STREAM_ARCHIVE_OFF) {
		bed_keeper_start();
		assert_int_equal(feeder_make(&bed.feeder, &bed.err), 0);
	}
	bed_readers_open();
	log_enter(&change);
}

void bed_next_epoch(const struct stream_chain *chain)
{
	struct stream_change change = {
		.epoch = bed.epoch + 1, .from = bed.epoch, .chain = *chain};

	assert_true(stream_log_seal(&bed.log, bed.epoch, &change.base));
	if (bed.keeper)
		keeper_detach(bed.keeper);
	bed.published = change.base;
	log_enter(&change);
}

bool bed_turn(void)
{
	bool busy;

	bed.now_ns += 1;
	stream_log_waits_for(
		&bed.log, readers_waited_for(bed.readers, &bed.log, bed.now_ns));
	busy = stream_log_advance(&bed.log, bed.published, BED_SLOTS, bed.now_ns);
	if (bed.keeper)
		keeper_turn(bed.keeper, bed.log.commit, clock_now_ns());
	return readers_turn(bed.readers, &bed.log, bed.now_ns) || busy;
}

static void slot_publish(uint64_t position)
{
	struct stream_slot slot = {.position = position,
		.epoch = bed.epoch,
		.publisher = stream_publisher_name(bed.epoch, 0),
		.len = sizeof(position),
		.flags = STREAM_FIRST | STREAM_LAST};

	slot.id = stream_table_id(&bed.log.table, slot.publisher) + position -
		  stream_log_end(&bed.log);
	stream_slot_write(stream_ring_at(&bed.ring, position), &slot, &position);
}

/* As publishers do: no further than a ring from the commit point. */
uint64_t bed_publish(uint64_t position)
{
	uint64_t window = bed.log.commit + BED_SLOTS - 1;

	while (bed.published < position && bed.published < window)
		slot_publish(++bed.published);
	(void)bed_turn();
	return bed.log.commit;
}

void bed_publish_all(uint64_t position)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;

	while (bed_publish(position) < position) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 0);
	}
}

void bed_wait_archived(uint64_t position)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;

	while (keeper_archived(bed.keeper) < position) {
		assert_true(clock_now_ns() < deadline);
		(void)bed_turn();
		(void)poll(NULL, 0, 1);
	}
}

static void subscriber_attach(struct subscriber *s, uint32_t slots, uint64_t consumed)
{
	unsigned char *bytes = shm_memory_ops.base(s->memory);
	struct stream_inbox *inbox = (void *)bytes;
	struct stream_ring ring = {.bytes = bytes + sizeof(*inbox),
		.slot_len = BED_SLOT_LEN,
		.mask = slots - 1};
	struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.position = consumed + 1,
		.slot = s->slot,
		.buffer = (unsigned char *)s->buffer,
		.buffer_len = sizeof(s->buffer)};

	stream_subscriber_init(&s->machine, &config);
	stream_subscriber_attach(&s->machine, &ring, &inbox->fed.end, &inbox->fed.oldest);
}

void subscriber_open(
	struct subscriber *s, uint32_t slots, uint64_t token, uint64_t consumed)
{
	struct stream_reader_config config = {.token = token,
		.consumed = consumed,
		.inbox_slots = slots,
		.pid = 1000 + token,
		.program = "books"};

	memset(s, 0, sizeof(*s));
	s->slot = zeroed(BED_SLOT_LEN);
	s->memory = expose(sizeof(struct stream_inbox) + (uint64_t)slots * BED_SLOT_LEN);
	s->next = consumed + 1;
	subscriber_attach(s, slots, consumed);
	config.inbox = shm_memory_ops.address(s->memory);
	if (readers_add(bed.readers, &bed.log, &config, &s->answer, &bed.err))
		fail_msg("%s", bed.err.text);
}

void subscriber_poll(struct subscriber *s)
{
	struct stream_delivery delivery;

	while (stream_subscriber_poll(&s->machine, BED_SLOTS, &delivery)) {
		assert_int_equal(delivery.first, s->next);
		s->next = delivery.last + 1;
		if (delivery.kind == STREAM_GONE) {
			s->gone += delivery.last - delivery.first + 1;
			continue;
		}
		assert_int_equal(delivery.kind, STREAM_MESSAGE);
		assert_int_equal(delivery.len, 8);
		assert_memory_equal(delivery.payload, &delivery.last, 8);
	}
	assert_int_equal(stream_subscriber_consumed(&s->machine), s->next - 1);
	line_write(s->answer.reader, s->next - 1);
}

void subscriber_wait(struct subscriber *s, uint64_t position)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;

	while (s->next <= position) {
		assert_true(clock_now_ns() < deadline);
		if (!bed_turn())
			(void)poll(NULL, 0, 0);
		subscriber_poll(s);
	}
}

void subscriber_close(struct subscriber *s)
{
	shm_memory_ops.withdraw(s->memory);
	free(s->slot);
}

void line_write(uint32_t reader, uint64_t consumed)
{
	unsigned char *inbox = shm_memory_ops.base(bed.inbox_memory);

	memcpy(inbox + stream_reader_offset(reader - 1), &consumed, sizeof(consumed));
}

struct stream_reader_status reader_status(uint32_t index)
{
	struct stream_reader_status status;

	assert_true(readers_status(bed.readers, &bed.log, index, &status));
	return status;
}

void keeper_line_wait(const char *part)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;
	struct error line;

	for (;;) {
		if (keeper_line(bed.keeper, &line)) {
			assert_null(strchr(line.text, '\n'));
			if (strstr(line.text, part))
				return;
			print_message("not that: %s\n", line.text);
		}
		if (clock_now_ns() > deadline)
			fail_msg("no line with \"%s\"", part);
		(void)poll(NULL, 0, 1);
	}
}
