/*
 * Storage on the simulated stream.  A *participant* has a publisher and a subscriber of the stream
 * (streams.h), a client of the counters, by which it asks for the stream's end, and a machine of the
 * real core (kv.h) that it feeds.  Replicas have a machine too, for reads at the tail; it is a
 * *seat*.  Participants do what people do with a storage: they write, claim, transfer, lock and
 * guard, die in the middle of it, and come back with a snapshot of somebody else's.
 *
 *     store_work.c          what they want: commands, and reads
 *     store_locks.c         sessions, locks, and what these guard
 *     store_participants.c  delivering, deciding, syncing, dying and coming back
 *     store_seats.c         machines at replicas, reads at the tail
 *     store_machines.c      one copy of the machine, snapshots
 *     store_truth.c         what must hold at every position
 *     store_history.c       what was asked and answered, and the judges
 *
 * Positions in the history are those of the stream times STORE_SCALE: one command can give locks to
 * several who wait, and their tokens are different ones there.
 */
#ifndef PAWL_TESTS_SIM_STORES_H
#define PAWL_TESTS_SIM_STORES_H

#include "sequencer/core/commands.h"
#include "sequencer/core/kv.h"
#include "sequencer/core/stream_sync.h"
#include "sequencer/core/stream_tail_read.h"
#include "tests/linear/linear.h"
#include "tests/sim/streams.h"

#define PARTICIPANTS_MAX 4
#define STORE_LOCKS 2
#define STORE_ACCOUNTS 3
#define STORE_BALANCE 100 /* of each account, at first */
#define STORE_SCALE 8
#define STORE_OPERATIONS_MAX 2048
#define STORE_ITEMS 4 /* comparisons, or steps of a branch */
#define STORE_FOUND 8 /* keys of a list, gets of a branch */
#define STORE_NAME 16 /* bytes of a key or a value here */
#define STORE_TEXT_MAX (512 * 1024)
#define STORE_LIVES_MAX 48
#define STORE_MACHINE_LEN (64 * 1024)
#define STORE_COMMAND_MAX 512
#define STORE_REPLY_MAX QUESTION_MAX
#define STORE_GRANTS 8 /* of one command */
#define STORE_SESSIONS 64
#define STORE_QUESTIONS 16
#define STORE_ERRANDS 64
#define STORE_MS_NS 400000 /* what the machine takes for a millisecond */
#define STORE_NOTHING UINT32_MAX

/* An operation of the history, with its texts. */
struct sim_operation {
	struct linear_call call;
	struct linear_result result;
	bool finished;
	bool hidden; /* not of the history */
	uint32_t lock;
	struct kv_operation asked; /* a transaction is none */
	uint64_t session;	   /* that speaks; 0: nobody */
	char key[STORE_NAME], value[STORE_NAME], expected[STORE_NAME];
	const char *keys[STORE_LOCKS];
	struct linear_item compare[STORE_ITEMS], then[STORE_ITEMS],
		otherwise[STORE_ITEMS];
	char keys_of[STORE_ITEMS][STORE_NAME], before[STORE_ITEMS][STORE_NAME],
		after[STORE_ITEMS][STORE_NAME];
	struct linear_found found[STORE_FOUND];
	char found_keys[STORE_FOUND][STORE_NAME], found_values[STORE_FOUND][STORE_NAME];
};

struct sim_grant {
	uint32_t lock;
	uint64_t session;
};

/* A copy of the machine, and what its newest command did. */
struct sim_machine {
	struct cluster *cluster;
	struct kv *kv;
	uint64_t passed; /* what begins up to here is applied, or nothing is there */
	struct sim_grant grants[STORE_GRANTS];
	uint64_t ended[STORE_SESSIONS]; /* sessions */
	uint32_t grants_count, ended_count;
	unsigned char reply[STORE_REPLY_MAX];
	uint32_t reply_len;
	_Alignas(64) unsigned char memory[STORE_MACHINE_LEN];
};

enum sim_sync_stage {
	SYNC_NONE,
	SYNC_WANTED,
	SYNC_ASKED,    /* the end of the stream was asked for */
	SYNC_REACHING, /* and is known */
};

struct sim_sync {
	enum sim_sync_stage stage;
	uint64_t serial;
	uint64_t end;
	uint64_t epoch;	    /* that the end is of, or an earlier one */
	uint32_t operation; /* a read that waits for it, or STORE_NOTHING */
};

struct sim_tail_read {
	bool active, fresh;
	uint32_t operation;
	uint64_t serial;
	uint64_t since_ns;
	struct stream_tail_read read;
	uint32_t len;
	unsigned char answer[QUESTION_MAX];
};

