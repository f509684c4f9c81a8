/*
 * How a handle joins an epoch: the control connection, Join, links to the memory of the
 * chain, counters opened by name.  Each stage is a step that never waits; session.c says
 * when which is due.
 *
 * Steps return 0 when their stage is done, -EAGAIN while it is under way, and what ended
 * the attempt otherwise.
 */
#ifndef PAWL_CLIENT_JOIN_H
#define PAWL_CLIENT_JOIN_H

#include "client/lib/handle.h"

int join_step_off(struct pawl *pawl);
int join_step_joining(struct pawl *pawl);
int join_step_linking(struct pawl *pawl);
int join_step_opening(struct pawl *pawl);

/* Opens the counters that are not yet open in this epoch, one request at a time. */
int join_counters_open(struct pawl *pawl);

/* session.c: what the steps share with it. */
void session_stage_enter(struct session *s, enum session_stage stage);
/* Ends one attempt; the next one asks the next endpoint.  Returns @code, as pawl.h lists it. */
int session_attempt_failed(struct pawl *pawl, int code);
/* The same when trying again will not help. */
int session_attempt_refused(struct pawl *pawl, int code);
/* The replica said that it ends. */
int session_goodbye(struct pawl *pawl);

#endif
