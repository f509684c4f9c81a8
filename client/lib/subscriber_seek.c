/*
 * Which member a subscriber reads at.
 *
 * The candidates are asked in turn: first those on this host, to be read in place, the tail
 * first, for it is the first to know what is committed, then the head, then the others; then
 * all of them once more in this order, to feed an inbox.  When the ring of the one that is read
 * in place has no more what is next, all are asked to feed it out of their archives, the nearest
 * first; as soon as the log in place has it again, with some margin, it is gone back to.  So is a
 * log on this host whose replica only did not answer in time, less and less often.
 */
#include <inttypes.h>

#include "client/lib/subscriber.h"
#include "hw/clock.h"

#define ANSWER_NS UINT64_C(1000000000) /* for an answer, */
#define WORDS_NS UINT64_C(5000000000)  /*   and then for a link and the first words */
#define AGAIN_NS UINT64_C(10000000)    /* between two rounds in which nobody would do */
#define SOON_NS UINT64_C(2000000) /* before a member that was not ready is asked again, */
#define TRIES_MAX 50		  /*   so often, and then the next one */
#define BACK_NS UINT64_C(100000000)	  /* before it is tried again to go back */
#define NEAR_MIN_NS UINT64_C(200000000)	  /* the same, of a member on this host, */
#define NEAR_MAX_NS UINT64_C(60000000000) /*   and so long at last */
#define QUIET_NS UINT64_C(2000000000)	  /* without news the feeder is asked again */

static uint32_t members_count(const struct pawl_subscriber *s)
{
	return s->pawl->session.links_count;
}

/* The tail, the head, the others. */
static uint32_t member_at(const struct pawl_subscriber *s, uint32_t place)
{
	if (place == 0)
		return members_count(s) - 1;
	return place - 1;
}

/* The candidate whose turn it is. */
static bool turn_candidate(
	struct pawl_subscriber *s, uint32_t *member_p, enum source_kind *kind_p)
{
	uint32_t count = members_count(s);

	while (s->turn < count && !place_is_near(s, member_at(s, s->turn)))
		s->turn++;
	if (s->turn >= 2 * count)
		return false;
	*kind_p = s->turn < count ? SOURCE_PLACE : SOURCE_INBOX;
	*member_p = member_at(s, s->turn % count);
	return true;
}

static bool gap_is_tried(const struct pawl_subscriber *s, uint32_t member)
{
	return s->gap.tried & 1u << member;
}

/* Who is asked to feed what the source has no more; false: everybody was (G5). */
static bool gap_candidate(struct pawl_subscriber *s, uint32_t *member_p)
{
	if (s->place.member != SUBSCRIBER_NOBODY && !gap_is_tried(s, s->place.member)) {
		*member_p = s->place.member;
		return true;
	}
	for (uint32_t i = 0; i < members_count(s); i++) {
		*member_p = member_at(s, i);
		if (!gap_is_tried(s, *member_p))
			return true;
	}
	return false;
}

/*
 * Who opens its archive yet, or has not entered its epoch, has not said that it lacks anything
 * (G5).  The handle's timeout ends this.
 */
static void gap_ask_again(struct pawl_subscriber *s, uint64_t now_ns)
{
	s->gap.tried &= ~s->gap.later;
	s->gap.later = 0;
	s->again_ns = now_ns + AGAIN_NS;
}

/* Everybody was asked: whoever has the most of it is read, and the rest is lost. */
static bool gap_last_candidate(struct pawl_subscriber *s, uint32_t *member_p)
{
	struct subscriber_gap *gap = &s->gap;

	if (gap->last_try || gap->best_at == SUBSCRIBER_NOBODY ||
		word_load(s->machine.oldest) <= gap->best)
		return false;
	gap->last_try = true;
	*member_p = gap->best_at;
	return true;
}

static void settled(struct pawl_subscriber *s)
{
	s->stage = SUBSCRIBER_SETTLED;
	s->adrift_ns = 0;
	s->turn = 0;
	s->tries = 0;
	s->rounds = 0;
}

/* The next gap that the machine tells is a loss, unless it finds after all what it wants. */
static void gap_give_up(struct pawl_subscriber *s)
{
	s->gap.open = false;
	s->gap.lost = true;
	settled(s);
}

static void seek_ask(struct pawl_subscriber *s, uint32_t member, enum source_kind kind)
{
	bool looks = !s->begun && s->options.from == PAWL_FROM_NOW &&
		     kind == SOURCE_INBOX;
	int rc = looks ? now_look(s, member) : 0;

	if (!rc)
		rc = ask_send(s, member, kind);
	if (rc && rc != -EAGAIN)
		seek_failed(s, rc);
}

static void seek_next(struct pawl_subscriber *s, uint64_t now_ns)
{
	enum source_kind kind = SOURCE_INBOX;
	uint32_t member;

	if (now_ns < s->again_ns)
		return;
	if (s->gap.open && s->tells) {
		if (gap_candidate(s, &member))
			seek_ask(s, member, SOURCE_INBOX);
		else if (s->gap.later)
			gap_ask_again(s, now_ns);
		else if (gap_last_candidate(s, &member))
			seek_ask(s, member, SOURCE_INBOX);
		else
			gap_give_up(s);
	} else if (turn_candidate(s, &member, &kind)) {
		seek_ask(s, member, kind);
	}
}

