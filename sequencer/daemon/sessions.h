/*
 * Who may write into the region: one row of marks per session.
 *
 * The table outlives epochs: a session keeps its row in every region until it ends.
 *
 * N1  A row belongs to one session at a time.
 * N2  A row is given to another session only after nothing of the former one can still
 *     write: its links were ended (verbs), or its process said goodbye or is dead (shm).
 *     A stopped process keeps its row.  Then its marks were folded and cleared in every
 *     region (K2 of core/marks.h), and only then it is free.
 * N3  A session that joins again gets new links only after the former ones were ended, or
 *     a late mark of those could take back one of these.
 */
#ifndef PAWL_DAEMON_SESSIONS_H
#define PAWL_DAEMON_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hw/error.h"

#define SESSION_PROGRAM_MAX 256

struct session {
	uint64_t token; /* 0: the row is free */
	uint32_t row;
	bool connected; /* its control connection is open */
	bool gone;	/* left without a word; see N2 */
	pid_t pid;
	int pidfd; /* -1: the process was dead, or nobody waits for its death */
	uint64_t since_ns;
	char program[SESSION_PROGRAM_MAX];
};

struct session_table {
	struct session *rows;
	uint32_t rows_count;
	bool links_evictable; /* the back end can end a peer's links */
	/*
	 * What the table needs done in all regions: ending the links that presented
	 * @token, as far as the back end can, and folding and clearing @row.  NULL while
	 * there are no regions.  They must not call the table.
	 */
	void (*links_end)(void *context, uint64_t token);
	void (*row_fold)(void *context, uint32_t row);
	/* The session that had @token is over: nothing of it can write any more (N2). */
	void (*ended)(void *context, uint64_t token);
	void *context;
};

/* The functions are NULL and may be set afterwards.  -ENOMEM. */
int session_table_init(struct session_table *table, uint32_t rows_count,
	bool links_evictable) __attribute__((warn_unused_result));
/* Calls none of the functions: the regions go with it. */
void session_table_destroy(struct session_table *table);

/*
 * Gives a row to a new session of process @pid, or the row it has to the session whose
 * token is @resume, whose former links are ended first (N3).  -EUSERS: no row is free.
 * -EAGAIN: no randomness.  -EMFILE, -ENFILE, -ENOSYS: the process can not be watched.
 */
int session_join(struct session_table *table, pid_t pid, const char *program,
	uint64_t resume, struct session **session_p, struct error *err)
	__attribute__((warn_unused_result));

/* The session said goodbye: it will not touch the memory again. */
void session_leave(struct session_table *table, struct session *session);

/* Its control connection closed without a goodbye. */
void session_disconnect(struct session_table *table, struct session *session);

/* Frees the rows of sessions that are gone and whose processes have died since. */
void session_reap(struct session_table *table);

/* True when @token belongs to a session that may open links. */
bool session_admits(const struct session_table *table, uint64_t token);

#endif
