/*
 * The etcd store against the rules of all stores: with etcd as it comes, with certificates
 * on both sides, and with a user and a password.  STORE_ETCD says which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/etcd_server.h"
#include "tests/conformance/store_conformance.h"

enum {
	STORE_ETCD_PLAIN,
	STORE_ETCD_TLS,
	STORE_ETCD_USER,
};

static const char *const names[] = {"store_etcd", "store_etcd_tls", "store_etcd_user"};
static struct server server;
static char address[1024];

/* One etcd serves all stories; each has a prefix of its own in it. */
static int make(void)
{
	static int stories;
	char prefix[32];
	size_t len;

	(void)snprintf(prefix, sizeof(prefix), "pawl/story-%d", ++stories);
	server_address(&server, prefix, address, sizeof(address));
	len = strlen(address);
	if (STORE_ETCD == STORE_ETCD_USER)
		(void)snprintf(address + len, sizeof(address) - len,
			"?user=pawl&password-file=%s/password", server.scratch.path);
	return 0;
}

static void discard(void)
{
}

static const char *where(void)
{
	return address;
}

int main(void)
{
	const struct store_place place = {.name = names[STORE_ETCD],
		.make = make,
		.discard = discard,
		.address = where};
	const char *missing = server_missing(STORE_ETCD == STORE_ETCD_TLS);
	int failed;

	if (missing) {
		printf("skipped: %s\n", missing);
		return 77;
	}
	if (server_start(&server, 1, STORE_ETCD == STORE_ETCD_TLS))
		return 1;
	failed = STORE_ETCD == STORE_ETCD_USER && server_protect(&server)
			 ? 1
			 : store_conformance_run(&place);
	server_stop(&server);
	return failed;
}
