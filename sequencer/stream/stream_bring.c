/* Getting a log from other members: filled up for a change, or copied while the stream runs. */
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/stream.h"

#define PAUSE_NS (5 * NS_PER_MS)
#define COMPLAINT_NS (1000 * NS_PER_MS) /* between two lines about sources that fail */
#define DEADLINE_NS (2000 * NS_PER_MS)
#define SLOWEST 20 /* bytes in a microsecond that a source must give */
#define FOLLOW_PAUSE_NS (500 * NS_PER_MS)

static uint64_t fill_deadline(const struct stream *s, uint64_t now_ns)
{
	return now_ns + DEADLINE_NS + stream_log_memory_len(s) / SLOWEST * 1000;
}

/* The next of those that have told where their log is. */
static const struct stream_told *source_next(struct stream *s)
{
	for (uint32_t i = 0; i < STREAM_TOLD_MAX; i++) {
		const struct stream_told *told =
			s->told[s->fill_next++ % STREAM_TOLD_MAX];

		if (told && told->addresses.log[0])
			return told;
	}
	return NULL;
}

static void fill_failed(struct stream *s, const struct error *err, uint64_t now_ns)
{
	if (now_ns >= s->fill_complains_ns) {
		s->fill_complains_ns = now_ns + COMPLAINT_NS;
		stream_complain(s, err);
	}
	stream_fill_end(s->fill);
	s->fill = NULL;
	s->fill_again_ns = now_ns + PAUSE_NS;
}

static void fill_begin(struct stream *s, uint64_t now_ns)
{
	const struct stream_told *source = source_next(s);
	struct stream_fill_config config = {.device = stream_thread_device(s->thread),
		.token = s->ways->config->incarnation,
		.limits = &s->limits,
		.log = &s->log,
		.memory = stretch_base(&s->log_memory),
		.from = s->change.from,
		.epoch = s->change.epoch,
		.base = s->change.base,
		.deadline_ns = fill_deadline(s, now_ns)};
	struct error err;

	if (!source) {
		s->fill_again_ns = now_ns + PAUSE_NS;
		return;
	}
	config.address = source->addresses.log;
	if (stream_fill_begin(&config, &s->fill, &err)) {
		s->fill = NULL;
		fill_failed(s, &err, now_ns);
	}
}

static bool fill_step(struct stream *s, uint64_t now_ns)
{
	struct error err;

	switch (stream_fill_step(s->fill, now_ns)) {
	case STREAM_FILL_RUNNING:
		break;
	case STREAM_FILL_DONE:
		stream_fill_end(s->fill);
		s->fill = NULL;
		stream_ready_set(s);
		s->ways->config->news(s->ways->config->context);
		break;
	case STREAM_FILL_FAILED:
		(void)stream_fill_error(s->fill, &err);
		fill_failed(s, &err, now_ns);
		break;
	}
	return true;
}

bool stream_fill_turn(struct stream *s, uint64_t now_ns)
{
	if (s->fill)
		return fill_step(s, now_ns);
	if (now_ns < s->fill_again_ns)
		return false;
	fill_begin(s, now_ns);
	return s->fill != NULL;
}

static void follow_failed(struct stream *s, const struct error *err, uint64_t now_ns)
{
	stream_complain(s, err);
	stream_follow_end(s->follow);
	s->follow = NULL;
	s->fill_again_ns = now_ns + FOLLOW_PAUSE_NS;
}

static void follow_begin(struct stream *s, uint64_t now_ns)
{
	const struct stream_addresses *source = stream_told_by(s, s->followed);
	struct stream_follow_config config = {.device = stream_thread_device(s->thread),
		.token = s->ways->config->incarnation,
		.limits = &s->limits,
		.log = &s->log,
		.memory = stretch_base(&s->log_memory),
		.epoch = s->followed_epoch,
		.patience_ns = s->ways->config->link_timeout_ns};
	struct error err;

	if (!source || source->epoch != s->followed_epoch || !source->log[0]) {
		s->fill_again_ns = now_ns + PAUSE_NS;
		return;
	}
	config.log_address = source->log;
	config.words_address = source->words;
	if (stream_follow_begin(&config, &s->follow, &err)) {
		s->follow = NULL;
		follow_failed(s, &err, now_ns);
	}
}

bool stream_follow_turn(struct stream *s, uint64_t now_ns)
{
	struct error err;
	bool busy;

	if (!s->follow && now_ns >= s->fill_again_ns)
		follow_begin(s, now_ns);
	if (!s->follow)
		return false;
	busy = stream_follow_step(s->follow, now_ns);
	if (stream_follow_status(s->follow).state == STREAM_FOLLOW_FAILED) {
		(void)stream_follow_error(s->follow, &err);
		follow_failed(s, &err, now_ns);
	}
	return busy;
}
