#include "client/command/takeovers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Puts it at its place by epoch, the newest first; what does not fit is forgotten. */
static void takeover_insert(struct takeovers *t, struct takeover one)
{
	unsigned int at = 0;

	while (at < t->count && t->at[at].what->epoch > one.what->epoch)
		at++;
	if (at == TAKEOVERS_MAX ||
		(at < t->count && t->at[at].what->epoch == one.what->epoch))
		return;
	if (t->count < TAKEOVERS_MAX)
		t->count++;
	memmove(&t->at[at + 1], &t->at[at], (t->count - at - 1) * sizeof(t->at[0]));
	t->at[at] = one;
}

void takeovers_find(const struct survey *survey, struct takeovers *takeovers_p)
{
	takeovers_p->count = 0;
	for (unsigned int i = 0; i < survey->count; i++) {
		const Control__Status *s = survey->at[i].status;

		for (size_t j = 0; s && j < s->n_takeovers; j++)
			takeover_insert(takeovers_p, (struct takeover){.by = s->replica,
							     .what = s->takeovers[j]});
	}
}

uint64_t takeover_step_ns(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns == 0 || to_ns < from_ns ? 0 : to_ns - from_ns;
}

uint64_t takeover_pause_ns(const Control__Takeover *takeover)
{
	return takeover_step_ns(takeover->claimed_ns, takeover->activated_ns);
}

const char *duration_text(uint64_t ns, char text[DURATION_SIZE])
{
	if (ns < 10000000u)
		(void)snprintf(text, DURATION_SIZE, "%" PRIu64 " us", ns / 1000);
	else if (ns < 10000000000u)
		(void)snprintf(text, DURATION_SIZE, "%.1f ms", (double)ns / 1e6);
	else
		(void)snprintf(text, DURATION_SIZE, "%" PRIu64 " s", ns / 1000000000u);
	return text;
}
