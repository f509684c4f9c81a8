#include "sequencer/stream/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/stream.h"

#define FED_NS (5000 * NS_PER_MS) /* for a member's answer */
#define FAILURES_MAX 3

static bool has_gap(const struct stream *s)
{
	return keeper_consumed(s->keeper) + 1 < stream_log_oldest(&s->log);
}

static void attach(struct stream *s)
{
	keeper_attach(s->keeper, &s->log);
	s->copy.state = STREAM_COPY_NONE;
	s->copy.failures = 0;
}

static void wait_begin(struct stream *s, uint64_t now_ns)
{
	s->copy.state = STREAM_COPY_WAITING;
	s->copy.since_ns = now_ns;
}

void stream_archive_attach(struct stream *s, uint64_t now_ns)
{
	if (!s->keeper || s->copy.backlog)
		return;
	if (!has_gap(s)) {
		attach(s);
		return;
	}
	keeper_put_off(s->keeper);
	wait_begin(s, now_ns);
}

void stream_archive_detach(struct stream *s)
{
	if (s->keeper && !s->copy.backlog)
		keeper_detach(s->keeper);
}

void stream_archive_follow(struct stream *s, uint64_t now_ns)
{
	if (s->keeper && !s->copy.backlog)
		wait_begin(s, now_ns);
}

static void backlog_end(struct stream *s)
{
	keeper_detach(s->keeper); /* B1 */
	stream_backlog_end(s->copy.backlog);
	s->copy.backlog = NULL;
	s->copy.state = STREAM_COPY_NONE;
}

void stream_copy_end(struct stream *s)
{
	if (s->copy.backlog)
		backlog_end(s);
}

/* Nobody in reach has what is missing. */
static void give_up(struct stream *s)
{
	struct error line;

	(void)error_set(&line, 0,
		"archive: positions %" PRIu64 " to %" PRIu64
		" are not in it, and no replica in reach has archived them; " KEEPER_JUMP,
		keeper_consumed(s->keeper) + 1, stream_log_oldest(&s->log) - 1);
	stream_complain(s, &line);
	attach(s);
}

static bool is_late(const struct stream *s, uint64_t now_ns)
{
	return now_ns - s->copy.since_ns >= COPY_GRACE_NS ||
	       s->copy.failures >= FAILURES_MAX;
}

/* It is put off: attached as soon as that loses nothing, or when nobody helps. */
static enum stream_copy_need waiting_look(struct stream *s, uint64_t now_ns)
{
	bool served = s->stage == STREAM_SERVED;

	if (!s->log.control || (!served && s->stage != STREAM_FOLLOWING))
		return STREAM_COPY_NEEDS_NOTHING;
	if (keeper_is_opening(s->keeper)) {
		s->copy.since_ns = now_ns; /* whether there is a gap nobody knows yet */
		return STREAM_COPY_NEEDS_NOTHING;
	}
	if (!has_gap(s)) {
		if (served)
			attach(s);
		return STREAM_COPY_NEEDS_NOTHING;
	}
	if (served && is_late(s, now_ns)) {
		give_up(s);
		return STREAM_COPY_NEEDS_NOTHING;
	}
	return keeper_is_open(s->keeper) ? STREAM_COPY_NEEDS_SOURCE
					 : STREAM_COPY_NEEDS_NOTHING;
}

static void fed_look(struct stream *s, uint64_t now_ns)
{
	bool late = s->copy.state == STREAM_COPY_ASKED &&
		    now_ns - s->copy.since_ns >= FED_NS;

	if (s->copy.state != STREAM_COPY_DONE && s->copy.state != STREAM_COPY_FAILED &&
		!late)
		return;
	if (s->copy.state != STREAM_COPY_DONE)
		s->copy.failures++;
	backlog_end(s);
	if (s->stage == STREAM_SERVED)
		stream_archive_attach(s, now_ns);
	else
		wait_begin(s, now_ns);
}

enum stream_copy_need stream_copy_look(
	struct stream *s, uint64_t now_ns, struct stream_copy_want *want_p)
{
	enum stream_copy_need need = STREAM_COPY_NEEDS_NOTHING;

	if (!s->keeper)
		return need;
	if (s->copy.backlog)
		fed_look(s, now_ns);
	if (s->copy.state == STREAM_COPY_WAITING)
		need = waiting_look(s, now_ns);
	else if (s->copy.state == STREAM_COPY_ASKED)
		need = STREAM_COPY_NEEDS_ASKING;
	want_p->consumed = keeper_consumed(s->keeper);
	want_p->inbox_slots = 0;
	want_p->inbox[0] = '\0';
	if (s->copy.backlog) {
		want_p->inbox_slots = stream_backlog_slots(s->copy.backlog);
		(void)strcpy(want_p->inbox, stream_backlog_address(s->copy.backlog));
	}
	return need;
}

int stream_copy_begin(struct stream *s, uint64_t now_ns, struct error *err)
{
	struct stream_backlog_config config = {.device = stream_thread_device(s->thread),
		.limits = &s->limits,
		.pages = s->ways->common.pages,
		.consumed = keeper_consumed(s->keeper)};
	struct archiver_source source;
	int rc;

	PAWL_ASSERT(!s->copy.backlog && s->copy.state == STREAM_COPY_WAITING);
	config.pages.path = NULL;
	config.pages.adopt = false;
	rc = stream_backlog_begin(&config, &s->copy.backlog, err);
	if (rc) {
		s->copy.backlog = NULL;
		s->copy.failures++;
		return rc;
	}
	source = stream_backlog_source(s->copy.backlog);
	keeper_attach_backlog(s->keeper, &source);
	s->copy.state = STREAM_COPY_ASKED;
	s->copy.since_ns = now_ns;
	return 0;
}

int stream_copy_fed(
	struct stream *s, const char *inbox, uint32_t reader, struct error *err)
{
	int rc;

	if (s->copy.state != STREAM_COPY_ASKED)
		return 0;
	rc = stream_backlog_fed(
		s->copy.backlog, inbox, s->ways->config->incarnation, reader - 1, err);
	s->copy.state = rc ? STREAM_COPY_FAILED : STREAM_COPY_FED;
	return rc;
}

static void state_tell(struct stream *s, enum stream_copying state)
{
	s->copy.state = state;
	s->ways->config->news(s->ways->config->context);
}

bool stream_copy_turn(struct stream *s)
{
	struct error err = {.text = ""};
	bool news;

	if (!s->copy.backlog || s->copy.state != STREAM_COPY_FED)
		return false;
	news = stream_backlog_step(s->copy.backlog, keeper_consumed(s->keeper), &err);
	if (news)
		keeper_wake(s->keeper);
	if (stream_backlog_error(s->copy.backlog)) {
		stream_complain(s, &err);
		state_tell(s, STREAM_COPY_FAILED);
	} else if (s->stage == STREAM_SERVED && !has_gap(s)) {
		state_tell(s, STREAM_COPY_DONE);
	}
	return news;
}

bool stream_copy_is_inbox(const struct stream *s, const struct memory *memory)
{
	return s->copy.backlog && stream_backlog_memory(s->copy.backlog) == memory;
}
