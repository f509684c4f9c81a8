/* What operators and clients want of a replica, and why it may serve nobody. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define WAITING_NS UINT64_C(1000000000) /* before it is worth telling */

/* The first member of the newest chain that is believed to live and is not this replica. */
static bool first_living(const struct replica *r, struct epoch_member *member_p)
{
	const struct epoch_chain *chain = &r->machine.seen.former;

	for (uint32_t i = 0; i < chain->count; i++) {
		if (chain->at[i].id == r->config->id ||
			!mesh_reaches(r->mesh, chain->at[i]))
			continue;
		*member_p = chain->at[i];
		return true;
	}
	return false;
}

static int wish_refused(int code, const char *what, struct error *err)
{
	switch (code) {
	case -EINVAL:
		return error_set(err, code,
			"pawld: %s: no such member of the chain, or the chain would be "
			"empty or too long; 'pawl status' shows it",
			what);
	case -EBUSY:
		return error_set(err, code,
			"pawld: %s: another wish of this kind is under way; try again",
			what);
	case -EREMCHG:
		return error_set(err, code,
			"pawld: %s: no replica that could do it is in reach; is a member "
			"of the chain running?",
			what);
	default:
		return error_set(err, code, "pawld: %s: %s", what, error_reason(code));
	}
}

/* Passes a wish on to the replica that can fulfil it. */
static int wish_forward(struct replica *r, Control__Request *request)
{
	struct epoch_member member;

	if (!r->machine.known || !first_living(r, &member))
		return -EREMCHG;
	return mesh_forward(r->mesh, member, request);
}

static int admin_forward(struct replica *r, Control__Admin__Action action, uint32_t id)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Admin admin = CONTROL__ADMIN__INIT;

	admin.action = action;
	admin.id = id;
	request.body_case = CONTROL__REQUEST__BODY_ADMIN;
	request.admin = &admin;
	return wish_forward(r, &request);
}

static int wish_end(struct replica *r, int rc, const char *what, struct error *err)
{
	replica_run(r);
	return rc ? wish_refused(rc, what, err) : 0;
}

static void cause_note(struct replica *r, const char *what, uint32_t id)
{
	char cause[TIMELINE_CAUSE_LEN];

	(void)snprintf(cause, sizeof(cause), "operator: %s replica %u", what, id);
	timeline_cause(&r->timeline, cause, clock_now_ns());
	log_info("%s", cause);
}

int replica_add(struct replica *r, uint32_t id, struct error *err)
{
	const struct roster_entry *entry = roster_find_id(&r->roster, id);
	int rc = -EREMCHG;

	if (id == r->config->id) {
		replica_rejoin_set(r, true);
		return 0;
	}
	if (!entry && replica_is_head(r))
		return error_set(err, -ENOENT,
			"pawld: add: replica %u is not known here; start it first", id);
	if (entry)
		rc = epoch_add(&r->machine, entry->member, clock_now_ns());
	if (rc == -EREMCHG)
		rc = admin_forward(r, CONTROL__ADMIN__ACTION__ADD, id);
	else if (!rc)
		cause_note(r, "add", id);
	return wish_end(r, rc, "add", err);
}

int replica_remove(struct replica *r, uint32_t id, struct error *err)
{
	int rc = epoch_remove(&r->machine, id, clock_now_ns());

	if (rc == -EREMCHG)
		rc = admin_forward(r, CONTROL__ADMIN__ACTION__REMOVE, id);
	else if (!rc)
		cause_note(r, "remove", id);
	return wish_end(r, rc, "remove", err);
}

int replica_promote(struct replica *r, uint32_t id, struct error *err)
{
	int rc = epoch_promote(&r->machine, id, clock_now_ns());

	if (rc == -EREMCHG)
		rc = admin_forward(r, CONTROL__ADMIN__ACTION__PROMOTE, id);
	else if (!rc)
		cause_note(r, "promote", id);
	return wish_end(r, rc, "promote", err);
}

int replica_recover(struct replica *r, struct error *err)
{
	int rc;

	if (r->served)
		return error_set(err, -EINVAL,
			"pawld: recover: replica %u serves epoch %" PRIu64
			"; there is nothing to recover",
			r->config->id, r->served);
	rc = streams_know(r, err);
	if (!rc)
		rc = streams_archives_check(r, err);
	if (rc)
		return rc;
	timeline_cause(&r->timeline, "operator: recover at the ceilings", clock_now_ns());
	log_warning("an operator says that all memory is lost: the counters go on from "
		    "their ceilings");
	epoch_recover(&r->machine, clock_now_ns());
	return wish_end(r, 0, "recover", err);
}

int replica_stop(struct replica *r, bool erase, struct error *err)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Stop stop = CONTROL__STOP__INIT;
	int rc = epoch_stop(&r->machine, clock_now_ns());

	if (rc == -EREMCHG) {
		request.body_case = CONTROL__REQUEST__BODY_STOP;
		request.stop = &stop;
		rc = wish_forward(r, &request);
	}
	if (!rc) {
		r->erasing = erase;
		timeline_cause(&r->timeline, "operator: stop", clock_now_ns());
	}
	return wish_end(r, rc, "stop", err);
}

void replica_stop_not(struct replica *r)
{
	r->machine.wishes.stop = false; /* a claim to stop goes on all the same */
	r->erasing = false;
}

int replica_give_up(struct replica *r, bool erase, struct error *err)
{
	struct epoch_member other;
	char waiting[REPLICA_TEXT_LEN];

	replica_waiting(r, waiting, sizeof(waiting));
	if (waiting[0] == '\0' || r->store_trouble[0])
		return error_set(err, -EAGAIN, "pawld: %s/%u: is busy; try again",
			r->facts.name, r->config->id);
	if (erase && first_living(r, &other))
		return error_set(err, -EBUSY,
			"pawld: %s: replica %u lives and serves the cluster; stop it "
			"there",
			r->facts.name, other.id);
	if (erase)
		replica_record_erase(r);
	else
		replica_end(r, REPLICA_GAVE_UP, NULL);
	return 0;
}

