/*
 * What every configuration store must do (sequencer/store/store.h, S1 to S8).  A back end
 * says where an empty store is to be had; the suite does the rest.
 */
#ifndef PAWL_TESTS_STORE_CONFORMANCE_H
#define PAWL_TESTS_STORE_CONFORMANCE_H

struct store_place {
	const char *name;	      /* of the test group */
	int (*make)(void);	      /* before each story; 0 or -1 */
	void (*discard)(void);	      /* after each story */
	const char *(*address)(void); /* for store_open, between the two */
};

/* The program's exit status. */
int store_conformance_run(const struct store_place *place);

#endif
