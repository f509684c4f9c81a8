#include "tests/unit/fake_replica.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_talk.h"

#define FAKE_PAUSE_US 100

static void *fake_run(void *context)
{
	struct fake *fake = context;

	while (!fake->over) {
		(void)pthread_mutex_lock(&fake->lock);
		for (int i = 0; i < FAKE_REPLICAS; i++)
			fake_replica_turn(fake, &fake->replicas[i]);
		if (fake->extra.turn)
			fake->extra.turn(fake);
		(void)pthread_mutex_unlock(&fake->lock);
		(void)usleep(FAKE_PAUSE_US);
	}
	return NULL;
}

static void replica_listen(struct fake_replica *r)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", r->path);
	(void)unlink(r->path);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(r->listener >= 0);
	assert_int_equal(
		bind(r->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(r->listener, FAKE_CONNECTIONS), 0);
}

static void replica_begin(struct fake *fake, unsigned int place, bool lives)
{
	struct fake_replica *r = &fake->replicas[place];

	r->id = place + 1;
	r->incarnation = 100 + place;
	r->listener = -1;
	for (int i = 0; i < FAKE_CONNECTIONS; i++)
		r->connections[i].fd = -1;
	(void)snprintf(r->path, sizeof(r->path), "%s/%u.sock", fake->directory, r->id);
	if (lives)
		replica_listen(r);
}

void fake_begin(struct fake *fake, unsigned int count, unsigned int chain)
{
	static const unsigned int places[FAKE_REPLICAS] = {0, 1, 2, 3};
	struct device_config config = {.listen = true};

	memset(fake, 0, sizeof(*fake));
	(void)strcpy(fake->directory, "/tmp/pawl-fake-XXXXXX");
	assert_non_null(mkdtemp(fake->directory));
	assert_true(region_layout_make(FAKE_COUNTERS, FAKE_SESSIONS, &fake->layout));
	assert_int_equal(shm_memory_ops.open(&config, &fake->device, NULL), 0);
	fake->instance = 7;
	fake->ceiling = COUNTER_LIMIT - 1;
	for (unsigned int i = 0; i < FAKE_REPLICAS; i++)
		replica_begin(fake, i, i < count);
	assert_int_equal(pthread_mutex_init(&fake->lock, NULL), 0);
	fake_change(fake, 1, chain, places);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
}

static void replica_end(struct fake_replica *r)
{
	for (int i = 0; i < FAKE_CONNECTIONS; i++)
		fake_connection_close(&r->connections[i]);
	if (r->listener >= 0)
		(void)close(r->listener);
	(void)unlink(r->path);
	for (int i = 0; i < FAKE_EPOCHS; i++) {
		if (r->regions[i])
			r->regions[i]->ops->withdraw(r->regions[i]);
	}
}

void fake_end(struct fake *fake)
{
	fake->over = true;
	(void)pthread_join(fake->thread, NULL);
	for (int i = 0; i < FAKE_REPLICAS; i++)
		replica_end(&fake->replicas[i]);
	if (fake->extra.end)
		fake->extra.end(fake);
	fake->device->ops->close(fake->device);
	(void)pthread_mutex_destroy(&fake->lock);
	(void)rmdir(fake->directory);
}

const char *fake_address(const struct fake *fake, unsigned int place)
{
	static char text[FAKE_REPLICAS][112];

	(void)snprintf(
		text[place], sizeof(text[place]), "unix:%s", fake->replicas[place].path);
	return text[place];
}

_Atomic uint64_t *fake_word(
	struct fake *fake, unsigned int place, uint64_t epoch, uint64_t offset)
{
	struct memory *memory = fake->replicas[place].regions[epoch];

