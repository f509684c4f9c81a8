#include "sequencer/daemon/store_loop.h"

#include <errno.h>

/* Progress that brings more to do at once is given so many turns before the loop's next. */
#define TURNS_MAX 8

static void progress(struct store_loop *sl)
{
	if (sl->progressing)
		return;
	sl->progressing = true;
	store_progress(sl->store);
	sl->progressing = false;
	store_loop_kick(sl);
}

static void on_timer(uv_timer_t *timer)
{
	progress(timer->data);
}

static void on_ready(uv_poll_t *ready, int status, int events)
{
	(void)status;
	(void)events;
	progress(ready->data);
}

void store_loop_kick(struct store_loop *sl)
{
	int timeout_ms = 0;

	if (sl->progressing || sl->handles_open == 0)
		return;
	sl->progressing = true;
	for (int i = 0; i < TURNS_MAX; i++) {
		timeout_ms = store_timeout_ms(sl->store);
		if (timeout_ms != 0)
			break;
		store_progress(sl->store);
	}
	sl->progressing = false;
	if (timeout_ms < 0)
		(void)uv_timer_stop(&sl->timer);
	else
		(void)uv_timer_start(&sl->timer, on_timer, (uint64_t)timeout_ms, 0);
}

int store_loop_start(
	struct store_loop *sl, uv_loop_t *loop, struct store *store, struct error *err)
{
	int rc;

	*sl = (struct store_loop){.store = store};
	rc = uv_poll_init(loop, &sl->ready, store_fd(store));
	if (rc)
		return error_set(
			err, rc, "pawld: store: can not be watched: %s", uv_strerror(rc));
	(void)uv_timer_init(loop, &sl->timer);
	sl->ready.data = sl;
	sl->timer.data = sl;
	sl->handles_open = 2;
	rc = uv_poll_start(&sl->ready, UV_READABLE, on_ready);
	if (rc) {
		store_loop_end(sl);
		return error_set(
			err, rc, "pawld: store: can not be watched: %s", uv_strerror(rc));
	}
	store_loop_kick(sl);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct store_loop *sl = handle->data;

	sl->handles_open--;
}

void store_loop_end(struct store_loop *sl)
{
	if (sl->handles_open == 0 || uv_is_closing((uv_handle_t *)&sl->timer))
		return;
	uv_close((uv_handle_t *)&sl->ready, on_closed);
	uv_close((uv_handle_t *)&sl->timer, on_closed);
}

bool store_loop_ended(const struct store_loop *sl)
{
	return sl->handles_open == 0;
}
