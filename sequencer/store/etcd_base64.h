/* Base64 as JSON carries bytes: the standard alphabet, with padding, without blanks. */
#ifndef PAWL_STORE_ETCD_BASE64_H
#define PAWL_STORE_ETCD_BASE64_H

#include <stddef.h>

/* Bytes that @len of them take as text, with its terminator. */
#define ETCD_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* @text has room for ETCD_BASE64_SIZE(@len). */
void etcd_base64_encode(const void *bytes, size_t len, char *text);

/*
 * @bytes has room for 3 for every 4 characters of @text.  -EBADMSG: not what
 * etcd_base64_encode makes of any bytes.
 */
int etcd_base64_decode(const char *text, size_t text_len, void *bytes, size_t *len_p)
	__attribute__((warn_unused_result));

#endif
