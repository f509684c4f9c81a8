#include "sequencer/stream/host.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/clock.h"
#include "hw/placement/placement.h"
#include "sequencer/core/panic.h"
#include "sequencer/stream/host_internal.h"

#define KEEPER_TIMEOUT_NS (5000 * NS_PER_MS)
#define NAME_LEN 160

static uint32_t thread_turn(void *context, uint64_t now_ns)
{
	struct host_thread *t = context;
	uint32_t slots = 0;

	for (uint32_t i = 0; i < t->count; i++)
		slots += stream_turn(t->streams[i], now_ns);
	return slots;
}

/* A backup's inbox is written by others, and a log that is to be filled waits for them. */
static bool waits_for_others(const struct stream *s)
{
	if (s->stage == STREAM_SERVED)
		return !stream_is_head(s) || !stream_is_tail(s);
	return s->stage == STREAM_FILLING || s->stage == STREAM_FOLLOWING;
}

static bool thread_quiet(void *context)
{
	struct host_thread *t = context;

	if (atomic_load_explicit(&t->host->guests.present, memory_order_relaxed) > 0)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		if (waits_for_others(t->streams[i]) || t->streams[i]->copy.backlog)
			return false;
	}
	return true;
}

static void thread_broken(void *context, const struct error *err)
{
	struct host_thread *t = context;
	struct error line;

	(void)error_set(&line, 0,
		"stream: the device of a stream thread is lost: %s; restart pawld",
		err->text);
	if (notice_put(&t->notice, &line))
		t->host->config.news(t->host->config.context);
}

/* The processor of thread @index, out of those in @cpus. */
static void cpu_pick(const cpu_set_t *cpus, unsigned int index, cpu_set_t *one)
{
	int count = CPU_COUNT(cpus), left;

	CPU_ZERO(one);
	if (count == 0)
		return;
	left = (int)(index % (unsigned int)count);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, cpus) && left-- == 0)
			CPU_SET((size_t)cpu, one);
	}
}

static int pin_read(
	const struct stream_host_config *config, cpu_set_t *cpus, struct error *err)
{
	struct placement placement;
	int rc = 0;

	CPU_ZERO(cpus);
	if (!config->pin || config->pin[0] == '\0')
		return 0;
	if (!strcmp(config->pin, "near"))
		rc = placement_find(config->device.device, &placement, err);
	if (!rc)
		rc = placement_parse_cpus(config->pin,
			strcmp(config->pin, "near") ? NULL : &placement, cpus, err);
	return rc;
}

static int threads_start(struct stream_host *host, struct error *err)
{
	const struct stream_host_config *config = &host->config;
	struct device_config device = config->device;
	cpu_set_t cpus, one;
	int rc = pin_read(config, &cpus, err);

	device.listen = true;
	device.port = 0;
	while (!rc && host->threads_count < config->threads) {
		struct host_thread *t = &host->threads[host->threads_count];
		struct stream_thread_config thread = {.ops = config->ops,
			.device = &device,
			.cpus = CPU_COUNT(&cpus) > 0 ? &one : NULL,
			.admit = host_admit,
			.turn = thread_turn,
			.quiet = thread_quiet,
			.broken = thread_broken,
			.context = t};

		t->host = host;
		cpu_pick(&cpus, host->threads_count, &one);
		rc = stream_thread_start(&thread, &t->thread, err);
		if (!rc)
			host->threads_count++;
	}
	return rc;
}

static void ways_fill(struct stream_host *host)
{
	const struct stream_host_config *config = &host->config;

	host->ways = (struct stream_ways){.config = config,
		.common = {.ops = config->ops,
			.pages = config->pages,
			.directory = config->directory,
			.cluster = config->cluster,
			.replica = config->replica,
			.instance = config->instance}};
}

static void on_done(void *context)
{
	const struct stream_host *host = context;

	host->config.news(host->config.context);
}

