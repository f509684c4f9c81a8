/*
 * Sessions of others that are silent are ended: by a command that says what was heard of them, so
 * that the log decides (kv.h, I7).
 *
 * Silence begins when it is first seen that a session has spoken, which is never before it did so.
 * It counts while this process is there to hear: while it looks at least every second, and the
 * chain stays the same.
 */
#include "client/lib/store.h"
#include "hw/clock.h"

#define LOOK_NS (UINT64_C(5) * NS_PER_MS)
#define LOOK_SESSIONS 256u /* at a time */
#define PAUSE_NS (UINT64_C(1000) * NS_PER_MS)

/* What was before counts no more, if this process could not hear. */
static void hearing_check(struct pawl_store *store, uint64_t now_ns)
{
	const struct session *session = &store->pawl->session;
	struct store_silence *silence = &store->silence;
	uint64_t epoch = session->stage == SESSION_READY ? session->linked_epoch : 0;

	if (epoch != silence->epoch || now_ns - silence->looked_ns >= PAUSE_NS)
		silence->since_ns = now_ns;
	silence->epoch = epoch;
	silence->looked_ns = now_ns;
}

static bool is_silent(const struct store_silence *silence,
	const struct kv_session_info *info, uint64_t now_ns)
{
	const struct heard_session *heard = &silence->heard[info->place];
	uint64_t from = heard->heard_ns > silence->since_ns ? heard->heard_ns
							    : silence->since_ns;

	return (now_ns - from) / NS_PER_MS >= info->ttl_ms;
}

static void look_at(
	struct pawl_store *store, const struct kv_session_info *info, uint64_t now_ns)
{
	const struct kv_operation expire = {
		.kind = KV_EXPIRE, .number = info->session, .since = info->spoken};
	struct heard_session *heard = &store->silence.heard[info->place];

	if (heard->session != info->session || heard->spoken != info->spoken) {
		*heard = (struct heard_session){info->session, info->spoken, now_ns};
		return;
	}
	if (!is_silent(&store->silence, info, now_ns) ||
		store_keeps(store, info->session))
		return;
	if (store_errand(store, &expire, 0, ERRAND_EXPIRE) == 0)
		heard->heard_ns =
			now_ns; /* again after as long, if nothing comes of it */
}

void store_silence_turn(struct pawl_store *store, uint64_t now_ns)
{
	struct store_silence *silence = &store->silence;
	struct kv_session_info info;

	if (now_ns - silence->looked_ns < LOOK_NS)
		return;
	hearing_check(store, now_ns);
	if (silence->epoch == 0)
		return;
	for (unsigned int i = 0; i < LOOK_SESSIONS; i++) {
		if (!kv_session_next(store->kv, silence->after, &info)) {
			silence->after = 0;
			return;
		}
		look_at(store, &info, now_ns);
		silence->after = info.session;
	}
}
