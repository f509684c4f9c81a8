/*
 * The changes of epoch that the replicas of a cluster remember, and how long they took.
 */
#ifndef PAWL_COMMAND_TAKEOVERS_H
#define PAWL_COMMAND_TAKEOVERS_H

#include "client/command/survey.h"

#define TAKEOVERS_MAX 8
#define DURATION_SIZE 32 /* bytes of a duration's text, with its terminator */

struct takeover {
	uint32_t by; /* the replica that proposed it */
	const Control__Takeover *what;
};

/* The newest ones, that of the newest epoch first.  They live as long as the survey. */
struct takeovers {
	unsigned int count;
	struct takeover at[TAKEOVERS_MAX];
};

void takeovers_find(const struct survey *survey, struct takeovers *takeovers_p);

/*
 * How long nobody could draw, as far as the replicas know: from the claim, after which the
 * former epoch is sealed, until the new one was active.
 */
uint64_t takeover_pause_ns(const Control__Takeover *takeover);

/* From one moment to the next; 0 when one of them is not known. */
uint64_t takeover_step_ns(uint64_t from_ns, uint64_t to_ns);

/* "310 us", "12.3 ms", "45 s". */
const char *duration_text(uint64_t ns, char text[DURATION_SIZE]);

#endif
