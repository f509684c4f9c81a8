/*
 * What is sent to etcd's JSON gateway.  Each function returns a text for free(), or NULL
 * without memory.  Keys and values are base64.
 */
#ifndef PAWL_STORE_ETCD_MESSAGE_H
#define PAWL_STORE_ETCD_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#define ETCD_PATH_RANGE "/v3/kv/range"
#define ETCD_PATH_TXN "/v3/kv/txn"
#define ETCD_PATH_WATCH "/v3/watch"
#define ETCD_PATH_AUTHENTICATE "/v3/auth/authenticate"

/* The key as of @revision; 0: as of now, linearizable. */
char *etcd_message_range(const char *key, uint64_t revision);

/* Like etcd_message_range of now, but without the value. */
char *etcd_message_look(const char *key);

struct etcd_write {
	const char *key;
	const char *value;
	uint64_t expected_revision; /* 0: the key is missing */
	bool expect_live;	    /* and its value is greater than ETCD_VALUE_LIVE */
};

/* Puts the value if all is as expected; if not, the answer tells what is there. */
char *etcd_message_write(const struct etcd_write *write);

/* Changes from now on. */
char *etcd_message_watch(const char *key);

/* Also NULL when one of them is not UTF-8.  The text is secret. */
char *etcd_message_authenticate(const char *user, const char *password);

#endif
