/* What a failed assertion does in Pawl's programs and library: say where, and end. */
#include "sequencer/core/panic.h"

#include <stdio.h>
#include <stdlib.h>

void pawl_panic(const char *file, int line, const char *claim)
{
	(void)fprintf(stderr,
		"pawl: %s:%d: a promise of the code is broken: %s; this is a bug, please "
		"report it\n",
		file, line, claim);
	abort();
}
