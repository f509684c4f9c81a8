/* What the parts of the log's machine share (stream_log.h). */
#ifndef PAWL_CORE_STREAM_LOG_INTERNAL_H
#define PAWL_CORE_STREAM_LOG_INTERNAL_H

#include "sequencer/core/stream_log.h"

/* A word that another thread or machine reads, or writes; whole, and behind what it covers. */
static inline uint64_t word_load(const uint64_t *word)
{
	return __atomic_load_n(
		word, __ATOMIC_ACQUIRE); /* partner: their write, or word_store */
}

static inline void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(
		word, value, __ATOMIC_RELEASE); /* partner: word_load, or their read */
}

/* The slot of @p is about to be overwritten by that of p + slots (C10). */
void stream_log_oldest_move(struct stream_log *log, uint64_t p);

/* What no subscriber needs any more, as far as this replica knows (C4). */
void stream_log_released_update(struct stream_log *log);

#endif
