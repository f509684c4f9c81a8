/* The peer's side: connecting and the bare loops. */
#include "bench/raw_verbs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bench/raw_verbs_internal.h"
#include "hw/clock.h"
#include "hw/verbs/find.h"

#define STALL_NS UINT64_C(10000000000)
#define EMPTY_POLLS 65536 /* between two looks at the clock */
#define RESOLVE_MS 2000
#define ACK_EXPONENT 16 /* 268 ms for one try */
#define RETRY_COUNT 6
#define BATCH 16

struct raw_verbs {
	struct rdma_event_channel *channel;
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct raw_verbs_target target;
	unsigned int depth;
	uint64_t *words;     /* results of fetch-adds, one for each in flight */
	uint64_t *posted_ns; /* when each was posted */
};

/* Waits for the next event, which must be @wanted. */
static int event_expect(struct raw_verbs *raw, enum rdma_cm_event_type wanted)
{
	struct pollfd fd = {.fd = raw->channel->fd, .events = POLLIN};
	struct rdma_cm_event *event;
	enum rdma_cm_event_type type;

	if (poll(&fd, 1, (int)(STALL_NS / 1000000)) != 1)
		return -ETIMEDOUT;
	if (rdma_get_cm_event(raw->channel, &event))
		return -errno;
	type = event->event;
	(void)rdma_ack_cm_event(event);
	return type == wanted ? 0 : -ECONNREFUSED;
}

static int address_resolve(struct raw_verbs *raw, union verbs_sockaddr *owner)
{
	uint8_t exponent = ACK_EXPONENT;
	int rc;

	raw->channel = rdma_create_event_channel();
	if (!raw->channel || rdma_create_id(raw->channel, &raw->id, NULL, RDMA_PS_TCP))
		return -errno;
	if (rdma_set_option(raw->id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT,
		    &exponent, sizeof(exponent)) ||
		rdma_resolve_addr(raw->id, NULL, &owner->any, RESOLVE_MS))
		return -errno;
	rc = event_expect(raw, RDMA_CM_EVENT_ADDR_RESOLVED);
	if (rc)
		return rc;
	if (rdma_resolve_route(raw->id, RESOLVE_MS))
		return -errno;
	return event_expect(raw, RDMA_CM_EVENT_ROUTE_RESOLVED);
}

static int queue_create(struct raw_verbs *raw)
{
	struct ibv_qp_init_attr init = {.qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = raw->depth + 1,
			.max_recv_wr = 1,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = 8}};
	struct ibv_context *context = raw->id->verbs;
	size_t len = (raw->depth + 1) * sizeof(*raw->words);

	raw->words = aligned_alloc(64, (len + 63) / 64 * 64);
	raw->posted_ns = calloc(raw->depth, sizeof(*raw->posted_ns));
	if (!raw->words || !raw->posted_ns)
		return -ENOMEM;
	raw->pd = ibv_alloc_pd(context);
	if (raw->pd)
		raw->mr = ibv_reg_mr(raw->pd, raw->words, len, IBV_ACCESS_LOCAL_WRITE);
	raw->cq = ibv_create_cq(context, (int)raw->depth + 1, NULL, NULL, 0);
	if (!raw->mr || !raw->cq)
		return -ENOMEM;
	init.send_cq = init.recv_cq = raw->cq;
	return rdma_create_qp(raw->id, raw->pd, &init) ? -errno : 0;
}

static int connection_make(struct raw_verbs *raw)
{
	struct rdma_conn_param param = {
		.retry_count = RETRY_COUNT, .rnr_retry_count = RETRY_COUNT};
	struct ibv_device_attr limits;

	if (ibv_query_device(raw->id->verbs, &limits))
		return -EIO;
	param.initiator_depth = raw_verbs_clamp(limits.max_qp_init_rd_atom);
	if (rdma_connect(raw->id, &param))
		return -errno;
	return event_expect(raw, RDMA_CM_EVENT_ESTABLISHED);
}

int raw_verbs_open(const char *address, unsigned int depth, struct raw_verbs **raw_p,
	struct error *err)
{
	union verbs_sockaddr owner;
	struct raw_verbs *raw;
	int rc;

	if (depth < 1 || depth > RAW_VERBS_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"raw: depth %u: Invalid argument; use 1 to %d operations", depth,
			RAW_VERBS_DEPTH_MAX);
	raw = calloc(1, sizeof(*raw));
	if (!raw)
		return error_set(err, -ENOMEM, "raw: no memory for a connection");
	raw->depth = depth;
	rc = raw_verbs_target_read(address, &raw->target, &owner);
	if (!rc)
		rc = address_resolve(raw, &owner);
	if (!rc)
		rc = queue_create(raw);
	if (!rc)
		rc = connection_make(raw);
	if (rc) {
		raw_verbs_close(raw);
		return error_set(err, rc,
			"raw: '%.200s': can not connect: %s; is its server running?",
			address, error_reason(rc));
	}
	*raw_p = raw;
	return 0;
}

void raw_verbs_close(struct raw_verbs *raw)
{
	if (raw->id && raw->id->qp) {
		(void)rdma_disconnect(raw->id);
		rdma_destroy_qp(raw->id);
	}
	if (raw->cq)
		(void)ibv_destroy_cq(raw->cq);
	if (raw->mr)
		(void)ibv_dereg_mr(raw->mr);
	if (raw->pd)
		(void)ibv_dealloc_pd(raw->pd);
	if (raw->id)
		(void)rdma_destroy_id(raw->id);
	if (raw->channel)
		rdma_destroy_event_channel(raw->channel);
	free(raw->words);
	free(raw->posted_ns);
	free(raw);
}

