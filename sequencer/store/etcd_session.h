/*
 * What all requests of one etcd store share: who to talk to, as whom, and about what.
 *
 * A call asks one member of etcd one thing.  Where a user is given and there is no token,
 * or etcd does not know it any more, the call gets one first.
 */
#ifndef PAWL_STORE_ETCD_SESSION_H
#define PAWL_STORE_ETCD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/store/etcd_address.h"
#include "sequencer/store/etcd_base64.h"
#include "sequencer/store/etcd_endpoints.h"
#include "sequencer/store/etcd_http.h"
#include "sequencer/store/etcd_reply.h"
#include "sequencer/store/store.h"

#define ETCD_KEY_SIZE (ETCD_PREFIX_SIZE + 66)

/* Stays where it is between open and close. */
struct etcd_session {
	struct etcd_address address;
	struct etcd_endpoints endpoints;
	struct etcd_http http;
	unsigned int timeout_ms;
	char key[ETCD_KEY_SIZE]; /* "/PREFIX/CLUSTER", for messages */
	char key_base64[ETCD_BASE64_SIZE(ETCD_KEY_SIZE)];
	char token[ETCD_TOKEN_SIZE]; /* "" when there is none */
};

/* -EINVAL, -EACCES, -EPERM, -EMFILE, -ENOMEM, -EIO. */
int etcd_session_open(struct etcd_session *session, const struct store_config *config,
	struct error *err) __attribute__((warn_unused_result));
void etcd_session_close(struct etcd_session *session);

/* How long one member may take, so that there is time left to ask another one. */
uint64_t etcd_session_patience_ns(const struct etcd_session *session);

enum etcd_outcome {
	ETCD_OUTCOME_ANSWER,	  /* what was asked for, in the exchange */
	ETCD_OUTCOME_UNAVAILABLE, /* another member may know, or this one later */
	ETCD_OUTCOME_NOT_TRUSTED, /* by TLS; likewise */
	ETCD_OUTCOME_TOKEN,	  /* was not good: ask again, and get a new one first */
	ETCD_OUTCOME_COMPACTED,
	ETCD_OUTCOME_FULL,    /* of a write: it may have taken effect nevertheless */
	ETCD_OUTCOME_REFUSED, /* by all of etcd, or there is no memory */
};

enum etcd_call_step {
	ETCD_CALL_IDLE,
	ETCD_CALL_AUTHENTICATE,
	ETCD_CALL_ASK,
};

struct etcd_call {
	struct etcd_session *session;
	struct etcd_exchange exchange;
	enum etcd_call_step step;
	const char *path;
	char *body; /* while a token is being got */
	unsigned int endpoint;
	uint64_t deadline_ns; /* UINT64_MAX: none once it is asked */
	etcd_sink_fn sink;    /* takes the answer; NULL: it is kept */
	void *sink_context;
	enum etcd_outcome outcome;
	bool effect_unknown; /* had it been a write, it might have taken effect */
	int code;	     /* of the outcome: 0, -EIO, -EACCES, -ENOSPC, -ENOMEM */
	struct error err;
};

/* A sink may be set after it.  -ENOMEM, -EIO. */
int etcd_call_open(struct etcd_call *call, struct etcd_session *session,
	struct error *err) __attribute__((warn_unused_result));
void etcd_call_close(struct etcd_call *call);

/*
 * Asks @endpoint; takes over @body, which may be NULL: no memory.  @path is not copied.
 * With a sink, the deadline is only for the token and a good answer goes to the sink.
 * Not while a call is under way.
 */
void etcd_call_start(struct etcd_call *call, unsigned int endpoint, const char *path,
	char *body, uint64_t deadline_ns);

/*
 * Goes on with a call that was started; true when it has ended, and then its outcome is
 * set.  To be called after etcd_http_progress.
 */
bool etcd_call_step(struct etcd_call *call) __attribute__((warn_unused_result));

void etcd_call_stop(struct etcd_call *call);

/* Makes an answer that can not be read an outcome of its own: @rc is -EBADMSG or -ENOMEM. */
void etcd_call_garbled(struct etcd_call *call, int rc);

#endif