enum sim_lock_stage {
	LOCK_NONE,
	LOCK_ASKED,
	LOCK_WAITS,
	LOCK_HELD,
	LOCK_LEFT, /* given back, or the place in the queue; it has not come back yet */
};

struct sim_lock {
	enum sim_lock_stage stage;
	uint32_t operation; /* by which it was asked for */
	uint64_t fence;
	uint64_t token;	  /* in the history */
	uint32_t errands; /* yet to be run to what it guards */
	bool running;	  /* one is */
};

/* A session as a participant sees it. */
struct sim_watch {
	uint64_t session;
	uint64_t spoken;
	uint64_t seen_ns;
};

struct sim_participant {
	struct cluster *cluster;
	uint32_t index;
	uint32_t process; /* in the history, another one in every life */
	struct sim_publisher *publisher;
	struct sim_subscriber *subscriber;
	struct sim_client *client;
	bool in;     /* it has a state to go on from */
	bool broken; /* messages were lost to it */
	uint64_t returns_ns;
	uint32_t wanted; /* operations yet to be begun */
	uint32_t eagerness;
	uint32_t values;      /* that it has written */
	uint32_t in_progress; /* operations */
	struct commands commands;
	struct command ring[STREAM_DEPTH];
	struct sim_sync sync;
	struct sim_tail_read tail;
	uint64_t session;
	uint64_t silence_ns;   /* after which others may expire it */
	bool opening, keeping; /* a command that says so is in flight */
	uint64_t spoke_ns;
	struct sim_lock locks[STORE_LOCKS];
	struct sim_watch watches[STORE_SESSIONS];
	struct sim_machine machine;
};

/* A machine at a replica. */
struct sim_seat {
	bool ready;
	uint64_t serial; /* of the log that it reads */
	struct stream_subscriber reader;
	struct sim_question questions[STORE_QUESTIONS];
	uint64_t upto[STORE_QUESTIONS];
	uint32_t from[STORE_QUESTIONS];
	uint32_t questions_count;
	struct sim_machine machine;
	_Alignas(64) unsigned char slot[SIM_SLOT_MAX];
	unsigned char buffer[STREAM_PARTS_MAX * SIM_SLOT_MAX];
};

/* What everybody's machine was like after a position. */
struct store_truth {
	bool known;
	uint8_t kind; /* of the command */
	uint32_t reply;
	uint32_t snapshot;
};

/* A session, as the log has it; and the queues of locks. */
struct sim_session {
	uint64_t session;
	uint64_t spoken;
	bool over;
};
struct sim_waiter {
	uint64_t session;
	uint64_t position;
};

/* What a lock guards: it is read, and then written if the token is good still. */
struct sim_guarded {
	uint64_t newest; /* as kv_fence_admit has it */
	uint64_t value;
	uint64_t writes;
	uint64_t highest; /* token that was ever let in */
};

/* On its way to what is guarded, and back. */
struct sim_errand {
	bool used;
	bool back;
	bool writes;
	bool admitted;
	uint32_t participant, process, lock, operation;
	uint64_t fence, value;
};

struct stores {
	struct cluster *cluster;
	uint32_t participants_count;
	uint32_t claims;
	bool tails;	     /* mostly reads at tails, which are cut off */
	uint32_t seats_rest; /* per thousand looks that a seat does not take */
	bool over;	     /* the stream was lost with all memory */
	struct sim_participant participants[PARTICIPANTS_MAX];
	struct sim_seat seats[REPLICAS_MAX];
	struct store_truth truth[TRUTH_MAX];
	struct sim_machine
		kept; /* as an archive has it: everything committed is applied at once */
	uint64_t learned; /* positions that it has looked at */
	struct sim_session sessions[STORE_SESSIONS];
	uint32_t sessions_count;
	struct sim_waiter waiters[STORE_LOCKS][STORE_SESSIONS];
	uint32_t waiters_count[STORE_LOCKS];
	struct sim_guarded guarded[STORE_LOCKS];
	struct sim_errand errands[STORE_ERRANDS];
	uint32_t processes;
	uint32_t lives_count;
	uint32_t finished, restored, decided_in_doubt, tail_reads, expired, granted,
		stale; /* for who looks at traces */
	struct sim_operation operations[STORE_OPERATIONS_MAX];
	uint32_t operations_count;
	uint32_t spare
		[STORE_OPERATIONS_MAX]; /* that never happened, or are no part of the history */
	uint32_t spare_count;
	struct stream_text texts[STORE_LIVES_MAX][IDS_MAX];
	unsigned char bytes[STORE_TEXT_MAX];
	uint32_t bytes_count;
};

