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

/* stream_check.c: the parts of both that are about streams.  0 or -EBADMSG. */
int stream_limits_check(const Control__StreamLimits *limits, bool rows_open,
	struct error *err) __attribute__((warn_unused_result));
int open_stream_check(const Control__OpenStream *open, struct error *err)
	__attribute__((warn_unused_result));
int stream_opened_check(const Control__StreamOpened *opened, struct error *err)
	__attribute__((warn_unused_result));
int subscribe_check(const Control__Subscribe *subscribe, struct error *err)
	__attribute__((warn_unused_result));
int subscribed_check(const Control__Subscribed *subscribed, struct error *err)
	__attribute__((warn_unused_result));
int unsubscribe_check(const Control__Unsubscribe *unsubscribe, struct error *err)
	__attribute__((warn_unused_result));
int acknowledge_snapshot_check(const Control__AcknowledgeSnapshot *acknowledge,
	struct error *err) __attribute__((warn_unused_result));
int tail_read_check(const Control__TailRead *read, struct error *err)
	__attribute__((warn_unused_result));
int tail_answer_check(const Control__TailAnswer *answer, struct error *err)
	__attribute__((warn_unused_result));
int put_snapshot_check(const Control__PutSnapshot *put, struct error *err)
	__attribute__((warn_unused_result));
int get_snapshot_check(const Control__GetSnapshot *get, struct error *err)
	__attribute__((warn_unused_result));
int snapshot_piece_check(const Control__SnapshotPiece *piece, struct error *err)
	__attribute__((warn_unused_result));
int stream_ask_check(const Control__StreamAsk *ask, struct error *err)
	__attribute__((warn_unused_result));
int stream_tell_check(const Control__StreamTell *tell, struct error *err)
	__attribute__((warn_unused_result));
int stream_statuses_check(Control__StreamStatus *const *streams, size_t count,
	struct error *err) __attribute__((warn_unused_result));

/* Shorter than @len bytes, and nothing that would spoil a record, a log or a terminal. */
bool message_text_valid(const char *text, size_t len);

/* One life of a replica, wherever it stands: @whole needs its incarnation.  -EBADMSG. */
int member_check(const Control__Member *member, bool whole, struct error *err)
	__attribute__((warn_unused_result));

/* At most CHAIN_MAX members, no two with the same id.  0 or -EBADMSG. */
int chain_check(Control__Member *const *chain, size_t count, bool whole,
	struct error *err) __attribute__((warn_unused_result));

#endif
