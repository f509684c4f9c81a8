/*
 * One-sided memory: fetch-add, compare-swap, read and write on another process's memory,
 * write_read, a write and a read in one call, and put, a long write without a copy.
 *
 * An *owner* opens a device, exposes a memory on it and hands out the memory's address, a
 * line of text.  A *peer* opens a device of the same kind and connects a *link* to that
 * address.  What follows is the interface; every back end obeys it and tests/conformance
 * holds each of them to it.
 *
 * Rules for every back end:
 *  M1  No data-path call blocks, allocates or takes a lock.  A full queue is -EAGAIN and
 *      then nothing was posted.
 *  M2  Operations on one link take effect in posting order, and every posted operation
 *      completes exactly once, in posting order.  One liberty: a read that a network card
 *      has to repeat after a lost packet may see what later operations did to other bytes
 *      meanwhile; never what later ones did to its own bytes.
 *  M3  A write followed by a read on the same link: when the read has completed, the
 *      write is visible to the owner's processor.
 *  M4  After the first failure on a link every later completion on it has the status
 *      -ECANCELED, and later calls may refuse with -ENOTCONN.  A failed operation MAY have
 *      taken effect.  A back end never repeats a fetch-add on its own.
 *  M5  Atomics are atomic among operations through the same device only.  The owner's
 *      processor may load a word; to change one that peers change it uses a link to its
 *      own memory (loopback), never a processor store.
 *  M6  Offsets are bytes from the start of the exposed memory.  An operation that is not
 *      wholly inside it is refused with -ERANGE; a word operation whose offset is no
 *      multiple of 8 with -EINVAL; both at the call, with nothing posted.
 *  M7  A read or write longer than LINK_TRANSFER_MAX bytes, or of zero bytes, is refused
 *      with -EINVAL.  A write's bytes are copied before the call returns.  A read's buffer
 *      belongs to the link until its completion is polled.  Reads and writes of 8 aligned
 *      bytes are single-copy atomic; longer ones may be torn.
 *  M9  A put's bytes are read from its source any time before its completion, once or
 *      more, and arrive in any order: until then the source must stay as it is, and what
 *      has arrived is known by a later operation only (M2).
 *  M8  After fork() the child must not touch a device, memory or link of its parent.  Of
 *      some back ends (verbs) it can not even open a device of its own when its parent had
 *      one open: fork first, or exec in the child.
 *
 * One thread at a time uses a device and everything opened on it, with one liberty:
 *  M10 Another thread, one at a time, may expose memory without hot words, for that may take
 *      seconds.  It hands over what it exposed, and does nothing else with it.  Not in a
 *      simulation (sim), where there is one thread.
 */
#ifndef PAWL_HW_MEMORY_H
#define PAWL_HW_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hw/error.h"
#include "hw/pages.h"

#define MEMORY_ADDRESS_MAX 256 /* bytes of an address in text, with its terminator */
#define LINK_DEPTH_MAX 1024    /* operations in flight on one link */
#define LINK_TRANSFER_MAX 4096 /* bytes of one read or write */
#define LINK_PUT_MAX (UINT64_C(1) << 26) /* bytes of one put */

struct device;
struct memory;
struct link;

/* What a device is opened with.  Strings are only read during the call. */
struct device_config {
	const char
		*device; /* verbs: "mlx5_0", "mlx5_0/2", or NULL for the first usable */
	const char
		*address; /* verbs: local IP address to use; wins over device; or NULL */
	uint16_t port;	  /* verbs owner: port to listen on, 0 for any */
	bool listen; /* peers may connect to the memories exposed here; if not, they have
			     the address "", and are the sources of puts */
	uint64_t
		timeout_ns; /* verbs: after this long without an answer a link has failed */
	bool device_memory; /* verbs: use memory on the card for the hot words if there is any */
};