	return (_Atomic uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

_Atomic uint64_t *fake_counter(struct fake *fake, unsigned int place, uint64_t epoch)
{
	return fake_word(fake, place, epoch, region_counter_offset(0));
}

_Atomic uint64_t *fake_mark(
	struct fake *fake, unsigned int place, uint64_t epoch, uint32_t row)
{
	return fake_word(fake, place, epoch, region_mark_offset(&fake->layout, row, 0));
}

void fake_seal(struct fake *fake, unsigned int place, uint64_t epoch)
{
	atomic_store(fake_word(fake, place, epoch, REGION_STATE_OFFSET),
		region_state_sealed(epoch));
	for (unsigned int i = 0; i < FAKE_COUNTERS; i++)
		atomic_fetch_add(fake_word(fake, place, epoch, region_counter_offset(i)),
			COUNTER_LIMIT);
}

static void region_make(struct fake *fake, unsigned int place, uint64_t epoch)
{
	struct memory_config config = {.pages = {.len = fake->layout.len,
					       .huge = PAGES_OFF,
					       .lock = PAGES_OFF,
					       .node = -1}};
	struct memory **region_p = &fake->replicas[place].regions[epoch];
	struct error err = {.text = ""};

	if (shm_memory_ops.expose(fake->device, &config, region_p, &err))
		fail_msg("%s", err.text);
	for (unsigned int i = 0; i < FAKE_COUNTERS; i++) {
		*fake_word(fake, place, epoch, region_counter_offset(i)) = fake->base;
		*fake_word(fake, place, epoch,
			region_ceiling_offset(&fake->layout, i)) = fake->ceiling;
	}
	*fake_word(fake, place, epoch, REGION_STATE_OFFSET) = region_state_open(epoch);
}

void fake_install(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->newest = (struct fake_epoch){.epoch = epoch, .count = count};
	for (unsigned int i = 0; i < count; i++) {
		fake->newest.chain[i] = chain[i];
		region_make(fake, chain[i], epoch);
	}
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_serve(struct fake *fake, unsigned int place, bool push)
{
	struct fake_replica *r = &fake->replicas[place];

	(void)pthread_mutex_lock(&fake->lock);
	r->serves = fake->newest;
	for (int i = 0; i < FAKE_CONNECTIONS && push; i++) {
		if (r->connections[i].fd >= 0 && r->connections[i].joined)
			fake_joined_send(fake, r, &r->connections[i], 0);
	}
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_change(
	struct fake *fake, uint64_t epoch, unsigned int count, const unsigned int *chain)
{
	fake_install(fake, epoch, count, chain);
	for (unsigned int i = 0; i < count; i++)
		fake_serve(fake, chain[i], true);
}

void fake_hang_up(struct fake *fake, unsigned int place)
{
	(void)pthread_mutex_lock(&fake->lock);
	for (int i = 0; i < FAKE_CONNECTIONS; i++)
		fake_connection_close(&fake->replicas[place].connections[i]);
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_kill(struct fake *fake, unsigned int place)
{
	struct fake_replica *r = &fake->replicas[place];

	(void)pthread_mutex_lock(&fake->lock);
	if (r->listener >= 0)
		(void)close(r->listener);
	r->listener = -1;
	(void)pthread_mutex_unlock(&fake->lock);
	fake_hang_up(fake, place);
}

void fake_revive(struct fake *fake, unsigned int place, uint64_t incarnation)
{
	struct fake_replica *r = &fake->replicas[place];

	(void)pthread_mutex_lock(&fake->lock);
	r->incarnation = incarnation;
	replica_listen(r);
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_mood_set(
	struct fake *fake, unsigned int place, enum fake_mood mood, int refusal)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->replicas[place].mood = mood;
	fake->replicas[place].refusal = refusal;
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_goodbye(struct fake *fake, unsigned int place)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Stopping stopping = CONTROL__STOPPING__INIT;

	stopping.why = (char *)"the operator wants it";
	reply.body_case = CONTROL__REPLY__BODY_STOPPING;
	reply.stopping = &stopping;
	(void)pthread_mutex_lock(&fake->lock);
	for (int i = 0; i < FAKE_CONNECTIONS; i++)
		fake_reply_send(&fake->replicas[place].connections[i], &reply);
	(void)pthread_mutex_unlock(&fake->lock);
	fake_kill(fake, place);
}

unsigned int fake_joins(struct fake *fake, unsigned int place)
{
	unsigned int joins;

	(void)pthread_mutex_lock(&fake->lock);
	joins = fake->replicas[place].joins;
	(void)pthread_mutex_unlock(&fake->lock);
	return joins;
}
