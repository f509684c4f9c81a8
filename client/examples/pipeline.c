/*
 * Keeps additions in flight, so that the way to the replica and back is paid once for
 * many numbers; prints the numbers, and on standard error their rate.
 *
 *     pipeline [WHERE [COUNTER [COUNT [DEPTH]]]]
 *
 * Over shared memory there is no way to wait for, and pawl_next in a loop is as good.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pawl/pawl.h>

#define RESULTS_MAX 32

struct pipeline {
	struct pawl *pawl;
	struct pawl_counter *counter;
	uint64_t wanted;
	uint64_t submitted;
	uint64_t done;
	uint64_t failed;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Submits until the depth is used up; the cookie comes back with the result. */
static int pipeline_fill(struct pipeline *p)
{
	while (p->submitted < p->wanted) {
		int rc = pawl_submit(p->counter, 1, p->submitted);

		if (rc == -EAGAIN)
			return 0;
		if (rc)
			return rc;
		p->submitted++;
	}
	return 0;
}

/* Results of one counter come in the order of submission, good or bad. */
static void result_print(struct pipeline *p, const struct pawl_result *result)
{
	p->done++;
	if (result->status == 0) {
		printf("%" PRIu64 "\n", result->last);
		return;
	}
	if (p->failed++ == 0) /* the others fail for the same reason */
		fprintf(stderr, "pipeline: addition %" PRIu64 ": %s\n", result->cookie,
			pawl_errmsg(p->pawl));
}

static int pipeline_run(struct pipeline *p)
{
	struct pawl_result results[RESULTS_MAX];
	int rc = 0;

	while (p->done < p->wanted && !p->failed) {
		int count;

		rc = pipeline_fill(p);
		if (!rc)
			rc = pawl_poll(p->pawl, results, RESULTS_MAX, &count);
		if (rc)
			break;
		for (int i = 0; i < count; i++)
			result_print(p, &results[i]);
	}
	if (rc)
		fprintf(stderr, "pipeline: %s\n", pawl_errmsg(p->pawl));
	return rc || p->failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "desk";
	const char *name = argc > 2 ? argv[2] : "orders";
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pipeline p = {.wanted = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000};
	double began;
	int rc;

	options.depth = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 16;
	if (pawl_open(where, &options, &p.pawl)) {
		fprintf(stderr, "pipeline: %s\n", pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	if (pawl_counter_open(p.pawl, name, &p.counter)) {
		fprintf(stderr, "pipeline: %s\n", pawl_errmsg(p.pawl));
		pawl_close(p.pawl);
		return EXIT_FAILURE;
	}
	began = seconds_now();
	rc = pipeline_run(&p);
	fprintf(stderr, "%" PRIu64 " numbers, %.0f a second at depth %u\n",
		p.done - p.failed, (double)(p.done - p.failed) / (seconds_now() - began),
		options.depth);
	pawl_close(p.pawl);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
