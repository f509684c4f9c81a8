/*
 * Is another replica alive?  One judge for each life that is watched; it is told what
 * happened and how the time went, and does no I/O.
 *
 *  J1  Time is counted in the watcher's own checks, and one check counts for at most one
 *      heartbeat.  So a watcher that was itself stopped, starved or suspended for seconds
 *      suspects nobody on waking.
 *  J2  A life whose connection ended, or that is refused where it was connected before,
 *      is suspected at once; so is one whose replica lives on in another life, and that
 *      one is never trusted again.
 *  J3  A life is suspected when it could not be connected, or its heartbeat did not move,
 *      for suspect_ns.
 *  J4  A suspect is trusted again when it is connected and, if it has a heartbeat that
 *      can be read, that moves.
 */
#ifndef PAWL_DAEMON_JUDGE_H
#define PAWL_DAEMON_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#define JUDGE_WHY_LEN 256

enum judge_opinion {
	JUDGE_UNDECIDED, /* it was not connected yet */
	JUDGE_TRUSTED,
	JUDGE_SUSPECT,
};

/* What one look at a heartbeat told. */
enum heartbeat_news {
	HEARTBEAT_NONE,	 /* there is none to look at: the connection alone decides */
	HEARTBEAT_MOVED, /* since the last look */
	HEARTBEAT_STILL, /* it did not move, or can no longer be read */
};

struct judge {
	uint64_t heartbeat_ns;
	uint64_t suspect_ns;
	enum judge_opinion opinion;
	bool connected;
	bool was_connected;
	bool dead;
	unsigned int refusals;	 /* in a row, by a Unix socket that nobody listens on */
	uint64_t checked_ns;	 /* when the last check was */
	uint64_t silent_ns;	 /* counted in checks without a connection */
	uint64_t still_ns;	 /* counted in checks without a movement */
	uint64_t moved_ns;	 /* when it was last seen to move; 0: never */
	char why[JUDGE_WHY_LEN]; /* it is suspected; for people */
};

/* Watching begins at @now_ns.  Both times are above 0. */
void judge_init(
	struct judge *judge, uint64_t heartbeat_ns, uint64_t suspect_ns, uint64_t now_ns);

/* It is connected; or the last connection to it is gone, for the reason @why. */
void judge_connected(struct judge *judge);
void judge_lost(struct judge *judge, const char *why);
/*
 * The last connection was one that it had made itself and ended: that is no proof, but a
 * refusal now is one.
 */
void judge_left(struct judge *judge);
/* Everywhere where it should be, nobody listens; @local: on this host. */
void judge_refused(struct judge *judge, bool local, const char *why);
/* Its replica answered in another life. */
void judge_dead(struct judge *judge, const char *why);
/* It has another region: that has all its time to begin to beat. */
void judge_region_changed(struct judge *judge);

/* One check.  @why: about a heartbeat that can not be read; or NULL. */
void judge_check(
	struct judge *judge, enum heartbeat_news news, const char *why, uint64_t now_ns);

#endif
