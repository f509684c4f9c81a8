/*
 * HTTP(S) exchanges with etcd that never block: libcurl's multi interface behind one epoll
 * descriptor.  An exchange sends one POST and collects what comes back.  Nothing here
 * calls anybody but a sink, and that from within etcd_http_progress; the owner looks at
 * its exchanges afterwards.
 *
 * A body is never sent twice.  libcurl would do so when a connection that it kept turns
 * out to be closed; but whether the first one had an effect is for the owner to find out.
 */
#ifndef PAWL_STORE_ETCD_HTTP_H
#define PAWL_STORE_ETCD_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/store/etcd_address.h"

/* Bytes of an answer that is collected; etcd's largest value as base64 is 2 MiB. */
#define ETCD_ANSWER_MAX (4 * 1024 * 1024)

struct etcd_http {
	CURLM *multi;
	int epoll_fd;
	uint64_t due_ns; /* libcurl wants to be called then; UINT64_MAX: no need */
};

enum etcd_end {
	ETCD_END_ANSWER,      /* with an HTTP status */
	ETCD_END_NOT_SENT,    /* nothing of the body */
	ETCD_END_NOT_TRUSTED, /* TLS: one does not trust the other; nothing was done */
	ETCD_END_LOST,	      /* the body may have arrived; nobody knows */
};

/* Takes bytes of an answer as they arrive. */
typedef void (*etcd_sink_fn)(void *context, const char *bytes, size_t len);

struct etcd_exchange {
	struct etcd_http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	size_t body_len, body_sent;
	char *answer;
	size_t answer_len, answer_size;
	etcd_sink_fn sink; /* NULL: the answer is collected */
	void *sink_context;
	bool running; /* and when not: how it ended */
	enum etcd_end end;
	long http_status;
	bool timed_out;
	char detail[CURL_ERROR_SIZE];
};

/* -EMFILE, -ENOMEM. */
int etcd_http_open(struct etcd_http *http_p, struct error *err)
	__attribute__((warn_unused_result));
void etcd_http_close(struct etcd_http *http);

/* When etcd_http_progress has something to do without an event; UINT64_MAX: never. */
uint64_t etcd_http_due_ns(const struct etcd_http *http);
void etcd_http_progress(struct etcd_http *http);

/* -ENOMEM, or -EIO when this libcurl lacks something. */
int etcd_exchange_open(struct etcd_exchange *exchange, struct etcd_http *http,
	const struct etcd_address *address, struct error *err)
	__attribute__((warn_unused_result));
void etcd_exchange_close(struct etcd_exchange *exchange);

/*
 * Starts a POST to @url and takes over @body, a text for free(), on an error too.
 * @token: "" for none.  @timeout_ms: 0 for none.  -ENOMEM.
 */
int etcd_exchange_start(struct etcd_exchange *exchange, const char *url, char *body,
	const char *token, long timeout_ms) __attribute__((warn_unused_result));

/* Stops it, if it runs, and forgets body and answer. */
void etcd_exchange_stop(struct etcd_exchange *exchange);

#endif
