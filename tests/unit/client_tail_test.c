/* Reads at the tail: asked at fake tails, some of which live on when their epoch is over. */
#include "client/lib/stream.h"
#include "client/lib/wait.h"
#include "tests/unit/client_stream_rig.h"
#include "tests/unit/fake_talk.h"

#define ROOM (3 * MESSAGE_PIECE_MAX)

/* What a tail answers, and does before. */
struct oracle {
	struct desk desk; /* first, for rig_remove */
	bool (*streams)(struct fake *fake, struct fake_replica *r,
		struct fake_connection *c, const Control__Request *request);
	const char *answer;
	uint32_t piece;	  /* bytes of one; 0: all at once */
	uint32_t skipped; /* is added to offsets */
	int refusals;	  /* so many first, */
	int refusal;	  /*   with this errno */
	bool silent;
	int seals;	      /* place whose state is sealed by then; -1: none */
	uint64_t tells_epoch; /* instead of the question's */

	unsigned int asked;
	unsigned int place; /* who was asked last, */
	uint64_t epoch;	    /*   of which epoch, */
	char query[64];	    /*   and what */
	char room[ROOM];
};

/* The extra of the fake has no room of its own for it. */
static struct oracle *present;

static void piece_send(const struct oracle *o, struct fake_connection *c,
	const Control__Request *request, uint32_t offset, uint32_t len)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__TailAnswer answer = CONTROL__TAIL_ANSWER__INIT;

	answer.epoch = o->tells_epoch ? o->tells_epoch : request->tail_read->epoch;
	answer.position = 5;
	answer.len = (uint32_t)strlen(o->answer);
	answer.offset = offset + o->skipped;
	answer.piece.data = (uint8_t *)(uintptr_t)(o->answer + offset);
	answer.piece.len = len;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_TAIL_ANSWER;
	reply.tail_answer = &answer;
	fake_reply_send(c, &reply);
}

static void refusal_send(
	struct fake_connection *c, const Control__Request *request, int refusal)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.id = request->id;
	reply.error = (uint32_t)refusal;
	reply.text = (char *)"fake: not now; ask again";
	fake_reply_send(c, &reply);
}

static void answer_send(
	struct oracle *o, struct fake_connection *c, const Control__Request *request)
{
	uint32_t len = (uint32_t)strlen(o->answer), piece = o->piece ? o->piece : len;

	for (uint32_t at = 0; at < len; at += piece)
		piece_send(o, c, request, at, len - at < piece ? len - at : piece);
}

static void question_note(
	struct oracle *o, const struct fake_replica *r, const Control__TailRead *question)
{
	o->asked++;
	o->place = r->id - 1;
	o->epoch = question->epoch;
	(void)snprintf(o->query, sizeof(o->query), "%.*s", (int)question->query.len,
		(const char *)question->query.data);
}

static bool on_request(struct fake *fake, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	struct oracle *o = present;

	if (request->body_case != CONTROL__REQUEST__BODY_TAIL_READ)
		return o->streams(fake, r, c, request);
	question_note(o, r, request->tail_read);
	if (o->seals >= 0)
		atomic_store(fake_word(fake, (unsigned int)o->seals, o->epoch,
				     REGION_STATE_OFFSET),
			region_state_sealed(o->epoch));
	if (o->refusals > 0) {
		o->refusals--;
		refusal_send(c, request, o->refusal);
	} else if (!o->silent) {
		answer_send(o, c, request);
	}
	return true;
}

static int oracle_begin(void **state, unsigned int chain)
{
	struct oracle *o = calloc(1, sizeof(*o));
	struct fake *fake;

	assert_non_null(o);
	o->answer = "old";
	o->seals = -1;
	present = o;
	*state = o;
	fake = &o->desk.rig.fake;
	fake_begin(fake, 2, chain);
	fake_stream_begin(fake);
	(void)pthread_mutex_lock(&fake->lock);
	o->streams = fake->extra.request;
	fake->extra.request = on_request;
	(void)pthread_mutex_unlock(&fake->lock);
	desk_open(&o->desk);
	return 0;
}

