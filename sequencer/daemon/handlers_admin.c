/* Operators' requests: over the local socket, or passed on by another replica. */
#include <errno.h>

#include "hw/clock.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/peer.h"

#define STOP_PATIENCE_NS UINT64_C(20000000000)
#define TROUBLE_PATIENCE_NS UINT64_C(1000000000)

static bool may_administer(const struct connection *connection)
{
	return peer_is_operator(connection_peer(connection)) ||
	       connection_mesh(connection) != NULL;
}

static int admin_do(struct replica *r, const Control__Admin *admin, struct error *err)
{
	switch (admin->action) {
	case CONTROL__ADMIN__ACTION__ADD:
		return replica_add(r, admin->id, err);
	case CONTROL__ADMIN__ACTION__REMOVE:
		return replica_remove(r, admin->id, err);
	case CONTROL__ADMIN__ACTION__PROMOTE:
		return replica_promote(r, admin->id, err);
	case CONTROL__ADMIN__ACTION__RECOVER:
		return replica_recover(r, err);
	case CONTROL__ADMIN__ACTION__STAY_OUT:
		replica_rejoin_set(r, false);
		return 0;
	case CONTROL__ADMIN__ACTION__COME_BACK:
		replica_rejoin_set(r, true);
		return 0;
	default:
		return error_set(err, -EINVAL,
			"pawld: admin: action %d is not known here; use the same version "
			"on both sides",
			(int)admin->action);
	}
}

void handlers_admin(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Admin *admin)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Agreed agreed = CONTROL__AGREED__INIT;
	struct error err = {.text = ""};
	int rc;

	if (!may_administer(connection)) {
		handlers_reply_error(connection, id, -EACCES,
			"pawld: only the owner of a cluster may change it, over its "
			"local "
			"socket; use 'pawl admin' on a replica's host");
		return;
	}
	rc = admin_do(h->replica, admin, &err);
	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_AGREED;
	reply.agreed = &agreed;
	connection_reply(connection, &reply);
}

/* 0: it is under way, and the end of the replica is the answer.  -EAGAIN: not yet. */
static int stop_try(struct handlers *h, struct error *err)
{
	uint64_t epoch = h->replica->machine.seen.epoch;
	int rc = replica_stop(h->replica, h->stop_erases, err);

	if (rc == -EREMCHG)
		rc = replica_give_up(h->replica, h->stop_erases, err);
	h->stop_begun = rc == 0;
	h->stop_epoch = epoch;
	return rc;
}

static void stop_refuse(struct handlers *h, int code, const char *text)
{
	struct connection *stopper = h->stopper;

	h->stopper = NULL;
	handlers_reply_error(stopper, h->stop_request, code, text);
}

void handlers_stop(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Stop *stop)
{
	struct error err = {.text = ""};
	int rc;

	if (!may_administer(connection)) {
		handlers_reply_error(connection, id, -EACCES,
			"pawld: only the owner of a cluster may stop it, over its local "
			"socket; use 'pawl down' on the replica's host");
		return;
	}
	h->stopper = connection;
	h->stop_request = id;
	h->stop_ns = clock_now_ns();
	h->stop_erases = stop->erase;
	rc = stop_try(h, &err);
	if (rc && rc != -EAGAIN)
		stop_refuse(h, rc, err.text);
}

/* The store does not heal while somebody waits; everything else can take long. */
static bool is_patient(const struct handlers *h, uint64_t now_ns)
{
	const struct replica *r = h->replica;

	if (r->store_trouble[0] && now_ns - r->store_trouble_ns >= TROUBLE_PATIENCE_NS)
		return now_ns - h->stop_ns < TROUBLE_PATIENCE_NS;
	return now_ns - h->stop_ns < STOP_PATIENCE_NS;
}

static void stop_give_up(struct handlers *h)
{
	struct replica *r = h->replica;
	struct error err;
	int rc = r->store_trouble[0] ? -EIO : -ETIMEDOUT;

	(void)error_set(&err, rc,
		"pawld: %s: was not stopped, as its numbers can not be saved now: %s",
		r->facts.name,
		r->store_trouble[0] ? r->store_trouble
				    : "other replicas do not answer; 'pawl status' shows "
				      "which");
	log_warning("%s", err.text);
	replica_stop_not(r);
	stop_refuse(h, rc, err.text);
}

void handlers_stop_look(struct handlers *h)
{
	struct error err = {.text = ""};
	bool begun = h->stop_begun && h->stop_epoch == h->replica->machine.seen.epoch;
	int rc = 0;

	if (h->stopper && !begun)
		rc = stop_try(h, &err);
	if (!h->stopper)
		return; /* it heard of the end meanwhile */
	if (rc && rc != -EAGAIN)
		stop_refuse(h, rc, err.text);
	else if (!is_patient(h, clock_now_ns()))
		stop_give_up(h);
}

void handlers_stop_forget(struct handlers *h, const struct connection *connection)
{
	if (h->stopper != connection)
		return;
	h->stopper = NULL;
	replica_stop_not(h->replica);
}

void handlers_stop_failed(struct handlers *h, const char *text)
{
	if (h->stopper)
		stop_refuse(h, -EIO, text);
}