static int makers_start(struct stream_host *host, struct error *err)
{
	struct stream_ways *ways = &host->ways;
	struct maker_config config = {
		.common = &ways->common, .done = on_done, .context = host};
	int rc = spare_maker_start(&ways->common, &ways->spares, err);

	config.spares = ways->spares;
	return rc ? rc : maker_start(&config, &ways->maker, err);
}

static int answers_begin(struct stream_host *host, struct error *err)
{
	const struct answers_config config = {
		.memory_max = host->config.tail_memory, .news = on_done, .context = host};

	return answers_make(&config, &host->ways.answers, err);
}

int stream_host_start(const struct stream_host_config *config,
	struct stream_host **host_p, struct error *err)
{
	struct stream_host *host = calloc(1, sizeof(*host));
	int rc;

	PAWL_ASSERT(config->threads > 0);
	if (!host)
		return error_set(err, -ENOMEM, "stream: host: out of memory");
	host->config = *config;
	ways_fill(host);
	rc = host_guests_begin(&host->guests, err);
	if (!rc)
		rc = makers_start(host, err);
	if (!rc)
		rc = feeder_make(&host->ways.feeder, err);
	if (!rc)
		rc = answers_begin(host, err);
	if (!rc) {
		host->threads = calloc(config->threads, sizeof(*host->threads));
		if (!host->threads)
			rc = error_set(err, -ENOMEM, "stream: host: out of memory");
	}
	if (!rc)
		rc = threads_start(host, err);
	if (rc) {
		stream_host_stop(host, false);
		return rc;
	}
	*host_p = host;
	return 0;
}

/* The archive takes what is committed while the log is still there; readers need both. */
static void stream_end(struct stream_host *host, struct stream *s, bool remove)
{
	struct error err;

	if (s->readers)
		readers_free(s->readers);
	s->readers = NULL;
	stream_copy_end(s);
	if (s->keeper && keeper_stop(s->keeper, KEEPER_TIMEOUT_NS, &err) &&
		host->config.tell)
		host->config.tell(host->config.context, err.text);
	s->keeper = NULL;
	stream_free(s, remove);
}

/* While the logs are there. */
static void answers_end(struct stream_host *host)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		if (host->streams[i])
			stream_answers_detach(host->streams[i]);
	}
	if (host->ways.answers)
		answers_free(host->ways.answers, KEEPER_TIMEOUT_NS);
	host->ways.answers = NULL;
}

void stream_host_stop(struct stream_host *host, bool remove)
{
	for (unsigned int i = 0; i < host->threads_count; i++)
		stream_thread_stop(host->threads[i].thread);
	answers_end(host);
	for (uint32_t i = 0; i < host->streams_end; i++) {
		if (host->streams[i])
			stream_end(host, host->streams[i], remove);
	}
	if (host->ways.maker)
		maker_stop(host->ways.maker);
	if (host->ways.spares)
		spare_maker_stop(host->ways.spares);
	if (host->ways.feeder)
		feeder_free(host->ways.feeder, KEEPER_TIMEOUT_NS);
	for (unsigned int i = 0; i < host->threads_count; i++) {
		stream_thread_free(host->threads[i].thread);
		free(host->threads[i].streams);
	}
	free(host->threads);
	host_guests_end(&host->guests);
	free(host);
}

static void notice_tell(struct stream_host *host, struct notice *notice)
{
	const char *line = notice_look(notice);

	if (!line)
		return;
	if (host->config.tell)
		host->config.tell(host->config.context, line);
	notice_taken(notice);
}

static void lines_tell(struct stream_host *host)
{
	struct error line;

	for (unsigned int i = 0; i < host->threads_count; i++)
		notice_tell(host, &host->threads[i].notice);
	for (uint32_t i = 0; i < host->streams_end; i++) {
		struct stream *s = host->streams[i];

		if (!s)
			continue;
		notice_tell(host, &s->notice);
		if (s->keeper && keeper_line(s->keeper, &line) && host->config.tell)
			host->config.tell(host->config.context, line.text);
	}
}

