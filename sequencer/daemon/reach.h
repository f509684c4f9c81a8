/*
 * Where a replica may be reached from this host, in the order in which to try: its Unix
 * sockets that are here, then its addresses in the network.
 */
#ifndef PAWL_DAEMON_REACH_H
#define PAWL_DAEMON_REACH_H

#include <stdbool.h>

#include "sequencer/daemon/roster.h"

struct reach {
	char at[RECORD_CONTROLS_MAX][RECORD_CONTROL_LEN];
	unsigned int count;
	const char *why_none; /* for people, when count is 0 */
};

/* Of this life; if nothing is known about it, of the life of its replica met last. */
void reach_find(
	const struct roster *roster, struct epoch_member member, struct reach *reach_p);

/* True for "unix:/PATH". */
bool reach_is_unix(const char *address);

/*
 * True when the host in the address has to be looked up; then it is split.  @host has
 * RECORD_CONTROL_LEN bytes.
 */
bool reach_is_name(const char *address, char *host, const char **port_p);

#endif
