#include "bench/stream_schedule.h"

void stream_schedule_begin(struct stream_schedule *s, uint64_t begin_ns,
	uint64_t length_ns, double rate, unsigned int place, unsigned int places)
{
	*s = (struct stream_schedule){.begin_ns = begin_ns, .length_ns = length_ns};
	if (rate <= 0)
		return;
	s->interval_ns = 1e9 / rate;
	s->begin_ns += (uint64_t)(s->interval_ns * place / places);
	s->count = (uint64_t)((double)length_ns / s->interval_ns);
	if (s->count == 0)
		s->count = 1;
}

/* Messages whose moment has come. */
static uint64_t come(const struct stream_schedule *s, uint64_t now_ns)
{
	uint64_t come;

	if (now_ns < s->begin_ns)
		return 0;
	come = (uint64_t)((double)(now_ns - s->begin_ns) / s->interval_ns) + 1;
	return come < s->count ? come : s->count;
}

uint64_t stream_schedule_due(
	const struct stream_schedule *s, uint64_t now_ns, uint64_t max)
{
	uint64_t due;

	if (s->interval_ns == 0)
		return stream_schedule_is_over(s, now_ns) || now_ns < s->begin_ns ? 0
										  : max;
	due = come(s, now_ns);
	due = due > s->sent ? due - s->sent : 0;
	return due < max ? due : max;
}

uint64_t stream_schedule_intended_ns(
	const struct stream_schedule *s, uint64_t now_ns, uint64_t i)
{
	if (s->interval_ns == 0)
		return now_ns;
	return s->begin_ns + (uint64_t)((double)(s->sent + i) * s->interval_ns);
}

bool stream_schedule_is_over(const struct stream_schedule *s, uint64_t now_ns)
{
	if (s->interval_ns == 0)
		return now_ns >= s->begin_ns + s->length_ns;
	return s->sent == s->count;
}
