#include "sequencer/stream/follow.h"

#include <errno.h>
#include <stdlib.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/source.h"

enum follow_phase {
	FOLLOW_COMMIT,	   /* at the source's commit point, */
	FOLLOW_LOOK,	   /*   and at its control */
	FOLLOW_TABLE,	   /* at its table, */
	FOLLOW_TABLE_LOOK, /*   and again at the control (W2) */
	FOLLOW_SLOTS,	   /* at a batch of slots, */
	FOLLOW_SLOTS_LOOK, /*   and again at the control (W3) */
	FOLLOW_OLDER,	   /* at a batch of what is older (W6), */
	FOLLOW_OLDER_LOOK, /*   and again at the control */
	FOLLOW_RESTS,
	FOLLOW_ENDED,
};

struct stream_follow {
	struct stream_follow_config config;
	struct stream_source source;
	struct stream_pull words;
	uint64_t commit; /* as read */
	uint64_t upto;	 /* what may be copied now (W1) */
	bool taken;	 /* the own log is the copy that goes on */
	bool counts;	 /* it is one of the epoch (W2, W6) */
	uint64_t exact;	 /* its table is right from here */
	uint64_t begin;	 /* of the copy that is made next */
	uint32_t lapped; /* times in a row */
	uint32_t begun;
	uint64_t heard_ns;
	uint64_t rests_ns;
	enum follow_phase phase;
	int rc;
	struct error err;
};

static void commit_ask(struct stream_follow *f)
{
	stream_pull_begin(&f->words, offsetof(struct stream_words, commit), &f->commit,
		sizeof(f->commit));
	f->phase = FOLLOW_COMMIT;
}

static void look(struct stream_follow *f, enum follow_phase phase)
{
	stream_source_look(&f->source);
	f->phase = phase;
}

/* W5: who was prepared for an epoch may have to give its log for the next one. */
static bool is_members(const struct stream_log *log, uint64_t epoch)
{
	return log->control &&
	       (log->control->prepared >= epoch || log->control->epoch > epoch);
}

int stream_follow_begin(const struct stream_follow_config *config,
	struct stream_follow **follow_p, struct error *err)
{
	struct stream_follow *f = calloc(1, sizeof(*f));
	int rc;

	PAWL_ASSERT(!config->log->control || config->log->phase != STREAM_OPEN);
	if (!f)
		return error_set(err, -ENOMEM, "stream: follow: no memory; free some");
	if (is_members(config->log, config->epoch)) {
		free(f);
		return error_set(err, -EEXIST,
			"stream: follow: the log here is one of a member of epoch %llu "
			"or later; it is left alone",
			(unsigned long long)config->epoch);
	}
	f->config = *config;
	f->config.limits = &f->source.limits;
	rc = stream_source_open(&f->source, config->device, config->log_address,
		config->token, config->limits, err);
	if (!rc)
		rc = stream_pull_open(&f->words, config->device, config->words_address,
			config->token, err);
	if (rc) {
		stream_follow_end(f);
		return rc;
	}
	commit_ask(f);
	*follow_p = f;
	return 0;
}

static void rest(struct stream_follow *f, uint64_t now_ns)
{
	f->rests_ns = now_ns + STREAM_FOLLOW_REST_NS;
	f->phase = FOLLOW_RESTS;
}

/* From here on it counts, and may be kept in the epoch that comes (W2, W6). */
static void count(struct stream_follow *f)
{
	f->counts = true;
	stream_log_follow(f->config.log, f->config.epoch);
}

/* The own log is a begin of the running epoch's (C9, C11), and its table is right. */
static bool log_goes_on(const struct stream_follow *f)
{
	const struct stream_follow_config *config = &f->config;

	if (!config->log->control ||
		stream_log_end(config->log) + 1 < f->source.control.oldest)
		return false;
	return config->log->control->epoch == config->epoch ||
	       stream_log_keeps(config->log, config->from, config->base);
}

