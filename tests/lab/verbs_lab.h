/*
 * What the tests of the verbs back end on a real device share.
 *
 * Other processes are this program started again with a role as its first argument:
 *     owner           exposes a memory, prints its address, serves until killed
 *     adder ADDRESS N adds 1 to the first word N times and checks the numbers rise
 *     loser ADDRESS CUT GONE
 *                     adds, creates the file CUT, waits for the file GONE, and checks
 *                     that every addition then comes back as failed
 */
#ifndef PAWL_TESTS_LAB_VERBS_LAB_H
#define PAWL_TESTS_LAB_VERBS_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "hw/clock.h"
#include "hw/verbs/verbs_internal.h"

#define SECOND_NS UINT64_C(1000000000)
#define MEMORY_LEN 16384

/* A story with a struct lab of its own as its state. */
#define story(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

/* An owner and, on the same device, as many links as a test wants. */
struct lab {
	struct device *device;
	struct memory *memory;
	struct error err;
};

static const struct memory_ops *const ops = &verbs_memory_ops;

/* These fail the running test when they can not do what they are called. */
int lab_setup(void **state);
int lab_teardown(void **state);
struct device *lab_device_open(bool listen, uint64_t timeout_ns);
struct memory *lab_memory_expose(struct device *device);
struct link *lab_connect(
	struct device *device, const char *address, unsigned int depth, uint64_t token);
struct link *lab_link(struct lab *lab, unsigned int depth, uint64_t token);
struct completion lab_wait(struct link *link);
/* Adds 1 and returns the word before. */
uint64_t lab_add(struct link *link, uint64_t offset);

/* 0 and a connected link, or the error. */
int lab_try_connect(struct device *device, const char *address, unsigned int depth,
	uint64_t token, struct link **link_p, struct error *err);

/*
 * All of @posted, with cookies 0, 1, ..., must come back within 10 s, in order: first those
 * that went well, then one failure (@reason, if not 0), then cancellations; and the link
 * must take nothing more.  @progress: let the device handle events meanwhile.
 */
void lab_failures_check(struct link *link, uint64_t posted, int reason, bool progress);

/* Starts this program in a role, its output going to @output unless that is -1. */
pid_t lab_role_start(const char *const args[], int output);
pid_t lab_owner_start(char address[MEMORY_ADDRESS_MAX]);
int lab_owner_role(void);
int lab_adder_role(const char *address, uint64_t count);
int lab_loser_role(const char *address, const char *cut, const char *gone);

/* The stories. */
extern const struct CMUnitTest verbs_data_stories[], verbs_link_stories[];
extern const size_t verbs_data_stories_count, verbs_link_stories_count;

#endif
