/*
 * When a stream's archive is attached to its log, and how it gets before what the log has no more.
 *
 * An archive that ends before the log begins is not attached at once: then a range would be
 * missing in it for ever, which another member's archive may have.  The loop looks for such a
 * member, and its archive feeds this one (backlog.h), before this replica is in the chain or
 * after.  If there is none within COPY_GRACE_NS, or three have failed, the archive is attached
 * as it is, the gap is told, and archiving goes on behind it.
 *
 * K4  While it is looked for, the log waits for the archive as if that were required; while it
 *     is fed, the log does not wait for it.
 *
 * The loop calls all of it while it holds the stream's thread, but for stream_copy_turn, which
 * is the thread's.
 */
#ifndef PAWL_STREAM_COPY_H
#define PAWL_STREAM_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/stream/host.h"

#define COPY_GRACE_NS UINT64_C(2000000000)

struct stream;

/* The log has entered an epoch: archived from now on, or as soon as there is no gap. */
void stream_archive_attach(struct stream *s, uint64_t now_ns);
/* The log is not to be read any more (K1). */
void stream_archive_detach(struct stream *s);
/* The replica is outside the chain: what the archive lacks may be copied already. */
void stream_archive_follow(struct stream *s, uint64_t now_ns);

/* As stream_host_copy. */
enum stream_copy_need stream_copy_look(
	struct stream *s, uint64_t now_ns, struct stream_copy_want *want_p);
/* As stream_host_copy_begin and stream_host_copy_fed. */
int stream_copy_begin(struct stream *s, uint64_t now_ns, struct error *err)
	__attribute__((warn_unused_result));
int stream_copy_fed(struct stream *s, const char *inbox, uint32_t reader,
	struct error *err) __attribute__((warn_unused_result));
/* The stream ends. */
void stream_copy_end(struct stream *s);

/* True: positions have come. */
bool stream_copy_turn(struct stream *s);

/* Whether @memory is the inbox of what is copied, which the member writes. */
bool stream_copy_is_inbox(const struct stream *s, const struct memory *memory);

#endif