/*
 * Behind which position a copy begins: the oldest that is retained, or nearer to the end, if the
 * source was faster (W4).  At least one slot is copied, the newest that may be in the table
 * half, unless nothing is retained.
 */
static uint64_t begin_choose(const struct stream_follow *f)
{
	const struct stream_control *c = &f->source.control;
	uint64_t retained = f->upto + 1 > c->oldest ? f->upto + 1 - c->oldest : 0;
	uint64_t begin = f->upto - (retained >> least(f->lapped, 63));

	/* The source has gone on since its commit point was read: so far it is by now (C4). */
	if (begin + 1 < c->oldest)
		begin = c->oldest - 1;
	if (begin == c->end && begin >= c->oldest)
		begin--;
	return begin;
}

/* W6 */
static bool is_whole(const struct stream_follow *f)
{
	return stream_log_is_whole(f->config.log, f->source.control.oldest) ||
	       MUTATED(STREAM_FOLLOW_SHORT);
}

/* What is to be copied next, or nothing for now. */
static void slots_next(struct stream_follow *f, uint64_t now_ns)
{
	const struct stream_log *log = f->config.log;
	uint64_t end = stream_log_end(log);
	bool exact = end >= f->exact || MUTATED(STREAM_FOLLOW_EARLY);

	if (!f->counts && exact && is_whole(f))
		count(f);
	if (end < f->upto) {
		stream_source_batch(&f->source, end + 1, f->upto);
		f->phase = FOLLOW_SLOTS;
	} else if (!f->counts && !is_whole(f)) {
		stream_source_batch_before(&f->source, stream_log_oldest(log));
		f->phase = FOLLOW_OLDER;
	} else {
		rest(f, now_ns);
	}
}

static void copy_begin(struct stream_follow *f)
{
	f->taken = false;
	f->counts = false;
	f->begin = begin_choose(f);
	stream_source_table(&f->source);
	f->phase = FOLLOW_TABLE;
}

/* The source serves the epoch.  False: not yet, or not any more; or it is being written. */
static bool source_serves(struct stream_follow *f)
{
	const struct stream_control *c = &f->source.control;

	f->rc = stream_source_judge(&f->source, &f->err);
	if (!f->rc && c->epoch > f->config.epoch)
		f->rc = error_set(&f->err, -ESTALE,
			"stream: follow: the other member is in epoch %llu, not %llu any "
			"more; its new places are needed",
			(unsigned long long)c->epoch,
			(unsigned long long)f->config.epoch);
	if (f->rc == -EAGAIN)
		f->rc = 0;
	else if (!f->rc && c->epoch == f->config.epoch)
		return true;
	return false;
}

static void on_look(struct stream_follow *f, uint64_t now_ns)
{
	f->upto = least(f->commit, f->source.control.end); /* W1 */
	if (MUTATED(STREAM_FOLLOW_AHEAD))
		f->upto = f->source.control.end;
	if (f->taken && stream_log_end(f->config.log) + 1 >= f->source.control.oldest) {
		slots_next(f, now_ns);
		return;
	}
	if (!f->taken && log_goes_on(f)) {
		f->taken = true;
		f->exact = 0;
		slots_next(f, now_ns);
		return;
	}
	f->lapped += f->taken; /* W4 */
	copy_begin(f);
}

/* Slots behind the begin are still there, or will be refused. */
static void on_table_look(struct stream_follow *f, uint64_t now_ns)
{
	stream_source_create(&f->source, f->config.log, f->config.memory, f->begin);
	f->begun++;
	f->taken = true;
	f->exact = f->source.control.end; /* W2 */
	slots_next(f, now_ns);
}

static void on_slots_look(struct stream_follow *f, uint64_t now_ns)
{
	if (stream_source_lapped(&f->source)) {
		commit_ask(f); /* W4 */
		return;
	}
	f->rc = stream_source_append(&f->source, f->config.log, &f->err);
	if (f->rc)
		return;
	if (stream_log_end(f->config.log) >= f->upto)
		f->lapped = 0;
	slots_next(f, now_ns);
}

