/*
 * The processes that draw numbers.  They are forked once, open both sides each for
 * itself, and then take *turns*: all of them do the same at the same time, and the
 * results of a turn stay in shared memory until the next.
 *
 * A worker that is not in a turn sleeps.  A worker dies with its parent.
 */
#ifndef PAWL_BENCH_TEAM_H
#define PAWL_BENCH_TEAM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/history.h"
#include "bench/side.h"
#include "hw/error.h"

#define TEAM_MAX 64
#define TEAM_TEXT_MAX 320
#define TEAM_WHERE_MAX 1024

enum turn_what {
	TURN_RATE,     /* as many additions as fit, without times */
	TURN_TIMED,    /* additions with times */
	TURN_DISTANCE, /* a cache line goes back and forth between the first two */
	TURN_FILL,     /* what has to be there before anything is measured */
	TURN_CHECK,    /* what is there in the end */
};

enum turn_side {
	TURN_BARE,
	TURN_PAWL,
	TURN_SIDES
};

struct turn {
	enum turn_what what;
	enum turn_side side;
	uint64_t length_ns;
	double rate; /* for work with a pace: per second and process; 0: full speed */
	unsigned int depth; /* for work with many in flight: of each process */
};

struct worker;

/*
 * What the processes of a team do; each calls these for itself.  0, or -errno with the reason
 * in its seat.
 */
struct team_work {
	int (*open)(struct worker *worker);
	int (*turn)(struct worker *worker, const struct turn *turn, uint64_t start_ns);
	void (*close)(struct worker *worker);
};

/* Both sides of side.h. */
extern const struct team_work team_sides;

struct team_config {
	unsigned int processes;	 /* 1 to TEAM_MAX */
	uint64_t chunk;		 /* additions between two looks at the clock */
	uint64_t rate_max;	 /* additions of one turn, all processes, at most */
	uint64_t timed_max;	 /* the same for a turn with times */
	struct side_config side; /* its word, raws and where are set by the team */
	const struct team_work *work;
	void *context; /* of the work; memory that is shared, if at all */
	bool unpinned; /* processes go wherever the system puts them */
};

struct team;

/*
 * Forks; call it before anything is opened.  @interrupted is looked at in every wait.
 * -ENOMEM, or what fork says.
 */
int team_start(const struct team_config *config, const volatile sig_atomic_t *interrupted,
	struct team **team_p, struct error *err) __attribute__((warn_unused_result));

/*
 * Lets every process open its sides: Pawl's at @where, the bare one at @raws (verbs only).
 * -EINTR: interrupted.  -ECHILD: a process has died.  -ETIMEDOUT.  Or what a side says.
 */
int team_open(struct team *team, const char *where, const char *const *raws,
	unsigned int raws_count, struct error *err) __attribute__((warn_unused_result));

/* One turn.  Errors as team_open. */
int team_turn(struct team *team, const struct turn *turn, struct error *err)
	__attribute__((warn_unused_result));

/* What process @i did in the newest turn. */
struct team_result {
	struct history_part part;
	const uint64_t *durations_ns; /* of a side that is not stamped */
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t round_trip_ns; /* TURN_DISTANCE: the mean; 0: none was made */
};
void team_result(const struct team *team, unsigned int i, struct team_result *result_p);

/* Numbers of one addition of a side, and the value before its first. */
void team_side(
	const struct team *team, enum turn_side side, uint64_t *n_p, uint64_t *last_p);

/* True when each process has a processor of its own. */
bool team_is_pinned(const struct team *team);
int team_cpu(const struct team *team, unsigned int i);

/* Lets the processes close what they have open; after 2 s they are killed. */
void team_end(struct team *team);

#endif
