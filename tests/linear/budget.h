/* Arrays that grow, and the bytes that all of them may take together. */
#ifndef PAWL_TESTS_LINEAR_BUDGET_H
#define PAWL_TESTS_LINEAR_BUDGET_H

#include <stddef.h>

struct budget {
	size_t left; /* bytes */
};

/*
 * Makes room for @needed elements of @size bytes at @array_p, which has room for *@room_p; what is
 * there stays, what is new is zero.  -ENOBUFS: the budget is used up; -ENOMEM.
 */
int budget_grow(struct budget *budget, void *array_p, size_t *room_p, size_t needed,
	size_t size) __attribute__((warn_unused_result));

/* Frees the array and gives its bytes back. */
void budget_free(struct budget *budget, void *array_p, size_t *room_p, size_t size);

#endif
