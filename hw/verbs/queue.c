/* What a link needs to hold operations in flight; nothing is allocated after this. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hw/verbs/verbs_internal.h"

/* Those of the longest put, cut at borders of the hot words too. */
static uint32_t put_requests_max(const struct verbs_device *device)
{
	return (uint32_t)(LINK_PUT_MAX / device->request_max) + VERBS_PARTS_MAX;
}

static int depth_check(const struct verbs_device *device,
	const struct link_config *config, struct error *err)
{
	const struct ibv_device_attr *limits = &device->limits.orig_attr;
	int allowed = limits->max_qp_wr < limits->max_cqe ? limits->max_qp_wr
							  : limits->max_cqe;
	uint64_t requests = (uint64_t)config->depth * VERBS_PARTS_MAX +
			    put_requests_max(device);

	if (config->depth < 1 || config->depth > LINK_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"verbs: link: depth %u: Invalid argument; use 1 to %d operations",
			config->depth, LINK_DEPTH_MAX);
	if (requests > (uint64_t)allowed)
		return error_set(err, -EINVAL,
			"verbs: %s: depth %u: Invalid argument; the device allows %d "
			"operations",
			device->name, config->depth,
			(allowed - (int)put_requests_max(device)) / VERBS_PARTS_MAX);
	return 0;
}

/* Only puts and operations on both sides of a border of the hot words take more than a pair. */
static uint32_t requests_max(const struct verbs_link *link)
{
	return link->depth * verbs_requests_each(link) + link->extra_max;
}

static uint32_t ring_size(uint32_t depth)
{
	uint32_t size = 1;

	while (size < depth)
		size *= 2;
	return size;
}

/* One small slot per ring entry, then the bulk slots, registered as one. */
static int staging_create(
	struct verbs_device *device, struct verbs_link *link, struct error *err)
{
	size_t small_len = (size_t)(link->mask + 1) * VERBS_SMALL;

	link->staging_len = small_len + VERBS_BULK_COUNT * LINK_TRANSFER_MAX;
	link->staging = mmap(NULL, link->staging_len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (link->staging == MAP_FAILED) {
		link->staging = NULL;
		return error_set(err, -ENOMEM,
			"verbs: link: no memory for %zu bytes of staging",
			link->staging_len);
	}
	link->small = link->staging;
	link->bulk = link->small + small_len;
	link->staging_mr = ibv_reg_mr(
		device->pd, link->staging, link->staging_len, IBV_ACCESS_LOCAL_WRITE);
	if (!link->staging_mr)
		return verbs_pin_error(device, link->staging_len, -errno, err);
	return 0;
}

static void atomic_prepare(struct verbs_link *link)
{
	link->atomic_sge.length = 8;
	link->atomic_sge.lkey = link->staging_mr->lkey;
	link->atomic.sg_list = &link->atomic_sge;
	link->atomic.num_sge = 1;
}

/* The word of a write_read and what is read lie side by side in the operation's slot. */
static void pair_prepare(struct verbs_link *link)
{
	for (int i = 0; i < VERBS_PAIR; i++) {
		link->pair_sges[i].length = 8;
		link->pair_sges[i].lkey = link->staging_mr->lkey;
		link->pair[i].sg_list = &link->pair_sges[i];
		link->pair[i].num_sge = 1;
	}
	link->pair[0].next = &link->pair[1];
	link->pair[0].opcode = IBV_WR_RDMA_WRITE;
	link->pair[1].opcode = IBV_WR_RDMA_READ;
	link->pair[1].send_flags = IBV_SEND_SIGNALED;
}

int verbs_queue_create(struct verbs_device *device, struct verbs_link *link,
	const struct link_config *config, struct error *err)
{
	int rc = depth_check(device, config, err);

	if (rc)
		return rc;
	link->depth = config->depth;
	link->mask = ring_size(config->depth) - 1;
	link->big_endian = device->big_endian;
	link->request_max = device->request_max;
	link->extra_max = put_requests_max(device);
	link->ops = calloc(link->mask + 1, sizeof(*link->ops));
	if (!link->ops)
		return error_set(err, -ENOMEM, "verbs: link: no memory for %u operations",
			config->depth);
	rc = staging_create(device, link, err);
	if (rc)
		return rc;
	atomic_prepare(link);
	pair_prepare(link);
	link->cq = ibv_create_cq(device->context, (int)requests_max(link), NULL, NULL, 0);
	if (!link->cq)
		return error_set(err, -ENOMEM, "verbs: %s: no completion queue left: %s",
			device->name, error_reason(-errno));
	return 0;
}

int verbs_queue_attach(struct verbs_device *device, struct verbs_link *link)
{
	static const uint32_t inline_sizes[] = {VERBS_INLINE_MAX, VERBS_SMALL, 0};
	struct rdma_cm_id *id = link->endpoint.id;

	for (size_t i = 0; i < sizeof(inline_sizes) / sizeof(inline_sizes[0]); i++) {
		struct ibv_qp_init_attr init = {
			.send_cq = link->cq,
			.recv_cq = link->cq,
			.qp_type = IBV_QPT_RC,
			.cap = {.max_send_wr = requests_max(link),
				.max_recv_wr = 1,
				.max_send_sge = 1,
				.max_recv_sge = 1,
				.max_inline_data = inline_sizes[i]},
		};

		if (rdma_create_qp(id, device->pd, &init) == 0) {
			link->qp = id->qp;
			link->inline_max = init.cap.max_inline_data;
			return 0;
		}
	}
	return -errno;
}

void verbs_queue_destroy(struct verbs_link *link)
{
	if (link->endpoint.id && link->endpoint.id->qp)
		rdma_destroy_qp(link->endpoint.id);
	if (link->cq)
		(void)ibv_destroy_cq(link->cq);
	if (link->staging_mr)
		(void)ibv_dereg_mr(link->staging_mr);
	if (link->staging)
		(void)munmap(link->staging, link->staging_len);
	free(link->ops);
}
