/* What 'pawl-bench stream' is asked to measure. */
#ifndef PAWL_BENCH_STREAM_OPTIONS_H
#define PAWL_BENCH_STREAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/pawl/pawl.h"

#define STREAM_SECONDS_MAX 3600
#define STREAM_BATCH_MAX 1024
#define STREAM_RATE_MAX UINT64_C(1000000000)
#define STREAM_LEN_MAX (UINT64_C(1) << 20)

/* How a publisher sends. */
enum stream_mode {
	STREAM_BATCH,  /* many messages with one call */
	STREAM_SINGLE, /* one with each call, not waiting for its acknowledgement */
	STREAM_SYNC    /* one with each call, waiting for it */
};

struct stream_options {
	bool verbs;	      /* else shared memory */
	uint64_t publishers;  /* 1 to STREAM_PUBLISHERS_MAX */
	uint64_t subscribers; /* 1 or more; with the publishers at most TEAM_MAX */
	uint64_t replicas;    /* 1 to CHAIN_MAX */
	uint64_t seconds;
	uint64_t message_len; /* bytes, STREAM_MESSAGE_MIN to STREAM_LEN_MAX */
	uint64_t slot_len;    /* bytes, a multiple of 64 */
	uint64_t slots;	      /* a power of two */
	uint64_t batch;	      /* messages of one call at most */
	uint64_t rate;	      /* messages per second of each publisher; 0: full speed */
	uint64_t hole_us;     /* 0: the library's default */
	enum stream_mode mode;
	enum pawl_wait wait;
	bool pin;
	const char *device; /* NULL: any */
	const char *plot; /* what its files are called, without their ends; NULL: none */
	bool json;
};

/* 0, or the exit status with one line printed; --help ends the process. */
int stream_options_parse(int argc, char **argv, struct stream_options *options_p)
	__attribute__((warn_unused_result));

/* "batch", ...; "yield", ... */
const char *stream_mode_name(enum stream_mode mode);

/* Slots that one message takes. */
uint64_t stream_message_slots(const struct stream_options *options);

#endif
