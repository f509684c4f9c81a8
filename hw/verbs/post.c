/*
 * The posting half of the data path, but for puts.  One operation is one signaled work
 * request, except a write_read and one that crosses the border of the hot words.
 *
 * Order (M2): the responder executes requests as they were sent, and may execute a read
 * again when its answer was lost.  So that a read never sees what was posted after it, an
 * operation that changes bytes of a read still in flight carries a fence; likewise a
 * write onto the word of an atomic in flight.  Other operations need none.
 */
#include <errno.h>
#include <string.h>

#include "hw/verbs/verbs_internal.h"

static bool overlaps(const struct verbs_op *op, uint64_t offset, size_t len)
{
	return offset < op->offset + op->len && op->offset < offset + len;
}

static bool fence_found(const struct verbs_link *link, enum verbs_op_kind kind,
	uint64_t offset, size_t len)
{
	for (uint64_t n = link->completed; n != link->posted; n++) {
		const struct verbs_op *op = &link->ops[n & link->mask];
		bool ordered = op->kind == VERBS_WRITE ||
			       (op->kind == VERBS_ATOMIC && kind == VERBS_ATOMIC);

		if (!ordered && overlaps(op, offset, len))
			return true;
	}
	return false;
}

static unsigned int fence_flag(const struct verbs_link *link, enum verbs_op_kind kind,
	uint64_t offset, size_t len)
{
	bool possible = link->reads || (kind == VERBS_WRITE && link->atomics);

	return possible && fence_found(link, kind, offset, len) ? IBV_SEND_FENCE : 0;
}

unsigned int verbs_write_fence(const struct verbs_link *link, uint64_t offset, size_t len)
{
	return fence_flag(link, VERBS_WRITE, offset, len);
}

/* Whether another operation may be posted now: 0, -EAGAIN or -ENOTCONN. */
int verbs_link_room(const struct verbs_link *link)
{
	if (!link->up)
		return -ENOTCONN;
	return link->posted - link->completed < link->depth ? 0 : -EAGAIN;
}

static int word_place(const struct verbs_link *link, uint64_t offset)
{
	if (offset % 8)
		return -EINVAL;
	return verbs_target_holds(&link->target, offset, 8) ? 0 : -ERANGE;
}

static int word_check(const struct verbs_link *link, uint64_t offset)
{
	int rc = word_place(link, offset);

	return rc ? rc : verbs_link_room(link);
}

struct verbs_op *verbs_op_next(
	struct verbs_link *link, enum verbs_op_kind kind, uint64_t offset, size_t len)
{
	struct verbs_op *op = &link->ops[link->posted & link->mask];

	op->offset = offset;
	op->len = (uint32_t)len;
	op->kind = (uint8_t)kind;
	op->bulk = false;
	op->extra = 0;
	op->staging = link->small + (link->posted & link->mask) * VERBS_SMALL;
	return op;
}

/*
 * The queue was sized for them, so a refusal means that the queue pair is broken: what is in
 * flight is completed as failed.
 */
int verbs_requests_post(struct verbs_link *link, struct ibv_send_wr *requests)
{
	struct ibv_send_wr *bad;

	if (ibv_post_send(link->qp, requests, &bad) == 0)
		return 0;
	link->up = false;
	link->ended = true;
	if (!link->failure)
		link->failure = -EIO;
	return -ENOTCONN;
}

/* Posts the requests of the next operation. */
static int link_post(struct verbs_link *link, struct ibv_send_wr *request)
{
	int rc = verbs_requests_post(link, request);

	link->posted += rc == 0;
	return rc;
}

static int post_atomic(struct verbs_link *link, enum ibv_wr_opcode opcode,
	uint64_t offset, uint64_t first, uint64_t second, uint64_t cookie)
{
	struct ibv_send_wr *request = &link->atomic;
	struct verbs_op *op;
	int rc = word_check(link, offset);

	if (rc)
		return rc;
	op = verbs_op_next(link, VERBS_ATOMIC, offset, 8);
	op->cookie = cookie;
	link->atomic_sge.addr = (uintptr_t)op->staging;
	request->wr_id = link->posted;
	request->opcode = opcode;
	request->send_flags = IBV_SEND_SIGNALED |
			      fence_flag(link, VERBS_ATOMIC, offset, 8);
	request->wr.atomic.compare_add = first;
	request->wr.atomic.swap = second;
	verbs_target_word(&link->target, offset, &request->wr.atomic.remote_addr,
		&request->wr.atomic.rkey);
	rc = link_post(link, request);
	link->atomics += rc == 0;
	return rc;
}

int verbs_fetch_add(struct link *base, uint64_t offset, uint64_t n, uint64_t cookie)
{
	return post_atomic(
		verbs_link_of(base), IBV_WR_ATOMIC_FETCH_AND_ADD, offset, n, 0, cookie);
}

int verbs_compare_swap(struct link *base, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie)
{
	return post_atomic(verbs_link_of(base), IBV_WR_ATOMIC_CMP_AND_SWP, offset,
		expected, desired, cookie);
}

static int range_check(const struct verbs_link *link, uint64_t offset, size_t len)
{
	if (len == 0 || len > LINK_TRANSFER_MAX)
		return -EINVAL;
	if (!verbs_target_holds(&link->target, offset, len))
		return -ERANGE;
	return verbs_link_room(link);
}

