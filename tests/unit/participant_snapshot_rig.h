/* What the tests of participants with snapshots share: the list, written down and restored. */
#ifndef PAWL_TESTS_PARTICIPANT_SNAPSHOT_RIG_H
#define PAWL_TESTS_PARTICIPANT_SNAPSHOT_RIG_H

#include "client/lib/participant.h"
#include "tests/unit/participant_rig.h"

#define STATE_MAX (LIST_MAX * (TEXT_MAX_LEN + 1))
#define PIECE 1000 /* of the machine's */
#define RING 1024  /* slots; a participant that misses more is lapped */

static const unsigned int second[] = {1};

/* A state is its texts, a line each. */
static char state_out[STATE_MAX], state_in[STATE_MAX];
static size_t out_len, out_at, in_len;
static unsigned int restores;

static inline size_t state_write(const struct list *list, char *to)
{
	size_t len = 0;

	for (unsigned int i = 0; i < list->count; i++)
		len += (size_t)sprintf(to + len, "%s\n", list->texts[i]);
	return len;
}

static inline void list_snapshot_begin(void *context)
{
	out_len = state_write(context, state_out);
	out_at = 0;
}

static inline bool list_snapshot_next(void *context, struct pawl_bytes *piece_p)
{
	size_t left = out_len - out_at;

	(void)context;
	*piece_p = (struct pawl_bytes){state_out + out_at, left < PIECE ? left : PIECE};
	out_at += piece_p->len;
	return piece_p->len > 0;
}

static inline void list_restore_begin(void *context)
{
	struct list *list = context;

	list->count = 0;
	in_len = 0;
	restores++;
}

static inline int list_restore_next(
	void *context, const void *bytes, size_t len, const char **reason_p)
{
	(void)context;
	*reason_p = "it is too long";
	if (len > STATE_MAX - in_len)
		return -EBADMSG;
	memcpy(state_in + in_len, bytes, len);
	in_len += len;
	return 0;
}

static inline int list_restore_end(void *context, const char **reason_p)
{
	struct list *list = context;
	const char *at = state_in;

	*reason_p = "it does not end with a line";
	if (in_len > 0 && state_in[in_len - 1] != '\n')
		return -EBADMSG;
	while (at < state_in + in_len) {
		size_t len = (size_t)(strchr(at, '\n') - at);

		memcpy(list->texts[list->count], at, len);
		list->texts[list->count++][len] = '\0';
		at += len + 1;
	}
	return 0;
}

static inline struct pawl_machine kept_machine(struct list *list)
{
	struct pawl_machine machine = list_machine(list);

	machine.snapshot_begin = list_snapshot_begin;
	machine.snapshot_next = list_snapshot_next;
	machine.restore_begin = list_restore_begin;
	machine.restore_next = list_restore_next;
	machine.restore_end = list_restore_end;
	return machine;
}

static inline struct fake_snapshots *at_replica(struct part *part, unsigned int place)
{
	return &part->desk.rig.fake.stream.snapshots_at[place];
}

static inline int of_one(void **state)
{
	*state = part_make(2, 1);
	restores = 0;
	return 0;
}

static inline int of_two(void **state)
{
	*state = part_make(2, 2);
	restores = 0;
	return 0;
}

static inline void desk_begin(struct part *part)
{
	struct pawl_options options = rig_options(&part->desk.rig);

	fake_stream_make(&part->desk.rig.fake, STREAM_NAME, NULL);
	desk_join(&part->desk, &options);
	desk_stream(&part->desk, NULL);
}

static inline void takes_part(struct part *part, uint64_t every)
{
	struct pawl_participant_options with = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = kept_machine(&part->list);

	with.on_outcome = part_on_outcome;
	with.outcome_context = part;
	with.snapshot_every = every;
	if (pawl_participant_open(
		    part->desk.rig.pawl, STREAM_NAME, &machine, &with, &part->p))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
}

static inline void begins(struct part *part)
{
	desk_begin(part);
	takes_part(part, 0);
}

static inline void syncs(struct part *part)
{
	if (pawl_participant_sync(part->p))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
}

static inline void publishes(struct part *part, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		(void)desk_publish(&part->desk, "m");
}

/* A replica has a snapshot at @position of @count lines; all but the first are "m". */
static inline void replica_has(struct part *part, unsigned int place, uint64_t position,
	const char *first, unsigned int count)
{
	static char bytes[STATE_MAX];
	size_t len = (size_t)sprintf(bytes, "%s\n", first);

	for (unsigned int i = 1; i < count; i++)
		len += (size_t)sprintf(bytes + len, "m\n");
	fake_snapshots_add(&part->desk.rig.fake, place, position, bytes, len);
}

static inline void head_dies(struct part *part)
{
	fake_stream_change(&part->desk.rig.fake, 2, 1, second);
	part->desk.rig.fake.stream.held = false;
	part->desk.rig.fake.stream.tail_held = false;
	fake_serve(&part->desk.rig.fake, 1, false);
	fake_serve(&part->desk.rig.fake, 0, true);
}

#endif
