/*
 * The peer's side of connections.  Connecting takes four events (address, route,
 * established, or why not); each is one step here, and none of them waits.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "hw/verbs/verbs_internal.h"

#define REJECTED_NOBODY 8 /* the connection manager's "no service at this port" */

static void link_text(struct verbs_link *link, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void link_text(struct verbs_link *link, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(link->text, sizeof(link->text), format, args);
	va_end(args);
}

/* It will not connect, for the reason already in its text. */
static void link_give_up(struct verbs_link *link, int state)
{
	link->state = state;
}

/* It was connected and is no longer; what is in flight is completed by poll. */
static void link_end(struct verbs_link *link, const char *reason)
{
	link->up = false;
	link->ended = true;
	link->state = -ENOTCONN;
	link_text(link, "verbs: link: %s; connect again", reason);
	(void)rdma_disconnect(
		link->endpoint.id); /* puts the queue pair into its error state */
}

static void on_address(struct verbs_device *device, struct verbs_link *link)
{
	struct rdma_cm_id *id = link->endpoint.id;
	int rc;

	if (id->verbs != device->context) {
		link_text(link,
			"verbs: link: the way there does not lead through %s; choose "
			"another with device= or address=",
			device->name);
		link_give_up(link, -ECONNREFUSED);
		return;
	}
	rc = verbs_queue_attach(device, link);
	if (rc) {
		link_text(link,
			"verbs: %s: no queue pair of depth %u to be had: %s; use a "
			"smaller "
			"depth",
			device->name, link->depth, error_reason(rc));
		link_give_up(link, -ECONNREFUSED);
		return;
	}
	if (rdma_resolve_route(id, VERBS_RESOLVE_MS)) {
		link_text(link,
			"verbs: link: no route: %s; is the owner's network reachable?",
			error_reason(-errno));
		link_give_up(link, -ECONNREFUSED);
	}
}

static uint8_t requests_at_once(const struct verbs_device *device)
{
	int limit = device->limits.orig_attr.max_qp_init_rd_atom;

	if (limit < 1)
		return 1;
	return limit < UINT8_MAX ? (uint8_t)limit : UINT8_MAX;
}

static void on_route(struct verbs_device *device, struct verbs_link *link)
{
	struct rdma_conn_param param = {
		.private_data = link->hello,
		.private_data_len = sizeof(link->hello),
		.initiator_depth = requests_at_once(device),
		.retry_count = device->retry.count,
		.rnr_retry_count = VERBS_RNR_RETRY,
	};

	if (rdma_connect(link->endpoint.id, &param)) {
		link_text(link, "verbs: link: can not ask for a connection: %s",
			error_reason(-errno));
		link_give_up(link, -ECONNREFUSED);
	}
}

/*
 * The queue pair must give up by itself some day.  A device that ignored the time-out, or
 * rounded it below what fires, would keep its last operation for ever.
 */
static void on_established(struct verbs_device *device, struct verbs_link *link)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int rc = ibv_query_qp(link->qp, &attr,
		IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_MAX_QP_RD_ATOMIC, &init);

	if (rc || attr.timeout < VERBS_RETRY_EXPONENT_MIN || attr.max_rd_atomic < 1) {
		link_text(link,
			"verbs: %s: link has a time-out exponent of %u instead of %u and "
			"%u atomics "
			"at once; pick another device with device=",
			device->name, attr.timeout, device->retry.exponent,
			attr.max_rd_atomic);
		link_give_up(link, -ECONNREFUSED);
		(void)rdma_disconnect(link->endpoint.id);
		return;
	}
	link->stall_ns = verbs_retry_stall_ns(device->retry);
	link->state = 0;
	link->up = true;
}

static void on_rejected(struct verbs_link *link, const struct verbs_event *event)
{
	enum verbs_refusal refusal;
	int state = -ECONNREFUSED;
	const char *reason = "the owner's host refused";

	if (verbs_refusal_decode(event->private, event->private_len, &refusal)) {
		if (event->status == REJECTED_NOBODY)
			reason = "nobody listens there; is the owner running?";
	} else if (refusal == VERBS_REFUSED_TOKEN) {
		state = -EACCES;
		reason = "the owner does not let this session in; open it again";
	} else if (refusal == VERBS_REFUSED_MEMORY) {
		reason = "the owner no longer exposes this memory; ask for its address "
			 "again";
	} else if (refusal == VERBS_REFUSED_VERSION) {
		reason = "the owner speaks another version; use the same pawl on both "
			 "sides";
	} else {
		reason = "the owner has no room for another link";
	}
	link_text(link, "verbs: link: %s: %s", error_reason(state), reason);
	link_give_up(link, state);
}

static void on_failure(struct verbs_link *link, const struct verbs_event *event)
{
	int state = event->status == -ETIMEDOUT ? -ETIMEDOUT : -ECONNREFUSED;

	if (event->type == RDMA_CM_EVENT_UNREACHABLE)
		state = -ETIMEDOUT;
	link_text(link,
		"verbs: link: %s: %s; is the owner running and its network reachable?",
		rdma_event_str(event->type),
		error_reason(event->status ? event->status : state));
	link_give_up(link, state);
}

