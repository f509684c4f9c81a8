#include "bench/gnuplot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"

#define DRAW_TIMEOUT_NS UINT64_C(60000000000)
#define LOOK_MS 10
#define NOT_INSTALLED 127
#define NO_DIRECTORY 126
#define PREFIX_MAX 1024

bool gnuplot_prefix_valid(const char *prefix)
{
	size_t len = strlen(prefix);

	return len > 0 && len < PREFIX_MAX && prefix[len - 1] != '/' &&
	       prefix[0] != '-' &&
	       strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789/._-") == len;
}

const char *gnuplot_name(const char *prefix)
{
	const char *slash = strrchr(prefix, '/');

	return slash ? slash + 1 : prefix;
}

FILE *gnuplot_open(
	const char *prefix, const char *end, char path[PATH_MAX], struct error *err)
{
	FILE *file;

	(void)snprintf(path, PATH_MAX, "%s.%s", prefix, end);
	file = fopen(path, "we");
	if (!file)
		(void)error_set(err, -errno, "bench: %s: can not be written: %s", path,
			error_reason(-errno));
	return file;
}

int gnuplot_close(FILE *file, const char *path, struct error *err)
{
	bool failed = ferror(file) != 0;

	if (fclose(file) == 0 && !failed)
		return 0;
	return error_set(err, -EIO, "bench: %s: not written: %s", path,
		error_reason(errno ? -errno : -EIO));
}

FILE *gnuplot_program_open(const char *prefix, char path[PATH_MAX], struct error *err)
{
	FILE *file = gnuplot_open(prefix, "gp", path, err);

	if (file)
		(void)fprintf(file,
			"# Draws %s.png and %s.svg; run gnuplot in this directory.\n"
			"name = '%s'\n",
			gnuplot_name(prefix), gnuplot_name(prefix), gnuplot_name(prefix));
	return file;
}

static void __attribute__((noreturn)) gnuplot_exec(const char *prefix)
{
	char directory[PATH_MAX], script[PATH_MAX];

	(void)snprintf(directory, sizeof(directory), "%.*s.",
		(int)(gnuplot_name(prefix) - prefix), prefix);
	(void)snprintf(script, sizeof(script), "%s.gp", gnuplot_name(prefix));
	if (chdir(directory))
		_exit(NO_DIRECTORY);
	(void)execlp("gnuplot", "gnuplot", script, (char *)NULL);
	_exit(NOT_INSTALLED);
}

/* Its exit status, or -ETIMEDOUT. */
static int gnuplot_run(const char *prefix)
{
	uint64_t deadline = clock_now_ns() + DRAW_TIMEOUT_NS;
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		gnuplot_exec(prefix);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_now_ns() >= deadline) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int gnuplot_draw(const char *prefix, struct error *err)
{
	int status = gnuplot_run(prefix);

	if (status == NOT_INSTALLED)
		(void)fprintf(stderr,
			"bench: gnuplot: not installed, so only %s.dat and %s.gp were "
			"written; apt-get install gnuplot-nox\n",
			prefix, prefix);
	if (status == 0 || status == NOT_INSTALLED)
		return 0;
	return error_set(err, -EIO,
		"bench: gnuplot: could not draw %s.gp: status %d; run it by hand to see "
		"why",
		prefix, status);
}

int gnuplot_picture(
	const char *prefix, const char *heading, const char *program, struct error *err)
{
	char path[PATH_MAX];
	FILE *file = gnuplot_program_open(prefix, path, err);
	int rc;

	if (!file)
		return -errno;
	(void)fprintf(file, "heading = '%s'\n%s", heading, program);
	rc = gnuplot_close(file, path, err);
	return rc ? rc : gnuplot_draw(prefix, err);
}
