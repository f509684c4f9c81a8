/*
 * Small files in which the kernel tells about the machine.  Every path is looked up under
 * a root, which is "" on the real system and a directory of made-up files in tests.
 */
#ifndef PAWL_HW_PLACEMENT_SYSFS_H
#define PAWL_HW_PLACEMENT_SYSFS_H

#include <stddef.h>

/*
 * Reads the first line of the file that @format names, without its newline and cut at
 * @len - 1 bytes.  -ENOENT when there is none; else what the system said.  Outputs come
 * before the format because it takes arguments.
 */
int sysfs_text(char *text, size_t len, const char *root, const char *format, ...)
	__attribute__((format(printf, 4, 5), warn_unused_result));

/* Reads a decimal number.  As sysfs_text, and -EINVAL when the file holds something else.
 */
int sysfs_number(long long *number_p, const char *root, const char *format, ...)
	__attribute__((format(printf, 3, 4), warn_unused_result));

/*
 * The alphabetically first entry of the directory @path that @accept (NULL: any) takes;
 * names with a leading dot do not count.  -ENOENT when there is none.
 */
int sysfs_first(const char *root, const char *path,
	int (*accept)(const char *root, const char *name), char *name, size_t len)
	__attribute__((warn_unused_result));

#endif
