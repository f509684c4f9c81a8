/*
 * A bank: accounts, tellers that transfer between them in transactions, and an auditor who reads all
 * of them at once, again and again.  Whatever is killed, the total stays what it was, no balance is
 * below zero, and no transfer is made twice.
 *
 *     bank WHERE STORE open ACCOUNTS BALANCE     makes the accounts, if there are none
 *     bank WHERE STORE transfer TELLER COUNT     makes so many transfers, or fewer until SIGTERM
 *     bank WHERE STORE audit ACCOUNTS BALANCE    until SIGTERM; at least once
 *
 * A transfer reads two balances here, however old they are, and writes them back under the condition
 * that nobody has written them since.  The same transaction writes which of the teller's transfers it
 * was; so after a timeout, when its outcome is not known, that key tells it.  TELLER has to be
 * nobody else's.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl/store.h>

#define ACCOUNTS_MAX PAWL_OPERATIONS_MAX
#define TEXT_LEN 64
#define TRIES 100
#define MOST 25 /* that one transfer moves */

struct bank {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *who;
	uint64_t accounts;
	uint64_t random;
	uint64_t audits;
	uint64_t made;
	uint64_t again;	  /* somebody else was faster */
	uint64_t unknown; /* transfers whose outcome had to be looked for */
	uint64_t empty;	  /* there was nothing to transfer */
};

static volatile sig_atomic_t over;

static void on_term(int signal)
{
	(void)signal;
	over = 1;
}

static int tell(const struct bank *b, int rc)
{
	fprintf(stderr, "bank: %s: %s\n", b->who, pawl_errmsg(b->pawl));
	return rc;
}

static bool is_unknown(int rc)
{
	return rc == -ETIMEDOUT || rc == -ECANCELED;
}

/* ---- Keys with numbers ---- */

struct number {
	char key[TEXT_LEN];
	char text[TEXT_LEN]; /* to be written */
	uint64_t value;
	uint64_t version; /* 0: there is no such key */
};

static void account_name(uint64_t account, char key[TEXT_LEN])
{
	(void)snprintf(key, TEXT_LEN, "account/%04" PRIu64, account);
}

static int64_t number_of(const struct pawl_reply *reply)
{
	char text[TEXT_LEN] = "";

	if (reply->value_len < sizeof(text))
		memcpy(text, reply->value, reply->value_len);
	return strtoll(text, NULL, 10);
}

/* As it was applied here; a number that is not there is 0. */
static int number_look(const struct bank *b, struct number *n)
{
	struct pawl_reply reply;
	int rc = pawl_store_get(
		b->store, PAWL_READ_LOCAL, n->key, strlen(n->key), &reply);

	n->version = rc ? 0 : reply.version;
	n->value = rc ? 0 : (uint64_t)number_of(&reply);
	return rc == -ENOENT ? 0 : rc;
}

static struct pawl_command number_is_as_it_was(const struct number *n)
{
	return (struct pawl_command){.kind = PAWL_IF_VERSION,
		.option = PAWL_EQUAL,
		.key = n->key,
		.key_len = strlen(n->key),
		.number = n->version};
}

static struct pawl_command number_put(struct number *n, uint64_t value)
{
	(void)snprintf(n->text, sizeof(n->text), "%" PRIu64, value);
	return (struct pawl_command){.kind = PAWL_PUT,
		.key = n->key,
		.key_len = strlen(n->key),
		.value = n->text,
		.value_len = strlen(n->text)};
}

/* ---- Opening ---- */

/* All or none: the first account is there only with all others. */
static int accounts_open(struct bank *b, uint64_t balance)
{
	struct number accounts[ACCOUNTS_MAX] = {0};
	struct pawl_command puts[ACCOUNTS_MAX], absent;
	struct pawl_transaction t = {.comparisons = &absent,
		.comparisons_count = 1,
		.thens = puts,
		.thens_count = (unsigned int)b->accounts};
	int rc;

	for (uint64_t i = 0; i < b->accounts; i++) {
		account_name(i, accounts[i].key);
		puts[i] = number_put(&accounts[i], balance);
	}
	absent = number_is_as_it_was(&accounts[0]);
	rc = pawl_store_transact(b->store, &t, NULL);
	return rc ? tell(b, rc) : 0;
}

/* ---- Transfers ---- */

static uint64_t random_below(struct bank *b, uint64_t end)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return (b->random >> 11) % end;
}

