/*
 * Puts: writes straight from registered memory.  One request, unless it is longer than the
 * device's longest or crosses a border of the hot words at the target.
 */
#include <errno.h>

#include "hw/verbs/verbs_internal.h"

#define PUT_LIST 4 /* requests handed to the card at once */

/* A put that is being posted. */
struct put {
	struct verbs_link *link;
	uint64_t local;
	uint32_t key;
	uint32_t left; /* requests that are still to come */
	unsigned int flags;
	int count; /* requests on the list */
	struct ibv_send_wr list[PUT_LIST];
	struct ibv_sge sges[PUT_LIST];
};

static uint32_t requests_count(
	const struct verbs_link *link, const struct verbs_part *parts, int count)
{
	uint64_t requests = 0;

	for (int i = 0; i < count; i++)
		requests += (parts[i].len + link->request_max - 1) / link->request_max;
	return (uint32_t)requests;
}

static int list_post(struct put *put)
{
	put->list[put->count - 1].next = NULL;
	put->count = 0;
	return verbs_requests_post(put->link, put->list);
}

static int request_add(struct put *put, uint64_t remote, uint32_t key, uint32_t len)
{
	struct ibv_send_wr *request = &put->list[put->count];
	struct ibv_sge *sge = &put->sges[put->count];
	bool last = --put->left == 0;

	*sge = (struct ibv_sge){.addr = put->local, .length = len, .lkey = put->key};
	request->wr_id = put->link->posted;
	request->next = request + 1;
	request->sg_list = sge;
	request->num_sge = 1;
	request->opcode = IBV_WR_RDMA_WRITE;
	request->send_flags = put->flags | (last ? IBV_SEND_SIGNALED : 0);
	request->wr.rdma.remote_addr = remote;
	request->wr.rdma.rkey = key;
	put->local += len;
	put->count++;
	return last || put->count == PUT_LIST ? list_post(put) : 0;
}

static int part_post(struct put *put, const struct verbs_part *part)
{
	int rc = 0;

	for (size_t done = 0; done < part->len && !rc;) {
		size_t left = part->len - done;
		uint32_t len = left < put->link->request_max ? (uint32_t)left
							     : put->link->request_max;

		rc = request_add(put, part->remote + done, part->key, len);
		done += len;
	}
	return rc;
}

static int parts_post(struct put *put, const struct verbs_part *parts, int count)
{
	int rc = 0;

	for (int i = 0; i < count && !rc; i++)
		rc = part_post(put, &parts[i]);
	return rc;
}

static int put_check(const struct verbs_link *link, uint64_t offset,
	const struct memory *source, uint64_t source_offset, size_t len)
{
	int rc = memory_source_check(source, &link->base, source_offset, len);

	if (rc)
		return rc;
	if (!verbs_target_holds(&link->target, offset, len))
		return -ERANGE;
	return verbs_link_room(link);
}

int verbs_put(struct link *base, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	struct verbs_link *link = verbs_link_of(base);
	struct verbs_part parts[VERBS_PARTS_MAX];
	struct verbs_op *op;
	struct put put;
	uint32_t extra;
	int count, rc = put_check(link, offset, source, source_offset, len);

	if (rc)
		return rc;
	count = verbs_target_split(&link->target, offset, len, parts);
	put.link = link;
	put.local = verbs_memory_of(source)->where.target.base + source_offset;
	put.key = verbs_memory_of(source)->source_mr->lkey;
	put.left = requests_count(link, parts, count);
	put.flags = verbs_write_fence(link, offset, len);
	put.count = 0;
	extra = put.left > verbs_requests_each(link)
			? put.left - verbs_requests_each(link)
			: 0;
	if (extra > link->extra_max - link->extra_used)
		return -EAGAIN;
	op = verbs_op_next(link, VERBS_WRITE, offset, len);
	op->cookie = cookie;
	op->extra = (uint16_t)extra;
	rc = parts_post(&put, parts, count);
	if (rc)
		return rc;
	link->extra_used += extra;
	link->posted++;
	return 0;
}