static int chain_of_one(void **state)
{
	return oracle_begin(state, 1);
}

static int chain_of_two(void **state)
{
	return oracle_begin(state, 2);
}

static int step_until(struct oracle *o, uint64_t deadline)
{
	int rc = -EAGAIN;

	while (rc == -EAGAIN && clock_now_ns() < deadline) {
		rc = tail_read_step(o->desk.stream);
		if (rc == -EAGAIN)
			(void)usleep(50);
	}
	return rc;
}

static void begin(struct oracle *o)
{
	tail_read_begin(
		o->desk.stream, "what?", 5, o->room, ROOM, clock_now_ns() + RIG_WAIT_NS);
}

static int ask(struct oracle *o)
{
	begin(o);
	return step_until(o, clock_now_ns() + RIG_WAIT_NS);
}

static void has_answer(const struct oracle *o, const char *answer)
{
	assert_int_equal(tail_read_len(o->desk.stream), strlen(answer));
	assert_memory_equal(o->room, answer, strlen(answer));
}

static void the_tail_is_asked_and_answers_in_pieces(void **state)
{
	struct oracle *o = *state;

	assert_int_equal(ask(o), 0);
	has_answer(o, "old");
	assert_int_equal(o->place, 1);
	assert_int_equal(o->epoch, 1);
	assert_string_equal(o->query, "what?");
	o->answer = "something longer";
	o->piece = 5;
	assert_int_equal(ask(o), 0);
	has_answer(o, "something longer");
	assert_int_equal(o->asked, 2);
}