static bool connecting_late(const struct verbs_link *link)
{
	return link->state == -EAGAIN && clock_now_ns() >= link->deadline_ns;
}

static void connecting_event(struct verbs_device *device, struct verbs_link *link,
	const struct verbs_event *event)
{
	switch (event->type) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		on_address(device, link);
		return;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		on_route(device, link);
		return;
	case RDMA_CM_EVENT_ESTABLISHED:
		on_established(device, link);
		return;
	case RDMA_CM_EVENT_REJECTED:
		on_rejected(link, event);
		return;
	default:
		on_failure(link, event);
		return;
	}
}

void verbs_link_event(struct verbs_device *device, struct verbs_link *link,
	const struct verbs_event *event)
{
	if (connecting_late(link))
		return; /* whoever asks is told that it is too late */
	if (link->state == -EAGAIN)
		connecting_event(device, link, event);
	else if (link->state == 0 && event->type == RDMA_CM_EVENT_DISCONNECTED)
		link_end(link, "the owner ended it");
	else if (link->state == 0 && event->type == RDMA_CM_EVENT_DEVICE_REMOVAL)
		link_end(link, "the device is gone");
}

static int resolve_error(int code, const struct verbs_address *address, struct error *err)
{
	if (code != -ENOMEM && code != -EACCES)
		code = -EADDRNOTAVAIL;
	return error_set(err, code,
		"verbs: link: no way to %s: %s; are both sides in one network?",
		address->host, error_reason(code));
}

/* Starts the way to the owner, from this device's own address. */
static int link_resolve(struct verbs_device *device, struct verbs_link *link,
	const struct verbs_address *address, struct error *err)
{
	union verbs_sockaddr local = device->local;
	uint8_t exponent = device->retry.exponent;
	union verbs_sockaddr owner;
	struct rdma_cm_id *id;

	if (verbs_sockaddr_parse(address->host, &owner))
		return resolve_error(-EADDRNOTAVAIL, address, err);
	verbs_sockaddr_set_port(&local, 0);
	verbs_sockaddr_set_port(&owner, address->port);
	/* A link-local address means the network that this device is in. */
	if (owner.any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&owner.v6.sin6_addr))
		owner.v6.sin6_scope_id = local.v6.sin6_scope_id;
	if (rdma_create_id(device->channel, &id, &link->endpoint, RDMA_PS_TCP))
		return resolve_error(-errno, address, err);
	link->endpoint.id = id;
	if (rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT, &exponent,
		    sizeof(exponent)) ||
		rdma_resolve_addr(id, &local.any, &owner.any, VERBS_RESOLVE_MS))
		return resolve_error(-errno, address, err);
	return 0;
}

int verbs_connect(struct device *base, const char *text, const struct link_config *config,
	struct link **link_p, struct error *err)
{
	struct verbs_device *device = verbs_device_of(base);
	struct verbs_address address;
	struct verbs_link *link;
	int rc = verbs_address_parse(text, &address, err);

	if (rc)
		return rc;
	link = calloc(1, sizeof(*link));
	if (!link)
		return error_set(err, -ENOMEM, "verbs: no memory for a link");
	link->base = (struct link){.ops = &verbs_memory_ops, .device = base};
	link->endpoint.kind = VERBS_LINK;
	link->target = address.target;
	link->state = -EAGAIN;
	link->deadline_ns = clock_now_ns() + VERBS_CONNECT_NS;
	verbs_hello_encode(
		&(struct verbs_hello){.memory = address.memory, .token = config->token},
		link->hello);
	rc = verbs_queue_create(device, link, config, err);
	if (!rc)
		rc = link_resolve(device, link, &address, err);
	if (rc) {
		verbs_disconnect(&link->base);
		return rc;
	}
	*link_p = &link->base;
	return 0;
}

int verbs_state(const struct link *base, struct error *err)
{
	const struct verbs_link *link = verbs_link_of(base);

	if (link->failure && link->state == 0)
		return error_set(err, -ENOTCONN,
			"verbs: link: an operation failed: %s; connect again",
			error_reason(link->failure));
	if (connecting_late(link))
		return error_set(err, -ETIMEDOUT,
			"verbs: link: no answer within %llu s; is the owner running and "
			"reachable?",
			(unsigned long long)(VERBS_CONNECT_NS / 1000000000));
	if (link->state && link->state != -EAGAIN)
		return error_set(err, link->state, "%s", link->text);
	return link->state;
}

void verbs_disconnect(struct link *base)
{
	struct verbs_link *link = verbs_link_of(base);

	if (link->state == 0)
		(void)rdma_disconnect(link->endpoint.id);
	verbs_queue_destroy(link);
	if (link->endpoint.id)
		(void)rdma_destroy_id(link->endpoint.id);
	free(link);
}
