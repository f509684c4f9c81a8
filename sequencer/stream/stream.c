#include "sequencer/stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

int stream_make(const struct stream_ways *ways, struct stream_thread *thread,
	uint32_t counter, const char *name, const struct stream_limits *limits,
	struct stream **stream_p, struct error *err)
{
	struct stream *s;

	if (strlen(name) > COUNTER_NAME_MAX)
		return error_set(err, -ENAMETOOLONG,
			"stream: %s: the name is longer than %d bytes", name,
			COUNTER_NAME_MAX);
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, -ENOMEM, "stream: %s: out of memory", name);
	s->ways = ways;
	s->thread = thread;
	s->counter = counter;
	(void)strcpy(s->name, name);
	s->limits = *limits;
	s->inbox = s->log_memory = STRETCH_EMPTY;
	s->words = s->words_next = STRETCH_EMPTY;
	s->spare = SPARE_EMPTY;
	s->making.log = s->making.inbox = s->making.words = MAKING_PART_EMPTY;
	*stream_p = s;
	return 0;
}

void stream_links_close(struct stream *s)
{
	neighbour_close(&s->successor);
	neighbour_close(&s->predecessor);
}

void stream_free(struct stream *s, bool remove)
{
	stream_memory_give_up(s);
	stream_change_drop(s);
	stream_links_close(s);
	stretch_close(&s->words, true);
	spare_drop(s->ways->spares, &s->spare);
	stretch_close(&s->inbox, true);
	stretch_close(&s->log_memory, remove);
	for (uint32_t i = 0; i < STREAM_TOLD_MAX; i++)
		free(s->told[i]);
	free(s);
}

/* What is to follow "stream: NAME: ", of a line that may say some of that itself. */
static const char *line_body(const struct stream *s, const char *text)
{
	static const char module[] = "stream: ";
	size_t len = strlen(s->name);

	if (strncmp(text, module, strlen(module)) != 0)
		return text;
	text += strlen(module);
	if (!strncmp(text, s->name, len) && !strncmp(text + len, ": ", 2))
		text += len + 2;
	return text;
}

void stream_complain(struct stream *s, const struct error *line)
{
	struct error full;

	(void)error_set(&full, 0, "stream: %s: %s", s->name, line_body(s, line->text));
	if (notice_put(&s->notice, &full))
		s->ways->config->news(s->ways->config->context);
}

uint64_t stream_log_memory_len(const struct stream *s)
{
	uint64_t len = 0;

	PAWL_ASSERT(stream_log_len(
		s->limits.slots, s->limits.slot_len, s->limits.rows, &len));
	return len;
}

static int log_take_up(struct stream *s, struct error *err)
{
	const struct stream_limits *l = &s->limits;
	int rc;

	stream_thread_hold(s->thread);
	rc = stretch_expose(&s->log_memory, &s->ways->common,
		stream_thread_device(s->thread), stream_log_memory_len(s), err);
	stream_thread_release(s->thread);
	if (rc)
		return rc;
	if (stream_log_adopt(&s->log, stretch_base(&s->log_memory), l->slots, l->slot_len,
		    l->rows))
		return 0;
	memset(&s->log, 0, sizeof(s->log));
	return error_set(err, -EUCLEAN,
		"stream: %s: the log in %s is not whole; it can not be used", s->name,
		s->log_memory.path);
}

int stream_adopt(struct stream *s, struct error *err)
{
	int rc;

	PAWL_ASSERT(!s->attached && !s->log_memory.memory);
	rc = stretch_name(&s->log_memory, &s->ways->common, s->counter, "log", 0, err);
	if (!rc)
		rc = stretch_lock(&s->log_memory, err);
	if (!rc)
		rc = log_take_up(s, err);
	if (!rc)
		return 0;
	stream_thread_hold(s->thread);
	stretch_close(&s->log_memory, false);
	stream_thread_release(s->thread);
	return rc;
}
