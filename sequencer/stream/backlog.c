#include "sequencer/stream/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/words.h"
#include "sequencer/stream/places.h"

struct stream_backlog {
	struct device *device;
	struct memory *memory;
	struct stream_inbox *inbox;
	struct stream_ring ring;
	struct link *link; /* to the member's inbox memory; NULL: none */
	uint64_t line;	   /* where in it */
	bool posted;	   /* a write is under way */
	uint64_t told;	   /* what the line says */
	uint64_t seen;	   /* how far the inbox was filled */
	int rc;
};

static int inbox_expose(struct stream_backlog *b,
	const struct stream_backlog_config *config, struct error *err)
{
	const struct stream_limits *l = config->limits;
	uint32_t slots = (uint32_t)least(l->slots, STREAM_BACKLOG_SLOTS);
	struct memory_config memory = {.pages = config->pages};
	int rc;

	memory.pages.len = sizeof(*b->inbox) + (size_t)slots * l->slot_len;
	rc = b->device->ops->expose(b->device, &memory, &b->memory, err);
	if (rc)
		return rc;
	b->inbox = b->device->ops->base(b->memory);
	b->ring = (struct stream_ring){.bytes = (unsigned char *)(b->inbox + 1),
		.slot_len = l->slot_len,
		.mask = slots - 1};
	return 0;
}

int stream_backlog_begin(const struct stream_backlog_config *config,
	struct stream_backlog **backlog_p, struct error *err)
{
	struct stream_backlog *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return error_set(err, -ENOMEM, "stream: archive: no memory; free some");
	b->device = config->device;
	b->told = config->consumed;
	b->seen = config->consumed;
	rc = inbox_expose(b, config, err);
	if (rc) {
		free(b);
		return rc;
	}
	*backlog_p = b;
	return 0;
}

const char *stream_backlog_address(const struct stream_backlog *b)
{
	return b->device->ops->address(b->memory);
}

const struct memory *stream_backlog_memory(const struct stream_backlog *b)
{
	return b->memory;
}

uint32_t stream_backlog_slots(const struct stream_backlog *b)
{
	return b->ring.mask + 1;
}

static void link_end(struct stream_backlog *b)
{
	if (b->link)
		b->link->ops->disconnect(b->link);
	b->link = NULL;
	b->posted = false;
}

int stream_backlog_fed(struct stream_backlog *b, const char *address, uint64_t token,
	uint32_t reader, struct error *err)
{
	struct link_config config = {.depth = 1, .token = token};

	link_end(b);
	b->rc = 0;
	b->line = stream_reader_offset(reader) +
		  offsetof(struct stream_reader_line, consumed);
	return b->device->ops->connect(b->device, address, &config, &b->link, err);
}

struct archiver_source stream_backlog_source(const struct stream_backlog *b)
{
	return (struct archiver_source){.ring = b->ring,
		.commit = &b->inbox->fed.end,
		.oldest = &b->inbox->fed.oldest,
		.fed = true};
}

/* The write that was posted last is done, or there was none: 0.  -EAGAIN: not yet. */
static int line_ready(struct stream_backlog *b, struct error *err)
{
	struct completion done;
	int count = 0;
	int rc = b->link->ops->state(b->link, err);

	if (rc || !b->posted)
		return rc;
	rc = b->link->ops->poll(b->link, &done, 1, &count);
	if (!rc && count == 0)
		return -EAGAIN;
	b->posted = false;
	rc = rc ? rc : done.status;
	if (rc)
		return error_set(err, rc,
			"stream: archive: link: the member that feeds it: %s; it may be "
			"gone",
			error_reason(rc));
	return 0;
}

/* B2 */
static int line_write(struct stream_backlog *b, uint64_t consumed, struct error *err)
{
	int rc = line_ready(b, err);

	if (rc || consumed <= b->told)
		return rc;
	rc = b->link->ops->write(b->link, b->line, &consumed, sizeof(consumed), 0);
	if (rc)
		return rc;
	b->posted = true;
	b->told = consumed;
	return 0;
}

bool stream_backlog_step(struct stream_backlog *b, uint64_t consumed, struct error *err)
{
	uint64_t end = word_load(&b->inbox->fed.end);
	bool news = end > b->seen;
	int rc = b->link ? line_write(b, consumed, err) : 0;

	b->seen = end;
	if (rc && rc != -EAGAIN) {
		b->rc = rc;
		link_end(b);
	}
	return news;
}

int stream_backlog_error(const struct stream_backlog *b)
{
	return b->rc;
}

void stream_backlog_end(struct stream_backlog *b)
{
	if (!b)
		return;
	link_end(b);
	b->device->ops->withdraw(b->memory);
	free(b);
}
