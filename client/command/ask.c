#include "client/command/ask.h"

int ask(struct control *c, const struct endpoint *endpoint, Control__Request *request,
	uint64_t timeout_ns, Control__Reply **reply_p, struct error *err)
{
	int rc = control_connect(c, endpoint, err);

	return rc ? rc : control_ask(c, request, timeout_ns, reply_p, err);
}
