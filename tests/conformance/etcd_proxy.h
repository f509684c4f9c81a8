/*
 * A relay between a store and etcd that loses what a test wants lost.  It runs in a thread
 * of its own.
 */
#ifndef PAWL_TESTS_ETCD_PROXY_H
#define PAWL_TESTS_ETCD_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

enum proxy_mode {
	PROXY_RELAY,
	PROXY_REFUSE,	   /* close every connection, old or new */
	PROXY_STALL,	   /* keep all connections and relay nothing */
	PROXY_KEEP_ANSWER, /* relay the next transaction, but not its answer */
	PROXY_KEEP_ASKING, /* take the next transaction and do not relay it yet */
};

struct proxy {
	int port;
	int server_port;
	int listener;
	pthread_t thread;
	_Atomic int mode; /* a transaction that was kept makes it PROXY_RELAY again */
	atomic_bool kept; /* a transaction, or its answer */
	atomic_bool cut;  /* set: break the connection that it came by */
	atomic_bool
		deliver; /* set: send etcd what was kept; false again when it has acted */
	atomic_bool end;
};

/* 0 or -1. */
int proxy_start(struct proxy *proxy, int server_port);
void proxy_stop(struct proxy *proxy);

#endif
