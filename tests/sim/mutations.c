#include "tests/sim/mutations.h"

#include <stdio.h>
#include <string.h>

#include "sequencer/core/mutation.h"

enum mutation mutation_chosen;

static const char *const names[MUTATIONS_COUNT] = {
	[MUTATION_MARK_AFTER_READ] = "mark-after-read",
	[MUTATION_NO_STATE_READ] = "no-state-read",
	[MUTATION_ONE_BACKUP] = "one-backup-confirms",
	[MUTATION_READ_STANDS] = "read-stands",
	[MUTATION_LEASE_IGNORED] = "lease-ignored",
	[MUTATION_LEASE_LATE] = "lease-from-answer",
	[MUTATION_CEILING_IGNORED] = "ceiling-ignored",
	[MUTATION_FLOOR_IGNORED] = "floor-ignored",
	[MUTATION_FOLD_LEFT_OUT] = "row-reused-without-fold",
	[MUTATION_HEAD_MARKS] = "lone-head-base-from-marks",
	[MUTATION_STAND_AT_BASE] = "reserved-marks-let-stand",
	[MUTATION_WRONG_EPOCH] = "resolve-against-wrong-epoch",
	[MUTATION_NO_LEASE_WAIT] = "no-lease-wait",
	[MUTATION_STRANGER_CLAIMS] = "non-member-claims",
	[MUTATION_LOSS_FORGOTTEN] = "incarnation-ignored",
	[MUTATION_BLIND_WRITE] = "activate-without-compare",
	[MUTATION_UNKNOWN_IS_DONE] = "unknown-taken-for-done",
	[MUTATION_EARLY_SERVICE] = "served-before-active",
	[MUTATION_NOBODY_SEALED] = "nobody-sealed",
	[MUTATION_CEILING_EARLY] = "ceiling-before-store",
	[MUTATION_RECOVER_AT_BASE] = "recover-at-base",
	[MUTATION_DRIFT_IGNORED] = "drift-ignored",
	[MUTATION_COUNTER_AGAIN] = "counter-made-again",
	[MUTATION_COUNTER_DROPPED] = "sent-counter-taken-back",
	[MUTATION_BEGIN_LASTS] = "begin-allowed-for-ever",
	[MUTATION_PASSED_OBEYED] = "passed-claim-obeyed",
	[MUTATION_HEAD_NOT_SEALED] = "old-head-not-sealed",
	[MUTATION_SEAL_MISSES] = "seal-misses-backup",
	[MUTATION_REPORT_THEN_SEAL] = "report-before-seal",
	[MUTATION_REGION_REUSED] = "region-reused",
	[MUTATION_LINK_OUTLIVED] = "link-outlived",
	[MUTATION_DIRECT_IN_ROUND] = "direct-beside-round",
	[MUTATION_STREAM_NO_CRC] = "slot-without-crc",
	[MUTATION_STREAM_NO_EPOCH] = "slot-without-epoch",
	[MUTATION_STREAM_ANY_ID] = "any-message-id",
	[MUTATION_STREAM_BACKUP_VOIDS] = "void-by-backup",
	[MUTATION_STREAM_ACK_COMMIT] = "acknowledged-by-commit-alone",
	[MUTATION_STREAM_BASE_COMMIT] = "base-from-known-commit",
	[MUTATION_STREAM_OVERWRITE] = "overwrite-before-commit",
	[MUTATION_STREAM_LOG_KEPT] = "stale-log-kept",
	[MUTATION_STREAM_FED_EARLY] = "fed-before-commit",
	[MUTATION_STREAM_INBOX_REUSED] = "link-inbox-reused",
	[MUTATION_STREAM_FOLLOW_AHEAD] = "followed-before-commit",
	[MUTATION_STREAM_FOLLOW_EARLY] = "table-ahead-of-log",
	[MUTATION_STREAM_FOLLOW_SHORT] = "short-log-joins",
	[MUTATION_STREAM_RELEASED_ALONE] = "released-by-head-alone",
	[MUTATION_STREAM_LOST_READERS] = "lost-readers-not-awaited",
	[MUTATION_STREAM_HOLD_AT_BASE] = "hold-at-base",
	[MUTATION_STREAM_DEAD_READER] = "dead-reader-awaited",
	[MUTATION_STREAM_LEFT_AT_ONCE] = "left-at-once",
	[MUTATION_TAIL_READ_UNCHECKED] = "tail-read-unchecked",
	[MUTATION_TAIL_READ_CHECK_FIRST] = "tail-read-checked-before",
	[MUTATION_TAIL_READ_TAIL_ONLY] = "tail-read-asks-tail-alone",
	[MUTATION_TAIL_READ_APPLIED] = "tail-read-from-applied",
	[MUTATION_STORE_OWN_BY_ID] = "own-command-by-id-alone",
	[MUTATION_STORE_EXPIRE_ANYWAY] = "expired-though-it-spoke",
	[MUTATION_STORE_QUEUE_REVERSED] = "lock-out-of-turn",
	[MUTATION_STORE_COMPARE_LATE] = "comparison-after-write",
	[MUTATION_STORE_HALF_BRANCH] = "half-a-branch",
	[MUTATION_STORE_SYNC_BEYOND] = "sync-waits-for-what-was-lost",
	[MUTATION_STORE_FENCE_IGNORED] = "old-token-let-in",
	[MUTATION_STORE_LOCAL_READ] = "local-read-as-linearizable",
	[MUTATION_STORE_SYNC_EARLY] = "sync-before-applied",
	[MUTATION_STORE_DOUBT_EARLY] = "doubt-resolved-too-early",
	[MUTATION_STORE_GAP_IGNORED] = "gap-ignored",
	[MUTATION_STORE_JOIN_LATE] = "joined-one-too-late",
};

bool mutation_choose(const char *name)
{
	for (unsigned int i = 1; i < MUTATIONS_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			mutation_chosen = (enum mutation)i;
			return true;
		}
	}
	return false;
}

void mutation_list(void)
{
	for (unsigned int i = 1; i < MUTATIONS_COUNT; i++)
		(void)puts(names[i]);
}
