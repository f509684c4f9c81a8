#include "client/command/output.h"

#include <poll.h>

bool output_is_read(FILE *out)
{
	struct pollfd end = {.fd = fileno(out)};

	return end.fd < 0 || poll(&end, 1, 0) <= 0 || !(end.revents & POLLERR);
}
