/*
 * Draws numbers in every way that the library offers, between two calls of getppid, so
 * that whoever traces it sees what system calls drawing makes: none.  Allocations are
 * counted in here, and make it fail.
 *
 *     draw_quietly CLUSTER/COUNTER [spoil]
 *
 * With "spoil" a system call and an allocation are made among the draws, to show that
 * both are noticed.
 */
#include <err.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/include/pawl/pawl.h"

#define WARM_UP 1000
#define DRAWS 100000
#define RESULTS_AT_ONCE 16

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static atomic_ulong allocations;

#ifndef SANITIZED
/* glibc's own, under the names that it keeps for those who put themselves before it. */
extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t count, size_t len);
extern void *__libc_realloc(void *old, size_t len);
extern void __libc_free(void *old);

void *malloc(size_t len)
{
	allocations++;
	return __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	allocations++;
	return __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	allocations++;
	return __libc_realloc(old, len);
}

void free(void *old)
{
	allocations++;
	__libc_free(old);
}
#endif

static struct pawl *pawl;
static struct pawl_counter *counter;

static void must(int rc)
{
	if (rc)
		errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
}

static void draw_one_by_one(unsigned int draws)
{
	uint64_t number, before, value;

	must(pawl_read(counter, &before));
	for (unsigned int i = 0; i < draws; i++) {
		must(i % 2 ? pawl_add(counter, 3, &number) : pawl_next(counter, &number));
		before += i % 2 ? 3 : 1;
		if (number != before)
			errx(EXIT_FAILURE, "drew %llu, not %llu",
				(unsigned long long)number, (unsigned long long)before);
	}
	must(pawl_read(counter, &value));
	if (value != before)
		errx(EXIT_FAILURE, "the counter is not where it was left");
}

static void draw_in_flight(unsigned int draws)
{
	struct pawl_result results[RESULTS_AT_ONCE];
	unsigned int submitted = 0, done = 0;

	while (done < draws) {
		int got = 0;

		while (submitted < draws && submitted - done < RESULTS_AT_ONCE)
			must(pawl_submit(counter, 1, submitted++));
		must(pawl_poll(pawl, results, RESULTS_AT_ONCE, &got));
		for (int i = 0; i < got; i++, done++) {
			if (results[i].status || results[i].cookie != done)
				errx(EXIT_FAILURE, "a result is wrong or out of order");
		}
	}
}

static void spoil(void)
{
	void *volatile memory = malloc(1);

	free(memory);
	(void)getuid();
}

int main(int argc, char **argv)
{
	bool spoils = argc == 3 && strcmp(argv[2], "spoil") == 0;
	char *name = argc > 1 ? strchr(argv[1], '/') : NULL;
	unsigned long before, during;

	if (!name || (argc != 2 && !spoils))
		errx(2, "usage: draw_quietly CLUSTER/COUNTER [spoil]");
	*name++ = '\0';
	if (pawl_open(argv[1], NULL, &pawl))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(NULL));
	must(pawl_counter_open(pawl, name, &counter));
	draw_one_by_one(WARM_UP);
	draw_in_flight(WARM_UP);
	before = allocations;
	(void)getppid();
	draw_one_by_one(DRAWS);
	draw_in_flight(DRAWS);
	if (spoils)
		spoil();
	(void)getppid();
	during = allocations - before;
	pawl_close(pawl);
	if (during)
		errx(EXIT_FAILURE, "%lu allocations while drawing", during);
	return EXIT_SUCCESS;
}
