#include "sequencer/stream/fill.h"

#include <errno.h>
#include <stdlib.h>

#include "sequencer/core/panic.h"
#include "sequencer/stream/source.h"

enum fill_phase {
	FILL_LOOK,	 /* at the control */
	FILL_TABLE,	 /* at the table, */
	FILL_TABLE_LOOK, /*   and again at the control (F2) */
	FILL_SLOTS,	 /* at a batch of slots, */
	FILL_SLOTS_LOOK, /*   and again at the control (F3) */
	FILL_ENDED,
};

struct stream_fill {
	struct stream_fill_config config;
	struct stream_source source;
	struct stream_control seen; /* the first look */
	enum fill_phase phase;
	int rc;
	struct error err;
};

int stream_fill_begin(const struct stream_fill_config *config,
	struct stream_fill **fill_p, struct error *err)
{
	struct stream_fill *fill = calloc(1, sizeof(*fill));
	int rc;

	PAWL_ASSERT(!config->log->control || config->log->phase != STREAM_OPEN);
	if (!fill)
		return error_set(err, -ENOMEM, "stream: fill: no memory; free some");
	fill->config = *config;
	fill->config.limits = &fill->source.limits;
	rc = stream_source_open(&fill->source, config->device, config->address,
		config->token, config->limits, err);
	if (rc) {
		free(fill);
		return rc;
	}
	stream_source_look(&fill->source);
	*fill_p = fill;
	return 0;
}

static bool is_of(const struct stream_control *c, uint64_t from, uint64_t epoch)
{
	return (from != 0 && (c->epoch == from || c->prepared == from)) ||
	       c->prepared == epoch;
}

/* F1 */
static int source_judge(struct stream_fill *fill)
{
	const struct stream_fill_config *config = &fill->config;
	const struct stream_control *c = &fill->source.control;
	int rc = stream_source_judge(&fill->source, &fill->err);

	if (rc)
		return rc;
	if (!is_of(c, config->from, config->epoch) || c->end != config->base)
		return error_set(&fill->err, -ESTALE,
			"stream: fill: the other member's log is of epoch %llu (prepared "
			"%llu) and ends at %llu, for an epoch %llu that follows %llu at "
			"%llu; another member has to give it",
			(unsigned long long)c->epoch, (unsigned long long)c->prepared,
			(unsigned long long)c->end, (unsigned long long)config->epoch,
			(unsigned long long)config->from,
			(unsigned long long)config->base);
	fill->seen = *c;
	return 0;
}

/* It is the log of the first look (source.h). */
static int same_judge(struct stream_fill *fill)
{
	const struct stream_control *c = &fill->source.control;

	if (c->magic == STREAM_MAGIC && c->epoch == fill->seen.epoch &&
		c->prepared == fill->seen.prepared)
		return 0;
	return error_set(&fill->err, -EAGAIN,
		"stream: fill: the other member's log has become another one while it "
		"was read; it will be tried again");
}

static bool log_kept(const struct stream_fill *fill)
{
	const struct stream_fill_config *config = &fill->config;

	return config->log->control &&
	       stream_log_keeps(config->log, config->from, config->base) &&
	       stream_log_end(config->log) + 1 >= fill->source.control.oldest;
}

/* What is next: slots, or nothing any more. */
static void slots_next(struct stream_fill *fill)
{
	uint64_t end = stream_log_end(fill->config.log);

	if (end >= fill->config.base) {
		fill->phase = FILL_ENDED;
		return;
	}
	stream_source_batch(&fill->source, end + 1, fill->config.base);
	fill->phase = FILL_SLOTS;
}

static int on_look(struct stream_fill *fill)
{
	int rc = source_judge(fill);

	if (rc)
		return rc;
	if (log_kept(fill)) {
		slots_next(fill);
		return 0;
	}
	stream_source_table(&fill->source);
	fill->phase = FILL_TABLE;
	return 0;
}

/*
 * F2: the end is where it was, so nothing in the table is from behind it.  Where the own log will
 * begin is taken from this look, which is judged like the first.
 */
static int on_table_look(struct stream_fill *fill)
{
	const struct stream_control *c = &fill->source.control;
	int rc = same_judge(fill);

	if (!rc)
		rc = stream_source_judge(&fill->source, &fill->err);
	if (!rc && c->end != fill->config.base)
		rc = error_set(&fill->err, -ESTALE,
			"stream: fill: the other member's log went on to %llu while it "
			"was read, behind %llu; another member has to give it",
			(unsigned long long)c->end,
			(unsigned long long)fill->config.base);
	if (rc)
		return rc;
	stream_source_create(
		&fill->source, fill->config.log, fill->config.memory, c->oldest - 1);
	slots_next(fill);
	return 0;
}

/* F3 */
static int on_slots_look(struct stream_fill *fill)
{
	int rc = same_judge(fill);

	if (!rc && stream_source_lapped(&fill->source))
		rc = error_set(&fill->err, -EAGAIN,
			"stream: fill: the other member's log has overwritten position "
			"%llu before it was read; it will be tried again",
			(unsigned long long)fill->source.first);
	if (!rc)
		rc = stream_source_append(&fill->source, fill->config.log, &fill->err);
	if (!rc)
		slots_next(fill);
	return rc;
}

/* What was asked for has arrived. */
static int arrived(struct stream_fill *fill)
{
	switch (fill->phase) {
	case FILL_LOOK:
		return on_look(fill);
	case FILL_TABLE:
		stream_source_look(&fill->source);
		fill->phase = FILL_TABLE_LOOK;
		return 0;
	case FILL_TABLE_LOOK:
		return on_table_look(fill);
	case FILL_SLOTS:
		stream_source_look(&fill->source);
		fill->phase = FILL_SLOTS_LOOK;
		return 0;
	case FILL_SLOTS_LOOK:
		return on_slots_look(fill);
	case FILL_ENDED:
		break;
	}
	return 0;
}

static int advance(struct stream_fill *fill, uint64_t now_ns)
{
	int rc = stream_source_step(&fill->source, &fill->err);

	if (rc == -EAGAIN && now_ns < fill->config.deadline_ns)
		return 0;
	if (rc == -EAGAIN)
		return error_set(&fill->err, -ETIMEDOUT,
			"stream: fill: the other member's log was not read in time; it "
			"may be dead or cut off");
	return rc ? rc : arrived(fill);
}

enum stream_fill_state stream_fill_step(struct stream_fill *fill, uint64_t now_ns)
{
	if (fill->phase != FILL_ENDED) {
		fill->rc = advance(fill, now_ns);
		if (fill->rc)
			fill->phase = FILL_ENDED;
	}
	if (fill->phase != FILL_ENDED)
		return STREAM_FILL_RUNNING;
	return fill->rc ? STREAM_FILL_FAILED : STREAM_FILL_DONE;
}

int stream_fill_error(const struct stream_fill *fill, struct error *err)
{
	if (fill->rc && err)
		*err = fill->err;
	return fill->rc;
}

void stream_fill_end(struct stream_fill *fill)
{
	if (!fill)
		return;
	stream_source_close(&fill->source);
	free(fill);
}
