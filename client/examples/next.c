/*
 * Takes numbers one after the other, and says what each kind of failure means.
 *
 *     next [WHERE [COUNTER [COUNT]]]
 *
 * WHERE is a cluster on this host or the address of its replica; "desk" by default.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pawl/pawl.h>

/* Prints what failed and why; the library's line already says what to do. */
static void explain(int code, const char *text)
{
	fprintf(stderr, "next: %s\n", text);
	if (code == -ETIMEDOUT)
		fprintf(stderr,
			"next: the number may have been taken; then nobody gets it\n");
	else if (code == -ESHUTDOWN)
		fprintf(stderr,
			"next: the operator stopped the cluster; wait for \"pawl up\"\n");
	else if (code == -EOVERFLOW)
		fprintf(stderr, "next: this counter will never have another number\n");
}

static int numbers_take(struct pawl *pawl, const char *name, unsigned long count)
{
	struct pawl_counter *counter;
	uint64_t number;
	int rc = pawl_counter_open(pawl, name, &counter);

	for (unsigned long i = 0; i < count && !rc; i++) {
		rc = pawl_next(counter, &number);
		if (!rc)
			printf("%" PRIu64 "\n", number);
	}
	if (rc)
		explain(rc, pawl_errmsg(pawl));
	return rc;
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "desk";
	const char *name = argc > 2 ? argv[2] : "orders";
	unsigned long count = argc > 3 ? strtoul(argv[3], NULL, 10) : 3;
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl *pawl;
	int rc;

	options.timeout_ns = UINT64_C(2000000000);
	options.wait = PAWL_WAIT_SLEEP; /* kind to other programs; spinning is faster */
	options.program = "example next";
	rc = pawl_open(where, &options, &pawl);
	if (rc) {
		explain(rc, pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	rc = numbers_take(pawl, name, count);
	pawl_close(pawl);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
