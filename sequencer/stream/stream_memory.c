/* The memory of a stream: what is missing of it is made (making.h), and then taken. */
#include <fcntl.h>
#include <unistd.h>

#include "sequencer/core/panic.h"
#include "sequencer/stream/stream.h"

static uint64_t words_len(const struct stream *s, const struct stream_change *change)
{
	return stream_words_memory_len(&s->limits, change->chain.place > 0);
}

bool stream_memory_is_there(const struct stream *s)
{
	const struct stream_change *change = &s->wanted.change;

	return s->log_memory.memory && s->inbox.memory &&
	       (s->wanted.kind != STREAM_WANTS_CHANGE ||
		       (s->words_next.memory && s->words_next.epoch == change->epoch));
}

static int part_want(struct stream *s, struct making_part *part, const char *what,
	uint64_t epoch, uint64_t len, struct error *err)
{
	part->len = len;
	return stretch_name(
		&part->stretch, &s->ways->common, s->counter, what, epoch, err);
}

/* The log's memory and the inbox are made once, the words for every epoch. */
static int parts_want(struct stream *s, struct error *err)
{
	const struct stream_change *change = &s->wanted.change;
	struct making *making = &s->making;
	int rc = 0;

	making->log = making->inbox = making->words = MAKING_PART_EMPTY;
	if (!s->log_memory.memory)
		rc = part_want(s, &making->log, "log", 0, stream_log_memory_len(s), err);
	if (!rc && !s->inbox.memory)
		rc = part_want(
			s, &making->inbox, "inbox", 0, stream_inbox_len(&s->limits), err);
	if (!rc && s->wanted.kind == STREAM_WANTS_CHANGE && !s->words_next.memory)
		rc = part_want(s, &making->words, "words", change->epoch,
			words_len(s, change), err);
	return rc;
}

int stream_memory_make(struct stream *s, struct error *err)
{
	int rc;

	if (s->is_made) /* for what was wanted before; it is looked at when that ends */
		return 0;
	rc = parts_want(s, err);
	if (rc)
		return rc;
	s->making.device = stream_thread_device(s->thread);
	s->making.spare = &s->spare;
	s->is_made = true;
	making_begin(s->ways->maker, &s->making);
	return 0;
}

/* It is there, and the stream's from now on. */
static void part_take(struct making_part *part, struct stretch *stretch)
{
	if (!part->stretch.memory)
		return;
	PAWL_ASSERT(!stretch->memory);
	*stretch = part->stretch;
	part->stretch = STRETCH_EMPTY;
}

/* The words of another change, which was given up, are left. */
static bool words_fit(const struct stream *s)
{
	const struct making_part *words = &s->making.words;
	const struct stream_change *change = &s->wanted.change;

	return s->wanted.kind == STREAM_WANTS_CHANGE &&
	       words->stretch.epoch == change->epoch &&
	       words->len == words_len(s, change);
}

int stream_memory_take(struct stream *s, struct error *err)
{
	struct making *making = &s->making;

	s->is_made = false;
	if (!making->rc) {
		part_take(&making->log, &s->log_memory);
		part_take(&making->inbox, &s->inbox);
		if (words_fit(s))
			part_take(&making->words, &s->words_next);
	} else {
		*err = making->err;
	}
	making_remove(making); /* L2, L3 */
	return making->rc;
}

void stream_memory_give_up(struct stream *s)
{
	if (!s->is_made)
		return;
	making_give_up(s->ways->maker, &s->making);
	making_remove(&s->making);
	s->is_made = false;
}

void stream_spare_want(struct stream *s)
{
	spare_want(s->ways->spares, &s->spare, s->counter,
		stream_words_memory_len(&s->limits, true));
}

/* Their pages go in the background: publishers wait for the change (spare.h). */
void stream_words_close(struct stream *s)
{
	int fd = -1;

	if (s->words.path[0])
		fd = open(s->words.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	stretch_close(&s->words, true);
	if (fd >= 0)
		spare_maker_close(s->ways->spares, fd);
}
