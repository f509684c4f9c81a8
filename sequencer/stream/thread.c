#include "sequencer/stream/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/core/panic.h"
#include "sequencer/stream/idleness.h"

#define PROGRESS_NS NS_PER_MS
#define PAUSES 32     /* between two looks, about half a microsecond or one */
#define SLACK_NS 1000 /* of the naps */
#define HOLD_SPINS 2000

/* Whose everything is.  The thread lets go of it whenever it waits, so that the loop need not. */
enum owner {
	OWNER_NOBODY,
	OWNER_THREAD,
	OWNER_LOOP,
};

struct stream_thread {
	struct stream_thread_config config;
	struct device *device;
	pthread_t thread;
	int event;
	struct idleness idle; /* the thread's own */
	uint64_t progress_ns;
	bool lost;	/* the device */
	uint32_t holds; /* the loop's */
	_Atomic bool wanted;
	_Atomic bool ended;
	_Atomic bool asleep;
	_Atomic uint64_t wakes;
	_Atomic int owner; /* an enum owner */
	pthread_mutex_t mutex;
	pthread_cond_t parked;
	pthread_cond_t go_on;
};

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Whoever writes what is looked at has its cache line for itself meanwhile. */
static void look_away(void)
{
	for (int i = 0; i < PAUSES; i++)
		relax();
}

/* From nobody to @to. */
static bool owner_take(struct stream_thread *t, enum owner to)
{
	int nobody = OWNER_NOBODY;

	return atomic_compare_exchange_strong(&t->owner, &nobody, (int)to);
}

/* What the thread has let go of is its own again, perhaps after the loop.  Partner: release. */
static void take_back(struct stream_thread *t)
{
	/* Most holds are over in a moment. */
	for (int i = 0; i < HOLD_SPINS; i++) {
		if (owner_take(t, OWNER_THREAD))
			return;
		relax();
	}
	(void)pthread_mutex_lock(&t->mutex);
	while (!owner_take(t, OWNER_THREAD))
		(void)pthread_cond_wait(&t->go_on, &t->mutex);
	(void)pthread_mutex_unlock(&t->mutex);
}

/* The loop has asked for everything, and gets it.  Partner: hold and release. */
static void park(struct stream_thread *t)
{
	(void)pthread_mutex_lock(&t->mutex);
	atomic_store(&t->owner, OWNER_LOOP);
	(void)pthread_cond_signal(&t->parked);
	(void)pthread_mutex_unlock(&t->mutex);
	take_back(t);
}

static void device_progress(struct stream_thread *t, uint64_t now_ns)
{
	struct error err;

	t->progress_ns = now_ns;
	if (t->lost || !t->config.ops->progress(t->device, &err))
		return;
	t->lost = true;
	t->config.broken(t->config.context, &err);
}

/*
 * The thread lets go of everything while it waits.  Whoever wants it says so first and then tries
 * to take it; the thread lets go of it, and then looks whether somebody wants it (J2):
 * sequentially consistent, on both sides.  Partner: hold.  False: somebody does.
 */
static bool let_go(struct stream_thread *t)
{
	atomic_store(&t->owner, OWNER_NOBODY);
	return !atomic_load(&t->wanted) && !atomic_load(&t->ended);
}

static void yield(struct stream_thread *t)
{
	if (let_go(t))
		(void)sched_yield();
	take_back(t);
}

/*
 * Sleeps until somebody wakes it, or for @nap_ns; as with letting go, it says that it is asleep
 * and then looks whether it was woken.  Partner: kick.
 */
static void nap(struct stream_thread *t, uint64_t nap_ns)
{
	struct timespec timeout = {.tv_nsec = (long)nap_ns};
	struct pollfd fds[2] = {{.fd = t->event, .events = POLLIN},
		{.fd = t->config.ops->fd(t->device), .events = POLLIN}};
	nfds_t count = fds[1].fd < 0 || t->lost ? 1 : 2;
	eventfd_t value;

	atomic_store(&t->asleep, true);
	if (let_go(t) && atomic_load(&t->wakes) == t->idle.wakes)
		(void)ppoll(fds, count, &timeout, NULL);
	take_back(t);
	atomic_store(&t->asleep, false);
	if (fds[0].revents)
		(void)eventfd_read(t->event, &value);
	if (fds[1].revents)
		t->progress_ns = 0; /* at once */
}

/* How often the processor was taken away from this thread. */
static uint64_t switches_count(void)
{
	struct rusage usage = {0};

	(void)getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nivcsw;
}

/* A turn without work. */
static void idle_step(struct stream_thread *t, uint64_t now_ns)
{
	uint64_t wakes = atomic_load_explicit(&t->wakes, memory_order_relaxed);
	bool quiet = idleness_is_long(&t->idle, now_ns) &&
		     t->config.quiet(t->config.context);
	uint64_t nap_ns = 0;

	if (idleness_wants_crowd(&t->idle, now_ns))
		idleness_crowd(&t->idle, now_ns, switches_count());
	switch (idleness_step(&t->idle, now_ns, wakes, quiet, &nap_ns)) {
	case IDLE_LOOK_AWAY:
		look_away();
		break;
	case IDLE_YIELD:
		yield(t);
		break;
	case IDLE_NAP:
		nap(t, nap_ns);
		break;
	}
}

