/*
 * The words and copies of shared memory: every length and alignment, and two threads on
 * the same bytes.  Between processes the bytes lie at two addresses, which hides a race
 * from the thread sanitizer; here they lie at one, so that it sees every access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hw/shm/copy.h"

#define ADDITIONS 20000
#define MESSAGES 2000
#define MESSAGE 500 /* bytes, beginning at an odd address */
#define SPACE 1024

struct shared {
	_Alignas(64) unsigned char word[8]; /* which both threads add to, or a number */
	_Alignas(64) unsigned char answer[8];
	_Alignas(64) unsigned char space[SPACE];
};

static struct shared shared;

static int shared_clear(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	return 0;
}

static void bytes_of_any_length_and_alignment_are_copied_exactly(void **state)
{
	unsigned char bytes[80], back[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i + 1);
	for (size_t at = 8; at < 24; at++) {
		for (size_t len = 1; len <= 64; len++) {
			memset(shared.space, 0xee, 128);
			memset(back, 0xdd, sizeof(back));
			copy_in(shared.space + at, bytes + at % 3, len);
			assert_memory_equal(shared.space + at, bytes + at % 3, len);
			assert_int_equal(shared.space[at - 1], 0xee);
			assert_int_equal(shared.space[at + len], 0xee);
			copy_out(back + 1, shared.space + at, len);
			assert_memory_equal(back + 1, bytes + at % 3, len);
			assert_int_equal(back[0], 0xdd);
			assert_int_equal(back[len + 1], 0xdd);
		}
	}
}

static void words_are_added_swapped_and_loaded(void **state)
{
	(void)state;
	assert_int_equal(copy_word_add(shared.word, 5), 0);
	assert_int_equal(copy_word_add(shared.word, UINT64_MAX), 5);
	assert_int_equal(copy_word_swap(shared.word, 4, 9), 4);
	assert_int_equal(copy_word_swap(shared.word, 4, 10), 9);
	assert_int_equal(copy_word_load(shared.word), 9);
}

static void *add_run(void *context)
{
	unsigned char *seen = context; /* a byte per number, of this thread only */

	for (int i = 0; i < ADDITIONS; i++)
		seen[copy_word_add(shared.word, 1)]++;
	return NULL;
}

static void threads_run(void *(*first)(void *), void *first_context,
	void *(*second)(void *), void *second_context)
{
	pthread_t threads[2];

	assert_int_equal(pthread_create(&threads[0], NULL, first, first_context), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, second, second_context), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void threads_adding_to_one_word_get_every_number_once(void **state)
{
	unsigned char *seen = calloc(2, 2 * ADDITIONS);

	(void)state;
	assert_non_null(seen);
	threads_run(add_run, seen, add_run, seen + 2 * ADDITIONS);
	assert_int_equal(copy_word_load(shared.word), 2 * ADDITIONS);
	for (int i = 0; i < 2 * ADDITIONS; i++)
		assert_int_equal(seen[i] + seen[2 * ADDITIONS + i], 1);
	free(seen);
}

static void word_await(const unsigned char *at, uint64_t number)
{
	uint64_t word = 0;

	while (word != number) {
		copy_out(&word, at, sizeof(word));
		(void)sched_yield();
	}
}

static void *send_run(void *context)
{
	unsigned char bytes[MESSAGE];

	(void)context;
	for (uint64_t number = 1; number <= MESSAGES; number++) {
		memset(bytes, (int)(number & 0xff), MESSAGE);
		copy_in(shared.space + 3, bytes, MESSAGE);
		copy_in(shared.word, &number, sizeof(number));
		word_await(shared.answer, number);
	}
	return NULL;
}

static void *receive_run(void *context)
{
	unsigned char bytes[MESSAGE], expected[MESSAGE];
	unsigned int *torn = context;

	for (uint64_t number = 1; number <= MESSAGES; number++) {
		word_await(shared.word, number);
		copy_out(bytes, shared.space + 3, MESSAGE);
		memset(expected, (int)(number & 0xff), MESSAGE);
		*torn += memcmp(bytes, expected, MESSAGE) != 0;
		copy_in(shared.answer, &number, sizeof(number));
	}
	return NULL;
}

static void message_is_whole_when_its_number_is_seen(void **state)
{
	unsigned int torn = 0;

	(void)state;
	threads_run(send_run, NULL, receive_run, &torn);
	assert_int_equal(torn, 0);
}

/* One thread rewrites while the other reads: any mixture of bytes, but of whole words. */
static void *rewrite_run(void *context)
{
	unsigned char bytes[256];

	(void)context;
	for (uint64_t number = 1; number <= MESSAGES; number++) {
		memset(bytes, (int)(number & 0xff), sizeof(bytes));
		copy_in(shared.space, bytes, sizeof(bytes));
	}
	return NULL;
}

static void *reread_run(void *context)
{
	unsigned int *torn = context;
	uint64_t words[32];

	for (int i = 0; i < MESSAGES; i++) {
		copy_out(words, shared.space, sizeof(words));
		for (int j = 0; j < 32; j++)
			*torn += words[j] != (words[j] & 0xff) * 0x0101010101010101u;
	}
	return NULL;
}

static void aligned_words_are_never_torn(void **state)
{
	unsigned int torn = 0;

	(void)state;
	threads_run(rewrite_run, NULL, reread_run, &torn);
	assert_int_equal(torn, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			bytes_of_any_length_and_alignment_are_copied_exactly,
			shared_clear),
		cmocka_unit_test_setup(words_are_added_swapped_and_loaded, shared_clear),
		cmocka_unit_test_setup(
			threads_adding_to_one_word_get_every_number_once, shared_clear),
		cmocka_unit_test_setup(
			message_is_whole_when_its_number_is_seen, shared_clear),
		cmocka_unit_test_setup(aligned_words_are_never_torn, shared_clear),
	};

	return cmocka_run_group_tests_name("shm_copy", tests, NULL, NULL);
}
