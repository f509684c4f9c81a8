/* The work of a counter's team: additions on both sides. */
#include "bench/team_shared.h"
#include "hw/clock.h"

static int side_open(struct worker *w, enum turn_side which, const struct side_ops *ops,
	struct side_config *config)
{
	struct seat *seat = w->seat;
	int rc = ops->open(config, &w->sides[which], &seat->err);

	if (rc)
		return rc;
	seat->sides[which].n = w->sides[which]->n;
	seat->sides[which].last = w->sides[which]->last;
	seat->sides[which].stamped = ops->stamped;
	return 0;
}

static int sides_open(struct worker *w)
{
	struct side_config config = w->config.side;
	int rc;

	config.word = &w->shared->word;
	config.where = w->shared->call.where;
	config.raws_count = w->shared->call.raws_count;
	for (unsigned int i = 0; i < config.raws_count; i++)
		config.raws[i] = w->shared->call.raws[i];
	rc = side_open(
		w, TURN_BARE, config.verbs ? &side_bare_verbs : &side_bare_shm, &config);
	return rc ? rc : side_open(w, TURN_PAWL, &side_pawl, &config);
}

static void sides_close(struct worker *w)
{
	for (int i = 0; i < TURN_SIDES; i++) {
		if (w->sides[i])
			w->sides[i]->ops->close(w->sides[i]);
	}
}

static int chunk_run(struct worker *w, const struct turn *turn)
{
	struct side *side = w->sides[turn->side];
	struct seat *seat = w->seat;
	uint64_t at = seat->count;

	if (turn->what == TURN_RATE)
		return side->ops->run(
			side, w->config.chunk, w->room.values + at, &seat->err);
	return side->ops->run_timed(side, w->config.chunk, w->room.values + at,
		w->room.begins_ns + at, w->room.ends_ns + at, &seat->err);
}

/* Chunk after chunk, at least one, until the time is over or one of the processes has no more room. */
static int additions_run(struct worker *w, const struct turn *turn, uint64_t end_ns)
{
	struct seat *seat = w->seat;
	uint64_t room = (turn->what == TURN_RATE ? w->config.rate_max
						 : w->config.timed_max) /
			w->config.processes;

	seat->begin_ns = clock_now_ns();
	do {
		int rc = chunk_run(w, turn);

		if (rc)
			return rc;
		seat->count += w->config.chunk;
		seat->end_ns = clock_now_ns();
		if (room - seat->count < w->config.chunk)
			atomic_store(&w->shared->full, true);
	} while (seat->end_ns < end_ns && !atomic_load(&w->shared->full));
	return 0;
}

static int turn_run(struct worker *w, const struct turn *turn, uint64_t start_ns)
{
	return additions_run(w, turn, start_ns + turn->length_ns);
}

const struct team_work team_sides = {
	.open = sides_open,
	.turn = turn_run,
	.close = sides_close,
};
