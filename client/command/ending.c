#include "client/command/ending.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

void ending_watch(void)
{
	/* A write that is under way goes on, so that no line is cut. */
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool ending_asked(void)
{
	return asked != 0;
}
