/* How many descriptors a test has open, to see that none is leaked. */
#ifndef PAWL_TESTS_OPEN_FILES_H
#define PAWL_TESTS_OPEN_FILES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline unsigned int open_files_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	(void)closedir(directory);
	return count;
}

#endif
