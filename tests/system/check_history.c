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

#define COMPLAINTS_MAX 8
#define GAPS_MAX 64

struct addition {
	uint64_t asked_ns;
	uint64_t there_ns;
	uint64_t n; /* 0: a read */
	uint64_t last;
	uint32_t file;
	uint32_t line;
};

struct gap {
	uint64_t first, last;
};

struct judge {
	struct addition *known; /* those that ended well */
	size_t known_count;
	size_t room;
	uint64_t reads;
	uint64_t unknown;	  /* additions that did not, */
	uint64_t unknown_numbers; /* and what they may have taken */
	uint64_t errors;
	uint64_t missing;
	uint64_t wrongs;
	struct gap gaps[GAPS_MAX];
	size_t gaps_count;
	char **files;
};

struct rules {
	uint64_t from, end, lost, errors;
};

#define WRONG(judge, ...)                               \
	do {                                            \
		if ((judge)->wrongs++ < COMPLAINTS_MAX) \
			warnx(__VA_ARGS__);             \
	} while (0)

static void addition_keep(struct judge *j, const struct addition *a)
{
	if (j->known_count == j->room) {
		j->room = j->room ? 2 * j->room : 65536;
		j->known = realloc(j->known, j->room * sizeof(*j->known));
		if (!j->known)
			err(EXIT_FAILURE, "additions");
	}
	j->known[j->known_count++] = *a;
	j->reads += a->n == 0;
}

static void line_take(struct judge *j, const char *line, struct addition *a)
{
	char outcome[16] = "";
	int got = sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %15s",
		&a->asked_ns, &a->there_ns, &a->n, &a->last, outcome);
	bool well = strcmp(outcome, "ok") == 0;

	if (got != 5 || (well && (a->last < a->n || a->there_ns < a->asked_ns))) {
		WRONG(j, "%s: line %u: not an addition", j->files[a->file], a->line);
		return;
	}
	if (well) {
		addition_keep(j, a);
		return;
	}
	j->unknown += a->n > 0;
	j->unknown_numbers += a->n;
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
		const struct addition *a = &j->known[i];

		if (a->n == 0)
			continue;
		if (a->last <= newest)
			WRONG(j,
				"%s: line %u: %" PRIu64 " came after %" PRIu64
				" in one client",
				j->files[a->file], a->line, a->last, newest);
		newest = a->last;
	}
}

/* A client that was killed leaves zeros behind its last line. */
static void file_take(struct judge *j, uint32_t file)
{
	FILE *stream = fopen(j->files[file], "r");
	struct addition a = {.file = file};
	size_t first = j->known_count;
	char line[128];

	if (!stream)
		err(2, "%s", j->files[file]);
	while (fgets(line, sizeof(line), stream) && line[0] != '\0') {
		a.line++;
		if (line[0] != '#')
			line_take(j, line, &a);
	}
	(void)fclose(stream);
	client_order_check(j, first);
}

/* By number; reads right behind the addition that they show. */
static int by_number(const void *left, const void *right)
{
	const struct addition *a = left, *b = right;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return (a->n == 0) - (b->n == 0);
}

static bool both_read(const struct addition *a, const struct addition *b)
{
	return a->n == 0 && b->n == 0 && a->last == b->last;
}

/*
 * In the order of numbers, nothing may have been there before something that stands earlier
 * was asked for.  Reads of one value have no order among them.
 */
static void real_time_check(struct judge *j)
{
	const struct addition *latest = NULL; /* asked for, before this group */
	size_t end;

	for (size_t from = 0; from < j->known_count; from = end) {
		const struct addition *group = &j->known[from], *newest = latest;

		for (end = from; end < j->known_count; end++) {
			const struct addition *a = &j->known[end];

			if (end > from && !both_read(group, a))
				break;
			if (latest && a->there_ns < latest->asked_ns)
				WRONG(j,
					"%s: line %u: %" PRIu64 " was there %" PRIu64
					" ns before %s: line %u "
					"asked, which has %" PRIu64,
					j->files[a->file], a->line, a->last,
					latest->asked_ns - a->there_ns,
					j->files[latest->file], latest->line,
					latest->last);
			if (!newest || a->asked_ns > newest->asked_ns)
				newest = a;
		}
		latest = newest;
	}
}

/* Unless everything missing is explained, where it is helps. */
static void missing_note(struct judge *j, uint64_t from, uint64_t upto)
{
	if (upto <= from)
		return;
	if (j->gaps_count < GAPS_MAX)
		j->gaps[j->gaps_count++] = (struct gap){from + 1, upto};
	j->missing += upto - from;
}

static void gaps_print(const struct judge *j)
{
	for (size_t i = 0; i < j->gaps_count; i++)
		warnx("missing: %" PRIu64 " to %" PRIu64, j->gaps[i].first,
			j->gaps[i].last);
}

/*
 * One after the other: where a block begins, the one before has ended.  A read is a witness
 * of how far the counter had come.
 */
static void blocks_check(struct judge *j, const struct rules *rules)
{
	uint64_t at = rules->from;

	for (size_t i = 0; i < j->known_count; i++) {
		const struct addition *a = &j->known[i];
		uint64_t before = a->last - a->n;

		if (before < at)
			WRONG(j,
				"%s: line %u: %" PRIu64 " to %" PRIu64
				" overlap what ends at %" PRIu64,
				j->files[a->file], a->line, before + 1, a->last, at);
		missing_note(j, at, before);
		at = a->last > at ? a->last : at;
	}
	if (!rules->end)
		return;
	missing_note(j, at, rules->end);
	if (rules->end < at)
		WRONG(j, "the counter is at %" PRIu64 ", but %" PRIu64 " was handed out",
			rules->end, at);
}

static void sums_check(struct judge *j, const struct rules *rules)
{
	if (j->known_count == j->reads)
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
	for (int i = 0; i < argc - optind; i++)
		file_take(&j, (uint32_t)i);
	qsort(j.known, j.known_count, sizeof(*j.known), by_number);
	blocks_check(&j, &rules);
	real_time_check(&j);
	sums_check(&j, &rules);
	if (j.wrongs > COMPLAINTS_MAX)
		warnx("and %" PRIu64 " more", j.wrongs - COMPLAINTS_MAX);
	if (j.wrongs)
		return EXIT_FAILURE;
	(void)printf(
		"%zu additions and %" PRIu64 " reads of %d clients: unique, in real-time "
		"order, %" PRIu64 " numbers missing (%" PRIu64 " outcomes unknown)\n",
		j.known_count - j.reads, j.reads, argc - optind, j.missing, j.unknown);
	return EXIT_SUCCESS;
}