/* What an owner exposes. */
struct memory_config {
	struct pages_config pages; /* where the bytes live */
	size_t hot_offset; /* range of words that profit from memory on the card; */
	size_t hot_len;	   /*    0: none */
	bool source; /* also puts are made from here; then nothing of it is on the card.  Always
			so on a device that does not listen */
};

/* A link's side of the bargain. */
struct link_config {
	unsigned int depth; /* operations in flight, 1 to LINK_DEPTH_MAX */
	uint64_t token;	    /* presented to the owner, which may refuse it */
};

/*
 * Asked by the owner's device for every link that wants to connect: true lets it in.
 * Runs inside device_progress.
 */
typedef bool (*device_admit_fn)(
	void *context, const struct memory *memory, uint64_t token);

struct completion {
	uint64_t cookie; /* as posted */
	uint64_t value;	 /* word before a fetch-add or compare-swap; else 0 */
	int status; /* 0; -ECANCELED; or what went wrong first: -EIO, -ETIMEDOUT, -EACCES */
};

/*
 * A back end.  Calls return 0 or -errno; with an error, *_p is not written and, where
 * there is an @err, it says why.
 */
struct memory_ops {
	const char *name; /* "shm", "verbs", "fault", "sim" */

	/*
	 * May block for a bounded time.  -ENODEV: no such device.  -EOPNOTSUPP: the device
	 * can not do what Pawl needs (64-bit atomics).  -EPROTO: its self-test gave wrong
	 * answers.  -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM, -EINVAL.
	 */
	int (*open)(const struct device_config *config, struct device **device_p,
		struct error *err);
	/* Everything exposed and connected on it must be gone. */
	void (*close)(struct device *device);
	/* A file descriptor that is readable when progress has something to do, or -1. */
	int (*fd)(const struct device *device);
	/* Moves connections on.  Never blocks. -EIO when the device itself is lost. */
	int (*progress)(struct device *device, struct error *err);
	/* Sets the owner's gate.  Without one every link is let in. */
	void (*admit)(struct device *device, device_admit_fn admit, void *context);
	/* One short line about the device for people: "mlx5_0/1 10.0.0.1". */
	const char *(*describe)(const struct device *device);

	/* Errors of pages_map, and -ENOMEM when the device can not pin the memory. */
	int (*expose)(struct device *device, const struct memory_config *config,
		struct memory **memory_p, struct error *err);
	/* Ends all links to it.  The pages stay if they are a file; see pages_remove. */
	void (*withdraw)(struct memory *memory);
	/*
	 * Address for link connect; the text lives as long as the memory.  "" on a device
	 * that does not listen: nobody can connect to it.
	 */
	const char *(*address)(const struct memory *memory);
	/* The owner's own view of the bytes, for loads (M5). */
	void *(*base)(const struct memory *memory);
	size_t (*len)(const struct memory *memory);
	/* How its pages are held, for people. */
	const struct pages *(*pages)(const struct memory *memory);
	/* Loads one aligned word, also where the hot words are on the card. */
	uint64_t (*load)(const struct memory *memory, size_t offset);
	/* True when the hot words are on the card, so that the pages do not hold them. */
	bool (*hot_on_card)(const struct memory *memory);
	/*
	 * Ends every link that presented @token.  When it returns, no operation of those
	 * links can still take effect.  Does nothing where the back end can not reach the
	 * peer (shm): there the caller must know that the peer is gone.
	 */
	void (*evict)(struct memory *memory, uint64_t token);

	/*
	 * Starts connecting; link_state tells when it is done.  -EINVAL: not an address of
	 * this back end.  -ENOENT, -EACCES, -ENOMEM, -EADDRNOTAVAIL.
	 */
	int (*connect)(struct device *device, const char *address,
		const struct link_config *config, struct link **link_p,
		struct error *err);
	/*
	 * 0: connected.  -EAGAIN: still connecting, call progress.  -ECONNREFUSED,
	 * -ETIMEDOUT, -EACCES: it will not connect.  -ENOTCONN: it was, and has failed.
	 */
	int (*state)(const struct link *link, struct error *err);
	/* Ends the link.  Operations in flight may or may not have taken effect. */
	void (*disconnect)(struct link *link);

