/*
 * A client for the system tests: draws numbers one by one until it has enough or is told
 * to end (SIGTERM), and writes what 'pawl stamp --times' would: the number, when it was
 * asked for, when it was there.  Each line is one write, so that a client that is killed
 * loses the number in hand at most.
 *
 *     draw WHERE COUNTER [COUNT [PAUSE_US [TIMEOUT_MS]]]
 *
 * COUNT 0 is without end.  A failure is one line on standard error and exit status 1.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pawl/pawl.h>

#include "tests/system/until_term.h"

static int draw_one(struct pawl_counter *counter)
{
	char line[80];
	uint64_t number, asked_ns, there_ns;
	int len, rc;

	asked_ns = now_ns();
	rc = pawl_next(counter, &number);
	there_ns = now_ns();
	if (rc)
		return rc;
	len = snprintf(line, sizeof(line), "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
		number, asked_ns, there_ns);
	return write(STDOUT_FILENO, line, (size_t)len) == len ? 0 : -1;
}

static int draw(struct pawl *pawl, const char *name, uint64_t count, useconds_t pause_us)
{
	struct pawl_counter *counter;
	int rc = pawl_counter_open(pawl, name, &counter);

	for (uint64_t i = 0; !rc && !told_to_end && (count == 0 || i < count); i++) {
		rc = draw_one(counter);
		if (pause_us)
			(void)usleep(pause_us);
	}
	if (rc)
		(void)fprintf(stderr, "%s\n", pawl_errmsg(pawl));
	return rc;
}

static uint64_t number_argument(int argc, char **argv, int index)
{
	return argc > index ? strtoull(argv[index], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl *pawl;
	int rc;

	if (argc < 3) {
		(void)fprintf(stderr,
			"usage: draw WHERE COUNTER [COUNT [PAUSE_US [TIMEOUT_MS]]]\n");
		return 2;
	}
	(void)signal(SIGTERM, on_term);
	options.timeout_ns = number_argument(argc, argv, 5) * 1000000;
	rc = pawl_open(argv[1], &options, &pawl);
	if (rc) {
		(void)fprintf(stderr, "%s\n", pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	rc = draw(pawl, argv[2], number_argument(argc, argv, 3),
		(useconds_t)number_argument(argc, argv, 4));
	pawl_close(pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
