#include "sequencer/core/stream_feed.h"

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

#define NOTHING_TOLD UINT64_MAX

void stream_feed_init(struct stream_feed *feed, uint64_t slots, uint64_t consumed)
{
	PAWL_ASSERT(slots > 0 && (slots & (slots - 1)) == 0);
	*feed = (struct stream_feed){.slots = slots,
		.sent = consumed,
		.consumed = consumed,
		.told = {.end = NOTHING_TOLD}};
}

void stream_feed_again(struct stream_feed *feed)
{
	feed->sent = feed->consumed;
	feed->told = (struct stream_fed){.end = NOTHING_TOLD};
}

void stream_feed_consumed(struct stream_feed *feed, uint64_t consumed)
{
	if (consumed > feed->sent)
		consumed = feed->sent;
	if (consumed > feed->consumed)
		feed->consumed = consumed;
}

void stream_feed_had(struct stream_feed *feed, uint64_t position)
{
	if (position > feed->sent)
		feed->sent = position;
	stream_feed_consumed(feed, position);
}

/* Slots from @position on until a ring of @slots ends. */
static uint64_t until_wrap(uint64_t position, uint64_t slots)
{
	return slots - (position & (slots - 1));
}

static uint64_t room_end(const struct stream_feed *feed)
{
	if (MUTATED(STREAM_OVERWRITE))
		return UINT64_MAX;
	return feed->consumed + feed->slots;
}

bool stream_feed_run(struct stream_feed *feed, uint64_t log_slots, uint64_t oldest,
	uint64_t limit, uint32_t count_max, struct stream_run *run_p)
{
	struct stream_run run = {.parts_count = 0};
	uint64_t end = least(limit, room_end(feed)); /* Y1 */
	uint64_t next, left;

	if (feed->sent + 1 < oldest)
		feed->sent = oldest - 1; /* Y3 */
	next = feed->sent + 1;
	if (next > end)
		return false;
	left = least(end - feed->sent, count_max);
	while (left > 0 && run.parts_count < STREAM_RUN_PARTS) {
		uint64_t count = least(left, least(until_wrap(next, log_slots),
						     until_wrap(next, feed->slots)));

		run.parts[run.parts_count++] = (struct stream_part){
			.first = next, .count = (uint32_t)count};
		next += count;
		left -= count;
	}
	run.end = next - 1;
	*run_p = run;
	return true;
}

void stream_feed_run_posted(struct stream_feed *feed, const struct stream_run *run)
{
	PAWL_ASSERT(run->parts_count > 0 && run->parts[0].first == feed->sent + 1);
	PAWL_ASSERT(run->end - feed->consumed <= feed->slots ||
		    MUTATED(STREAM_OVERWRITE)); /* Y1 */
	feed->sent = run->end;
}

bool stream_feed_words(
	const struct stream_feed *feed, uint64_t oldest, struct stream_fed *words_p)
{
	bool skipped = feed->sent + 1 == oldest && feed->told.oldest < oldest;

	if (feed->told.end == feed->sent && !skipped)
		return false;
	*words_p = (struct stream_fed){.end = feed->sent, .oldest = oldest};
	return true;
}

void stream_feed_words_posted(struct stream_feed *feed, const struct stream_fed *words)
{
	PAWL_ASSERT(words->end <= feed->sent); /* Y2 */
	feed->told = *words;
}
