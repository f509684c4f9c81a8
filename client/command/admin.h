/*
 * What the operator's commands share: the cluster as it is now, a wish brought to the replica
 * that can grant it, and the wait until it has come true.
 */
#ifndef PAWL_COMMAND_ADMIN_H
#define PAWL_COMMAND_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "client/command/survey.h"
#include "hw/error.h"

struct admin {
	const char *where;
	uint32_t id;	     /* 0: none was given */
	uint64_t timeout_ns; /* for a wish to come true */
	bool yes;	     /* nothing is asked */
	struct endpoint_list endpoints;
	struct survey *survey;	       /* the newest */
	const Control__Status *status; /* the best of it */
	uint64_t began_epoch;	       /* when the command began */
};

/* Whether the survey shows that it has come true. */
typedef bool (*admin_goal)(const struct admin *admin);

/*
 * Looks at all replicas anew.  -ENOMEM.  If none answers, what the first of them says:
 * -ECONNREFUSED, -ETIMEDOUT, ...
 */
int admin_look(struct admin *admin, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Brings a wish to one replica.  -EREMCHG: it is not the one to ask.  Else what the replica
 * answers, with its text, or what kept it from answering.
 */
int admin_tell(const struct endpoint *endpoint, Control__Admin__Action action,
	uint32_t id, struct error *err) __attribute__((warn_unused_result));

/* Looks again and again.  -ETIMEDOUT: it did not come true; @what is told. */
int admin_await(struct admin *admin, admin_goal goal, const char *what, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Brings a wish about the replica admin->id to whoever can grant it, and again every now and
 * then, for a replica that is lost may take a wish with it.  As admin_await, and what the
 * replicas answer when they do not want to.
 */
int admin_wish(struct admin *admin, Control__Admin__Action action, admin_goal goal,
	const char *what, struct error *err) __attribute__((warn_unused_result));

/*
 * -EREMCHG: nobody who answers serves, and the members with the newest numbers are gone, so
 * that no wish can come true before an operator recovers the cluster.
 */
int admin_chain_check(const struct admin *admin, struct error *err)
	__attribute__((warn_unused_result));

/* The chain in words, as "1 (head), 2"; "empty" when nobody is in it. */
#define CHAIN_TEXT_SIZE 128
const char *admin_chain_text(const struct admin *admin, char text[CHAIN_TEXT_SIZE]);

/* Prints the chain as it is, and how long nobody could draw. */
void admin_print_chain(const struct admin *admin);

/* The one command with its own rules: pawl admin recover. */
int admin_recover(struct admin *admin, struct error *err)
	__attribute__((warn_unused_result));

#endif
