/* An inbox that a member feeds, and telling the member what was consumed of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lib/subscriber.h"
#include "hw/clock.h"

#define LINE_DEPTH 4

/* Feeders are members of the chain: they present this session's secret, or who they are. */
static bool feeder_admit(void *context, const struct memory *memory, uint64_t token)
{
	const struct pawl_subscriber *s = context;
	const struct session *session = &s->pawl->session;

	(void)memory;
	for (uint32_t i = 0; i < session->links_count; i++) {
		const struct peer *peer = session->links[i].peer;

		if (token != 0 && (token == peer->token || token == peer->incarnation))
			return true;
	}
	return false;
}

/* A device that others can connect to; the session's own does not listen. */
static int device_get(struct pawl_subscriber *s, const char *transport)
{
	const struct memory_ops *ops = memory_ops_find(transport);
	struct device_config config = s->pawl->device_config;
	int rc;

	if (!ops)
		return error_set(&s->why, -EPROTO,
			"pawl: %s/%s: transport '%.15s' is unknown; use a newer library",
			SUBSCRIBER_NAMES(s), transport);
	if (s->device && s->ops == ops)
		return 0;
	if (s->device && s->inbox.memory)
		return error_set(&s->why, -EAGAIN,
			"pawl: %s/%s: the inbox is still fed over %s",
			SUBSCRIBER_NAMES(s), s->ops->name);
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
	config.listen = true;
	config.port = 0;
	rc = ops->open(&config, &s->device, &s->why);
	if (rc)
		return rc;
	s->ops = ops;
	ops->admit(s->device, feeder_admit, s);
	return 0;
}

/* Beside the log, whose group the replica belongs to. */
static bool file_beside(
	const char *log, struct pages_config *pages, char path_p[MEMORY_ADDRESS_MAX])
{
	const char *slash = strrchr(log, '/');
	struct stat file;
	int len;

	if (!slash || stat(log, &file))
		return false;
	len = snprintf(path_p, MEMORY_ADDRESS_MAX, "%.*s/pawl-subscriber-%ld-%" PRIx64,
		(int)(slash - log), log, (long)getpid(), clock_now_ns());
	if (len < 0 || len >= MEMORY_ADDRESS_MAX)
		return false;
	pages->path = path_p;
	pages->shared_with_group = (file.st_mode & S_IRWXG) != 0;
	pages->group = file.st_gid;
	return true;
}

int inbox_open(struct pawl_subscriber *s, uint32_t member, struct inbox *inbox)
{
	const struct pawl_stream *stream = subscriber_stream(s);
	const char *transport = subscriber_transport(s, member);
	uint32_t slots = s->options.inbox_slots;
	struct memory_config config = {
		.pages = {.len = sizeof(struct stream_inbox) +
				 (uint64_t)slots * stream->limits.slot_len,
			.huge = PAGES_AUTO,
			.lock = PAGES_AUTO,
			.node = -1}};
	char path[MEMORY_ADDRESS_MAX];
	unsigned char *bytes;
	int rc = device_get(s, transport);

	if (rc)
		return rc;
	*inbox = (struct inbox){.member = member};
	if (strcmp(transport, "shm") == 0)
		inbox->file = file_beside(
			stream->members[0].at.log_path, &config.pages, path);
	rc = s->ops->expose(s->device, &config, &inbox->memory, &s->why);
	if (rc && inbox->file) {
		/* A memory without a name will do for a replica of the same user. */
		inbox->file = false;
		config.pages.path = NULL;
		rc = s->ops->expose(s->device, &config, &inbox->memory, &s->why);
	}
	if (rc)
		return rc;
	bytes = s->ops->base(inbox->memory);
	inbox->words = (const void *)bytes;
	inbox->ring = (struct stream_ring){.bytes = bytes + sizeof(struct stream_inbox),
		.slot_len = stream->limits.slot_len,
		.mask = slots - 1};
	return 0;
}

int inbox_link(
	struct pawl_subscriber *s, const Control__Subscribed *answer, struct inbox *inbox)
{
	struct error *why = &s->pawl->session.why;
	int rc = stream_link(subscriber_stream(s), inbox->member, answer->places->inbox,
		LINE_DEPTH, &inbox->line);

	if (rc)
		return error_set(&s->why, rc, "%s", why->text);
	inbox->reader = answer->reader;
	inbox->told = answer->consumed;
	return 0;
}

/* The file is not needed once it is open on the other side: nothing is left by a crash. */
static void file_remove(struct inbox *inbox)
{
	if (inbox->file)
		pages_remove(inbox->memory->ops->pages(inbox->memory));
	inbox->file = false;
}

bool inbox_is_fed(struct inbox *inbox)
{
	if (word_load(&inbox->words->fed.oldest) == 0)
		return false;
	file_remove(inbox);
	return true;
}

/* False when the link has failed. */
static bool line_collect(struct inbox *inbox)
{
	struct completion done[LINE_DEPTH];
	int count = 0;

	if (inbox->in_flight == 0)
		return true;
	if (inbox->line->ops->poll(inbox->line, done, LINE_DEPTH, &count))
		return false;
	inbox->in_flight -= (uint32_t)count;
	for (int i = 0; i < count; i++) {
		if (done[i].status)
			return false;
	}
	return true;
}

static bool line_write(struct inbox *inbox, uint64_t consumed)
{
	struct link *line = inbox->line;
	int rc = line->ops->write(line, stream_reader_offset(inbox->reader - 1),
		&consumed, sizeof(consumed), 0);

	if (rc)
		return rc == -EAGAIN;
	inbox->in_flight++;
	inbox->told = consumed;
	return true;
}

/* 0: it may be written.  -EAGAIN: not yet. */
static int line_state(struct pawl_subscriber *s, struct inbox *inbox)
{
	int rc;

	if (inbox->linked)
		return line_collect(inbox) ? 0 : -ENOTCONN;
	rc = inbox->line->ops->state(inbox->line, &s->why);
	inbox->linked = rc == 0;
	return rc;
}

void inbox_tell(struct pawl_subscriber *s, struct inbox *inbox, bool idle)
{
	uint64_t consumed = subscriber_consumed(s);
	uint64_t enough = idle ? 1 : stream_ring_slots(&inbox->ring) / 4;
	int rc;

	if (!inbox->line || !s->tells || consumed < inbox->told + enough)
		return;
	rc = line_state(s, inbox);
	if (rc == -EAGAIN)
		return;
	if (rc || (inbox->in_flight < LINE_DEPTH && !line_write(inbox, consumed)))
		stream_link_failed(subscriber_stream(s));
}

void inbox_progress(struct pawl_subscriber *s)
{
	if (s->device)
		(void)s->ops->progress(s->device, &s->why);
}

void inbox_unlink(struct inbox *inbox)
{
	if (inbox->line)
		inbox->line->ops->disconnect(inbox->line);
	inbox->line = NULL;
	inbox->in_flight = 0;
}

void inbox_close(struct inbox *inbox)
{
	inbox_unlink(inbox);
	if (inbox->memory) {
		file_remove(inbox);
		inbox->memory->ops->withdraw(inbox->memory);
	}
	*inbox = (struct inbox){.member = SUBSCRIBER_NOBODY};
}