/* A member on this host may only be busy. */
static void near_note(struct pawl_subscriber *s, int code)
{
	if (s->ask.kind != SOURCE_PLACE)
		return;
	if (code == -EAGAIN || code == -ETIMEDOUT)
		s->near_later |= 1u << s->ask.member;
	else
		s->near_later &= ~(1u << s->ask.member);
}

/* A member on this host is worth another try, but not soon. */
static void near_put_off(struct pawl_subscriber *s, uint64_t now_ns)
{
	s->near_wait_ns = least(
		s->near_wait_ns ? s->near_wait_ns * 2 : NEAR_MIN_NS, NEAR_MAX_NS);
	s->near_ns = now_ns + s->near_wait_ns;
}

void seek_failed(struct pawl_subscriber *s, int code)
{
	uint32_t member = s->ask.member;
	bool returns = s->returns;

	near_note(s, code);
	ask_drop(s);
	now_close(s);
	s->why_code = code;
	s->stage = SUBSCRIBER_SEEKING;
	s->returns = false;
	if (returns)
		s->back_ns = clock_now_ns() + BACK_NS;
	if (returns && s->near_later)
		near_put_off(s, clock_now_ns());
	if (code == -EAGAIN && !returns && s->tries++ < TRIES_MAX) {
		s->again_ns = clock_now_ns() + SOON_NS;
		return;
	}
	s->tries = 0;
	if (returns && !s->gap.open) {
		settled(s); /* it goes on with what it has */
	} else if (s->gap.open) {
		s->gap.tried |= 1u << member;
		s->gap.later |= code == -EAGAIN ? 1u << member : 0;
	} else if (++s->turn >= 2 * members_count(s)) {
		s->turn = 0;
		s->rounds++;
		s->again_ns = clock_now_ns() + AGAIN_NS;
	}
}

static void machine_begin(struct pawl_subscriber *s)
{
	struct stream_subscriber_config config = s->machine.config;

	config.from = STREAM_FROM_POSITION;
	config.position = s->ask.start;
	stream_subscriber_init(&s->machine, &config);
	s->begun = true;
}

static void read_in_place(struct pawl_subscriber *s)
{
	struct place *place = &s->ask.place;

	stream_subscriber_attach(
		&s->machine, &place->ring, place->commit, &place->control->oldest);
	place_close(&s->place);
	inbox_close(&s->inbox);
	s->place = *place;
	*place = (struct place){.member = SUBSCRIBER_NOBODY};
}

/* What was mapped is kept while an archive feeds, to see when it can be gone back to. */
static void read_inbox(struct pawl_subscriber *s)
{
	struct inbox *inbox = &s->ask.inbox;

	stream_subscriber_attach(&s->machine, &inbox->ring, &inbox->words->fed.end,
		&inbox->words->fed.oldest);
	if (s->place.member == SUBSCRIBER_NOBODY)
		place_close(&s->place);
	inbox_close(&s->inbox);
	s->inbox = *inbox;
	*inbox = (struct inbox){.member = SUBSCRIBER_NOBODY};
}

/* What the new source has of the range that is missing. */
static void gap_look(struct pawl_subscriber *s, uint32_t member)
{
	struct subscriber_gap *gap = &s->gap;
	uint64_t oldest = word_load(s->machine.oldest);

	if (oldest <= s->machine.next) {
		gap->open = false;
		return;
	}
	if (s->kind == SOURCE_INBOX)
		gap->tried |= 1u << member;
	if (oldest < gap->best) {
		gap->best = oldest;
		gap->best_at = member;
	}
	s->stage = SUBSCRIBER_SEEKING;
}

void seek_settle(struct pawl_subscriber *s)
{
	uint32_t member = s->ask.member;

	if (!s->begun)
		machine_begin(s);
	s->kind = s->ask.kind;
	if (s->kind == SOURCE_PLACE)
		read_in_place(s);
	else
		read_inbox(s);
	s->ask.kind = SOURCE_NONE;
	s->tells = true;
	s->news_ns = clock_now_ns();
	s->returns = false;
	s->back_ns = 0;
	if (s->kind == SOURCE_PLACE)
		s->near_later = 0;
	if (s->near_later)
		near_put_off(s, s->news_ns);
	settled(s);
	if (s->gap.open)
		gap_look(s, member);
	if (s->stage == SUBSCRIBER_SETTLED)
		leave_begin(s, member, clock_now_ns());
}

bool seek_elsewhere(struct pawl_subscriber *s, const struct stream_delivery *gone)
{
	struct subscriber_gap *gap = &s->gap;
	bool archived = subscriber_stream(s)->limits.archiving != STREAM_ARCHIVE_OFF;

	if (!archived || (gap->lost && gap->position == gone->first)) {
		gap->lost = false;
		return false;
	}
	if (gap->position != gone->first)
		*gap = (struct subscriber_gap){.position = gone->first,
			.best = UINT64_MAX,
			.best_at = SUBSCRIBER_NOBODY};
	gap->open = true;
	if (s->stage != SUBSCRIBER_SETTLED)
		return true; /* whoever was asked has it, perhaps */
	s->adrift_ns = clock_now_ns();
	gap_look(s, s->kind == SOURCE_PLACE ? s->place.member : s->inbox.member);
	if (!gap->open)
		settled(s);
	return true;
}

