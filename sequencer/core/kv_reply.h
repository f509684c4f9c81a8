/*
 * What the storage answers, as bytes: the same for a command that came back in the stream, a query
 * here, and one that another participant answers.
 *
 *     0   version  1
 *     1   status   1
 *     2   kind     1, of the operation; 0: a transaction, or no command
 *     3   flags    1
 *     4   length   4, of the whole reply
 *     8   version  8
 *     16  session  8
 *     24  number   8
 *     32  value    4: its length
 *     36  key      2: its length
 *     38  items    2, how many
 *     40  key, value, items: replies without items
 *
 * Numbers are little-endian.
 */
#ifndef PAWL_CORE_KV_REPLY_H
#define PAWL_CORE_KV_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/kv_command.h"

#define KV_REPLY_VERSION 1
#define KV_REPLY_HEADER 40
#define KV_ITEMS_MAX 65535u

/* The numbers are part of the format. */
enum kv_status {
	KV_OK = 0,

	/* The answer is no.  Nothing was changed. */
	KV_ABSENT = 1,	  /* there is no such key, lock holder, or session to look at */
	KV_TAKEN = 2,	  /* claim: it is there already; [version session value] */
	KV_DIFFERENT = 3, /* set: something else is there; [version session value] */
	KV_HELD = 4, /* lock with KV_TRY: somebody holds it; [version session] as KV_OK */
	KV_NOT_HELD = 5, /* unlock: the session neither holds it (so) nor waits for it */
	KV_SPOKE = 6,	 /* expire: it has spoken since, at [version] */

	/* The answer comes later, as a change (KV_GRANTED). */
	KV_WAITING = 7, /* lock; [version session] as KV_OK, [number] before this one */

	/* It can not be done.  Nothing was changed. */
	KV_NO_SESSION = 16, /* the session that spoke is over, or there must be one */
	KV_KEYS_FULL = 17,
	KV_BYTES_FULL = 18,
	KV_SESSIONS_FULL = 19,
	KV_LOCKS_FULL = 20,
	KV_WAITERS_FULL = 21,
	KV_TOO_LONG = 22,     /* a key, value or command; or the reply would be */
	KV_UNFOUNDED = 23,    /* no command counts before the one that founds */
	KV_FOUNDED = 24,      /* there was one already */
	KV_OTHER_LIMITS = 25, /* this machine is not made for the limits that it founds */
	KV_REFUSED = 26,      /* no command; or a query that would change something */
};

/* Flags. */
#define KV_MORE 1u /* list: a page; go on after the key of the last item */
#define KV_ELSE 2u /* transaction: a comparison was not true */

/*
 * With KV_OK: version is that of the key (of a write: the position of the command; of a delete:
 * what was deleted), or the fence of the lock; session the owner of an ephemeral key, or the holder
 * of the lock.  KV_OPEN: session is the new one's name.  KV_SESSION: version is the position at
 * which it spoke last, number its ms.  KV_LOOK: number are those who wait.  KV_LIST, transactions:
 * the items; with any other status of a transaction, number is the operation that it fails at.
 */
struct kv_reply {
	enum kv_status status;
	uint8_t kind;
	uint8_t flags;
	uint32_t items_count; /* that are still to come: kv_reply_next */
	uint64_t version;
	uint64_t session;
	uint64_t number;
	struct kv_slice key; /* of items only */
	struct kv_slice value;
	const unsigned char *items;
};

/* False: these bytes are no reply.  What is decoded points into @bytes. */
bool kv_reply_decode(const void *bytes, size_t len, struct kv_reply *reply_p)
	__attribute__((warn_unused_result));

/* The next item of a decoded @reply.  False: that was the last one. */
bool kv_reply_next(struct kv_reply *reply, struct kv_reply *item_p)
	__attribute__((warn_unused_result));

/* What a status means, for people: "there are as many keys as the storage may have". */
const char *kv_status_text(enum kv_status status);

#endif
