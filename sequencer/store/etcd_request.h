/*
 * One request to an etcd store, from its acceptance to its end.
 *
 *  E1  A write is one transaction that compares the key's modification revision, which is
 *      the store's revision, and puts a value with a tag of its own.  The key is never
 *      deleted (etcd_value.h), so of all attempts of a write at most one takes effect.
 *  E2  When the outcome of an attempt is unknown the same transaction is tried again.  If
 *      it fails now, the value that followed the expected revision decides: with our tag
 *      the write was done, with another one it never can be.
 *  E3  That value may have been replaced since.  Then older revisions of the key are read,
 *      back to the expected one; where etcd no longer keeps them the outcome stays unknown.
 *  E4  put_if that expects no value takes the revision of an erased one, when it meets one,
 *      for what it compares.
 *  E5  etcd may say that it is full and have carried out the transaction all the same.  So
 *      the key is read, and looked through as in E3, before anybody is told.
 */
#ifndef PAWL_STORE_ETCD_REQUEST_H
#define PAWL_STORE_ETCD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/store/etcd_session.h"
#include "sequencer/store/etcd_value.h"
#include "sequencer/store/store.h"

enum etcd_request_kind {
	ETCD_REQUEST_GET,
	ETCD_REQUEST_PUT,
	ETCD_REQUEST_ERASE,
};

struct etcd_request {
	struct etcd_request *next; /* in the store's queue */
	enum etcd_request_kind kind;
	uint64_t expected_revision;
	uint64_t deadline_ns;
	store_done_fn done;
	void *context;

	/* How far it is. */
	bool asking;		  /* the call is under way */
	bool looking_back;	  /* E3 */
	bool effect_unknown;	  /* of an attempt so far */
	bool overtaken;		  /* no attempt can take effect any more */
	bool full;		  /* E5 */
	bool unknown_before_full; /* effect_unknown, apart from E5 */
	unsigned int tokens;	  /* that were refused */
	unsigned int not_trusted; /* members in a row */
	uint64_t compared;	  /* the revision that the transaction expects */
	uint64_t
		looked_at; /* E3: the key as of this revision is read next; 0: as of now */
	char tag[ETCD_TAG_LEN + 1];

	/* How it ended, or how it went last. */
	struct store_result result;
	struct etcd_kv found; /* of a get: what the result's bytes are in */
	struct error err;

	size_t len;
	char bytes[]; /* the value to put */
};

/* A copy of @template with a tag and the bytes; NULL without memory. */
struct etcd_request *etcd_request_make(
	const struct etcd_request *template, const void *bytes);
void etcd_request_free(struct etcd_request *request);

/*
 * Goes on with it, after etcd_http_progress.  True when it has ended: result is set.  If
 * not, *wake_ns_p is when to come back without an event; UINT64_MAX: no need.
 */
bool etcd_request_step(struct etcd_request *request, struct etcd_call *call,
	uint64_t *wake_ns_p) __attribute__((warn_unused_result));

#endif
