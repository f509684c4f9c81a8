#include "sequencer/core/kv_internal.h"

static int compare_two(uint64_t number, uint64_t second, const struct kv_probe *probe)
{
	if (probe->number != number)
		return probe->number < number ? -1 : 1;
	if (probe->second != second)
		return probe->second < second ? -1 : 1;
	return 0;
}

static int compare_of_lock(
	const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	const struct kv_waiter *waiter = kv_pool_at(tree->pool, item);

	return compare_two(waiter->lock, waiter->position, probe);
}

static int compare_of_session(
	const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	const struct kv_waiter *waiter = kv_pool_at(tree->pool, item);

	return compare_two(waiter->session, waiter->lock, probe);
}

void kv_waiters_init(struct kv *kv, void *waiters, uint32_t max)
{
	kv_pool_init(&kv->waiters, waiters, sizeof(struct kv_waiter), max);
	kv->waiters_of_lock = (struct kv_tree){.compare = compare_of_lock,
		.pool = &kv->waiters,
		.node_at = offsetof(struct kv_waiter, of_lock),
		.root = KV_NONE};
	kv->waiters_of_session = (struct kv_tree){.compare = compare_of_session,
		.pool = &kv->waiters,
		.node_at = offsetof(struct kv_waiter, of_session),
		.root = KV_NONE};
}

static uint32_t lock_number(const struct kv *kv, const struct kv_entry *lock)
{
	return kv_pool_number(&kv->locks.pool, lock);
}

void kv_waiter_add(
	struct kv *kv, struct kv_entry *lock, uint64_t session, uint64_t position)
{
	uint32_t number = lock_number(kv, lock);
	struct kv_probe of_lock = {.number = number, .second = position};
	struct kv_probe of_session = {.number = session, .second = number};
	uint32_t item = kv_pool_take(&kv->waiters);
	struct kv_waiter *waiter = kv_pool_at(&kv->waiters, item);

	PAWL_ASSERT(lock->session != 0 && lock->session != session); /* I6 */
	*waiter = (struct kv_waiter){
		.session = session, .position = position, .lock = number};
	kv_tree_insert(&kv->waiters_of_lock, &of_lock, item);
	kv_tree_insert(&kv->waiters_of_session, &of_session, item);
	lock->waiters++;
}

static struct kv_waiter *waiter_at(const struct kv *kv, uint32_t item)
{
	return item == KV_NONE ? NULL : kv_pool_at(&kv->waiters, item);
}

struct kv_waiter *kv_waiter_find(
	const struct kv *kv, const struct kv_entry *lock, uint64_t session)
{
	struct kv_probe probe = {.number = session, .second = lock_number(kv, lock)};

	return waiter_at(kv, kv_tree_find(&kv->waiters_of_session, &probe));
}

struct kv_waiter *kv_waiter_next(
	const struct kv *kv, const struct kv_entry *lock, uint64_t position)
{
	struct kv_probe probe = {.number = lock_number(kv, lock), .second = position};
	struct kv_waiter *waiter = waiter_at(
		kv, kv_tree_first(&kv->waiters_of_lock, &probe, true));

	return waiter && waiter->lock == probe.number ? waiter : NULL;
}

struct kv_waiter *kv_waiter_any(const struct kv *kv, uint64_t session)
{
	struct kv_probe probe = {.number = session};
	struct kv_waiter *waiter = waiter_at(
		kv, kv_tree_first(&kv->waiters_of_session, &probe, false));

	return waiter && waiter->session == session ? waiter : NULL;
}

void kv_waiter_remove(struct kv *kv, struct kv_waiter *waiter)
{
	struct kv_entry *lock = kv_pool_at(&kv->locks.pool, waiter->lock);
	struct kv_probe of_lock = {.number = waiter->lock, .second = waiter->position};
	struct kv_probe of_session = {.number = waiter->session, .second = waiter->lock};

	kv_tree_remove(&kv->waiters_of_lock, &of_lock);
	kv_tree_remove(&kv->waiters_of_session, &of_session);
	lock->waiters--;
	kv_pool_give(&kv->waiters, kv_pool_number(&kv->waiters, waiter));
}