void replica_rejoin_set(struct replica *r, bool rejoin)
{
	r->machine.config.rejoin = rejoin;
	replica_run(r);
}

int replica_counter_want(struct replica *r, const char *name, uint64_t reserve_max,
	const struct stream_limits *stream, struct error *err)
{
	int rc;

	if (r->machine.known && r->machine.seen.counters_count >= r->facts.counters_max)
		return error_set(err, -ENOSPC,
			"pawld: %s: all %u counters are taken; stop the cluster and "
			"start "
			"it with a larger --counters-max",
			name, r->facts.counters_max);
	if (stream) {
		rc = streams_room_check(r, name, stream, err);
		if (rc)
			return rc;
	}
	/* What is not sent is known not to be made.  Only a write tells of trouble with writes. */
	if (r->store_trouble[0] && !r->store_unwritten_ns)
		return -EAGAIN;
	rc = epoch_counter_add(&r->machine, reserve_max, clock_now_ns());
	if (rc)
		return -EAGAIN;
	r->added = (struct catalog_entry){.name = ""};
	(void)snprintf(r->added.name, sizeof(r->added.name), "%s", name);
	if (stream)
		r->added.stream = *stream;
	return 0;
}

bool replica_counter_drop(struct replica *r, const char *name)
{
	if (strcmp(r->added.name, name) != 0)
		return true;
	return epoch_counter_drop(&r->machine);
}

bool replica_counter_awaited(const struct replica *r, const char *name)
{
	return strcmp(r->added.name, name) == 0 && epoch_counter_awaited(&r->machine);
}

void replica_counter_obstacle(const struct replica *r, char *text, size_t len)
{
	if (r->store_trouble[0])
		(void)snprintf(
			text, len, "the store can not be used: %s", r->store_trouble);
	else if (r->machine.known && r->machine.seen.phase != EPOCH_ACTIVE)
		(void)snprintf(text, len,
			"the chain is being changed; 'pawl status' shows what that waits "
			"for");
	else
		(void)snprintf(text, len,
			"the store does not answer: %s; look whether it runs and can be "
			"reached",
			r->config->store);
}

uint64_t replica_counter_jump(const struct replica *r, uint32_t index)
{
	const struct epoch_counter *c = &r->machine.seen.counters[index];

	/* Tickets between the two do not stand, though marks may have covered them (E5). */
	return c->base > c->stand ? c->base - c->stand : 0;
}

/* Which members of the newest chain have its numbers, for people. */
static void holders_name(const struct replica *r, char *text, size_t len)
{
	const struct epoch_chain *chain = &r->machine.seen.former;
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < chain->count && used < len; i++)
		used += (size_t)snprintf(text + used, len - used, "%s%u",
			i == 0		       ? ""
			: i + 1 < chain->count ? ", "
					       : " and ",
			chain->at[i].id);
}

/* Of a chain of one: its numbers were in the memory of an earlier life. */
static void waiting_for_memory(const struct replica *r, char *text, size_t len)
{
	const char *trouble = r->region_trouble[0] ? r->region_trouble
						   : "not on this host";
	bool damaged = r->region_lost != 0 && r->region_lost != -ENOENT;

	(void)snprintf(text, len,
		"the memory with the newest numbers is %s (%.*s). 'pawl admin recover "
		"%s' goes on above every number that was given out; 'pawl down --erase "
		"%s' forgets them",
		damaged ? "damaged" : "gone, as after a reboot",
		(int)strcspn(trouble, ";"), trouble, r->facts.name, r->facts.name);
}

static void waiting_for_members(const struct replica *r, char *text, size_t len)
{
	const struct epoch_chain *chain = &r->machine.seen.former;
	struct epoch_member member;
	char holders[80];

	if (first_living(r, &member)) {
		(void)snprintf(text, len, "%s",
			r->machine.config.rejoin
				? "asks to join the chain"
				: "stays out of the chain, which others serve; 'pawl "
				  "admin add' takes it in");
		return;
	}
	if (chain->count == 1 && chain->at[0].id == r->config->id) {
		waiting_for_memory(r, text, len);
		return;
	}
	holders_name(r, holders, sizeof(holders));
	(void)snprintf(text, len,
		"waits for a replica of the newest chain (%s), which had the numbers; "
		"start "
		"one of them where its memory still is, or, when all memory is lost, use "
		"'pawl admin recover %s'",
		holders, r->facts.name);
}

/* For long enough to be worth telling. */
static bool is_idle(const struct replica *r)
{
	return !r->served && clock_now_ns() - r->started_ns >= WAITING_NS;
}

/* The cluster has a chain, or had one, and this replica has nothing of it. */
static bool needs_members(const struct replica *r)
{
	return !r->store_trouble[0] && r->machine.known &&
	       r->machine.seen.former.count > 0 && !epoch_serving(&r->machine)->epoch;
}

bool replica_misses_chain(const struct replica *r)
{
	struct epoch_member member;

	return is_idle(r) && needs_members(r) && !first_living(r, &member);
}

void replica_waiting(const struct replica *r, char *text, size_t len)
{
	text[0] = '\0';
	if (!is_idle(r))
		return;
	if (r->store_trouble[0])
		(void)snprintf(
			text, len, "the store can not be used: %s", r->store_trouble);
	else if (needs_members(r))
		waiting_for_members(r, text, len);
}
