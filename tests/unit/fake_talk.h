/*
 * What fake replicas say, and when.  With the fake's lock held.
 */
#ifndef PAWL_TESTS_FAKE_TALK_H
#define PAWL_TESTS_FAKE_TALK_H

#include "tests/unit/fake_replica.h"

#define FAKE_SESSIONS 8

/* Takes a new connection, if there is one, and answers what has come on all of them. */
void fake_replica_turn(struct fake *fake, struct fake_replica *r);

/* Tells what @r serves; @id 0: nobody asked. */
void fake_joined_send(struct fake *fake, struct fake_replica *r,
	struct fake_connection *c, uint64_t id);
void fake_reply_send(struct fake_connection *c, Control__Reply *reply);
/* The place that a counter of that name has. */
uint32_t fake_name_place(struct fake *fake, const char *name);
void fake_connection_close(struct fake_connection *c);

#endif