int stream_host_look(struct stream_host *host, struct error *err)
{
	lines_tell(host);
	return host_made_look(host, err);
}

static int keeper_begin(struct stream_host *host, struct stream *s, struct error *err)
{
	struct keeper_config config = {.settings = &host->config.archive,
		.instance = host->config.instance,
		.stream = s->name,
		.limits = &s->limits};

	if (s->limits.archiving == STREAM_ARCHIVE_OFF || !host->config.archive.directory)
		return 0;
	return keeper_start(&config, &s->keeper, err);
}

int stream_host_know(struct stream_host *host, uint32_t counter, const char *name,
	const struct stream_limits *limits, struct error *err)
{
	struct stream *s = NULL;
	int rc;

	PAWL_ASSERT(counter < COUNTERS_MAX && stream_limits_valid(limits));
	if (host_stream(host, counter))
		return 0;
	rc = stream_make(&host->ways, host->threads[counter % host->threads_count].thread,
		counter, name, limits, &s, err);
	if (!rc)
		rc = keeper_begin(host, s, err);
	if (rc) {
		if (s)
			stream_free(s, false);
		return rc;
	}
	host->streams[counter] = s;
	if (host->streams_end <= counter)
		host->streams_end = counter + 1;
	return 0;
}

int host_attach(struct stream_host *host, struct stream *s)
{
	struct host_thread *t = &host->threads[s->counter % host->threads_count];
	struct stream **streams;

	if (s->attached)
		return 0;
	streams = realloc(t->streams, (t->count + 1) * sizeof(struct stream *));
	if (!streams)
		return -ENOMEM;
	t->streams = streams;
	t->streams[t->count++] = s;
	s->attached = true;
	return 0;
}

int stream_host_adopt(struct stream_host *host, uint32_t counter, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc;

	PAWL_ASSERT(s);
	rc = stream_adopt(s, err);
	if (rc)
		return rc;
	host_hold(s);
	rc = host_attach(host, s);
	host_release(s);
	return rc ? error_set(err, rc, "stream: %s: out of memory", s->name) : 0;
}

/* The names stay as they are while others make what they name. */
static bool is_being_made(const struct stream *s, const char *path)
{
	const struct making *making = &s->making;

	return spare_has(s->ways->spares, &s->spare, path) ||
	       !strcmp(path, making->log.stretch.path) ||
	       !strcmp(path, making->inbox.stretch.path) ||
	       !strcmp(path, making->words.stretch.path);
}

/* Whether a stream of this life has the file. */
static bool file_is_ours(const struct stream_host *host, const char *path)
{
	for (uint32_t i = 0; i < host->streams_end; i++) {
		const struct stream *s = host->streams[i];

		if (s && (!strcmp(path, s->log_memory.path) ||
				 !strcmp(path, s->inbox.path) ||
				 !strcmp(path, s->words.path) ||
				 !strcmp(path, s->words_next.path) ||
				 is_being_made(s, path)))
			return true;
	}
	return false;
}

void stream_host_clean(struct stream_host *host)
{
	char prefix[NAME_LEN], path[MEMORY_ADDRESS_MAX];
	const char *directory = host->config.directory;
	const struct dirent *entry;
	DIR *listing;

	if (stretch_prefix(&host->ways.common, prefix, sizeof(prefix)))
		return;
	listing = opendir(directory);
	if (!listing)
		return;
	while ((entry = readdir(listing)) != NULL) {
		int made = snprintf(
			path, sizeof(path), "%s/%s", directory, entry->d_name);

		if (!strncmp(entry->d_name, prefix, strlen(prefix)) && made > 0 &&
			(size_t)made < sizeof(path) && !file_is_ours(host, path))
			(void)unlink(path);
	}
	(void)closedir(listing);
}
