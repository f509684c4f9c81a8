/* Sessions and locks, as store_mix uses them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/system/store_mix.h"
#include "tests/system/until_term.h"

#define LOCKS 2u

static void owner_make(char *owner, uint64_t session)
{
	(void)snprintf(owner, MIX_TEXT, "s%" PRIu64, session);
}

/* Sessions are nothing that the judge knows; he knows of what they own. */
static int session_begin(struct mix *mix)
{
	const struct pawl_command command = {
		.kind = PAWL_SESSION_OPEN, .number = mix->config.silence_ms};
	int rc;

	mix->operations++;
	rc = mix_command(mix, &command);
	mix->session = !rc && mix->answer.known && mix->answer.status == 0
			       ? mix->answer.session
			       : 0;
	return rc;
}

/* Whoever owns what is wanted has not spoken for his time, as far as this one has seen. */
static int expire_ask(struct mix *mix, uint64_t session, uint64_t spoke)
{
	const struct pawl_command command = {
		.kind = PAWL_SESSION_EXPIRE, .number = session, .since = spoke};
	char owner[MIX_TEXT];
	json_t *keys = json_array(), *line;
	int rc;

	for (unsigned int i = 0; i < LOCKS; i++) {
		char key[MIX_TEXT];

		mix_name(key, "lock", i);
		(void)json_array_append_new(keys, json_string(key));
	}
	owner_make(owner, session);
	line = json_pack("{s:s, s:s, s:o}", "op", "expire", "owner", owner, "keys", keys);
	rc = mix_asks(mix, line);
	if (!rc)
		rc = mix_command(mix, &command);
	if (!rc && mix->answer.known && mix->answer.status != 0) {
		rc = mix_refused(mix, line);
		json_decref(line);
		return rc;
	}
	return mix_line_end(mix, line, rc);
}

static int holder_watch(struct mix *mix, uint64_t session)
{
	struct pawl_command command = {.kind = PAWL_SESSION, .number = session};
	uint64_t spoke;
	int rc;

	mix->operations++;
	rc = mix_read(mix, PAWL_READ_LOCAL, &command);
	spoke = mix->answer.version;
	if (rc || !mix->answer.known || mix->answer.status)
		return rc;
	if (mix->other != session || mix->other_spoke != spoke) {
		mix->other = session;
		mix->other_spoke = spoke;
		mix->other_since_ns = now_ns();
		return 0;
	}
	if (now_ns() - mix->other_since_ns < mix->config.silence_ms * 1000000)
		return 0;
	return expire_ask(mix, session, spoke);
}

/* What the lock guards is a file with the newest token that it has let pass. */
static int guard_ask(const struct mix *mix, uint64_t token, int *passes_p)
{
	int fd = open(mix->config.guard, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	uint64_t newest = 0;
	int rc = -EIO;

	if (fd < 0 || flock(fd, LOCK_EX))
		goto out;
	if (pread(fd, &newest, sizeof(newest), 0) < 0)
		goto out;
	*passes_p = pawl_fence_check(&newest, token) == 0;
	if (pwrite(fd, &newest, sizeof(newest), 0) == sizeof(newest))
		rc = 0;
out:
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int fence_ask(struct mix *mix, const char *lock, uint64_t token)
{
	json_t *line = json_pack("{s:s, s:s+, s:I}", "op", "fence", "key", "guarded/",
		lock, "token", (json_int_t)token);
	int passes = 0;
	int rc = mix_asks(mix, line);

	if (!rc)
		rc = guard_ask(mix, token, &passes);
	mix->answer = (struct mix_answer){.known = 1};
	mix_done_set(line, passes);
	return mix_line_end(mix, line, rc);
}

static int lock_give_back(
	struct mix *mix, const char *lock, const char *owner, uint64_t token)
{
	struct pawl_command command = mix_command_of(PAWL_UNLOCK, lock, NULL);
	json_t *line = mix_line("unlock", lock);

	command.session = mix->session;
	command.number = token;
	mix_text_set(line, "owner", owner);
	mix_number_set(line, "token", token);
	return mix_write(mix, line, &command, 1);
}

static int lock_use(struct mix *mix, const char *lock, const char *owner, uint64_t token)
{
	int rc = 0;

	if (mix->config.guard && strcmp(lock, "lock/0") == 0)
		rc = fence_ask(mix, lock, token);
	return rc ? rc : lock_give_back(mix, lock, owner, token);
}

static int lock_ask(struct mix *mix, const char *lock, const char *owner)
{
	struct pawl_command command = mix_command_of(PAWL_LOCK, lock, NULL);
	json_t *line = mix_line("lock", lock);
	const struct mix_answer *a = &mix->answer;
	int rc;

	command.option = PAWL_TRY;
	command.session = mix->session;
	mix_text_set(line, "owner", owner);
	rc = mix_asks(mix, line);
	if (!rc)
		rc = mix_command(mix, &command);
	if (!rc && a->known && a->status == 0) {
		mix_done_set(line, 1);
		/* Or it had it already, under an older one. */
		if (a->position == 0 || a->position == a->version)
			mix_number_set(line, "token", a->version);
		else
			mix->answer.position = 0;
	} else if (!rc && a->known) {
		mix_done_set(line, 0);
	}
	return mix_line_end(mix, line, rc);
}

int mix_lock_step(struct mix *mix)
{
	char lock[MIX_TEXT], owner[MIX_TEXT];
	struct mix_answer a;
	int rc = mix->session == 0 ? session_begin(mix) : 0;

	if (rc || mix->session == 0)
		return rc;
	mix_name(lock, "lock", mix_draw(mix, LOCKS));
	owner_make(owner, mix->session);
	rc = lock_ask(mix, lock, owner);
	a = mix->answer;
	if (rc || !a.known)
		return rc;
	if (a.status == 0)
		return lock_use(mix, lock, owner, a.version);
	if (a.status == -ESTALE)
		mix->session = 0; /* it was expired */
	return a.status == -EBUSY ? holder_watch(mix, a.session) : 0;
}