void seek_begin(struct pawl_subscriber *s)
{
	ask_drop(s);
	s->place.member = SUBSCRIBER_NOBODY;
	s->inbox.member = SUBSCRIBER_NOBODY;
	s->stage = SUBSCRIBER_SEEKING;
	s->gap = (struct subscriber_gap){.open = false};
	s->turn = 0;
	s->tries = 0;
	s->again_ns = 0;
	s->back_ns = 0;
	s->near_later = 0;
	s->near_wait_ns = 0;
	s->returns = false;
}

/* The log that can be read in place has again what is next, and not for a moment only. */
static bool place_has_next(const struct pawl_subscriber *s)
{
	uint64_t next = s->machine.next;
	uint64_t slots = stream_ring_slots(&s->place.ring);
	uint64_t oldest = word_load(&s->place.control->oldest);
	uint64_t end = word_load(&s->place.control->end);

	return next >= oldest && next <= end + 1 && end - next + 1 <= slots - slots / 4;
}

/*
 * What the feeder has no more, nobody has in a log, or soon not; an archive that feeds says nothing
 * of logs, but what is not found in one comes from an archive again.
 */
static bool inbox_is_near_end(const struct pawl_subscriber *s)
{
	uint64_t oldest = word_load(s->machine.oldest);
	uint64_t margin = subscriber_stream(s)->limits.slots / 4;

	return oldest <= 1 || s->machine.next >= oldest + margin;
}

/* Asks for what would be better than the inbox, or as good, and goes on with it meanwhile. */
static void settled_ask(struct pawl_subscriber *s, uint64_t now_ns, uint32_t member,
	enum source_kind kind)
{
	int rc = ask_send(s, member, kind);

	s->returns = true;
	s->adrift_ns = now_ns;
	if (rc)
		seek_failed(s, rc);
}

/* Silence may be the end of a feed whose link has failed. */
static bool is_quiet(const struct pawl_subscriber *s, uint64_t now_ns)
{
	return now_ns > s->news_ns && now_ns - s->news_ns > QUIET_NS;
}

static void settled_step(struct pawl_subscriber *s, uint64_t now_ns)
{
	leave_step(s, now_ns);
	if (s->kind != SOURCE_INBOX)
		return;
	if (s->machine.next != s->news_next)
		s->news_ns = now_ns;
	s->news_next = s->machine.next;
	inbox_tell(s, &s->inbox, true);
	if (s->stage != SUBSCRIBER_SETTLED || now_ns < s->back_ns)
		return;
	if (s->place.log && s->place.member != SUBSCRIBER_NOBODY && place_has_next(s))
		settled_ask(s, now_ns, s->place.member, SOURCE_PLACE);
	else if (s->near_later && now_ns >= s->near_ns && inbox_is_near_end(s))
		settled_ask(
			s, now_ns, (uint32_t)__builtin_ctz(s->near_later), SOURCE_PLACE);
	else if (is_quiet(s, now_ns))
		settled_ask(s, now_ns, s->inbox.member, SOURCE_INBOX);
}

static void awaiting_step(struct pawl_subscriber *s)
{
	if (inbox_is_fed(&s->ask.inbox))
		seek_settle(s);
}

static uint64_t patience_ns(const struct pawl_subscriber *s)
{
	return s->stage == SUBSCRIBER_ASKED ? ANSWER_NS : WORDS_NS;
}

static bool answer_is_late(const struct pawl_subscriber *s, uint64_t now_ns)
{
	return (s->stage == SUBSCRIBER_ASKED || s->stage == SUBSCRIBER_AWAITING) &&
	       now_ns > s->ask.since_ns && now_ns - s->ask.since_ns > patience_ns(s);
}

static void answer_give_up(struct pawl_subscriber *s)
{
	int rc = error_set(&s->why, -ETIMEDOUT,
		"pawl: %s/%s: subscribe: %s: no %s within %" PRIu64 " ms; is the replica "
		"stopped or busy?",
		SUBSCRIBER_NAMES(s), subscriber_peer(s, s->ask.member)->endpoint.text,
		s->stage == SUBSCRIBER_ASKED ? "answer" : "slots",
		patience_ns(s) / UINT64_C(1000000));

	seek_failed(s, rc);
}

void seek_step(struct pawl_subscriber *s, uint64_t now_ns)
{
	if (s->stage == SUBSCRIBER_ADRIFT)
		return;
	inbox_progress(s);
	if (s->stage == SUBSCRIBER_AWAITING)
		awaiting_step(s);
	if (answer_is_late(s, now_ns))
		answer_give_up(s);
	if (s->stage == SUBSCRIBER_SETTLED)
		settled_step(s, now_ns);
	if (s->stage == SUBSCRIBER_SEEKING)
		seek_next(s, now_ns);
}
