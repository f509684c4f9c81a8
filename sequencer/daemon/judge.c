#include "sequencer/daemon/judge.h"

#include <stdio.h>
#include <string.h>

#include "sequencer/core/panic.h"

/* A stale socket and a replica that is just starting look the same once, not twice. */
#define REFUSALS_MAX 2

void judge_init(
	struct judge *judge, uint64_t heartbeat_ns, uint64_t suspect_ns, uint64_t now_ns)
{
	PAWL_ASSERT(heartbeat_ns > 0 && suspect_ns > 0);
	*judge = (struct judge){.heartbeat_ns = heartbeat_ns,
		.suspect_ns = suspect_ns,
		.checked_ns = now_ns};
}

static void suspect(struct judge *judge, const char *why)
{
	if (judge->opinion == JUDGE_SUSPECT)
		return;
	judge->opinion = JUDGE_SUSPECT;
	(void)snprintf(judge->why, sizeof(judge->why), "%s", why);
}

static void trust(struct judge *judge)
{
	judge->opinion = JUDGE_TRUSTED;
	judge->why[0] = '\0';
}

void judge_connected(struct judge *judge)
{
	judge->connected = true;
	judge->was_connected = true;
	judge->refusals = 0;
	judge->silent_ns = 0;
	if (judge->opinion == JUDGE_UNDECIDED)
		trust(judge);
}

void judge_left(struct judge *judge)
{
	judge->connected = false;
	judge->silent_ns = 0;
}

void judge_lost(struct judge *judge, const char *why)
{
	judge_left(judge);
	suspect(judge, why); /* J2 */
}

void judge_refused(struct judge *judge, bool local, const char *why)
{
	if (judge->connected)
		return;
	if (local)
		judge->refusals++;
	if (judge->was_connected || judge->refusals >= REFUSALS_MAX)
		suspect(judge, why); /* J2 */
}

void judge_dead(struct judge *judge, const char *why)
{
	judge->dead = true;
	judge->connected = false;
	judge->opinion = JUDGE_SUSPECT;
	(void)snprintf(judge->why, sizeof(judge->why), "%s", why);
}

void judge_region_changed(struct judge *judge)
{
	judge->still_ns = 0;
}

static unsigned long long whole_ms(uint64_t ns)
{
	return (unsigned long long)(ns / 1000000);
}

static void check_silence(struct judge *judge, uint64_t counted_ns)
{
	char why[JUDGE_WHY_LEN];

	if (judge->connected)
		return;
	judge->silent_ns += counted_ns;
	if (judge->silent_ns < judge->suspect_ns)
		return;
	(void)snprintf(why, sizeof(why), "it could not be connected for %llu ms",
		whole_ms(judge->silent_ns));
	suspect(judge, why); /* J3 */
}

static void check_stillness(struct judge *judge, enum heartbeat_news news,
	const char *why, uint64_t counted_ns)
{
	char text[JUDGE_WHY_LEN];

	if (news == HEARTBEAT_MOVED)
		judge->still_ns = 0;
	if (news != HEARTBEAT_STILL)
		return;
	judge->still_ns += counted_ns;
	if (judge->still_ns < judge->suspect_ns)
		return;
	(void)snprintf(text, sizeof(text), "its heartbeat did not move for %llu ms%s%s",
		whole_ms(judge->still_ns), why ? ": " : "", why ? why : "");
	suspect(judge, text); /* J3 */
}

static bool may_trust(const struct judge *judge, enum heartbeat_news news)
{
	if (judge->opinion != JUDGE_SUSPECT || judge->dead || !judge->connected)
		return false;
	if (news == HEARTBEAT_NONE)
		return judge->still_ns < judge->suspect_ns;
	return news == HEARTBEAT_MOVED;
}

void judge_check(
	struct judge *judge, enum heartbeat_news news, const char *why, uint64_t now_ns)
{
	uint64_t counted_ns = now_ns - judge->checked_ns;

	if (counted_ns > judge->heartbeat_ns)
		counted_ns = judge->heartbeat_ns; /* J1 */
	judge->checked_ns = now_ns;
	if (news == HEARTBEAT_MOVED)
		judge->moved_ns = now_ns;
	check_silence(judge, counted_ns);
	check_stillness(judge, news, why, counted_ns);
	if (may_trust(judge, news))
		trust(judge); /* J4 */
}
