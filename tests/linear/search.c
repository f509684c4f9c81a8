#include "tests/linear/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/linear/depends.h"

#define BITS 64
#define NONE UINT32_MAX
#define CLOCK_EVERY 1024 /* steps between two looks at the clock */

/* A try: what is to be put next, one after the other.  Also the way back. */
struct frame {
	uint64_t limit;		   /* nothing that was asked for later may be next */
	uint32_t limit_of;	   /* known; NONE: there is no limit */
	uint32_t at;		   /* the one being tried, */
	bool maybe;		   /* of unknown outcome, or known */
	bool begun;		   /* there is one */
	bool final;		   /* nothing else needs to be tried */
	enum linear_answer answer; /* the way it is taken to have gone */
	uint32_t
		pending; /* of unknown outcome, the last one put, if nothing came after it */
	size_t undos;	 /* before it was put */
};

struct search {
	const struct part *part;
	const struct move **known; /* by the time at which they were asked for */
	const struct move **maybe; /* of unknown outcome, likewise */
	uint32_t known_count, maybe_count;
	uint32_t *twin; /* of maybe: the one before that asks for the same; NONE */
	uint32_t *next,
		*before; /* of the known that are not in order yet; known_count: the end */
	uint64_t *ordered; /* bits of known, */
	uint64_t *used;	   /* of maybe */
	size_t used_count; /* words */
	struct model model;
	struct cell *cells, *best; /* the part's */
	struct frame *frames;
	uint32_t depth;
	uint32_t left; /* known, not in order yet */
	uint64_t *place;
	struct visited *visited;
	uint64_t steps;
	struct search_end *end;
	uint64_t frontier; /* the latest return that could not be passed */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void bit_flip(uint64_t *bits, uint32_t i)
{
	bits[i / BITS] ^= UINT64_C(1) << i % BITS;
}

static bool bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i / BITS] >> i % BITS & 1;
}

/* The known one leaves the list of what is not in order, or comes back to where it was. */
static void known_take(struct search *s, uint32_t i)
{
	s->next[s->before[i]] = s->next[i];
	s->before[s->next[i]] = s->before[i];
	bit_flip(s->ordered, i);
	s->left--;
}

static void known_return(struct search *s, uint32_t i)
{
	s->next[s->before[i]] = i;
	s->before[s->next[i]] = i;
	bit_flip(s->ordered, i);
	s->left++;
}

static const struct move *frame_move(const struct search *s, const struct frame *f)
{
	return f->maybe ? s->maybe[f->at] : s->known[f->at];
}

/* The furthest that any try came is what is told if all of them fail. */
static void frontier_note(struct search *s, const struct frame *f)
{
	if (f->limit_of == NONE || (s->end->blocked && f->limit <= s->frontier))
		return;
	s->frontier = f->limit;
	s->end->blocked = s->known[f->limit_of];
	s->end->ordered = s->known_count - s->left;
	memcpy(s->best, s->cells, s->part->cells_count * sizeof(*s->cells));
}

static bool known_next(struct search *s, struct frame *f)
{
	uint32_t i = s->next[f->begun ? f->at : s->known_count];

	if (i == s->known_count || s->known[i]->invoked > f->limit)
		return false;
	f->at = i;
	if (s->known[i]->returned < f->limit) {
		f->limit = s->known[i]->returned;
		f->limit_of = i;
	}
	return true;
}

/* Of two that ask for the same the first is used first. */
static bool maybe_next(struct search *s, struct frame *f)
{
	for (uint32_t i = f->begun ? f->at + 1 : 0; i < s->maybe_count; i++) {
		if (s->maybe[i]->invoked > f->limit)
			return false;
		if (bit_get(s->used, i))
			continue;
		if (s->twin[i] != NONE && !bit_get(s->used, s->twin[i]))
			continue;
		f->at = i;
		return true;
	}
	return false;
}

/* What is to be tried next after this frame's try, if anything is. */
static bool frame_next(struct search *s, struct frame *f)
{
	if (f->final)
		return false;
	if (f->begun && f->answer == LINEAR_DONE &&
		move_may_go(frame_move(s, f), LINEAR_REFUSED)) {
		f->answer = LINEAR_REFUSED;
		return true;
	}
	if (!f->maybe) {
		if (!known_next(s, f)) {
			frontier_note(s, f);
			f->maybe = true;
			f->begun = false;
		}
	}
	if (f->maybe && !maybe_next(s, f))
		return false;
	f->begun = true;
	f->answer = move_may_go(frame_move(s, f), LINEAR_DONE) ? LINEAR_DONE
							       : LINEAR_REFUSED;
	return true;
}

