/* What the machines do with 64-bit words, on their own and shared. */
#ifndef PAWL_CORE_WORDS_H
#define PAWL_CORE_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WORDS_WATCHED
#endif
#elif defined(__SANITIZE_THREAD__)
#define WORDS_WATCHED
#endif

/*
 * Copies memory that another thread may be writing (@from) or reading (@to) meanwhile: anything may
 * come out, in no order but by fences of the caller, who finds out.  Both are on a multiple of 8.
 * memcpy moves more than a word at once, and a slot has no time to lose; but to C it is a data race,
 * so the thread sanitizer gets words that are atomic, and what it then finds is worth looking at.
 */
static inline void words_copy(void *to, const void *from, size_t len)
{
#ifdef WORDS_WATCHED
	const uint64_t *source = from;
	uint64_t *copy = to;

	for (size_t i = 0; i < (len + 7) / 8; i++)
		__atomic_store_n(&copy[i], __atomic_load_n(&source[i], __ATOMIC_RELAXED),
			__ATOMIC_RELAXED);
#else
	memcpy(to, from, len);
#endif
}

#endif
