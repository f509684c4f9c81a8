/*
 * Brings a counter to its end: takes the largest blocks there can be until no number is
 * left, 2^28 of them.  Exit status 0 when the end was met as it should be.
 *
 *     use_up WHERE COUNTER
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pawl/pawl.h>

#define LIMIT (UINT64_C(1) << 60)

/* Every block but the last fits; then the last word of the counter is taken too. */
static int use_up(struct pawl *pawl, const char *name)
{
	struct pawl_counter *counter;
	uint64_t last = 0;
	int rc = pawl_counter_open(pawl, name, &counter);

	while (!rc && last + PAWL_ADD_MAX < LIMIT)
		rc = pawl_add(counter, PAWL_ADD_MAX, &last);
	if (rc)
		(void)fprintf(stderr, "use_up: after %" PRIu64 ": %s\n", last,
			pawl_errmsg(pawl));
	else
		rc = pawl_add(counter, PAWL_ADD_MAX, &last) == -EOVERFLOW ? 0 : -EPROTO;
	return rc;
}

int main(int argc, char **argv)
{
	struct pawl *pawl;
	int rc;

	if (argc != 3)
		return 2;
	if (pawl_open(argv[1], NULL, &pawl)) {
		(void)fprintf(stderr, "%s\n", pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	rc = use_up(pawl, argv[2]);
	pawl_close(pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
