/*
 * The pulse of a replica: a thread that moves the heartbeat words of its regions, by which
 * others see that it lives (sequencer/core/region.h).
 *
 * The loop is busy for seconds when it makes or pins the memory of a large stream, and that
 * is no reason to take its replica for dead.  So the words do not depend on its turns, only
 * on its having shown itself within a limit: a loop that hangs for good is found out.  A
 * process that is stopped stops with all its threads.
 *
 * What a word is part of may go as soon as pulse_remove has returned.  The thread holds its
 * mutex for nothing but moving words, so adding and removing do not wait for long.
 */
#ifndef PAWL_DAEMON_PULSE_H
#define PAWL_DAEMON_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

#include "hw/error.h"

#define PULSE_WORDS_MAX 8

struct pulse;

struct pulse_config {
	uint64_t beat_ns;  /* between two moves of a word; at least 1 */
	uint64_t limit_ns; /* for so long the loop need not show itself */
};

/* Starting counts as showing oneself.  -ENOMEM, -EAGAIN: there can be no more threads. */
int pulse_start(const struct pulse_config *config, struct pulse **pulse_p,
	struct error *err) __attribute__((warn_unused_result));

/* The loop lives.  Does not block. */
void pulse_show(struct pulse *pulse);

/*
 * @word moves from now on, until it is removed; it is nobody else's to write.  There may be
 * PULSE_WORDS_MAX, each once.
 */
void pulse_add(struct pulse *pulse, _Atomic uint64_t *word);

/* @word is not touched any more; nothing happens when it was not added. */
void pulse_remove(struct pulse *pulse, _Atomic uint64_t *word);

/* Waits for the thread, a moment; the words that it still has are left alone.  Or NULL. */
void pulse_stop(struct pulse *pulse);

#endif
