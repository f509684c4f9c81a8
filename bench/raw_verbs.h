/*
 * The bare operation that Pawl is compared with: a loop of fetch-adds straight on
 * libibverbs and librdmacm, with nothing of Pawl's data path in it.
 *
 * A *server* holds one counter word, one mark and one state word, and lets everybody in.
 * A *raw* is one connection to it with a queue of its own.  Use one thread, or process,
 * per raw; a server has a thread of its own, which only waits for connections.
 */
#ifndef PAWL_BENCH_RAW_VERBS_H
#define PAWL_BENCH_RAW_VERBS_H

#include <stdint.h>

#include "hw/error.h"

#define RAW_VERBS_DEPTH_MAX 1024

struct raw_verbs;
struct raw_verbs_server;

/*
 * @where: "10.0.0.1", "mlx5_0", "mlx5_0/1", or NULL for the first usable device.
 * -ENODEV, -EADDRNOTAVAIL, -ENOMEM, -EINVAL, -EIO.
 */
int raw_verbs_serve(const char *where, struct raw_verbs_server **server_p,
	struct error *err) __attribute__((warn_unused_result));

/* One line for raw_verbs_open; lives as long as the server. */
const char *raw_verbs_address(const struct raw_verbs_server *server);

/* The counter word as it is now. */
uint64_t raw_verbs_word(const struct raw_verbs_server *server);

/* Ends every connection.  Blocks until the server's thread has ended. */
void raw_verbs_stop(struct raw_verbs_server *server);

/*
 * Connects, within 10 s.  @depth: fetch-adds in flight, 1 to RAW_VERBS_DEPTH_MAX.
 * -EINVAL, -ETIMEDOUT, -ECONNREFUSED, -ENOMEM, -EIO.
 */
int raw_verbs_open(const char *address, unsigned int depth, struct raw_verbs **raw_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Adds 1 @operations times.  @values and @latencies_ns, each NULL or as long, get the
 * words before and the times from posting to polling, in posting order.
 * -EIO: an operation failed.  -ETIMEDOUT: none completed for 10 s.
 */
int raw_verbs_run(struct raw_verbs *raw, uint64_t operations, uint64_t *values,
	uint64_t *latencies_ns) __attribute__((warn_unused_result));

/*
 * What a dense counter with backups does, bare and one at a time: a fetch-add at @head, and
 * when it is back a write and a read at each of @count backups, all posted before the first
 * is waited for.  As raw_verbs_run.
 */
int raw_verbs_run_pair(struct raw_verbs *head, struct raw_verbs *const *backups,
	unsigned int count, uint64_t operations, uint64_t *values, uint64_t *latencies_ns)
	__attribute__((warn_unused_result));

void raw_verbs_close(struct raw_verbs *raw);

#endif