struct transfer {
	struct number from;
	struct number to;
	struct number last; /* which of the teller's transfers was the last */
	uint64_t number;    /* of this one */
	uint64_t amount;
};

static int balances_look(const struct bank *b, struct transfer *t)
{
	int rc = number_look(b, &t->from);

	if (!rc)
		rc = number_look(b, &t->to);
	return rc ? rc : number_look(b, &t->last);
}

/* *otherwise_p: a balance has changed since it was looked at, and nothing was done. */
static int transfer_send(const struct bank *b, struct transfer *t, bool *otherwise_p)
{
	const struct pawl_command ifs[] = {number_is_as_it_was(&t->from),
		number_is_as_it_was(&t->to), number_is_as_it_was(&t->last)};
	const struct pawl_command puts[] = {
		number_put(&t->from, t->from.value - t->amount),
		number_put(&t->to, t->to.value + t->amount),
		number_put(&t->last, t->number)};
	const struct pawl_transaction transaction = {.comparisons = ifs,
		.comparisons_count = 3,
		.thens = puts,
		.thens_count = 3};
	struct pawl_reply reply;
	int rc = pawl_store_transact(b->store, &transaction, &reply);

	*otherwise_p = !rc && reply.otherwise;
	return rc;
}

/* 1: it is made, also if an answer was lost; 0: it is to be tried again. */
static int transfer_try(struct bank *b, struct transfer *t)
{
	bool otherwise = false;
	int rc = balances_look(b, t);

	if (!rc && t->last.value == t->number)
		return 1;
	if (!rc && t->from.value == 0)
		return ++b->empty, 1;
	if (!rc) {
		t->amount = 1 +
			    random_below(b, MOST < t->from.value ? MOST : t->from.value);
		rc = transfer_send(b, t, &otherwise);
	}
	b->again += otherwise;
	if (is_unknown(rc)) {
		b->unknown++;
		rc = pawl_store_sync(b->store); /* now its key tells */
		return is_unknown(rc) ? 0 : rc;
	}
	return rc ? rc : !otherwise;
}

static int transfer(struct bank *b)
{
	uint64_t from = random_below(b, b->accounts);
	uint64_t to = (from + 1 + random_below(b, b->accounts - 1)) % b->accounts;
	struct transfer t = {.number = b->made + 1};
	uint64_t empty = b->empty;
	int rc = 0;

	account_name(from, t.from.key);
	account_name(to, t.to.key);
	(void)snprintf(t.last.key, sizeof(t.last.key), "teller/%.40s", b->who);
	for (int i = 0; i < TRIES && rc == 0; i++)
		rc = transfer_try(b, &t);
	if (rc == 0) {
		fprintf(stderr, "bank: %s: tried %d times in vain\n", b->who, TRIES);
		return -EAGAIN;
	}
	b->made += rc == 1 && b->empty == empty;
	return rc < 0 ? tell(b, rc) : 0;
}

static int accounts_count(struct bank *b)
{
	struct pawl_reply reply, item;
	int rc = pawl_store_list(
		b->store, PAWL_READ_SYNC, "account/", 8, NULL, 0, &reply);

	while (!rc && pawl_reply_next(&reply, &item))
		b->accounts++;
	if (rc || b->accounts >= 2)
		return rc ? tell(b, rc) : 0;
	fprintf(stderr, "bank: %s: there are no two accounts; open some\n", b->who);
	return -ENOENT;
}

static int transfers_make(struct bank *b, uint64_t count)
{
	int rc = accounts_count(b);

	for (uint64_t i = 0; i < count && !over && !rc; i++)
		rc = transfer(b);
	printf("%s\t%" PRIu64 "\n", b->who, b->made);
	fprintf(stderr,
		"bank: %s: %" PRIu64 " transfers made, %" PRIu64
		" times somebody else was faster, %" PRIu64
		" outcomes were looked for, %" PRIu64 " accounts were empty\n",
		b->who, b->made, b->again, b->unknown, b->empty);
	return rc;
}

/* ---- Auditing ---- */