/* stores.c */
void stores_choose(struct streams *s, struct cluster_config *config, uint64_t seed);
void stores_open(struct cluster *c);
bool stores_done(const struct cluster *c);
uint64_t stores_progress(const struct cluster *c);
void stores_tell(struct cluster *c);
/* Texts of one life of a publisher. */
struct stream_text *stores_texts(struct stores *st);
struct stream_text stores_text_keep(struct stores *st, const void *bytes, uint32_t len);
/* Something happens to a participant. */
void stores_fault(struct sim_participant *p);
/* The stream does not know its publisher any more. */
void stores_forget(struct sim_participant *p);
/* The log begins where nobody has what was before. */
void stores_lost(struct cluster *c);

/* store_machines.c */
void machine_begin_anew(struct sim_machine *m, struct cluster *c);
/* Applies, checks, and keeps the reply. */
void machine_apply(
	struct sim_machine *m, uint64_t position, const void *bytes, uint64_t len);
void machine_query(struct sim_machine *m, const void *bytes, uint32_t len);
/* It becomes what somebody else's is, who has everything before @oldest.  False: nobody's is. */
bool machine_restore(struct sim_machine *m, struct cluster *c, uint64_t oldest);
void machine_passes(struct sim_machine *m, const struct stream_subscriber *reader);
uint32_t machine_snapshot_crc(struct sim_machine *m);
uint32_t lock_of_name(const void *name, size_t len);

/* store_truth.c */
/* Positions up to here are known for ever. */
void stores_committed(struct cluster *c);
void truth_check(
	struct sim_machine *m, uint64_t position, const void *bytes, uint64_t len);

/* store_participants.c */
void participant_start(struct sim_participant *p);
void participant_tick(struct sim_participant *p);
void participant_die(struct sim_participant *p);
/* Its processes are stopped, all of them. */
void participant_pause(struct sim_participant *p, uint64_t ns);
void participant_deliver(struct sim_participant *p, const struct stream_delivery *d);
void participant_end_read(struct sim_participant *p, const struct ticket_result *result);
bool participant_in_doubt(const struct sim_participant *p);
/* False: not now. */
bool participant_submit(struct sim_participant *p, const void *bytes, size_t len,
	uint32_t operation, bool silent);

/* store_seats.c */
void seat_tick(struct sim_replica *r);
void seat_forget(struct sim_replica *r);
void seat_asked(struct sim_replica *r, const struct sim_question *question);
void participant_answered(struct cluster *c, const struct sim_question *answer);
void participant_unlinked(struct sim_participant *p);
void participant_state(
	struct sim_participant *p, uint32_t serial, uint32_t member, uint64_t state);
void tail_read_begin(struct sim_participant *p, uint32_t operation);
void tail_read_step(struct sim_participant *p);

/* store_work.c */
/* False: it never happened. */
bool work_publish(struct sim_participant *p, struct sim_operation *o);
/* Something of what it wants; false: it can not now. */
bool work_begin(struct sim_participant *p);
/* The bytes of a command that is no transaction. */
size_t work_query(const struct sim_operation *o, unsigned char *bytes, size_t len);

/* store_locks.c */
void locks_tick(struct sim_participant *p);
void locks_granted(struct sim_participant *p, uint64_t position);
void locks_ended(struct sim_participant *p);
/* What became of a command about sessions and locks. */
void locks_outcome(struct sim_participant *p, struct sim_operation *o,
	const struct kv_reply *reply, uint64_t position);
/* Nothing is held or waited for, or will be. */
bool locks_are_quiet(const struct sim_participant *p);
/* The command that gave it back is not in the stream. */
void locks_not_left(struct sim_participant *p, uint32_t lock);
void locks_forget(struct sim_participant *p);

/* store_history.c */
/* NULL: there is no room for more. */
struct sim_operation *operation_begin(struct sim_participant *p, enum linear_kind kind);
struct sim_operation *operation_at(const struct sim_participant *p, uint32_t number);
uint32_t operation_number(const struct sim_participant *p, const struct sim_operation *o);
void operation_key(struct sim_operation *o, const char *key);
/* It never happened. */
void operation_failed(struct sim_participant *p, struct sim_operation *o);
/* Its answer is here, of the state at @position, or of the command that is there. */
void operation_end(struct sim_participant *p, struct sim_operation *o,
	enum linear_answer answer, uint64_t position);
/* By what the machine replied. */
void operation_replied(struct sim_participant *p, struct sim_operation *o,
	const void *reply, size_t len, uint64_t position);
const char *stores_judge(struct cluster *c);
/* As docs/histories.md has them.  -EIO. */
int stores_write(const struct cluster *c, const char *path)
	__attribute__((warn_unused_result));

#endif
