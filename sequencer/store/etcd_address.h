/*
 * Where an etcd store is, as people write it:
 *
 *     etcd:URL[,URL...]/PREFIX[?OPTION=VALUE[&OPTION=VALUE...]]
 *     etcd:https://h1:2379,https://h2:2379/pawl?cacert=/etc/pawl/ca.pem
 *
 * URL is http:// or https://, a host (a name, an IPv4 address or [an IPv6 address]) and
 * :PORT, which is never left out.  PREFIX is one or more names of A-Z a-z 0-9 . _ - with
 * a slash between them; cluster c is kept under the key /PREFIX/c.  The options, each at
 * most once and in any order:
 *
 *     cacert=FILE          who signs etcd's certificates; else the system's list
 *     cert=FILE key=FILE   our certificate and its key; both or none
 *     user=NAME            for etcd's authentication, with
 *     password-file=FILE   its password, the first line of this file
 *
 * FILE is absolute.  A value is printable ASCII without blanks and without & ? , % # " \ ;
 * there is no escape for them.  The three options for certificates need https:// in every
 * URL.  Pure functions on text from outside.
 */
#ifndef PAWL_STORE_ETCD_ADDRESS_H
#define PAWL_STORE_ETCD_ADDRESS_H

#include <stdbool.h>

#include "hw/error.h"

#define ETCD_ENDPOINTS_MAX 9
#define ETCD_URL_SIZE 128 /* of one URL with its terminator; likewise below */
#define ETCD_PREFIX_SIZE 128
#define ETCD_OPTION_SIZE 256

struct etcd_address {
	unsigned int endpoints_count;			   /* 1 or more */
	char endpoints[ETCD_ENDPOINTS_MAX][ETCD_URL_SIZE]; /* "https://h1:2379" */
	char prefix[ETCD_PREFIX_SIZE]; /* without slashes at its ends */
	char cacert[ETCD_OPTION_SIZE]; /* "" when not given */
	char cert[ETCD_OPTION_SIZE];
	char key[ETCD_OPTION_SIZE];
	char user[ETCD_OPTION_SIZE];
	char password_file[ETCD_OPTION_SIZE];
};

/* -EINVAL, and @err says what is wrong with @text; it never contains a secret. */
int etcd_address_parse(const char *text, struct etcd_address *address_p,
	struct error *err) __attribute__((warn_unused_result));

#endif