/* The request that every fetch-add of a run is made from. */
static void request_prepare(
	const struct raw_verbs *raw, struct ibv_send_wr *request, struct ibv_sge *sge)
{
	memset(request, 0, sizeof(*request));
	sge->length = 8;
	sge->lkey = raw->mr->lkey;
	request->sg_list = sge;
	request->num_sge = 1;
	request->opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
	request->send_flags = IBV_SEND_SIGNALED;
	request->wr.atomic.remote_addr = raw->target.base + RAW_VERBS_COUNTER;
	request->wr.atomic.rkey = raw->target.key;
	request->wr.atomic.compare_add = 1;
}

/* Polls up to BATCH completions, at least one. */
static int completions_wait(struct raw_verbs *raw, int *count_p)
{
	struct ibv_wc wc[BATCH];
	uint64_t begin = 0;

	for (uint32_t polls = 0;; polls++) {
		int got = ibv_poll_cq(raw->cq, BATCH, wc);

		for (int i = 0; i < got; i++) {
			if (wc[i].status != IBV_WC_SUCCESS)
				return -EIO;
		}
		if (got) {
			*count_p = got;
			return got < 0 ? -EIO : 0;
		}
		if (polls % EMPTY_POLLS != EMPTY_POLLS - 1)
			continue;
		if (begin == 0)
			begin = clock_now_ns();
		else if (clock_now_ns() - begin > STALL_NS)
			return -ETIMEDOUT;
	}
}

int raw_verbs_run(struct raw_verbs *raw, uint64_t operations, uint64_t *values,
	uint64_t *latencies_ns)
{
	struct ibv_send_wr request, *bad;
	struct ibv_sge sge;
	uint64_t posted = 0, done = 0;

	request_prepare(raw, &request, &sge);
	while (done < operations) {
		int got = 0, rc;

		for (; posted < operations && posted - done < raw->depth; posted++) {
			uint64_t slot = posted % raw->depth;

			sge.addr = (uintptr_t)&raw->words[slot];
			request.wr_id = posted;
			if (latencies_ns)
				raw->posted_ns[slot] = clock_now_ns();
			if (ibv_post_send(raw->id->qp, &request, &bad))
				return -EIO;
		}
		rc = completions_wait(raw, &got);
		if (rc)
			return rc;
		for (; got > 0; got--, done++) {
			uint64_t slot = done % raw->depth;

			if (values)
				values[done] = raw->words[slot];
			if (latencies_ns)
				latencies_ns[done] = clock_now_ns() -
						     raw->posted_ns[slot];
		}
	}
	return 0;
}

/* Posts a write of @value to the mark and a read of the state; one completion. */
static int pair_post(struct raw_verbs *raw, uint64_t value)
{
	uint64_t *word = &raw->words[raw->depth]; /* where the state goes */
	struct ibv_sge sges[2] = {
		{.addr = (uintptr_t)&value, .length = 8},
		{.addr = (uintptr_t)word, .length = 8, .lkey = raw->mr->lkey},
	};
	struct ibv_send_wr requests[2], *bad;

	memset(requests, 0, sizeof(requests));
	requests[0].next = &requests[1];
	requests[0].sg_list = &sges[0];
	requests[0].num_sge = 1;
	requests[0].opcode = IBV_WR_RDMA_WRITE;
	requests[0].send_flags = IBV_SEND_INLINE;
	requests[0].wr.rdma.remote_addr = raw->target.base + RAW_VERBS_MARK;
	requests[0].wr.rdma.rkey = raw->target.key;
	requests[1].sg_list = &sges[1];
	requests[1].num_sge = 1;
	requests[1].opcode = IBV_WR_RDMA_READ;
	requests[1].send_flags = IBV_SEND_SIGNALED;
	requests[1].wr.rdma.remote_addr = raw->target.base + RAW_VERBS_STATE;
	requests[1].wr.rdma.rkey = raw->target.key;
	return ibv_post_send(raw->id->qp, requests, &bad) ? -EIO : 0;
}

/* At all backups, and until all have answered. */
static int pairs_run(struct raw_verbs *const *backups, unsigned int count, uint64_t value)
{
	int rc = 0, got = 0;

	for (unsigned int i = 0; i < count && !rc; i++)
		rc = pair_post(backups[i], value);
	for (unsigned int i = 0; i < count && !rc; i++)
		rc = completions_wait(backups[i], &got);
	return rc;
}

int raw_verbs_run_pair(struct raw_verbs *head, struct raw_verbs *const *backups,
	unsigned int count, uint64_t operations, uint64_t *values, uint64_t *latencies_ns)
{
	for (uint64_t i = 0; i < operations; i++) {
		uint64_t begin = latencies_ns ? clock_now_ns() : 0;
		uint64_t value;
		int rc = raw_verbs_run(head, 1, &value, NULL);

		if (!rc)
			rc = pairs_run(backups, count, value + 1);
		if (rc)
			return rc;
		if (values)
			values[i] = value;
		if (latencies_ns)
			latencies_ns[i] = clock_now_ns() - begin;
	}
	return 0;
}
