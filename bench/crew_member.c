/* One of the processes that draw numbers while replicas come and go. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/crew_shared.h"
#include "client/include/pawl/pawl.h"
#include "hw/clock.h"

#define REST_NS 50000
#define GENTLE_NS 50000

struct drawing {
	const struct crew_member *member;
	struct crew_seat *seat;
	struct pawl *pawl;
	struct pawl_counter *counter;
	uint64_t count;	 /* as in the seat */
	uint64_t now_ns; /* no addition of ours began later */
};

static void pause_ns(long ns)
{
	struct timespec pause = {.tv_nsec = ns};

	(void)nanosleep(&pause, NULL);
}

static void fail(struct crew_seat *seat, int rc, const char *text)
{
	(void)error_set(&seat->err, rc, "%s", text);
	atomic_store_explicit(&seat->rc, rc, memory_order_release);
}

/* The number that is being drawn will be the first that is confirmed in the new epoch. */
static void on_event(void *context, const struct pawl_event *event)
{
	struct drawing *d = context;
	unsigned int count = atomic_load_explicit(
		&d->seat->changes_count, memory_order_relaxed);

	if (event->kind != PAWL_EVENT_EPOCH || count == CREW_CHANGES_MAX)
		return;
	d->seat->changes[count] = (struct crew_change){event->epoch, d->count};
	atomic_store_explicit(&d->seat->changes_count, count + 1, memory_order_release);
}

static int handle_open(struct drawing *d)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.on_event = on_event;
	options.event_context = d;
	options.timeout_ns = UINT64_C(30000000000);
	rc = pawl_open(d->member->where, &options, &d->pawl);
	if (!rc)
		rc = pawl_counter_open(d->pawl, d->member->counter, &d->counter);
	if (!rc)
		rc = pawl_read(d->counter, &d->seat->last);
	if (rc)
		fail(d->seat, rc, pawl_errmsg(d->pawl));
	return rc;
}

/*
 * One look at the clock per number: an addition begins no earlier than the one before has
 * ended.
 */
static bool number_draw(struct drawing *d)
{
	const struct crew_room *room = &d->member->room;
	uint64_t at = d->count;
	int rc = pawl_next(d->counter, &room->values[at]);

	if (rc) {
		fail(d->seat, rc, pawl_errmsg(d->pawl));
		return false;
	}
	room->begins_ns[at] = d->now_ns;
	d->now_ns = clock_now_ns();
	room->ends_ns[at] = d->now_ns;
	d->count = at + 1;
	atomic_store_explicit(&d->seat->count, d->count, memory_order_release);
	return true;
}

/* The last quarter of the room is kept for the slow parts of a round. */
static bool is_gentle(const struct drawing *d, int pace)
{
	const struct crew_room *room = &d->member->room;

	return pace == CREW_GENTLE || d->count >= room->max - room->max / 4;
}

static void round_draw(struct drawing *d)
{
	struct crew_shared *shared = d->member->shared;
	int pace;

	d->now_ns = clock_now_ns();
	while ((pace = atomic_load_explicit(&shared->pace, memory_order_relaxed)) ==
			CREW_FULL ||
		pace == CREW_GENTLE) {
		if (d->count == d->member->room.max) {
			fail(d->seat, -ENOSPC,
				"bench: a round took too long to keep all its numbers; "
				"run it again with fewer processes");
			return;
		}
		if (is_gentle(d, pace)) {
			pause_ns(GENTLE_NS);
			d->now_ns = clock_now_ns();
		}
		if (!number_draw(d))
			return;
	}
}

static void round_run(struct drawing *d, uint32_t round)
{
	struct crew_seat *seat = d->seat;

	d->count = 0;
	atomic_store(&seat->count, 0);
	atomic_store(&seat->changes_count, 0);
	atomic_store(&seat->begun, round);
	round_draw(d);
	atomic_store(&seat->finished, round);
}

/* Between rounds the handle looks after itself in no call; the next one finds it. */
static void rounds_run(struct drawing *d)
{
	struct crew_shared *shared = d->member->shared;
	uint32_t round = 0;

	while (atomic_load(&shared->pace) != CREW_END) {
		uint32_t now = atomic_load(&shared->round);

		if (now == round) {
			pause_ns(REST_NS);
			continue;
		}
		round = now;
		round_run(d, round);
	}
}

void crew_member_run(const struct crew_member *member)
{
	struct drawing d = {.member = member, .seat = member->seat};

	child_bind(member->parent);
	if (handle_open(&d) == 0) {
		atomic_store(&member->seat->ready, true);
		rounds_run(&d);
		pawl_close(d.pawl);
	}
	/* Whoever failed stays until its parent has seen why. */
	while (atomic_load(&member->shared->pace) != CREW_END)
		pause_ns(REST_NS);
	_exit(EXIT_SUCCESS);
}
