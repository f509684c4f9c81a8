/* Who may link to the memory of streams, and whose links end. */
#include <errno.h>
#include <stdlib.h>

#include "sequencer/stream/host_internal.h"

#define ROOM_STEP 64

int host_guests_begin(struct host_guests *guests, struct error *err)
{
	if (pthread_mutex_init(&guests->mutex, NULL))
		return error_set(err, -ENOMEM, "stream: host: out of memory");
	return 0;
}

void host_guests_end(struct host_guests *guests)
{
	free(guests->tokens);
	(void)pthread_mutex_destroy(&guests->mutex);
}

/* The token's place, or count. */
static uint32_t place_of(const struct host_guests *guests, uint64_t token)
{
	uint32_t i = 0;

	while (i < guests->count && guests->tokens[i] != token)
		i++;
	return i;
}

static bool room_make(struct host_guests *guests)
{
	uint64_t *tokens;

	if (guests->count < guests->room)
		return true;
	tokens = realloc(
		guests->tokens, (guests->room + ROOM_STEP) * sizeof(*guests->tokens));
	if (!tokens)
		return false;
	guests->tokens = tokens;
	guests->room += ROOM_STEP;
	return true;
}

/* Partner of present: thread_quiet, which a wake makes look again. */
static void present_show(struct host_guests *guests)
{
	atomic_store_explicit(&guests->present, guests->count, memory_order_relaxed);
}

/* One that has no place is refused when it links, and asks again. */
void stream_host_admit(struct stream_host *host, uint64_t token)
{
	struct host_guests *guests = &host->guests;

	(void)pthread_mutex_lock(&guests->mutex);
	if (place_of(guests, token) == guests->count && room_make(guests))
		guests->tokens[guests->count++] = token;
	present_show(guests);
	(void)pthread_mutex_unlock(&guests->mutex);
	stream_host_wake(host);
}

static void guest_remove(struct host_guests *guests, uint64_t token)
{
	uint32_t i;

	(void)pthread_mutex_lock(&guests->mutex);
	i = place_of(guests, token);
	if (i < guests->count)
		guests->tokens[i] = guests->tokens[--guests->count];
	present_show(guests);
	(void)pthread_mutex_unlock(&guests->mutex);
}

static void stretch_evict(const struct stretch *stretch, uint64_t token)
{
	if (stretch->memory)
		stretch->memory->ops->evict(stretch->memory, token);
}

void stream_host_evict(struct stream_host *host, uint64_t token)
{
	guest_remove(&host->guests, token);
	for (uint32_t i = 0; i < host->streams_end; i++) {
		struct stream *s = host->streams[i];

		if (!s)
			continue;
		host_hold(s);
		stretch_evict(&s->log_memory, token);
		stretch_evict(&s->inbox, token);
		stretch_evict(&s->words, token);
		stretch_evict(&s->words_next, token);
		if (s->readers)
			readers_evict(s->readers, token);
		host_release(s);
	}
}

void stream_host_wake(struct stream_host *host)
{
	for (unsigned int i = 0; i < host->threads_count; i++)
		stream_thread_wake(host->threads[i].thread);
}

static bool is_member(const struct stream *s, uint64_t token)
{
	const struct stream_chain *chain = &s->change.chain;

	for (uint32_t i = 0; i < chain->count; i++) {
		if (chain->at[i].incarnation == token)
			return true;
	}
	return false;
}

static bool is_guest(struct host_guests *guests, uint64_t token)
{
	bool found;

	(void)pthread_mutex_lock(&guests->mutex);
	found = place_of(guests, token) < guests->count;
	(void)pthread_mutex_unlock(&guests->mutex);
	return found;
}

/* A neighbour's former link ends before the new one is let in (N1 of neighbour.h). */
static bool member_admit(
	const struct stream *s, const struct memory *memory, uint64_t token)
{
	if (!is_member(s, token))
		return false;
	if (memory == s->words.memory || memory == s->words_next.memory) {
		memory->ops->evict((struct memory *)memory, token);
		return true;
	}
	return memory == s->log_memory.memory || memory == s->inbox.memory;
}

/* Whoever feeds this replica's archive was told the token by it. */
static bool feed_admit(
	const struct stream *s, const struct memory *memory, uint64_t token)
{
	return token == s->ways->config->incarnation && stream_copy_is_inbox(s, memory);
}

bool host_admit(void *context, const struct memory *memory, uint64_t token)
{
	struct host_thread *t = context;

	for (uint32_t i = 0; i < t->count; i++) {
		if (member_admit(t->streams[i], memory, token) ||
			feed_admit(t->streams[i], memory, token))
			return true;
	}
	return is_guest(&t->host->guests, token);
}