/* What is newest comes first again: the source goes on meanwhile. */
static void on_older_look(struct stream_follow *f)
{
	f->rc = stream_source_prepend(&f->source, f->config.log, &f->err);
	if (!f->rc)
		commit_ask(f);
}

/* A look has arrived; what it shows may be of another epoch (W3). */
static void looked(struct stream_follow *f, uint64_t now_ns)
{
	enum follow_phase phase = f->phase;

	if (!source_serves(f))
		rest(f, now_ns);
	else if (phase == FOLLOW_LOOK)
		on_look(f, now_ns);
	else if (phase == FOLLOW_TABLE_LOOK)
		on_table_look(f, now_ns);
	else if (phase == FOLLOW_OLDER_LOOK)
		on_older_look(f);
	else
		on_slots_look(f, now_ns);
}

static void arrived(struct stream_follow *f, uint64_t now_ns)
{
	switch (f->phase) {
	case FOLLOW_COMMIT:
		look(f, FOLLOW_LOOK);
		break;
	case FOLLOW_TABLE:
		look(f, FOLLOW_TABLE_LOOK);
		break;
	case FOLLOW_SLOTS:
		look(f, FOLLOW_SLOTS_LOOK);
		break;
	case FOLLOW_OLDER:
		look(f, FOLLOW_OLDER_LOOK);
		break;
	case FOLLOW_LOOK:
	case FOLLOW_TABLE_LOOK:
	case FOLLOW_SLOTS_LOOK:
	case FOLLOW_OLDER_LOOK:
		looked(f, now_ns);
		break;
	case FOLLOW_RESTS:
	case FOLLOW_ENDED:
		break;
	}
}

static int ask(struct stream_follow *f)
{
	if (f->phase == FOLLOW_COMMIT)
		return stream_pull_step(&f->words, &f->err);
	return stream_source_step(&f->source, &f->err);
}

static bool advance(struct stream_follow *f, uint64_t now_ns)
{
	int rc;

	if (f->heard_ns == 0)
		f->heard_ns = now_ns;
	rc = ask(f);
	if (!rc) {
		f->heard_ns = now_ns;
		arrived(f, now_ns);
	} else if (rc != -EAGAIN) {
		f->rc = rc;
	} else if (now_ns - f->heard_ns > f->config.patience_ns) {
		f->rc = error_set(&f->err, -ETIMEDOUT,
			"stream: follow: the other member's memory has not answered for "
			"%llu ms; it may be dead or cut off",
			(unsigned long long)(f->config.patience_ns / 1000000));
	}
	return rc != -EAGAIN;
}

bool stream_follow_step(struct stream_follow *f, uint64_t now_ns)
{
	bool worked;

	if (f->phase == FOLLOW_ENDED ||
		(f->phase == FOLLOW_RESTS && now_ns < f->rests_ns))
		return false;
	if (f->phase == FOLLOW_RESTS)
		commit_ask(f);
	worked = advance(f, now_ns);
	if (f->rc)
		f->phase = FOLLOW_ENDED;
	return worked;
}

struct stream_follow_status stream_follow_status(const struct stream_follow *f)
{
	struct stream_follow_status status = {
		.state = STREAM_FOLLOW_COPYING, .commit = f->commit, .begun = f->begun};

	if (f->taken)
		status.end = stream_log_end(f->config.log);
	if (f->counts)
		status.state = STREAM_FOLLOW_BEHIND;
	if (f->phase == FOLLOW_ENDED)
		status.state = STREAM_FOLLOW_FAILED;
	return status;
}

int stream_follow_error(const struct stream_follow *f, struct error *err)
{
	if (f->rc && err)
		*err = f->err;
	return f->rc;
}

void stream_follow_end(struct stream_follow *f)
{
	if (!f)
		return;
	stream_pull_close(&f->words);
	stream_source_close(&f->source);
	free(f);
}
