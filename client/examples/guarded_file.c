#include "guarded_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <pawl/store.h>

#define TOKEN_LINE 21 /* 20 digits */
#define LINE_MAX_LEN 200

static int line_write(int fd, off_t at, const char *line)
{
	size_t len = strlen(line);
	ssize_t written = pwrite(fd, line, len, at);

	if (written == (ssize_t)len)
		return 0;
	return written < 0 ? -errno : -ENOSPC;
}

static int line_add(int fd, const char *line)
{
	off_t end = lseek(fd, 0, SEEK_END);

	return end < 0 ? -errno : line_write(fd, end, line);
}

/* A new file has seen none. */
static int newest_read(int fd, uint64_t *newest)
{
	char line[TOKEN_LINE + 1] = "";
	ssize_t len = pread(fd, line, TOKEN_LINE, 0);

	if (len < 0)
		return -errno;
	if (len != 0 && (len != TOKEN_LINE || sscanf(line, "%" SCNu64, newest) != 1))
		return -EBADMSG;
	return 0;
}

/* The token is there before the record is: who is killed between them has only been noticed. */
static int guarded_add(int fd, uint64_t token, const char *record, uint64_t *newest)
{
	char line[TOKEN_LINE + 1];
	int rc = newest_read(fd, newest);

	if (!rc)
		rc = pawl_fence_check(newest, token);
	if (rc)
		return rc;
	(void)snprintf(line, sizeof(line), "%020" PRIu64 "\n", *newest);
	rc = line_write(fd, 0, line);
	if (!rc)
		rc = line_add(fd, record);
	if (!rc && fdatasync(fd))
		rc = -errno;
	return rc;
}

static int unguarded_add(const char *path, const char *record)
{
	char beside[4096];
	int fd, rc;

	(void)snprintf(beside, sizeof(beside), "%s.unguarded", path);
	fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	rc = line_add(fd, record);
	(void)close(fd);
	return rc;
}

/* The file is its own server: one at a time is let in, and asked for the token. */
int guarded_file_add(const char *path, uint64_t token, const char *who, uint64_t number,
	uint64_t *newest_p)
{
	char record[LINE_MAX_LEN];
	uint64_t newest = 0;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	int rc;

	if (fd < 0)
		return -errno;
	(void)snprintf(record, sizeof(record), "%" PRIu64 " %.63s %" PRIu64 "\n", token,
		who, number);
	rc = flock(fd, LOCK_EX) ? -errno : unguarded_add(path, record);
	if (!rc)
		rc = guarded_add(fd, token, record, &newest);
	(void)close(fd); /* and lets the next one in */
	*newest_p = newest;
	return rc;
}

static void record_look(struct guarded_file_report *report, char *holder,
	uint64_t *newest, uint64_t token, const char *who)
{
	report->records++;
	if (token > *newest) {
		report->tokens++;
		*newest = token;
		strcpy(holder, who);
	} else if (token < *newest || strcmp(holder, who) != 0) {
		report->stale++;
	}
}

int guarded_file_look(const char *path, struct guarded_file_report *report)
{
	char line[LINE_MAX_LEN], who[64], holder[64] = "";
	FILE *file = fopen(path, "r");
	uint64_t token, newest = 0;
	int rc = 0;

	*report = (struct guarded_file_report){0};
	if (!file)
		return -errno;
	while (!rc && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNu64 " %63s", &token, who) == 2)
			record_look(report, holder, &newest, token, who);
		else if (strlen(line) != TOKEN_LINE || report->records > 0)
			rc = -EBADMSG;
	}
	(void)fclose(file);
	return rc;
}
