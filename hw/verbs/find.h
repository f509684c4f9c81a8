/* Local addresses that stand for RDMA devices. */
#ifndef PAWL_HW_VERBS_FIND_H
#define PAWL_HW_VERBS_FIND_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "hw/memory.h"

union verbs_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/*
 * A local address whose device, port and state fit @config's address, or else its device.
 * -ENODEV, -EADDRNOTAVAIL, -ENOMEM, -EINVAL.
 */
int verbs_find_local(const struct device_config *config, union verbs_sockaddr *local_p,
	struct error *err) __attribute__((warn_unused_result));

/* A numeric host, without a port.  -EINVAL. */
int verbs_sockaddr_parse(const char *host, union verbs_sockaddr *address_p)
	__attribute__((warn_unused_result));

void verbs_sockaddr_set_port(union verbs_sockaddr *address, uint16_t port);

#endif
