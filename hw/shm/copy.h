/*
 * Atomic words and copies in memory that several processes have mapped.
 *
 * Everything another process may touch at the same moment is loaded and stored by C11
 * atomics, whole words where the address allows it.  The order is that of rule M3 in
 * hw/memory.h, write before read, which is exactly the order that a processor's store
 * buffer gives up: a plain store followed by a load of another word may be seen the other
 * way round.  So the last store of every write is an atomic exchange, which on x86 drains
 * the store buffer with all the stores before it, and on other processors is ordered
 * before a sequentially consistent load by C11 and, for the release stores before it, by
 * how their compilers map such stores and loads.  The partner is whoever writes first and
 * then reads on the other side: the owner's seal (state, then marks).
 */
#ifndef PAWL_HW_SHM_COPY_H
#define PAWL_HW_SHM_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COPY_WORD sizeof(uint64_t)

static inline uint64_t copy_word_load(const unsigned char *at)
{
	return atomic_load((const _Atomic uint64_t *)(const void *)at);
}

static inline uint64_t copy_word_add(unsigned char *at, uint64_t n)
{
	return atomic_fetch_add((_Atomic uint64_t *)(void *)at, n);
}

/* Returns the word before; it was replaced if that is @expected. */
static inline uint64_t copy_word_swap(
	unsigned char *at, uint64_t expected, uint64_t desired)
{
	(void)atomic_compare_exchange_strong(
		(_Atomic uint64_t *)(void *)at, &expected, desired);
	return expected;
}

/* The bytes that can be copied at once from @at with @left to go: a word or one byte. */
static inline size_t copy_stride(const unsigned char *at, size_t left)
{
	return (uintptr_t)at % COPY_WORD == 0 && left >= COPY_WORD ? COPY_WORD : 1;
}

/* One stride of a longer write.  Release: it is not seen before what was written before.
 */
static inline void copy_store(
	unsigned char *at, const unsigned char *bytes, size_t stride)
{
	uint64_t word;

	if (stride == 1) {
		atomic_store_explicit(
			(_Atomic unsigned char *)at, *bytes, memory_order_release);
		return;
	}
	memcpy(&word, bytes, COPY_WORD);
	atomic_store_explicit((_Atomic uint64_t *)(void *)at, word, memory_order_release);
}

/* The stride that ends a write; see the top. */
static inline void copy_store_last(
	unsigned char *at, const unsigned char *bytes, size_t stride)
{
	uint64_t word;

	if (stride == 1) {
		(void)atomic_exchange((_Atomic unsigned char *)at, *bytes);
		return;
	}
	memcpy(&word, bytes, COPY_WORD);
	(void)atomic_exchange((_Atomic uint64_t *)(void *)at, word);
}

/* Stores aligned words, leaving out the last one; how many bytes that was. */
static inline size_t copy_words(unsigned char *at, const unsigned char *from, size_t len)
{
	size_t words = (len - 1) / COPY_WORD * COPY_WORD;

	for (size_t i = 0; i < words; i += COPY_WORD)
		copy_store(at + i, from + i, COPY_WORD);
	return words;
}

/*
 * Writes @len > 0 private bytes to shared memory.  Others may be reading them, so that the
 * aligned words among them must be whole at any moment.
 */
static inline void copy_in(unsigned char *at, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t done;

	for (; len > 1 && (uintptr_t)at % COPY_WORD != 0; len--)
		copy_store(at++, from++, 1);
	if ((uintptr_t)at % COPY_WORD != 0) {
		copy_store_last(at, from, 1);
		return;
	}
	done = copy_words(at, from, len);
	at += done;
	from += done;
	for (len -= done; len > 1 && len < COPY_WORD; len--)
		copy_store(at++, from++, 1);
	copy_store_last(at, from, len);
}

/*
 * Writes a run of @len > 0 bytes that nobody reads before a later write has told of it: as
 * fast as this machine copies, the last word or byte excepted, which keeps the order of
 * writes.  C11 orders the plain stores before it, and so before whatever follows it.
 */
static inline void copy_run(unsigned char *at, const unsigned char *from, size_t len)
{
	bool word = (uintptr_t)(at + len) % COPY_WORD == 0 && len >= COPY_WORD;
	size_t last = word ? COPY_WORD : 1;

	memcpy(at, from, len - last);
	copy_store_last(at + len - last, from + len - last, last);
}

/*
 * Reads @len shared bytes.  Sequentially consistent, so that no load is satisfied before
 * a write of the same link that was posted earlier.
 */
static inline void copy_out(void *bytes, const unsigned char *at, size_t len)
{
	unsigned char *to = bytes;

	while (len > 0) {
		size_t stride = copy_stride(at, len);

		if (stride == 1) {
			*to = atomic_load((const _Atomic unsigned char *)at);
		} else {
			uint64_t word = copy_word_load(at);

			memcpy(to, &word, COPY_WORD);
		}
		at += stride;
		to += stride;
		len -= stride;
	}
}

#endif
