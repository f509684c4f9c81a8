/* What the machines do with 64-bit words, on their own and shared. */
#ifndef PAWL_CORE_WORDS_H
#define PAWL_CORE_WORDS_H

#include <stdint.h>

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * A word that another thread or machine reads, or writes: whole, and behind what it covers.
 * The partner of word_load is word_store, or the other machine's write; that of word_store is
 * word_load, or the other machine's read.
 */
static inline uint64_t word_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
