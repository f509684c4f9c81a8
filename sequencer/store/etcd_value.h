/*
 * What is kept in etcd under a cluster's key: one header line, then the value.
 *
 *     pawl-etcd 1 value TAG
 *     pawl-etcd 1 erased TAG
 *
 * The tag, 32 hexadecimal digits, is drawn anew for every request that writes, so that a
 * writer whose connection broke can tell whether a value is its own.  An erased value
 * leaves its header behind: the key is never deleted.  So its modification revision only
 * grows, and a write that etcd carries out late can not meet the revision it expects a
 * second time.  Every value is greater than ETCD_VALUE_LIVE and every erased one smaller,
 * which lets a transaction tell them apart.  Pure functions on bytes.
 */
#ifndef PAWL_STORE_ETCD_VALUE_H
#define PAWL_STORE_ETCD_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/error.h"

#define ETCD_TAG_LEN 32
#define ETCD_VALUE_LIVE "pawl-etcd 1 v"
#define ETCD_VALUE_HEADER_MAX 64 /* bytes of a header line with its terminator */

struct etcd_value {
	bool erased;
	char tag[ETCD_TAG_LEN + 1];
	const void *bytes; /* not owned; none when it is erased */
	size_t len;
};

/* Writes the header line of @value; its length is in *len_p. */
void etcd_value_write(const struct etcd_value *value, char header[ETCD_VALUE_HEADER_MAX],
	size_t *len_p);

/*
 * Takes apart what is kept under @name, a key for messages.  -EBADMSG: not written by
 * this version of Pawl.
 */
int etcd_value_read(const char *name, const void *bytes, size_t len,
	struct etcd_value *value_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
