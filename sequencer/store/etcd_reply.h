/*
 * What etcd's JSON gateway answers.  Pure functions on bytes from outside; they take the
 * forms of etcd 3.4 to 3.6.  -EBADMSG: not an answer of etcd's.
 */
#ifndef PAWL_STORE_ETCD_REPLY_H
#define PAWL_STORE_ETCD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETCD_TOKEN_SIZE 1024  /* of an authentication token with its terminator */
#define ETCD_MESSAGE_SIZE 256 /* of a message for people with its terminator */

/* A key as it was found. */
struct etcd_kv {
	uint64_t mod_revision; /* 0: there is no such key */
	char *bytes; /* the value, for etcd_kv_free; may be NULL without bytes */
	size_t len;
};

void etcd_kv_free(struct etcd_kv *kv);

/* To a range.  -EBADMSG, -ENOMEM. */
int etcd_reply_range(const char *text, size_t len, struct etcd_kv *kv_p)
	__attribute__((warn_unused_result));

struct etcd_written {
	bool succeeded;
	uint64_t revision;    /* of the key if it did */
	struct etcd_kv found; /* what is there if it did not */
};

/* To etcd_message_write; free what was found.  -EBADMSG, -ENOMEM. */
int etcd_reply_write(const char *text, size_t len, struct etcd_written *written_p)
	__attribute__((warn_unused_result));

/* To etcd_message_authenticate; the token is fit for an HTTP header.  -EBADMSG. */
int etcd_reply_token(const char *text, size_t len, char token[ETCD_TOKEN_SIZE])
	__attribute__((warn_unused_result));

/* Why etcd did not do what it was asked. */
enum etcd_fault {
	ETCD_FAULT_PASSING,   /* it may be well soon; a write may have taken effect */
	ETCD_FAULT_TOKEN,     /* the token is no longer good */
	ETCD_FAULT_DENIED,    /* wrong user, or not permitted */
	ETCD_FAULT_FULL,      /* its quota of space is used up */
	ETCD_FAULT_COMPACTED, /* the revision is no longer kept */
	ETCD_FAULT_REFUSED,   /* it will not do it next time either */
};

struct etcd_complaint {
	enum etcd_fault fault;
	const char *advice;
	char message[ETCD_MESSAGE_SIZE]; /* etcd's words; may contain anything but 0 */
};

/* To anything, with another HTTP status than 200. */
void etcd_reply_complaint(long http_status, const char *text, size_t len,
	struct etcd_complaint *complaint_p);

enum etcd_watch_line {
	ETCD_WATCH_NOTHING,
	ETCD_WATCH_CREATED, /* changes from here on will be told */
	ETCD_WATCH_CHANGED,
	ETCD_WATCH_ENDED, /* @complaint_p tells why */
};

/* One line of the answer to etcd_message_watch, without its end. */
enum etcd_watch_line etcd_reply_watch(
	const char *text, size_t len, struct etcd_complaint *complaint_p);

#endif
