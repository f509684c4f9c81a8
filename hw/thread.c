#include "hw/thread.h"

#include <signal.h>

int thread_start(pthread_t *thread_p, const char *name, const pthread_attr_t *attributes,
	void *(*run)(void *context), void *context)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread_p, attributes, run, context);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		(void)pthread_setname_np(*thread_p, name);
	return -rc;
}
