/*
 * What the files of the verbs back end share.
 *
 * A device holds one event channel.  Three kinds of endpoint get events from it: the
 * anchor (bound to the device's local address, and listening where memories are exposed),
 * the peers (the owner's ends of links) and the links themselves.  The context of every
 * rdma_cm_id on the channel is such an endpoint, never NULL.
 *
 * Invariants:
 *  V1  An endpoint is freed only after its rdma_cm_id was destroyed, and events are
 *      acknowledged before they are acted upon, so that destroying never waits for
 *      ourselves.
 *  V2  Queue pairs of peers are made in their memory's own protection domain: a link can
 *      not reach any other memory, whatever key it names.
 *  V3  link: completed <= posted <= completed + depth.  Operation number n uses entry
 *      n mod ring size, and the completion queue yields them in this order.  An operation
 *      may be several requests, all with its number; only the last asks for a completion,
 *      but any that fails gets one, so the queues have room for one of each request: of
 *      depth operations, and of the further requests of puts (extra_used <= extra_max).
 *  V4  Queue pairs of links are in the device's protection domain, where the sources of puts
 *      are registered once more, for this side alone: V2 holds for them too.
 */
#ifndef PAWL_HW_VERBS_INTERNAL_H
#define PAWL_HW_VERBS_INTERNAL_H

#include <infiniband/verbs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "hw/verbs/address.h"
#include "hw/verbs/find.h"
#include "hw/verbs/hello.h"
#include "hw/verbs/retry.h"
#include "hw/verbs/target.h"

#define VERBS_PEERS_MAX 4096 /* links let in by one device */
#define VERBS_EVENTS_MAX 64  /* handled by one call of progress */
#define VERBS_RESOLVE_MS 2000
#define VERBS_CONNECT_NS UINT64_C(10000000000)
#define VERBS_RNR_RETRY 6    /* finite; 7 would mean for ever */
#define VERBS_SMALL 64	     /* bytes of an operation's own staging slot */
#define VERBS_PAIR 2	     /* requests of a write_read */
#define VERBS_BULK_COUNT 8   /* longer operations in flight on one link */
#define VERBS_INLINE_MAX 256 /* bytes of a write asked to travel in its request */

enum verbs_kind {
	VERBS_ANCHOR,
	VERBS_PEER,
	VERBS_LINK,
};

struct verbs_endpoint {
	enum verbs_kind kind;
	struct rdma_cm_id *id;
};

struct verbs_device {
	struct device base;
	struct rdma_event_channel *channel;
	struct verbs_endpoint anchor;
	struct ibv_context *context; /* the anchor's */
	struct ibv_pd *pd;	     /* of this side's links */
	struct ibv_cq *idle_cq; /* peers' queue pairs post nothing, but must have one */
	struct ibv_device_attr_ex limits;
	union verbs_sockaddr local;
	struct verbs_retry retry;
	bool listening;
	bool lost;
	bool big_endian;      /* atomics return their old value byte-swapped */
	bool card_memory;     /* hot words may go on the card */
	uint32_t request_max; /* bytes of one request */
	device_admit_fn admit;
	void *admit_context;
	pthread_mutex_t memories_mutex; /* M10: around the list, not what is in it */
	struct verbs_memory *memories;
	unsigned int peers_count;
	char name[IBV_SYSFS_NAME_MAX + 8]; /* "mlx5_0/1" */
	char host[INET6_ADDRSTRLEN];
	char text[160];
};

struct verbs_memory {
	struct memory base;
	struct verbs_memory *next;
	struct verbs_peer *peers;
	struct pages pages;
	struct ibv_pd *pd; /* NULL, and so is mr: nobody can connect */
	struct ibv_mr *mr;
	struct ibv_mr *source_mr; /* NULL: no puts from here */
	struct ibv_dm *dm; /* NULL: the hot words are in the pages like all others */
	struct ibv_mr *dm_mr;
	struct verbs_address where;
	char address[MEMORY_ADDRESS_MAX];
};

struct verbs_peer {
	struct verbs_endpoint endpoint;
	struct verbs_peer *next;
	struct verbs_memory *memory;
	uint64_t token;
};

enum verbs_op_kind {
	VERBS_ATOMIC,
	VERBS_READ,
	VERBS_WRITE,
};

/* An operation in flight. */
struct verbs_op {
	uint64_t cookie;
	uint64_t offset;
	void *out;	  /* a read's destination */
	uint8_t *staging; /* where its bytes are now */
	uint32_t len;
	uint8_t kind;
	bool bulk;	/* its staging is a bulk slot */
	uint16_t extra; /* requests of it beyond those that every operation may have */
};

struct verbs_link {
	struct link base;
	struct verbs_endpoint endpoint;
	struct verbs_target target;