/*
 * The configuration as words: what is in order, from the first that is not to the last that could
 * have been put in order before it, and the cells.
 */
static size_t place_write(struct search *s, uint32_t pending)
{
	uint32_t base = s->next[s->known_count];
	uint32_t low = base, high = s->known_count;
	size_t count = 1, len = s->part->cells_count * sizeof(*s->cells);

	while (base < s->known_count && low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->known[middle]->invoked > s->known[base]->returned)
			high = middle;
		else
			low = middle + 1;
	}
	s->place[0] = (uint64_t)base << 32 | pending;
	for (uint32_t word = base / BITS; base < high && word <= (high - 1) / BITS;
		word++)
		s->place[count++] = s->ordered[word];
	memcpy(&s->place[count], s->cells, len);
	return count + len / sizeof(uint64_t);
}

static int frame_push(struct search *s, uint32_t pending, bool *seen_p)
{
	size_t count = place_write(s, pending);
	int rc = visited_add(s->visited, s->place, count, s->used, s->used_count, seen_p);

	if (rc || *seen_p)
		return rc;
	s->frames[++s->depth] = (struct frame){
		.limit = UINT64_MAX, .limit_of = NONE, .pending = pending};
	return 0;
}

static void frame_take_back(struct search *s, const struct frame *f)
{
	model_undo(&s->model, f->undos);
	if (f->maybe)
		bit_flip(s->used, f->at);
	else
		known_return(s, f->at);
}

static bool may_be_put(struct search *s, const struct move *move)
{
	size_t mark = s->model.undos_count;
	bool agrees = (move_may_go(move, LINEAR_DONE) &&
			      model_apply(&s->model, move, LINEAR_DONE)) ||
		      (move_may_go(move, LINEAR_REFUSED) &&
			      model_apply(&s->model, move, LINEAR_REFUSED));

	model_undo(&s->model, mark);
	return agrees;
}

/* Of unknown outcome, not used yet, and may stand behind what the frame has just done. */
static bool maybe_may_follow(const struct search *s, const struct frame *f, bool touching)
{
	const struct move *move = s->maybe[f->at];

	for (uint32_t i = 0; i < s->maybe_count; i++)
		if (i != f->at && !bit_get(s->used, i) &&
			depends_may_follow(
				move, s->maybe[i], !touching && i > f->at, true))
			return true;
	return false;
}

/*
 * What the frame has just done, of unknown outcome, makes a difference to something that can come
 * now: to what can be put next, also behind more of the kind, or to more of the kind.
 */
static bool may_go_on(struct search *s, const struct frame *f)
{
	const struct move *move = s->maybe[f->at];
	bool more = maybe_may_follow(s, f, false);

	for (uint32_t i = s->next[s->known_count]; i < s->known_count; i = s->next[i]) {
		if (s->known[i]->invoked > f->limit)
			break;
		if (depends_may_follow(move, s->known[i], false, false) &&
			(more || may_be_put(s, s->known[i])))
			return true;
	}
	return more && maybe_may_follow(s, f, true);
}

/*
 * It went the one way that it can have gone, and left everything as it was, also what is known of
 * versions.  So if it can stand here it might as well.
 */
static bool left_no_trace(const struct search *s, const struct frame *f)
{
	const struct move *move = frame_move(s, f);
	const struct item *step = move->items + move->compare;
	uint32_t count = f->answer == LINEAR_DONE ? move->then : move->otherwise;

	if (f->maybe || s->model.undos_count != f->undos ||
		(move->compare > 0 && move->answer == LINEAR_UNTOLD))
		return false;
	if (f->answer == LINEAR_REFUSED)
		step += move->then;
	for (uint32_t i = 0; i < count; i++)
		if (item_writes(&step[i]))
			return false;
	return true;
}

/* The try of the frame is put next, if it may be, and if that is news. */
static int frame_try(struct search *s, struct frame *f)
{
	const struct move *move = frame_move(s, f);
	bool seen;
	int rc;

	if (f->pending != NONE && !depends_may_follow(s->maybe[f->pending], move,
					  f->maybe && f->at > f->pending, f->maybe))
		return 0;
	f->undos = s->model.undos_count;
	if (!model_apply(&s->model, move, f->answer))
		return 0;
	if (f->maybe && !may_go_on(s, f)) {
		model_undo(&s->model, f->undos);
		return 0;
	}
	if (f->maybe)
		bit_flip(s->used, f->at);
	else
		known_take(s, f->at);
	f->final = left_no_trace(s, f);
	rc = frame_push(s, f->maybe ? f->at : NONE, &seen);
	if (rc || seen)
		frame_take_back(s, f);
	return rc;
}

