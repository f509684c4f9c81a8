#include "sequencer/core/stream_tail_read.h"

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/region.h"

/* The broken rule: what an earlier read has found open counts as open (TR1). */
static bool was_found_open(const struct stream_tail_read *read, uint64_t epoch)
{
	return MUTATED(TAIL_READ_CHECK_FIRST) && read->epoch == epoch &&
	       read->phase == STREAM_TAIL_READ_VALID;
}

void stream_tail_read_begin(
	struct stream_tail_read *read, uint64_t epoch, uint32_t members)
{
	PAWL_ASSERT(epoch > 0 && members > 0 && members <= CHAIN_MAX);
	*read = (struct stream_tail_read){.epoch = epoch,
		.members = members,
		.checked = was_found_open(read, epoch),
		.phase = STREAM_TAIL_READ_ASKING};
}

/* The next member whose state is to be read. */
static bool state_next(const struct stream_tail_read *read, uint32_t *member_p)
{
	*member_p = read->posted;
	if (MUTATED(TAIL_READ_TAIL_ONLY)) {
		*member_p = read->members - 1;
		return read->posted == 0;
	}
	return read->posted < read->members;
}

bool stream_tail_read_next(
	const struct stream_tail_read *read, struct stream_tail_read_effect *effect_p)
{
	uint32_t member = read->members - 1;

	if (read->phase == STREAM_TAIL_READ_ASKING && !read->asked) {
		*effect_p = (struct stream_tail_read_effect){
			STREAM_TAIL_READ_ASK, member};
		return true;
	}
	if (read->phase != STREAM_TAIL_READ_CHECKING || !state_next(read, &member))
		return false;
	*effect_p = (struct stream_tail_read_effect){STREAM_TAIL_READ_STATE, member};
	return true;
}

void stream_tail_read_posted(
	struct stream_tail_read *read, const struct stream_tail_read_effect *effect)
{
	if (effect->kind == STREAM_TAIL_READ_ASK)
		read->asked = true;
	else
		read->posted++;
}

void stream_tail_read_on_answer(
	struct stream_tail_read *read, uint64_t epoch, uint64_t position)
{
	PAWL_ASSERT(read->phase != STREAM_TAIL_READ_CHECKING &&
		    read->phase != STREAM_TAIL_READ_VALID); /* TR1 */
	if (read->phase != STREAM_TAIL_READ_ASKING)
		return;
	read->position = position;
	if (epoch != read->epoch)
		read->phase = STREAM_TAIL_READ_INVALID; /* TR2 */
	else if (read->checked || MUTATED(TAIL_READ_UNCHECKED))
		read->phase = STREAM_TAIL_READ_VALID;
	else
		read->phase = STREAM_TAIL_READ_CHECKING;
}

/* How many states make an answer valid. */
static uint32_t states_wanted(const struct stream_tail_read *read)
{
	return MUTATED(TAIL_READ_TAIL_ONLY) ? 1 : read->members;
}

void stream_tail_read_on_state(struct stream_tail_read *read, uint64_t state)
{
	if (read->phase != STREAM_TAIL_READ_CHECKING)
		return;
	if (state != region_state_open(read->epoch)) {
		read->phase = STREAM_TAIL_READ_INVALID; /* TR2 */
		return;
	}
	if (++read->answered == states_wanted(read))
		read->phase = STREAM_TAIL_READ_VALID;
}

void stream_tail_read_on_lost(struct stream_tail_read *read)
{
	if (read->phase != STREAM_TAIL_READ_VALID)
		read->phase = STREAM_TAIL_READ_INVALID;
}

bool stream_tail_question_take(
	const struct stream_tail_seat *seat, uint64_t epoch, uint64_t *upto_p)
{
	if (seat->epoch == 0 || seat->epoch != epoch || !seat->tail)
		return false;
	*upto_p = MUTATED(TAIL_READ_APPLIED) ? seat->applied : seat->commit;
	return true;
}
