/*
 * Where a replica's control plane listens, as people write it:
 *
 *     unix:/run/pawl/orders/1.sock
 *     10.0.0.1:7470    host.example:7470    [fd00::1]:7470
 *
 * and how a list of them, or the name of a cluster on this host, is turned into
 * addresses.
 */
#ifndef PAWL_CONTROL_ENDPOINT_H
#define PAWL_CONTROL_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "hw/error.h"

#define ENDPOINT_TEXT_MAX 160
#define ENDPOINTS_MAX 16

struct endpoint {
	char text[ENDPOINT_TEXT_MAX]; /* as written */
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} address;
	socklen_t address_len;
};

struct endpoint_list {
	unsigned int count;
	struct endpoint at[ENDPOINTS_MAX];
};

/*
 * Parses one endpoint.  @passive: to listen on it ("*:7470" and ":7470" are then any
 * address).  Names are looked up, which blocks.  -EINVAL: not an endpoint.  -ENOENT: no
 * such host.
 */
int endpoint_parse(const char *text, bool passive, struct endpoint *endpoint_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * @where is a comma-separated list of endpoints, or the name of a cluster on this host:
 * then every replica's socket under the runtime directory.  -EINVAL: neither.  -ENOENT:
 * no such host, or no cluster of that name here.  May block for a name look-up.
 */
int endpoint_list_find(const char *where, struct endpoint_list *list_p, struct error *err)
	__attribute__((warn_unused_result));

/* True when @where is written as a list of endpoints rather than as a name. */
bool endpoint_list_written(const char *where);

#endif
