#include "hw/placement/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int path_join(
	char *path, size_t len, const char *root, const char *format, va_list args)
{
	int root_len = snprintf(path, len, "%s/", root);
	int rest_len;

	if (root_len < 0 || (size_t)root_len >= len)
		return -ENAMETOOLONG;
	rest_len = vsnprintf(path + root_len, len - (size_t)root_len, format, args);
	return rest_len < 0 || (size_t)rest_len >= len - (size_t)root_len ? -ENAMETOOLONG
									  : 0;
}

static int line_read(const char *path, char *text, size_t len)
{
	FILE *file = fopen(path, "re");
	int rc = 0;

	if (!file)
		return -errno;
	errno = 0;
	if (!fgets(text, (int)len, file))
		rc = errno ? -errno
			   : -ENOENT; /* some attributes exist and can not be read */
	fclose(file);
	if (rc == 0)
		text[strcspn(text, "\n")] = '\0';
	return rc;
}

static int text_at(
	char *text, size_t len, const char *root, const char *format, va_list args)
{
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), root, format, args);

	return rc ? rc : line_read(path, text, len);
}

int sysfs_text(char *text, size_t len, const char *root, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = text_at(text, len, root, format, args);
	va_end(args);
	return rc;
}

int sysfs_number(long long *number_p, const char *root, const char *format, ...)
{
	char text[64];
	char *end;
	long long number;
	va_list args;
	int rc;

	va_start(args, format);
	rc = text_at(text, sizeof(text), root, format, args);
	va_end(args);
	if (rc)
		return rc;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end != '\0')
		return -EINVAL;
	*number_p = number;
	return 0;
}

int sysfs_first(const char *root, const char *path,
	int (*accept)(const char *root, const char *name), char *name, size_t len)
{
	char full[PATH_MAX];
	struct dirent **entries;
	bool found = false;
	int count;

	if ((size_t)snprintf(full, sizeof(full), "%s/%s", root, path) >= sizeof(full))
		return -ENAMETOOLONG;
	count = scandir(full, &entries, NULL, alphasort);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		const char *entry = entries[i]->d_name;

		if (!found && entry[0] != '.' && strlen(entry) < len &&
			(!accept || accept(root, entry))) {
			(void)snprintf(name, len, "%s", entry);
			found = true;
		}
		free(entries[i]);
	}
	free(entries);
	return found ? 0 : -ENOENT;
}
