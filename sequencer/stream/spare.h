/*
 * Memory that is made ahead of need.  The words of an epoch have to be fresh (H2 of host.h), and a
 * backup's are as large as the ring: to make them takes half a millisecond for every MiB, during
 * which a change of the chain would keep publishers waiting.  So a stream keeps a file that nobody
 * was ever told of, which a thread of the host makes in the background, and a change only gives it
 * its name.
 *
 * To take the pages of a file away takes nearly as long, so that the thread does this too.
 *
 * K1  A spare is given away once, and was never exposed before.
 * K2  There is one per stream at most, made when the memory of two changes is not there at the
 *     same time: together they take no more than a change does anyway.
 * K3  A spare takes at most a part of what is free, and is done without when that is not enough.
 * K4  Nothing is begun for a moment after a change: those that go on in the new epoch, clients too,
 *     need the processors more.
 */
#ifndef PAWL_STREAM_SPARE_H
#define PAWL_STREAM_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/stream/stretch.h"

enum spare_state {
	SPARE_NONE,
	SPARE_WANTED,
	SPARE_MAKING,
	SPARE_MADE,
};

/* One stream's; the maker's mutex is around everything in it. */
struct spare {
	struct spare *next; /* of those that are wanted */
	struct stretch file;
	uint64_t len;
	enum spare_state state;
};

#define SPARE_EMPTY ((struct spare){.file = STRETCH_EMPTY})

struct spare_maker;

/* @common lives as long as the maker.  -ENOMEM, -EAGAIN: no thread. */
int spare_maker_start(const struct stretch_common *common, struct spare_maker **maker_p,
	struct error *err) __attribute__((warn_unused_result));
/* No spare is wanted or being made any more: see spare_drop. */
void spare_maker_stop(struct spare_maker *maker);

/* Closes the last descriptor of a file that has no name any more, which frees its pages. */
void spare_maker_close(struct spare_maker *maker, int fd);

/* The chain changes (K4). */
void spare_maker_rest(struct spare_maker *maker);

/* One of @len bytes for stream @counter, if there is none or it is not asked for yet. */
void spare_want(
	struct spare_maker *maker, struct spare *spare, uint32_t counter, uint64_t len);

/*
 * Gives the spare the name of @stretch, as stretch_file_make would have made it; waits for one
 * that is being made.  False: there is none of that length.
 */
bool spare_take(struct spare_maker *maker, struct spare *spare, uint64_t len,
	const struct stretch *stretch);

/* The spare is the file of that name, or will be. */
bool spare_has(struct spare_maker *maker, const struct spare *spare, const char *path);

/* It is wanted, and not made yet. */
bool spare_is_awaited(struct spare_maker *maker, const struct spare *spare);

/* Not wanted any more; the file is removed, as soon as it is made. */
void spare_drop(struct spare_maker *maker, struct spare *spare);

#endif