/* Longer operations take a bulk slot; in order, like everything on a link. */
static int bulk_take(struct verbs_link *link, struct verbs_op *op)
{
	if (op->len <= VERBS_SMALL)
		return 0;
	if (link->bulk_used == VERBS_BULK_COUNT)
		return -EAGAIN;
	op->bulk = true;
	op->staging = link->bulk + (size_t)link->bulk_next * LINK_TRANSFER_MAX;
	return 0;
}

static void bulk_keep(struct verbs_link *link, const struct verbs_op *op)
{
	if (!op->bulk)
		return;
	link->bulk_used++;
	link->bulk_next = (link->bulk_next + 1) % VERBS_BULK_COUNT;
}

/* Posts a read or write between @local and the range, as one request or, rarely, more. */
static int post_range(struct verbs_link *link, enum ibv_wr_opcode opcode, uint64_t offset,
	const uint8_t *local, size_t len, unsigned int flags)
{
	struct ibv_send_wr requests[VERBS_PARTS_MAX] = {0};
	struct ibv_sge sges[VERBS_PARTS_MAX];
	struct verbs_part parts[VERBS_PARTS_MAX];
	int count = verbs_target_split(&link->target, offset, len, parts);

	for (int i = 0; i < count; i++) {
		bool last = i == count - 1;

		sges[i].addr = (uintptr_t)local;
		sges[i].length = (uint32_t)parts[i].len;
		sges[i].lkey = link->staging_mr->lkey;
		requests[i].wr_id = link->posted;
		requests[i].next = last ? NULL : &requests[i + 1];
		requests[i].sg_list = &sges[i];
		requests[i].num_sge = 1;
		requests[i].opcode = opcode;
		requests[i].send_flags = flags | (last ? IBV_SEND_SIGNALED : 0);
		requests[i].wr.rdma.remote_addr = parts[i].remote;
		requests[i].wr.rdma.rkey = parts[i].key;
		local += parts[i].len;
	}
	return link_post(link, requests);
}

int verbs_write(struct link *base, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	struct verbs_link *link = verbs_link_of(base);
	unsigned int flags;
	struct verbs_op *op;
	int rc = range_check(link, offset, len);

	if (rc)
		return rc;
	flags = fence_flag(link, VERBS_WRITE, offset, len);
	op = verbs_op_next(link, VERBS_WRITE, offset, len);
	op->cookie = cookie;
	if (len <= link->inline_max)
		return post_range(link, IBV_WR_RDMA_WRITE, offset, bytes, len,
			flags | IBV_SEND_INLINE);
	rc = bulk_take(link, op);
	if (rc)
		return rc;
	memcpy(op->staging, bytes, len);
	rc = post_range(link, IBV_WR_RDMA_WRITE, offset, op->staging, len, flags);
	if (!rc)
		bulk_keep(link, op);
	return rc;
}

int verbs_read(
	struct link *base, uint64_t offset, void *bytes, size_t len, uint64_t cookie)
{
	struct verbs_link *link = verbs_link_of(base);
	struct verbs_op *op;
	int rc = range_check(link, offset, len);

	if (rc)
		return rc;
	op = verbs_op_next(link, VERBS_READ, offset, len);
	op->cookie = cookie;
	op->out = bytes;
	rc = bulk_take(link, op);
	if (!rc)
		rc = post_range(link, IBV_WR_RDMA_READ, offset, op->staging, len, 0);
	if (rc)
		return rc;
	bulk_keep(link, op);
	link->reads++;
	return 0;
}

/*
 * One list for the card: the write asks for no completion, the read's speaks for both.  In
 * flight it is a read, since that is all that later operations may have to wait for.
 */
static int post_pair(struct verbs_link *link, struct verbs_op *op, uint64_t write_offset,
	unsigned int write_flags)
{
	struct ibv_send_wr *write = &link->pair[0], *read = &link->pair[1];
	int rc;

	write->wr_id = link->posted;
	write->send_flags = write_flags;
	if (link->inline_max >= 8)
		write->send_flags |= IBV_SEND_INLINE;
	link->pair_sges[0].addr = (uintptr_t)(op->staging + 8);
	verbs_target_word(&link->target, write_offset, &write->wr.rdma.remote_addr,
		&write->wr.rdma.rkey);
	read->wr_id = link->posted;
	link->pair_sges[1].addr = (uintptr_t)op->staging;
	verbs_target_word(&link->target, op->offset, &read->wr.rdma.remote_addr,
		&read->wr.rdma.rkey);
	rc = link_post(link, write);
	link->reads += rc == 0;
	return rc;
}

int verbs_write_read(struct link *base, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie)
{
	struct verbs_link *link = verbs_link_of(base);
	unsigned int write_flags;
	struct verbs_op *op;
	int rc = word_place(link, write_offset);

	if (!rc)
		rc = word_check(link, read_offset);
	if (rc)
		return rc;
	write_flags = fence_flag(link, VERBS_WRITE, write_offset, 8);
	op = verbs_op_next(link, VERBS_READ, read_offset, 8);
	op->cookie = cookie;
	op->out = bytes;
	memcpy(op->staging + 8, &word, sizeof(word));
	return post_pair(link, op, write_offset, write_flags);
}
