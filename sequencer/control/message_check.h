/*
 * What a control message must be before anybody acts on it, as far as that can be told
 * from the message alone.  message.h promises these checks to everybody who decodes.
 *
 * Not checked here are numbers that the epoch machine limits by itself (the values of a
 * seal) and names that a user typed, which deserve an answer (the handlers give it).
 */
#ifndef PAWL_CONTROL_MESSAGE_CHECK_H
#define PAWL_CONTROL_MESSAGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/error.h"
#include "sequencer/control/control.pb-c.h"

/* A state word of a region is the epoch and one bit more. */
#define MESSAGE_EPOCH_MAX (UINT64_MAX / 2)

/* Writes the text about a message that breaks a rule; returns -EBADMSG. */
int message_refuse(struct error *err, const char *what);

/* 0 or -EBADMSG. */
int request_check(const Control__Request *request, struct error *err)
	__attribute__((warn_unused_result));
int reply_check(const Control__Reply *reply, struct error *err)
	__attribute__((warn_unused_result));

/* The part of both that speaks for the epoch machine.  0 or -EBADMSG. */
int epoch_message_check(const Control__EpochMessage *message, struct error *err)
	__attribute__((warn_unused_result));

/* One life of a replica, wherever it stands: @whole needs its incarnation.  -EBADMSG. */
int member_check(const Control__Member *member, bool whole, struct error *err)
	__attribute__((warn_unused_result));

/* At most CHAIN_MAX members, no two with the same id.  0 or -EBADMSG. */
int chain_check(Control__Member *const *chain, size_t count, bool whole,
	struct error *err) __attribute__((warn_unused_result));

#endif