static void turn(struct stream_thread *t)
{
	uint64_t now_ns = clock_now_ns();
	uint32_t slots;

	if (now_ns - t->progress_ns >= PROGRESS_NS)
		device_progress(t, now_ns);
	slots = t->config.turn(t->config.context, now_ns);
	if (slots > 0)
		idleness_worked(&t->idle, slots);
	else
		idle_step(t, now_ns);
}

static void *thread_run(void *argument)
{
	struct stream_thread *t = argument;

	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
	while (!atomic_load_explicit(&t->ended, memory_order_acquire)) {
		if (atomic_load_explicit(&t->wanted, memory_order_acquire))
			park(t);
		else
			turn(t);
	}
	return NULL;
}

/* Somebody has said what it wants of the thread.  Partner: nap. */
static void kick(struct stream_thread *t)
{
	if (atomic_load(&t->asleep))
		(void)eventfd_write(t->event, 1);
}

/* The thread was parked, or waits for something else and has let go.  Partner: let_go, park. */
static bool is_held(struct stream_thread *t)
{
	return owner_take(t, OWNER_LOOP) || atomic_load(&t->owner) == OWNER_LOOP;
}

void stream_thread_hold(struct stream_thread *t)
{
	if (t->holds++ > 0)
		return;
	atomic_store(&t->wanted, true);
	for (int i = 0; i < HOLD_SPINS; i++) {
		if (is_held(t))
			return;
		relax();
	}
	(void)pthread_mutex_lock(&t->mutex);
	while (!is_held(t))
		(void)pthread_cond_wait(&t->parked, &t->mutex);
	(void)pthread_mutex_unlock(&t->mutex);
}

void stream_thread_release(struct stream_thread *t)
{
	PAWL_ASSERT(t->holds > 0);
	if (--t->holds > 0)
		return;
	(void)pthread_mutex_lock(&t->mutex);
	atomic_store(&t->wanted, false);
	atomic_store(&t->owner, OWNER_NOBODY); /* J1 */
	(void)pthread_cond_signal(&t->go_on);
	(void)pthread_mutex_unlock(&t->mutex);
}

void stream_thread_wake(struct stream_thread *t)
{
	(void)atomic_fetch_add(&t->wakes, 1);
	kick(t);
}

struct device *stream_thread_device(const struct stream_thread *t)
{
	return t->device;
}

static int thread_create(struct stream_thread *t, struct error *err)
{
	pthread_attr_t attributes;
	int rc;

	(void)pthread_attr_init(&attributes);
	if (t->config.cpus)
		(void)pthread_attr_setaffinity_np(
			&attributes, sizeof(*t->config.cpus), t->config.cpus);
	rc = thread_start(&t->thread, "pawl-stream", &attributes, thread_run, t);
	(void)pthread_attr_destroy(&attributes);
	t->config.cpus = NULL; /* the caller's */
	if (rc == -EINVAL)
		return error_set(err, -EINVAL,
			"stream: thread: none of the processors that it is pinned to can "
			"be used; choose others with stream-pin");
	if (rc)
		return error_set(err, rc, "stream: thread: %s", error_reason(rc));
	return 0;
}

static void thread_close(struct stream_thread *t)
{
	if (t->device)
		t->config.ops->close(t->device);
	if (t->event >= 0)
		(void)close(t->event);
	(void)pthread_cond_destroy(&t->go_on);
	(void)pthread_cond_destroy(&t->parked);
	(void)pthread_mutex_destroy(&t->mutex);
	free(t);
}

static int thread_open(struct stream_thread *t, struct error *err)
{
	const struct stream_thread_config *config = &t->config;
	int rc;

	t->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->event < 0)
		return error_set(
			err, -ENOMEM, "stream: thread: event: %s", error_reason(-errno));
	rc = config->ops->open(config->device, &t->device, err);
	if (rc)
		return rc;
	t->config.device = NULL; /* the caller's */
	if (config->admit)
		config->ops->admit(t->device, config->admit, config->context);
	return thread_create(t, err);
}

int stream_thread_start(const struct stream_thread_config *config,
	struct stream_thread **thread_p, struct error *err)
{
	struct stream_thread *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return error_set(err, -ENOMEM, "stream: thread: out of memory");
	t->config = *config;
	atomic_store(&t->owner, OWNER_THREAD);
	(void)pthread_mutex_init(&t->mutex, NULL);
	(void)pthread_cond_init(&t->parked, NULL);
	(void)pthread_cond_init(&t->go_on, NULL);
	rc = thread_open(t, err);
	if (rc) {
		thread_close(t);
		return rc;
	}
	*thread_p = t;
	return 0;
}

void stream_thread_stop(struct stream_thread *t)
{
	PAWL_ASSERT(t->holds == 0);
	atomic_store(&t->ended, true);
	kick(t);
	(void)pthread_join(t->thread, NULL);
}

void stream_thread_free(struct stream_thread *t)
{
	thread_close(t);
}
