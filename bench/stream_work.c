#include "bench/stream_work.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/child.h"
#include "hw/clock.h"

static size_t ring_len(const struct stream_options *o)
{
	return stream_bare_len(o->message_len, o->slot_len, o->slots);
}

struct stream_shared *stream_shared_make(const struct stream_options *options)
{
	struct stream_shared *shared = shared_map(sizeof(*shared), 0);

	if (!shared)
		return NULL;
	shared->options = options;
	shared->ring = shared_map(ring_len(options), MAP_POPULATE);
	if (shared->ring)
		return shared;
	(void)munmap(shared, sizeof(*shared));
	return NULL;
}

void stream_shared_free(struct stream_shared *shared)
{
	(void)munmap(shared->ring, ring_len(shared->options));
	(void)munmap(shared, sizeof(*shared));
}

void stream_shared_begin(struct stream_shared *shared)
{
	atomic_store(&shared->finished, 0);
}

static void stream_options_fill(
	const struct stream_options *o, struct pawl_stream_options *options)
{
	options->slot_len = (uint32_t)o->slot_len;
	options->slots = (uint32_t)o->slots;
	options->hole_timeout_ns = o->hole_us * 1000;
	options->message_max = o->message_len;
	options->on_slow =
		PAWL_ON_SLOW_BLOCK; /* the bare ring does not lose any either */
}

int stream_handle_open(
	struct worker *w, const struct stream_options *o, struct stream_handle *h)
{
	struct pawl_stream_options stream_options = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.wait = o->wait;
	options.device = o->device;
	options.timeout_ns = UINT64_C(20000000000);
	stream_options_fill(o, &stream_options);
	rc = pawl_open(w->shared->call.where, &options, &h->pawl);
	if (!rc)
		rc = pawl_stream_open(h->pawl, STREAM_NAME, &stream_options, &h->stream);
	return rc ? error_set(&w->seat->err, rc, "%s", pawl_errmsg(h->pawl)) : 0;
}

int stream_trouble(struct worker *w, uint64_t deadline_ns, const char *what)
{
	if (atomic_load_explicit(&stream_shared_of(w)->failed, memory_order_relaxed))
		return error_set(&w->seat->err, -ECANCELED,
			"bench: another process could not go on");
	if (clock_now_ns() < deadline_ns)
		return 0;
	return error_set(&w->seat->err, -ETIMEDOUT,
		"bench: process %u: %s did not come within %d s; is the machine "
		"overloaded?",
		w->place, what, (int)(STREAM_TURN_TIMEOUT_NS / 1000000000));
}

static bool is_publisher(const struct worker *w)
{
	return w->place < stream_shared_of(w)->options->publishers;
}

static int work_open(struct worker *w)
{
	return is_publisher(w) ? stream_publisher_open(w) : stream_subscriber_open(w);
}

static int work_turn(struct worker *w, const struct turn *turn, uint64_t start_ns)
{
	struct stream_seat *seat = stream_seat_of(w);
	int rc;

	histogram_clear(&seat->latencies_ns);
	seat->messages = 0;
	seat->begin_ns = start_ns;
	seat->end_ns = start_ns;
	rc = is_publisher(w) ? stream_publisher_turn(w, turn, start_ns)
			     : stream_subscriber_turn(w, turn, start_ns);
	if (rc == -ECANCELED)
		return 0; /* whoever has failed tells why */
	if (rc)
		atomic_store(&stream_shared_of(w)->failed, true);
	return rc;
}

static void work_close(struct worker *w)
{
	if (is_publisher(w))
		stream_publisher_close(w);
	else
		stream_subscriber_close(w);
}

const struct team_work stream_work = {
	.open = work_open,
	.turn = work_turn,
	.close = work_close,
};
