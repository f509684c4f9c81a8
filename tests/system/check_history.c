/*
 * Judges the histories that clients kept of one counter (chain_draw), all together.
 *
 *     check_history [--from V] [--end V] [--lost N] [--errors N] FILE...
 *
 *   unique      no number was handed out twice
 *   in order    within a client, later additions have larger numbers
 *   real time   what was there before something else was asked for has the smaller numbers;
 *               a read stands right behind the addition whose last number it shows, and it
 *               never shows the inside of a block
 *   dense       from V + 1 (0) on, to the V of --end, no number is missing but those of
 *               additions whose outcome is unknown, and N more (0)
 *   errors      at most N additions ended with an error (0)
 *
 * The exit status is 0 when all of it holds, 1 when not, 2 for wrong usage.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/history.h"

#define COMPLAINTS_MAX 8
#define GAPS_MAX 64

struct judge {
	struct history_entry *known; /* those that ended well */
	size_t known_count;
	size_t room;
	uint64_t additions, reads;
	uint64_t unknown;	  /* additions that did not, */
	uint64_t unknown_numbers; /* and what they may have taken */
	uint64_t errors;
	uint64_t missing;
	uint64_t wrongs;
	char **files;
	uint32_t files_count; /* as a client: what an option says */
};

struct rules {
	uint64_t from, end, lost, errors;
};

#define WRONG(judge, ...)                               \
	do {                                            \
		if ((judge)->wrongs++ < COMPLAINTS_MAX) \
			warnx(__VA_ARGS__);             \
	} while (0)

static void entry_keep(struct judge *j, const struct history_entry *e)
{
	if (j->known_count == j->room) {
		j->room = j->room ? 2 * j->room : 65536;
		j->known = realloc(j->known, j->room * sizeof(*j->known));
		if (!j->known)
			err(EXIT_FAILURE, "additions");
	}
	j->known[j->known_count++] = *e;
}

static void line_take(struct judge *j, const char *line, struct history_entry *e)
{
	char outcome[16] = "";
	int got = sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %15s",
		&e->invoked, &e->returned, &e->n, &e->last, outcome);
	bool well = strcmp(outcome, "ok") == 0;

	if (got != 5 || (well && (e->last < e->n || e->returned < e->invoked))) {
		WRONG(j, "%s: line %u: not an addition", j->files[e->client], e->line);
		return;
	}
	if (well) {
		entry_keep(j, e);
		j->additions += e->n > 0;
		j->reads += e->n == 0;
		return;
	}
	j->unknown += e->n > 0;
	j->unknown_numbers += e->n;
	j->errors += strcmp(outcome, "open") != 0;
}

/*
 * A read in flight may be made again when the epoch ends, after additions that were asked for
 * later; additions are not.
 */
static void client_order_check(struct judge *j, size_t first)
{
	uint64_t newest = 0;

	for (size_t i = first; i < j->known_count; i++) {
		const struct history_entry *e = &j->known[i];

		if (e->n == 0)
			continue;
		if (e->last <= newest)
			WRONG(j,
				"%s: line %u: %" PRIu64 " came after %" PRIu64
				" in one client",
				j->files[e->client], e->line, e->last, newest);
		newest = e->last;
	}
}

/*
 * A client that was killed leaves zeros behind its last line.  That may be a part of one: it was
 * killed while it wrote down what it was going to ask for, and asked for nothing.
 */
static bool is_line(const char *text)
{
	return text[0] != '\0' && strchr(text, '\n');
}

static void file_take(struct judge *j, uint32_t client)
{
	FILE *stream = fopen(j->files[client], "r");
	struct history_entry e = {.client = client};
	size_t first = j->known_count;
	char line[128];

	if (!stream)
		err(2, "%s", j->files[client]);
	while (fgets(line, sizeof(line), stream) && is_line(line)) {
		e.line++;
		if (line[0] != '#')
			line_take(j, line, &e);
	}
	(void)fclose(stream);
	client_order_check(j, first);
}

