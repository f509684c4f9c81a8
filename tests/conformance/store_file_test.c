/* The file store against the rules of all stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/store_conformance.h"
#include "tests/scratch.h"

static struct scratch scratch;
static char address[sizeof(scratch.path) + 16];

static int make(void)
{
	if (scratch_make(&scratch))
		return -1;
	(void)snprintf(address, sizeof(address), "file:%s/store", scratch.path);
	return 0;
}

static void discard(void)
{
	scratch_remove(&scratch);
}

static const char *where(void)
{
	return address;
}

int main(void)
{
	static const struct store_place place = {
		.name = "store_file", .make = make, .discard = discard, .address = where};

	return store_conformance_run(&place);
}
