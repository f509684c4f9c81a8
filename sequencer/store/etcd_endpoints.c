#include "sequencer/store/etcd_endpoints.h"

#include <errno.h>
#include <string.h>

#include "hw/clock.h"

void etcd_endpoints_init(struct etcd_endpoints *endpoints, unsigned int count)
{
	memset(endpoints, 0, sizeof(*endpoints));
	endpoints->count = count;
}

int etcd_endpoints_pick(
	struct etcd_endpoints *endpoints, uint64_t now_ns, uint64_t *rested_ns_p)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int i = 0; i < endpoints->count; i++) {
		unsigned int index = (endpoints->current + i) % endpoints->count;
		uint64_t rested_ns = endpoints->each[index].rested_ns;

		if (rested_ns <= now_ns) {
			endpoints->current = index;
			return (int)index;
		}
		if (rested_ns < first)
			first = rested_ns;
	}
	*rested_ns_p = first;
	return -EAGAIN;
}

void etcd_endpoints_answered(struct etcd_endpoints *endpoints, unsigned int index)
{
	endpoints->each[index].failures = 0;
	endpoints->each[index].rested_ns = 0;
}

static uint64_t rest_ms(unsigned int failures)
{
	uint64_t rest = ETCD_REST_FIRST_MS;

	while (--failures > 0 && rest < ETCD_REST_MAX_MS)
		rest *= 2;
	return rest < ETCD_REST_MAX_MS ? rest : ETCD_REST_MAX_MS;
}

void etcd_endpoints_failed(
	struct etcd_endpoints *endpoints, unsigned int index, uint64_t now_ns)
{
	unsigned int failures = ++endpoints->each[index].failures;

	endpoints->each[index].rested_ns = now_ns + rest_ms(failures) * NS_PER_MS;
	if (endpoints->current == index)
		endpoints->current = (index + 1) % endpoints->count;
}
