/*
 * etcd for tests: one member or several on loopback, in a directory of the test's own, with
 * ports that are free.  They die with the test.
 */
#ifndef PAWL_TESTS_ETCD_SERVER_H
#define PAWL_TESTS_ETCD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/scratch.h"

#define SERVER_MEMBERS_MAX 3
#define SERVER_PASSWORD "an \\ \"odd\" password"

struct server_member {
	pid_t pid; /* 0: does not run */
	int port;
	int peer_port;
};

struct server {
	struct scratch scratch; /* ca.pem, client.pem, client.key, password are in it */
	bool tls;		/* with certificates on both sides */
	const char *extra;	/* one more option, or NULL; to be set before the start */
	int members_count;
	struct server_member members[SERVER_MEMBERS_MAX];
};

/* NULL, or why no server can be started here. */
const char *server_missing(bool tls);

/* 0 when it answers; -1, with the reason on standard error. */
int server_start(struct server *server, int members_count, bool tls);
void server_stop(struct server *server);

/* One member: kill -9, and again with what it had on disk; 0 or -1. */
void server_kill(struct server *server, int index);
int server_restart(struct server *server, int index);

/* Makes user "pawl" with all rights below /pawl/ and switches authentication on; 0 or -1. */
int server_protect(struct server *server);

/* POST to a member's gateway; the HTTP status, or -1. */
long server_post(const struct server *server, int index, const char *path,
	const char *body, char *answer, size_t size);

/* The index of the member that leads, or -1. */
int server_leader(const struct server *server);

/* Where @prefix is in this server's first member, with the options for TLS. */
void server_address(
	const struct server *server, const char *prefix, char *text, size_t size);

/* A port of 127.0.0.1 that nobody had a moment ago, or -1. */
int server_free_port(void);

#endif
