/* What writers and readers of a store know of each other (store_tail.c), in a file that all map. */
#ifndef PAWL_TESTS_STORE_BOARD_H
#define PAWL_TESTS_STORE_BOARD_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define WRITERS_MAX 8

/* Writer 0 has the key "a", and so on. */
struct board {
	_Atomic uint64_t begun[WRITERS_MAX];
	_Atomic uint64_t known[WRITERS_MAX]; /* acknowledged, or read */
	_Atomic uint64_t reads;
};

/* NULL: why is in errno. */
static inline struct board *board_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct board)) == 0)
		at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);
	if (fd >= 0)
		(void)close(fd);
	return at == MAP_FAILED ? NULL : at;
}

#endif