/* What one reading of all accounts says. */
static int sum_check(
	const struct bank *b, struct pawl_reply *reply, const char *how, uint64_t balance)
{
	int64_t sum = 0, least = INT64_MAX;
	uint64_t count = 0;
	struct pawl_reply item;

	for (; pawl_reply_next(reply, &item); count++) {
		int64_t amount = number_of(&item);

		sum += amount;
		least = amount < least ? amount : least;
	}
	if (count == b->accounts && least >= 0 && sum == (int64_t)(b->accounts * balance))
		return 0;
	fprintf(stderr,
		"bank: %s: VIOLATION: %s has %" PRIu64 " accounts, a total of %" PRId64
		" and a least balance of %" PRId64 "\n",
		b->who, how, count, sum, least);
	return -EILSEQ;
}

static int audit_by_list(struct bank *b, uint64_t balance)
{
	struct pawl_reply reply;
	enum pawl_reading how = b->audits % 4 ? PAWL_READ_LOG : PAWL_READ_SYNC;
	int rc = pawl_store_list(b->store, how, "account/", 8, NULL, 0, &reply);

	return rc ? rc : sum_check(b, &reply, "a list", balance);
}

static int audit_by_transaction(struct bank *b, uint64_t balance)
{
	char keys[ACCOUNTS_MAX][TEXT_LEN];
	struct pawl_command gets[ACCOUNTS_MAX];
	struct pawl_transaction t = {
		.thens = gets, .thens_count = (unsigned int)b->accounts};
	struct pawl_reply reply;
	int rc;

	for (uint64_t i = 0; i < b->accounts; i++) {
		account_name(i, keys[i]);
		gets[i] = (struct pawl_command){
			.kind = PAWL_GET, .key = keys[i], .key_len = strlen(keys[i])};
	}
	rc = pawl_store_transact(b->store, &t, &reply);
	return rc ? rc : sum_check(b, &reply, "a transaction", balance);
}

static int audit(struct bank *b, uint64_t balance)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int rc = 0;

	do {
		rc = b->audits % 2 ? audit_by_transaction(b, balance)
				   : audit_by_list(b, balance);
		b->audits += rc == 0;
		b->unknown += is_unknown(rc);
		(void)nanosleep(&pause, NULL);
	} while ((!rc && !over) || is_unknown(rc));
	if (rc && rc != -EILSEQ)
		return tell(b, rc);
	printf("%" PRIu64 " audits, %s\n", b->audits,
		rc ? "and one was wrong" : "all alike");
	return rc;
}

/* ---- The program ---- */

static uint64_t argument(int argc, char **argv, int i)
{
	return argc > i ? strtoull(argv[i], NULL, 10) : 0;
}

/* Where tellers begin that have worked before. */
static int made_look(struct bank *b)
{
	struct number last = {.version = 0};
	int rc;

	(void)snprintf(last.key, sizeof(last.key), "teller/%.40s", b->who);
	rc = number_look(b, &last);
	b->made = last.value;
	return rc ? tell(b, rc) : 0;
}

static int work(struct bank *b, int argc, char **argv)
{
	const char *what = argv[3];
	int rc;

	if (strcmp(what, "transfer") == 0) {
		b->random = UINT64_C(0x9e3779b97f4a7c15);
		for (const char *c = b->who; *c; c++)
			b->random = (b->random ^ (unsigned char)*c) * 31 + 7;
		rc = made_look(b);
		return rc ? rc : transfers_make(b, argument(argc, argv, 5));
	}
	b->who = what;
	b->accounts = argument(argc, argv, 4);
	if (b->accounts < 2 || b->accounts > ACCOUNTS_MAX) {
		fprintf(stderr, "bank: give 2 to %d accounts\n", ACCOUNTS_MAX);
		return -EINVAL;
	}
	if (strcmp(what, "open") == 0)
		return accounts_open(b, argument(argc, argv, 5));
	return audit(b, argument(argc, argv, 5));
}

int main(int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct bank b = {.who = argc > 4 ? argv[4] : ""};
	int rc;

	if (argc != 6) {
		fprintf(stderr, "usage: bank WHERE STORE open|audit ACCOUNTS BALANCE, "
				"or bank WHERE STORE transfer TELLER COUNT\n");
		return 2;
	}
	(void)signal(SIGTERM, on_term);
	options.program = "example bank";
	if (pawl_open(argv[1], &options, &b.pawl)) {
		fprintf(stderr, "bank: %s\n", pawl_errmsg(NULL));
		return EXIT_FAILURE;
	}
	rc = pawl_store_open(b.pawl, argv[2], NULL, &b.store);
	rc = rc ? tell(&b, rc) : work(&b, argc, argv);
	pawl_store_close(b.store);
	pawl_close(b.pawl);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