static const char *long_text(size_t len)
{
	static char text[ROOM + 2];

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static void the_longest_pieces_fit_in_a_connection(void **state)
{
	struct oracle *o = *state;

	o->answer = long_text(ROOM);
	o->piece = MESSAGE_PIECE_MAX;
	assert_int_equal(ask(o), 0);
	has_answer(o, o->answer);
}

static void a_lone_head_is_asked(void **state)
{
	struct oracle *o = *state;

	assert_int_equal(ask(o), 0);
	has_answer(o, "old");
	assert_int_equal(o->place, 0);
}

/*
 * The tail answers as ever, and nobody has told that the epoch is over: only the other member's
 * state does.
 */
static void an_answer_of_an_epoch_that_is_over_is_never_taken(
	struct oracle *o, int sealed, unsigned int next)
{
	struct fake *fake = &o->desk.rig.fake;

	o->seals = sealed;
	begin(o);
	assert_int_equal(step_until(o, clock_now_ns() + 100 * NS_PER_MS), -EAGAIN);
	assert_true(o->asked >= 1);
	assert_int_equal(o->epoch, 1);
	(void)pthread_mutex_lock(&fake->lock);
	o->seals = -1;
	o->answer = "new";
	(void)pthread_mutex_unlock(&fake->lock);
	fake_stream_change(fake, 2, 1, &next);
	fake_serve(fake, next, false);
	fake_serve(fake, 1 - next, true);
	assert_int_equal(step_until(o, clock_now_ns() + RIG_WAIT_NS), 0);
	has_answer(o, "new");
	assert_int_equal(o->place, next);
	assert_int_equal(o->epoch, 2);
}

static void a_tail_that_was_removed_is_not_believed(void **state)
{
	an_answer_of_an_epoch_that_is_over_is_never_taken(*state, 0, 0);
}

static void nor_is_one_that_is_sealed_itself(void **state)
{
	an_answer_of_an_epoch_that_is_over_is_never_taken(*state, 1, 1);
}

static void an_answer_of_another_epoch_is_asked_for_again(void **state)
{
	struct oracle *o = *state;

	o->tells_epoch = 2;
	begin(o);
	assert_int_equal(step_until(o, clock_now_ns() + 50 * NS_PER_MS), -EAGAIN);
	assert_true(o->asked > 1);
	o->tells_epoch = 0;
	assert_int_equal(step_until(o, clock_now_ns() + RIG_WAIT_NS), 0);
}

static void a_tail_that_is_busy_is_asked_again(void **state)
{
	struct oracle *o = *state;

	o->refusals = 3;
	o->refusal = EAGAIN;
	assert_int_equal(ask(o), 0);
	assert_int_equal(o->asked, 4);
}

static void a_refusal_for_good_is_passed_on(void **state)
{
	static const int codes[] = {ENOTSUP, EMSGSIZE};
	struct oracle *o = *state;

	for (int i = 0; i < 2; i++) {
		o->refusals = 1;
		o->refusal = codes[i];
		assert_int_equal(ask(o), -codes[i]);
		assert_non_null(strstr(pawl_errmsg(o->desk.rig.pawl), "not now"));
	}
	assert_int_equal(o->asked, 2);
	assert_int_equal(ask(o), 0);
}

static void a_connection_that_ends_is_made_again_and_asked(void **state)
{
	struct oracle *o = *state;

	o->silent = true;
	begin(o);
	while (o->asked == 0)
		assert_int_equal(step_until(o, clock_now_ns() + 5 * NS_PER_MS), -EAGAIN);
	o->silent = false;
	fake_hang_up(&o->desk.rig.fake, 1);
	assert_int_equal(step_until(o, clock_now_ns() + RIG_WAIT_NS), 0);
	has_answer(o, "old");
	assert_int_equal(o->asked, 2);
}

static void pieces_that_do_not_fit_are_refused(void **state)
{
	struct oracle *o = *state;

	o->answer = "twelve bytes";
	o->piece = 6;
	o->skipped = 3;
	assert_int_equal(ask(o), -EPROTO);
	o->skipped = 0;
	o->answer = long_text(ROOM + 1);
	o->piece = MESSAGE_PIECE_MAX;
	assert_int_equal(ask(o), -EPROTO);
	o->answer = "well";
	o->piece = 0;
	assert_int_equal(ask(o), 0);
	has_answer(o, "well");
}

static void silence_ends_at_the_deadline(void **state)
{
	struct oracle *o = *state;

	o->silent = true;
	begin(o);
	assert_int_equal(step_until(o, clock_now_ns() + 50 * NS_PER_MS), -EAGAIN);
	assert_true(tail_read_waits(o->desk.stream));
	assert_int_equal(tail_read_overdue(o->desk.stream), -ETIMEDOUT);
	assert_non_null(strstr(pawl_errmsg(o->desk.rig.pawl), "the tail has not"));
	o->silent = false;
	o->answer = "next";
	assert_int_equal(ask(o), 0);
	has_answer(o, "next");
}

/* The state reads of a read that was given up leave additions of the handle alone. */
static void counters_go_on_beside_it(void **state)
{
	struct oracle *o = *state;
	uint64_t number = 0;

	if (pawl_counter_open(o->desk.rig.pawl, "orders", &o->desk.rig.counter))
		fail_msg("%s", pawl_errmsg(o->desk.rig.pawl));
	for (uint64_t i = 1; i <= 50; i++) {
		assert_int_equal(ask(o), 0);
		assert_int_equal(pawl_next(o->desk.rig.counter, &number), 0);
		assert_int_equal(number, i);
	}
	assert_int_equal(desk_publish(&o->desk, "beside"), 1);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_tail_is_asked_and_answers_in_pieces, chain_of_two),
		TEST(the_longest_pieces_fit_in_a_connection, chain_of_two),
		TEST(a_lone_head_is_asked, chain_of_one),
		TEST(a_tail_that_was_removed_is_not_believed, chain_of_two),
		TEST(nor_is_one_that_is_sealed_itself, chain_of_two),
		TEST(an_answer_of_another_epoch_is_asked_for_again, chain_of_two),
		TEST(a_tail_that_is_busy_is_asked_again, chain_of_two),
		TEST(a_refusal_for_good_is_passed_on, chain_of_two),
		TEST(a_connection_that_ends_is_made_again_and_asked, chain_of_two),
		TEST(pieces_that_do_not_fit_are_refused, chain_of_two),
		TEST(silence_ends_at_the_deadline, chain_of_two),
		TEST(counters_go_on_beside_it, chain_of_two),
	};

	return cmocka_run_group_tests_name("client tail", tests, NULL, NULL);
}
