/* A member's memory on this host: mapped, looked over, and read in place. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lib/subscriber.h"

/* A socket in this host's file system. */
static bool is_local(const struct endpoint *endpoint)
{
	return endpoint->address.any.sa_family == AF_UNIX &&
	       access(endpoint->address.local.sun_path, F_OK) == 0;
}

bool place_is_near(const struct pawl_subscriber *s, uint32_t member)
{
	const struct member *m = &s->pawl->session.chain[member];

	if (strcmp(subscriber_transport(s, member), "shm") == 0 ||
		is_local(&subscriber_peer(s, member)->endpoint))
		return true;
	/* It was asked at another of its addresses, perhaps. */
	for (unsigned int i = 0; i < m->controls_count; i++) {
		if (is_local(&m->controls[i]))
			return true;
	}
	return false;
}

/* A file's address; its length is its own, what is needed of it is looked at later (G4). */
static int path_address(
	struct pawl_subscriber *s, const char *path, char text_p[MEMORY_ADDRESS_MAX])
{
	struct stat file;
	int len;

	if (stat(path, &file))
		return error_set(&s->why, -errno, "pawl: %s/%s: %.200s: %s",
			SUBSCRIBER_NAMES(s), path, error_reason(-errno));
	len = snprintf(text_p, MEMORY_ADDRESS_MAX, "shm path=%s len=%" PRIu64, path,
		(uint64_t)file.st_size);
	if (len >= 0 && len < MEMORY_ADDRESS_MAX)
		return 0;
	return error_set(&s->why, -EPROTO, "pawl: %s/%s: %.100s...: the path is too long",
		SUBSCRIBER_NAMES(s), path);
}

/* Maps @len bytes or more of a member's memory. */
static int memory_map(struct pawl_subscriber *s, const char *address, const char *path,
	uint64_t len, struct link **link_p)
{
	const struct link_config config = {.depth = 1};
	const struct memory_ops *ops = s->local->ops;
	char text[MEMORY_ADDRESS_MAX];
	struct link *link;
	int rc = 0;

	if (path[0])
		rc = path_address(s, path, text);
	else
		(void)snprintf(text, sizeof(text), "%s", address);
	if (!rc)
		rc = ops->connect(s->local, text, &config, &link, &s->why);
	if (rc)
		return rc;
	if (ops->word(link, len - sizeof(uint64_t))) {
		*link_p = link;
		return 0;
	}
	ops->disconnect(link);
	return error_set(&s->why, -EPROTO,
		"pawl: %s/%s: %.150s: shorter than the stream's limits say; use the same "
		"version on both sides",
		SUBSCRIBER_NAMES(s), text);
}

static void *bytes_of(struct link *link)
{
	return (void *)link->ops->word(link, 0);
}

static uint64_t log_len(const struct stream_limits *l)
{
	uint64_t len = 0;

	/* The stream has looked at its limits when it opened. */
	return stream_log_len(l->slots, l->slot_len, l->rows, &len) ? len : 0;
}

static int place_map(struct pawl_subscriber *s, const Control__StreamPlaces *places,
	struct place *place)
{
	const struct stream_limits *l = &subscriber_stream(s)->limits;
	int rc = memory_map(s, places->log, places->log_path, log_len(l), &place->log);

	if (!rc)
		rc = memory_map(s, places->words, places->words_path,
			stream_words_room(l->rows), &place->words);
	if (!rc)
		rc = memory_map(s, places->inbox, places->inbox_path, STREAM_INBOX_RING,
			&place->lines);
	return rc;
}

/* Whether it is this stream's log: sizes are not taken from it (G4). */
static int control_check(struct pawl_subscriber *s, const struct stream_control *control)
{
	const struct stream_limits *l = &subscriber_stream(s)->limits;

	if (word_load(&control->magic) == STREAM_MAGIC &&
		control->slot_len == l->slot_len && control->slots == l->slots &&
		control->rows == l->rows)
		return 0;
	return error_set(&s->why, -EPROTO,
		"pawl: %s/%s: what the replica says is the stream's log is none, or of "
		"another stream",
		SUBSCRIBER_NAMES(s));
}

static void place_point(
	struct pawl_subscriber *s, const Control__Subscribed *answer, struct place *place)
{
	const struct stream_limits *l = &subscriber_stream(s)->limits;
	const struct stream_words *words = bytes_of(place->words);
	struct stream_reader_line *lines = bytes_of(place->lines);

	place->commit = &words->commit;
	place->reader = answer->reader;
	place->consumed = &lines[answer->reader - 1].consumed;
	place->ring = (struct stream_ring){
		.bytes = (unsigned char *)bytes_of(place->log) + log_len(l) -
			 stream_ring_len(l),
		.slot_len = l->slot_len,
		.mask = l->slots - 1};
}

int place_open(
	struct pawl_subscriber *s, const Control__Subscribed *answer, struct place *place)
{
	int rc = place_map(s, answer->places, place);

	if (!rc) {
		place->control = bytes_of(place->log);
		rc = control_check(s, place->control);
	}
	if (rc)
		place_close(place);
	else
		place_point(s, answer, place);
	return rc;
}

static void memory_unmap(struct link *link)
{
	if (link)
		link->ops->disconnect(link);
}

void place_close(struct place *place)
{
	memory_unmap(place->log);
	memory_unmap(place->words);
	memory_unmap(place->lines);
	*place = (struct place){.member = SUBSCRIBER_NOBODY};
}
