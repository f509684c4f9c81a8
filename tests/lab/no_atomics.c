/*
 * Preloaded into a program, makes its RDMA device one without atomics: the answer to the
 * question for the device's limits is changed on its way.
 */
#include <dlfcn.h>
#include <string.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

typedef int (*query_fn)(struct ibv_context *context,
	const struct ibv_query_device_ex_input *input, struct ibv_device_attr_ex *attr,
	size_t attr_size);
typedef int (*bind_fn)(struct rdma_cm_id *id, struct sockaddr *address);

static query_fn device_query;

static int query_without_atomics(struct ibv_context *context,
	const struct ibv_query_device_ex_input *input, struct ibv_device_attr_ex *attr,
	size_t attr_size)
{
	int rc = device_query(context, input, attr, attr_size);

	attr->orig_attr.atomic_cap = IBV_ATOMIC_NONE;
	return rc;
}

__attribute__((visibility("default"))) int rdma_bind_addr(
	struct rdma_cm_id *id, struct sockaddr *address)
{
	struct verbs_context *context;
	bind_fn bind_really;
	void *symbol = dlsym(RTLD_NEXT, "rdma_bind_addr");
	int rc;

	memcpy(&bind_really, &symbol, sizeof(bind_really));
	rc = bind_really(id, address);
	context = !rc && id->verbs ? verbs_get_ctx(id->verbs) : NULL;
	if (context && context->query_device_ex != query_without_atomics) {
		device_query = context->query_device_ex;
		context->query_device_ex = query_without_atomics;
	}
	return rc;
}