	/* Data path: 0, -EAGAIN, -ENOTCONN, -ERANGE, -EINVAL. */
	int (*fetch_add)(struct link *link, uint64_t offset, uint64_t n, uint64_t cookie);
	int (*compare_swap)(struct link *link, uint64_t offset, uint64_t expected,
		uint64_t desired, uint64_t cookie);
	int (*write)(struct link *link, uint64_t offset, const void *bytes, size_t len,
		uint64_t cookie);
	int (*read)(struct link *link, uint64_t offset, void *bytes, size_t len,
		uint64_t cookie);
	/*
	 * Writes the aligned word at @write_offset, then reads the one at @read_offset
	 * into @bytes (8), exactly as write and read in this order would, but with one
	 * call to the card.  It is one operation of the link's depth and has one
	 * completion, the read's: a status of 0 means that both took effect (M3), and any
	 * other that either may have, as the status of whichever failed first.
	 */
	int (*write_read)(struct link *link, uint64_t write_offset, uint64_t word,
		uint64_t read_offset, void *bytes, uint64_t cookie);
	/*
	 * Writes @len bytes straight from @source, a memory of the same device that was
	 * exposed to be one, without copying them first (M9): as one operation of the link's
	 * depth, with one completion.  @len may be as long as both memories and
	 * LINK_PUT_MAX allow.  -EINVAL: longer or empty, or not such a source.  -ERANGE: not
	 * wholly inside both.
	 */
	int (*put)(struct link *link, uint64_t offset, const struct memory *source,
		uint64_t source_offset, size_t len, uint64_t cookie);
	/* Takes up to @max completions, 0 or more.  0; it reports failures as completions. */
	int (*poll)(
		struct link *link, struct completion *completions, int max, int *count_p);
	/*
	 * Optional, NULL where a back end has no such thing: where the word at @offset is
	 * for this process, good until the link is disconnected; NULL when there is no
	 * word at @offset.  While nothing is in flight on the link, atomic_fetch_add there
	 * is the link's fetch_add, taking effect and completing at once.
	 */
	_Atomic uint64_t *(*word)(struct link *link, uint64_t offset);
};

/* Every back end's structures begin with these, so that the calls below can be inline. */
struct device {
	const struct memory_ops *ops;
};
struct memory {
	const struct memory_ops *ops;
	struct device *device;
	bool source; /* puts may be made from it */
};
struct link {
	const struct memory_ops *ops;
	struct device *device;
};

/* What a put asks of its source, for back ends: 0, -EINVAL or -ERANGE. */
static inline int memory_source_check(const struct memory *source,
	const struct link *link, uint64_t source_offset, size_t len)
{
	size_t source_len;

	if (!source->source || source->device != link->device)
		return -EINVAL;
	if (len == 0 || len > LINK_PUT_MAX)
		return -EINVAL;
	source_len = source->ops->len(source);
	if (source_offset > source_len || len > source_len - source_offset)
		return -ERANGE;
	return 0;
}

extern const struct memory_ops shm_memory_ops;
extern const struct memory_ops verbs_memory_ops;

/* The back end called @name, or NULL. "shm" or "verbs". */
const struct memory_ops *memory_ops_find(const char *name);

/*
 * Calls progress until the link is connected or @timeout_ns has passed (-ETIMEDOUT), or
 * it failed (as state).  Blocks.  For set-up only.
 */
int link_wait_connected(struct link *link, uint64_t timeout_ns, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Waits for one completion and takes it: -ETIMEDOUT after @timeout_ns, else 0 (then look
 * at its status).  Spins.  For set-up, tests and the owner's loopback.
 */
int link_wait_completion(struct link *link, uint64_t timeout_ns,
	struct completion *done_p) __attribute__((warn_unused_result));

#endif