static const char *limit_reached(struct search *s, const struct search_limits *limits)
{
	if (s->visited->count >= limits->states)
		return "the number of states allowed was looked at";
	if (++s->steps % CLOCK_EVERY == 0 && now_ns() >= limits->deadline_ns)
		return "the time allowed is over";
	return NULL;
}

static int search_run(struct search *s, const struct search_limits *limits)
{
	bool seen;
	int rc = frame_push(s, NONE, &seen);

	while (!rc && s->left > 0) {
		s->end->why = limit_reached(s, limits);
		if (s->end->why) {
			s->end->verdict = LINEAR_UNDECIDED;
			return 0;
		}
		if (frame_next(s, &s->frames[s->depth])) {
			rc = frame_try(s, &s->frames[s->depth]);
		} else if (s->depth == 1) {
			s->end->verdict = LINEAR_BAD;
			return 0;
		} else {
			s->depth--;
			frame_take_back(s, &s->frames[s->depth]);
		}
	}
	return rc;
}

static void moves_sort_out(struct search *s, const struct plan *plan)
{
	for (uint32_t i = 0; i < s->part->moves_count; i++) {
		const struct move *move = &plan->moves[s->part->moves_first + i];

		if (plan->history->operations[move->source].outcome == LINEAR_OK)
			s->known[s->known_count++] = move;
		else
			s->maybe[s->maybe_count++] = move;
	}
	for (uint32_t i = 0; i <= s->known_count; i++) {
		s->next[i] = i < s->known_count ? i + 1 : 0;
		s->before[i] = i > 0 ? i - 1 : s->known_count;
	}
	for (uint32_t i = 0; i < s->maybe_count; i++)
		s->twin[i] = depends_twin(s->maybe, i);
	s->left = s->known_count;
	s->used_count = (s->maybe_count + BITS - 1) / BITS;
}

static int search_begin(struct search *s, const struct plan *plan)
{
	size_t moves = (size_t)s->part->moves_count + 1, words = moves / BITS + 2;

	s->known = calloc(moves, sizeof(*s->known));
	s->maybe = calloc(moves, sizeof(*s->maybe));
	s->twin = calloc(moves, sizeof(*s->twin));
	s->next = calloc(moves, sizeof(*s->next));
	s->before = calloc(moves, sizeof(*s->before));
	s->ordered = calloc(words, sizeof(*s->ordered));
	s->used = calloc(words, sizeof(*s->used));
	s->frames = calloc(moves + 2, sizeof(*s->frames));
	s->place = calloc(
		words + 1 + 2 * (size_t)s->part->cells_count, sizeof(*s->place));
	s->model.undos = calloc(s->part->items_count + 1, sizeof(*s->model.undos));
	if (!s->known || !s->maybe || !s->twin || !s->next || !s->before || !s->ordered ||
		!s->used || !s->frames || !s->place || !s->model.undos)
		return -ENOMEM;
	moves_sort_out(s, plan);
	return 0;
}

static void search_finish(struct search *s)
{
	free(s->known);
	free(s->maybe);
	free(s->twin);
	free(s->next);
	free(s->before);
	free(s->ordered);
	free(s->used);
	free(s->frames);
	free(s->place);
	free(s->model.undos);
}

int search_part(const struct plan *plan, const struct part *part,
	struct search_room *room, const struct search_limits *limits,
	struct search_end *end_p)
{
	struct search s = {.part = part,
		.visited = &room->visited,
		.model = {.cells = room->cells},
		.cells = room->cells + part->cells_first,
		.best = room->best + part->cells_first,
		.end = end_p};
	int rc = search_begin(&s, plan);

	*end_p = (struct search_end){.verdict = LINEAR_GOOD};
	visited_clear(s.visited);
	if (!rc)
		rc = search_run(&s, limits);
	if (rc == -ENOBUFS) {
		end_p->verdict = LINEAR_UNDECIDED;
		end_p->why = "the memory allowed is used up";
		rc = 0;
	}
	model_undo(&s.model, 0);
	search_finish(&s);
	return rc;
}