static void entry_print(const struct judge *j, const struct history_entry *e)
{
	uint64_t first = e->n ? e->last - e->n + 1 : e->last;

	if (e->client == j->files_count) {
		warnx("  %s %" PRIu64, e->n ? "--from" : "--end", e->last);
		return;
	}
	warnx("  %s: line %u: %s %" PRIu64 " to %" PRIu64 ", asked for at %" PRIu64
	      ", there at %" PRIu64,
		j->files[e->client], e->line, e->n ? "took" : "read", first, e->last,
		e->invoked, e->returned);
}

/* What was there before all of them (nobody asks at time 0), and what is there after them. */
static void ends_keep(struct judge *j, const struct rules *rules)
{
	struct history_entry from = {
		.n = rules->from, .last = rules->from, .client = j->files_count};
	struct history_entry end = {.last = rules->end,
		.invoked = UINT64_MAX,
		.returned = UINT64_MAX,
		.client = j->files_count};

	if (rules->from)
		entry_keep(j, &from);
	if (rules->end)
		entry_keep(j, &end);
}

static void history_judge(struct judge *j)
{
	struct history_finding found = history_check(j->known, j->known_count);

	j->missing = found.gaps;
	if (found.verdict == HISTORY_LINEARIZABLE)
		return;
	WRONG(j, "%s:", history_verdict_name(found.verdict));
	entry_print(j, &found.first);
	entry_print(j, &found.second);
}

/* Where numbers are missing helps to find out why. */
static void gaps_print(const struct judge *j)
{
	uint64_t at = 0;
	size_t count = 0;

	for (size_t i = 0; i < j->known_count && count < GAPS_MAX; i++) {
		const struct history_entry *e = &j->known[i];

		if (e->last - e->n > at) {
			warnx("missing: %" PRIu64 " to %" PRIu64, at + 1, e->last - e->n);
			count++;
		}
		at = e->last;
	}
}

static void sums_check(struct judge *j, const struct rules *rules)
{
	if (j->additions == 0)
		WRONG(j, "there is not one number");
	if (j->missing > j->unknown_numbers + rules->lost) {
		gaps_print(j);
		WRONG(j,
			"%" PRIu64 " numbers are missing, but only %" PRIu64
			" may have gone to additions of unknown outcome, and %" PRIu64
			" may be lost",
			j->missing, j->unknown_numbers, rules->lost);
	}
	if (j->errors > rules->errors)
		WRONG(j, "%" PRIu64 " additions failed, %" PRIu64 " may", j->errors,
			rules->errors);
}

static void rules_read(struct rules *rules, int argc, char **argv)
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'},
		{"end", required_argument, NULL, 'e'},
		{"lost", required_argument, NULL, 'l'},
		{"errors", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

		if (option == 'f')
			rules->from = value;
		else if (option == 'e')
			rules->end = value;
		else if (option == 'l')
			rules->lost = value;
		else if (option == 'r')
			rules->errors = value;
		else
			exit(2);
	}
	if (optind == argc)
		errx(2, "usage: check_history [--from V] [--end V] [--lost N] "
			"[--errors N] FILE...");
}

int main(int argc, char **argv)
{
	struct rules rules = {0};
	struct judge j = {0};

	rules_read(&rules, argc, argv);
	j.files = argv + optind;
	j.files_count = (uint32_t)(argc - optind);
	for (uint32_t i = 0; i < j.files_count; i++)
		file_take(&j, i);
	ends_keep(&j, &rules);
	history_judge(&j);
	sums_check(&j, &rules);
	if (j.wrongs > COMPLAINTS_MAX)
		warnx("and %" PRIu64 " more", j.wrongs - COMPLAINTS_MAX);
	if (j.wrongs)
		return EXIT_FAILURE;
	(void)printf("%" PRIu64 " additions and %" PRIu64
		     " reads of %u clients: unique, in real-time "
		     "order, %" PRIu64 " numbers missing (%" PRIu64
		     " outcomes unknown)\n",
		j.additions, j.reads, j.files_count, j.missing, j.unknown);
	return EXIT_SUCCESS;
}
