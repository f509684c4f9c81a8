/*
 * The end of a network that was cut: a Join that was on its way over a connection which the client
 * has given up arrives after that of its next connection.
 *
 *     late_join CLUSTER
 *
 * The replica must not leave the newer connection open and without its session, for there
 * nobody would ever join again.  What is wrong is the only line, and the status 1.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/lib/control.h"

#define ANSWER_NS UINT64_C(5000000000)

static void connect_to(struct control *c, const char *cluster)
{
	static struct endpoint_list list; /* outlives the connections */
	struct error why = {.text = ""};

	if (endpoint_list_find(cluster, &list, &why) ||
		control_init(c, CONTROL_BUFFER_LEN) ||
		control_connect(c, &list.at[0], &why))
		errx(EXIT_FAILURE, "can not connect: %s", why.text);
}

/* The session that is joined: @token, or a new one for 0.  0: the replica hung up. */
static uint64_t join(struct control *c, char *cluster, uint64_t token)
{
	static char program[] = "late_join";
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Join join = CONTROL__JOIN__INIT;
	struct error why = {.text = ""};
	Control__Reply *reply;
	int rc;

	join.protocol = CONTROL_PROTOCOL;
	join.cluster = cluster;
	join.program = program;
	join.pid = (uint64_t)getpid();
	join.session = token;
	request.body_case = CONTROL__REQUEST__BODY_JOIN;
	request.join = &join;
	rc = control_ask(c, &request, ANSWER_NS, &reply, &why);
	if (rc == -ECONNRESET)
		return 0;
	if (rc || reply->body_case != CONTROL__REPLY__BODY_JOINED)
		errx(EXIT_FAILURE, "join: %s", why.text);
	return reply->joined->session;
}

int main(int argc, char **argv)
{
	struct control former, late, newer;
	uint64_t session;

	if (argc != 2)
		errx(2, "usage: late_join CLUSTER");
	connect_to(&former, argv[1]);
	connect_to(&late, argv[1]);
	connect_to(&newer, argv[1]);
	session = join(&former, argv[1], 0);
	if (join(&newer, argv[1], session) != session)
		errx(EXIT_FAILURE, "the session was not resumed");
	if (join(&former, argv[1], session) != 0)
		errx(EXIT_FAILURE, "the connection that was left has the session again");
	if (join(&late, argv[1], session) != session)
		errx(EXIT_FAILURE, "the session was not resumed by a late Join");
	if (join(&newer, argv[1], session) != 0)
		errx(EXIT_FAILURE,
			"the newer connection stayed open without the session");
	return EXIT_SUCCESS;
}
