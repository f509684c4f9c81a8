/*
 * A configuration store: one small value per cluster under compare-and-set, and a watch.
 * That is all Pawl asks of consensus (docs/protocol.md), and no number ever waits
 * for it except across a change of epoch.
 *
 * Rules for every back end; tests/conformance runs them all.
 *  S1  No call but store_open and store_wait blocks for longer than a short local file
 *      operation.  A request only starts work; the work is done by store_progress.
 *  S2  A request that was accepted (0) completes exactly once, by its callback, from
 *      within store_progress, store_wait or store_close and never from within the
 *      request.  Requests of one store are carried out one after the other, in order.
 *  S3  Every request completes within the store's time-out, also when a server is lost
 *      or another process holds a lock; then with -ETIMEDOUT.
 *  S4  put_if and erase_if take effect wholly or not at all, and only when the value's
 *      revision is the expected one at that moment, whoever else is writing.
 *  S5  When put_if has completed with 0 the value has reached stable storage, and every
 *      later get, by anybody, returns it or a newer one.
 *  S6  Revisions of a cluster only grow, also across an erase.  Revision 0 means: there
 *      is no value.
 *  S7  After a change by anybody a watch is called at least once.  Several changes may
 *      be one call, and calls without a change are allowed: get tells what is true.
 *  S8  A failed request other than -ETIMEDOUT had no effect.  After -ETIMEDOUT a put_if
 *      or erase_if MAY have taken effect, now or later; get tells.
 *
 * One thread at a time uses a store.  Callbacks may start requests, but not call
 * store_progress, store_wait or store_close.  After fork() the child must not use it.
 */
#ifndef PAWL_STORE_STORE_H
#define PAWL_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"

#define STORE_VALUE_MAX (1024 * 1024) /* bytes of a value */
#define STORE_REQUESTS_MAX 16	      /* requests of one store that have not completed */

/* Strings are only read during store_open. */
struct store_config {
	const char *address; /* "file:DIR" or "etcd:URL,.../PREFIX?OPTION=VALUE&..." */
	const char *cluster; /* a valid name: sequencer/core/names.h */
	unsigned int timeout_ms; /* of one request, 1 or more (S3) */
};

/*
 * How a request ended.  The bytes and the error live as long as the callback.
 *
 *  0           done
 *  -ESTALE     the revision was not the expected one
 *  -ETIMEDOUT  outcome unknown (S8)
 *  -EBADMSG    what the store holds is damaged; nothing is written over it
 *  -ENOSPC     no space; the old value stands
 *  -EACCES     permissions
 *  -EIO        the store can not be read or written for another reason
 *  -ENOMEM     no memory
 *  -ECANCELED  store_close came first; a put_if or erase_if had no effect or, where a
 *              server was already told, its outcome is unknown
 */
struct store_result {
	int status;
	uint64_t revision; /* get: of the value; put_if: the new one; else 0 */
	const void *bytes; /* get: the value; NULL without one */
	size_t len;
	const struct error *err; /* "" unless status is negative */
};

typedef void (*store_done_fn)(void *context, const struct store_result *result);

/*
 * @status 0: the value may have changed.  Negative: changes may go unseen until the next
 * call with 0, and @err says why; the store keeps trying.
 */
typedef void (*store_changed_fn)(void *context, int status, const struct error *err);

struct store;

/* A back end.  The functions below are its interface and have its contract. */
struct store_ops {
	const char *scheme; /* "file": what an address begins with, without the colon */
	int (*open)(const struct store_config *config, struct store **store_p,
		struct error *err);
	void (*close)(struct store *store);
	int (*fd)(const struct store *store);
	int (*timeout_ms)(const struct store *store);
	void (*progress)(struct store *store);
	int (*get)(struct store *store, store_done_fn done, void *context);
	int (*put_if)(struct store *store, uint64_t expected_revision, const void *bytes,
		size_t len, store_done_fn done, void *context);
	int (*erase_if)(struct store *store, uint64_t expected_revision,
		store_done_fn done, void *context);
	void (*watch)(struct store *store, store_changed_fn changed, void *context);
};

/* Every back end's structure begins with this. */
struct store {
	const struct store_ops *ops;
};

extern const struct store_ops file_store_ops;
extern const struct store_ops etcd_store_ops; /* etcd_address.h has its addresses */

/*
 * May block for the time-out.  -EINVAL: no such address, cluster or time-out.  -EMFILE:
 * out of file descriptors or watches.  -EACCES, -EPERM, -ENOSPC, -ENOTDIR, -EROFS,
 * -ENAMETOOLONG, -ENOMEM, -EIO.
 */
int store_open(const struct store_config *config, struct store **store_p,
	struct error *err) __attribute__((warn_unused_result));

/* Completes what is left with -ECANCELED; no callback comes after it.  NULL is fine. */
void store_close(struct store *store);

/*
 * For any event loop: call store_progress when the descriptor is readable or when
 * store_timeout_ms has passed.  The descriptor stays the same; the time-out may change
 * with every request and every progress, so ask again after them.  -1: no time-out.
 */
int store_fd(const struct store *store) __attribute__((warn_unused_result));
int store_timeout_ms(const struct store *store) __attribute__((warn_unused_result));
void store_progress(struct store *store);

/* For programs without a loop: waits up to @timeout_ms for something to do; does it. */
void store_wait(struct store *store, int timeout_ms);

/*
 * Requests.  0: accepted.  -EAGAIN: STORE_REQUESTS_MAX are waiting.  -ENOMEM.  -EINVAL:
 * put_if of no bytes or more than STORE_VALUE_MAX; erase_if that expects revision 0.
 * -ECANCELED: store_close is under way.
 * The bytes are copied before the call returns.
 */
int store_get(struct store *store, store_done_fn done, void *context)
	__attribute__((warn_unused_result));
int store_put_if(struct store *store, uint64_t expected_revision, const void *bytes,
	size_t len, store_done_fn done, void *context)
	__attribute__((warn_unused_result));
int store_erase_if(struct store *store, uint64_t expected_revision, store_done_fn done,
	void *context) __attribute__((warn_unused_result));

/*
 * Tells of every change from now on, this store's own included.  One watch at a time:
 * a second replaces the first, NULL ends it.
 */
void store_watch(struct store *store, store_changed_fn changed, void *context);

#endif
