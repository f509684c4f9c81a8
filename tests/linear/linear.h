/*
 * Is what a store answered linearizable?  A *history* holds the operations of all processes, each
 * with the time at which it was asked for, the time at which its answer was there, and the answer;
 * docs/histories.md describes them, and the file in which they are kept.
 *
 * There are two judges.  linear_check searches for an order of the operations that explains all
 * answers and keeps real time; it knows nothing of how the store made its order.  linear_replay
 * takes the order that the store says it made, the positions, and holds it to real time and to
 * the answers.
 *
 * Times are in any unit, of one clock for all.  Operations that touch in time overlap.  Before a
 * history begins nothing is there.  All text is copied.  Memory is bounded by the limits.
 */
#ifndef PAWL_TESTS_LINEAR_LINEAR_H
#define PAWL_TESTS_LINEAR_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"

#define LINEAR_ITEMS_MAX \
	1024 /* comparisons and steps of one transaction, keys of one list */
#define LINEAR_TEXT_MAX 4096

enum linear_kind {
	LINEAR_GET,
	LINEAR_PUT,
	LINEAR_DELETE,
	LINEAR_CAS,
	LINEAR_CLAIM,  /* put if nothing is there */
	LINEAR_LOCK,   /* the value is the owner, the position the fencing token */
	LINEAR_UNLOCK, /* the value is the owner */
	LINEAR_EXPIRE, /* takes locks from an owner */
	LINEAR_FENCE, /* a guarded resource lets a token pass, unless it has seen a larger one */
	LINEAR_TXN,
	LINEAR_LIST,
	LINEAR_KINDS
};

/* "get", ...; the word that files have for it. */
const char *linear_kind_name(enum linear_kind kind);

/* How a read was made.  All but the local one are to be linearizable. */
enum linear_read {
	LINEAR_READ_LOG,
	LINEAR_READ_SYNC,
	LINEAR_READ_TAIL,
	LINEAR_READ_LOCAL
};

enum linear_outcome {
	LINEAR_UNKNOWN, /* it happened at any time after it was asked for, or never */
	LINEAR_OK,
	LINEAR_FAILED, /* it never happened */
};

/* Which way it went, of an operation that has a condition. */
enum linear_answer {
	LINEAR_UNTOLD,
	LINEAR_DONE,	/* the comparisons held */
	LINEAR_REFUSED, /* they did not */
};

enum linear_item_kind {
	LINEAR_IF_VALUE, /* comparison: has this value; NULL: nothing is there */
	LINEAR_IF_VERSION, /* comparison: was written at this position; 0: nothing is there */
	LINEAR_IF_PRESENT, /* comparison: something is there */
	LINEAR_DO_GET,
	LINEAR_DO_PUT,
	LINEAR_DO_DELETE,
};

/* A comparison or a step of a transaction. */
struct linear_item {
	enum linear_item_kind kind;
	const char *key;
	const char *value;
	uint64_t version;
};

/* What is asked for. */
struct linear_call {
	enum linear_kind kind;
	enum linear_read read; /* of a get or a list */
	uint32_t process;
	uint32_t line;	      /* where it stands, for whoever tells of it; 0: nowhere */
	uint64_t invoked;     /* when it was asked for */
	const char *key;      /* of a list: what the keys begin with */
	const char *value;    /* of a cas, NULL deletes */
	const char *expected; /* cas by value; NULL: nothing is there */
	bool by_version;      /* cas: compares .version instead */
	uint64_t version; /* of a cas; the token of an unlock (0: any) and of a fence */

	const struct linear_item *compare, *then, *otherwise; /* of a transaction */
	size_t compare_count, then_count, otherwise_count;
	const char *const *keys; /* of an expiry, the locks */
	size_t keys_count;
};

/* What a read found. */
struct linear_found {
	const char *key; /* of a list only */
	const char *value;
	uint64_t version; /* 0: not told */
};

struct linear_result {
	enum linear_outcome outcome;
	enum linear_answer answer;
	uint64_t
		returned; /* when the answer was there; means nothing if the outcome is unknown */
	/*
	 * Where in the store's order it stands; 0: not told.  Of reads that do not go through the
	 * log, the newest position that the answer knew of.
	 */
	uint64_t position;
	/* What the gets found, in their order; none: not told.  Of a list, all of it. */
	const struct linear_found *found;
	size_t found_count;
};

/* 0 is the default of each. */
struct linear_limits {
	uint32_t operations_max;
	size_t len_max;	     /* bytes of memory, for the history and the search, each */
	uint64_t states_max; /* that the search looks at, for each set of joined keys */
	uint64_t time_ns_max;
	bool local_too; /* the search takes local reads as if they were to be linearizable */
};

struct linear_history;

/* -ENOMEM. */
int linear_history_begin(const struct linear_limits *limits,
	struct linear_history **history_p) __attribute__((warn_unused_result));
void linear_history_end(struct linear_history *history);

/*
 * Adds an operation, of unknown outcome until it is finished.  -EINVAL: it is not one that there
 * is, and @err says why; -ENOBUFS: more than the limits allow; -ENOMEM.
 */
int linear_history_add(struct linear_history *history, const struct linear_call *call,
	uint32_t *operation_p, struct error *err) __attribute__((warn_unused_result));

/* Its end.  -EINVAL: not an answer to what was asked for; -ENOBUFS, -ENOMEM. */
int linear_history_finish(struct linear_history *history, uint32_t operation,
	const struct linear_result *result, struct error *err)
	__attribute__((warn_unused_result));

uint32_t linear_history_count(const struct linear_history *history);

enum linear_verdict {
	LINEAR_GOOD,
	LINEAR_BAD,
	LINEAR_UNDECIDED, /* a limit came first, or there was nothing to judge by */
};

struct linear_report {
	enum linear_verdict verdict;
	uint64_t operations; /* that were judged */
	uint64_t skipped;    /* that could not be: replay only */
	uint64_t partitions; /* sets of keys that no operation joins */
	uint64_t states;     /* that the search looked at */
	/* Lines, without the last newline: what contradicts what, or why it is not decided. */
	char text[LINEAR_TEXT_MAX];
};

/*
 * The search of Wing and Gong (Testing and Verifying Concurrent Objects, 1993), with what Lowe
 * (Testing for Linearizability, 2017) made better: states seen before are left alone, and keys
 * that no operation joins are looked at each by itself.  Ends within the limits.  -ENOMEM.
 */
int linear_check(const struct linear_history *history, const struct linear_limits *limits,
	struct linear_report *report_p) __attribute__((warn_unused_result));

/*
 * Positions follow real time, the positions that a process sees never go back (which holds local
 * reads to sequential consistency), and the operations, one after the other in the order of
 * positions, give the answers that were given.  Values are not looked at where a write has no
 * position.  Takes O(n log n).  If it is good and nothing was skipped, the history is linearizable:
 * the positions are the order.  LINEAR_UNDECIDED: nothing has a position.  -ENOMEM.
 */
int linear_replay(const struct linear_history *history, struct linear_report *report_p)
	__attribute__((warn_unused_result));

#endif