	/* Data path. */
	struct ibv_qp *qp; /* NULL until there is a queue pair */
	struct ibv_cq *cq;
	struct verbs_op *ops;
	uint32_t mask; /* ring size - 1 */
	uint32_t depth;
	uint64_t posted, completed;
	uint32_t inline_max;
	uint32_t atomics, reads; /* of these kinds in flight */
	uint32_t bulk_next, bulk_used;
	uint32_t request_max;		/* bytes of one request */
	uint32_t extra_max, extra_used; /* requests of puts; V3 */
	uint8_t *small, *bulk;		/* staging */
	struct ibv_send_wr atomic; /* a request of which only what differs is filled in */
	struct ibv_sge atomic_sge;
	struct ibv_send_wr pair[VERBS_PAIR]; /* the same for write_read */
	struct ibv_sge pair_sges[VERBS_PAIR];
	bool big_endian;
	bool up;       /* posting is allowed */
	bool broken;   /* the completion queue has nothing more to tell */
	bool ended;    /* the queue pair is, or is about to be, in its error state */
	bool reported; /* the first failure has been polled */
	int failure;   /* its status; 0: none yet */
	uint64_t
		stall_ns; /* the oldest operation is given up after so long; see poll.c */
	uint64_t stuck_at; /* which it was when the clock was read, */
	uint64_t stuck_since_ns;
	uint32_t empty_polls;

	/* Connection. */
	int state;	      /* as link_state reports it */
	uint64_t deadline_ns; /* of connecting */
	uint8_t hello[VERBS_HELLO_LEN];
	struct ibv_mr *staging_mr;
	void *staging;
	size_t staging_len;
	char text[ERROR_TEXT_MAX];
};

/* A connection manager event that has been acknowledged. */
struct verbs_event {
	enum rdma_cm_event_type type;
	int status;
	struct rdma_cm_id *id;
	uint8_t initiator_depth; /* that the peer asks for */
	uint8_t private_len;
	uint8_t private[255];
};

static inline struct verbs_device *verbs_device_of(const struct device *device)
{
	return (struct verbs_device *)(uintptr_t)device;
}

static inline struct verbs_memory *verbs_memory_of(const struct memory *memory)
{
	return (struct verbs_memory *)(uintptr_t)memory;
}

static inline struct verbs_link *verbs_link_of(const struct link *link)
{
	return (struct verbs_link *)(uintptr_t)link;
}

/* device.c: everything of open but the search and the self-test. */
int verbs_device_start(const struct device_config *config,
	const union verbs_sockaddr *local, struct verbs_device **device_p,
	struct error *err);
int verbs_open(
	const struct device_config *config, struct device **device_p, struct error *err);
void verbs_close(struct device *device);
const char *verbs_describe(const struct device *device);

/* selftest.c: learns @device->big_endian; -EPROTO with a broken device. */
int verbs_selftest(struct verbs_device *device, struct error *err);

/* events.c */
int verbs_progress(struct device *device, struct error *err);
int verbs_fd(const struct device *device);

/* expose.c */
int verbs_expose(struct device *device, const struct memory_config *config,
	struct memory **memory_p, struct error *err);
void verbs_withdraw(struct memory *memory);
const char *verbs_memory_address(const struct memory *memory);
void *verbs_memory_base(const struct memory *memory);
size_t verbs_memory_len(const struct memory *memory);
const struct pages *verbs_memory_pages(const struct memory *memory);
bool verbs_memory_on_card(const struct memory *memory);
uint64_t verbs_memory_load(const struct memory *memory, size_t offset);
/* Says that @len bytes could not be pinned, and what the limit is. */
int verbs_pin_error(
	const struct verbs_device *device, size_t len, int code, struct error *err);

/* listen.c */
void verbs_admit(struct device *device, device_admit_fn admit, void *context);
void verbs_evict(struct memory *memory, uint64_t token);
void verbs_evict_all(struct verbs_memory *memory);
void verbs_listen_event(struct verbs_device *device, const struct verbs_event *event);
void verbs_peer_event(struct verbs_device *device, struct verbs_peer *peer,
	const struct verbs_event *event);

/* connect.c */
int verbs_connect(struct device *device, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err);
int verbs_state(const struct link *link, struct error *err);
void verbs_disconnect(struct link *link);
void verbs_link_event(struct verbs_device *device, struct verbs_link *link,
	const struct verbs_event *event);

/* queue.c: what a link needs to hold operations in flight. */
int verbs_queue_create(struct verbs_device *device, struct verbs_link *link,
	const struct link_config *config, struct error *err);
/* Once the link's id has its device.  0 or -errno. */
int verbs_queue_attach(struct verbs_device *device, struct verbs_link *link);
void verbs_queue_destroy(struct verbs_link *link);

/* How many requests every operation of a link may have. */
static inline uint32_t verbs_requests_each(const struct verbs_link *link)
{
	return link->target.hot_len ? VERBS_PARTS_MAX : VERBS_PAIR;
}

/* post.c: what posting begins and ends with. */
unsigned int verbs_write_fence(
	const struct verbs_link *link, uint64_t offset, size_t len);
int verbs_link_room(const struct verbs_link *link);
struct verbs_op *verbs_op_next(
	struct verbs_link *link, enum verbs_op_kind kind, uint64_t offset, size_t len);
/* A request that is refused means that the queue pair is broken, and so is the link. */
int verbs_requests_post(struct verbs_link *link, struct ibv_send_wr *requests);

/* post.c, put.c and poll.c: the data path. */
int verbs_fetch_add(struct link *link, uint64_t offset, uint64_t n, uint64_t cookie);
int verbs_compare_swap(struct link *link, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie);
int verbs_write(struct link *link, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie);
int verbs_read(
	struct link *link, uint64_t offset, void *bytes, size_t len, uint64_t cookie);
int verbs_write_read(struct link *link, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie);
int verbs_put(struct link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie);
int verbs_poll(struct link *link, struct completion *completions, int max, int *count_p);

#endif
