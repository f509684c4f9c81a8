/*
 * A stream thread: takes turns of its streams for as long as there is work, and steps down when
 * there is none.
 *
 * What it does when there is none, idleness.h says.  While it is busy no turn makes a system call;
 * the device is moved on once in a millisecond, and when its file descriptor wakes a sleeper.
 *
 * The loop *holds* the thread: between two turns it parks, and until it is let go its device and
 * everything of its streams belong to the loop (H1 of host.h).  A thread that yields or sleeps has
 * let go of everything before, so that the loop does not wait until it has the processor again,
 * which takes milliseconds on a busy machine.
 *
 * J1  Between hold and release no turn runs, and nothing of the device is used by the thread; it
 *     may sleep on its file descriptor.
 * J2  A thread that sleeps is woken by wake and stop, whenever they come, and hold does not wait
 *     for it.
 *
 * One thread, the loop's, calls what is below.
 */
#ifndef PAWL_STREAM_THREAD_H
#define PAWL_STREAM_THREAD_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"

struct stream_thread_config {
	const struct memory_ops *ops;
	const struct device_config *device; /* it opens one; only read during start */
	const cpu_set_t *cpus;		    /* where it may run; NULL: anywhere */
	device_admit_fn admit;		    /* runs on the thread; NULL: everybody */
	/* A turn of everything: how many slots were taken, and 1 for anything else; 0: no work. */
	uint32_t (*turn)(void *context, uint64_t now_ns);
	/* Nothing can come unless somebody calls stream_thread_wake. */
	bool (*quiet)(void *context);
	/* The device itself is lost; told once. */
	void (*broken)(void *context, const struct error *err);
	void *context;
};

struct stream_thread;

/* Errors of the device; -ENOMEM, -EAGAIN: no thread; -EINVAL: none of the processors is there. */
int stream_thread_start(const struct stream_thread_config *config,
	struct stream_thread **thread_p, struct error *err)
	__attribute__((warn_unused_result));

/* At once, or at the end of the thread's turn.  May be nested. */
void stream_thread_hold(struct stream_thread *thread);
void stream_thread_release(struct stream_thread *thread);

/* There may be work that nobody can see: it looks again, and stays awake for a while. */
void stream_thread_wake(struct stream_thread *thread);

/* Ends the thread; from now on everything belongs to the caller. */
void stream_thread_stop(struct stream_thread *thread);
/* Closes the device too, on which nothing may be left. */
void stream_thread_free(struct stream_thread *thread);

/* For what is exposed and linked while the thread is held, or by its turns. */
struct device *stream_thread_device(const struct stream_thread *thread);

#endif
