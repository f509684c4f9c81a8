/* What a handle tells its user without being asked. */
#include <stdio.h>

#include "client/lib/handle.h"
#include "hw/clock.h"

static void tell(struct pawl *pawl, struct pawl_event *event, const char *text)
{
	event->text = text;
	pawl->options.on_event(pawl->options.event_context, event);
}

void event_lost(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	struct pawl_event event = {.kind = PAWL_EVENT_LOST, .epoch = s->linked_epoch};
	char text[ERROR_TEXT_MAX];

	if (!pawl->options.on_event)
		return;
	(void)snprintf(text, sizeof(text),
		"pawl: %s: epoch %llu is over here or a replica is lost; additions wait",
		pawl->where, (unsigned long long)s->linked_epoch);
	tell(pawl, &event, text);
}

void event_epoch(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	struct pawl_event event = {.kind = PAWL_EVENT_EPOCH,
		.epoch = s->linked_epoch,
		.replicas = s->links_count};
	char text[ERROR_TEXT_MAX];

	if (!pawl->options.on_event)
		return;
	if (pawl->lost_since_ns)
		event.pause_ns = clock_now_ns() - pawl->lost_since_ns;
	(void)snprintf(text, sizeof(text),
		"pawl: %s: goes on in epoch %llu with %u replicas after %llu us",
		pawl->where, (unsigned long long)event.epoch, event.replicas,
		(unsigned long long)(event.pause_ns / 1000));
	tell(pawl, &event, text);
}

void event_jump(struct pawl_counter *counter, uint64_t jump)
{
	struct pawl *pawl = counter->pawl;
	struct pawl_event event = {.kind = PAWL_EVENT_JUMP,
		.epoch = pawl->session.linked_epoch,
		.counter = counter,
		.jump = jump};
	char text[ERROR_TEXT_MAX];

	if (!pawl->options.on_event)
		return;
	(void)snprintf(text, sizeof(text),
		"pawl: %s/%s: up to %llu numbers were skipped when the head was lost",
		pawl->where, counter->name, (unsigned long long)jump);
	tell(pawl, &event, text);
}
