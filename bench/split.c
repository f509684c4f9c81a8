#include "bench/split.h"

#include <errno.h>
#include <inttypes.h>

static const char *const names[SPLIT_PARTS] = {
	"detect", "claim", "seal", "install", "activate", "client", "total", "gap"};

const char *split_name(enum split_part part)
{
	return names[part];
}

static int out_of_order(
	const char *name, uint64_t from_ns, uint64_t to_ns, struct error *err)
{
	return error_set(err, -ERANGE,
		"bench: takeover: its %s ends %" PRIu64
		" ns before it begins: another change of the chain came between; run it "
		"again",
		name, from_ns - to_ns);
}

int split_make(const struct split_moments *m, uint64_t *parts_ns, struct error *err)
{
	const uint64_t steps_ns[] = {m->killed_ns, m->noticed_ns, m->claimed_ns,
		m->sealed_ns, m->installed_ns, m->activated_ns, m->first_ns};

	for (int part = SPLIT_DETECT; part <= SPLIT_CLIENT; part++) {
		if (steps_ns[part + 1] < steps_ns[part])
			return out_of_order(
				names[part], steps_ns[part], steps_ns[part + 1], err);
		parts_ns[part] = steps_ns[part + 1] - steps_ns[part];
	}
	if (m->first_ns < m->last_ns)
		return out_of_order(names[SPLIT_GAP], m->last_ns, m->first_ns, err);
	parts_ns[SPLIT_TOTAL] = m->first_ns - m->killed_ns;
	parts_ns[SPLIT_GAP] = m->first_ns - m->last_ns;
	return 0;
}
