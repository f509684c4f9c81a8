/*
 * The configuration file.  libinih takes lines apart; the reader below feeds it whole
 * lines without leading blanks, so that neither a long line nor an indented one can turn
 * into something else than it looks like.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/daemon/config_options.h"

#define FILE_MAX (64 * 1024)

struct file_reader {
	struct config_state *state;
	struct daemon_config ignored; /* takes what the command line overrules */
	bool seen[CONFIG_OPTIONS_COUNT];
	const char *name;
	const char *text;
	size_t left;
	int line;
	int rc; /* the first error; nothing counts after it */
	struct error *err;
};

static size_t line_len(const struct file_reader *reader)
{
	const char *end = memchr(reader->text, '\n', reader->left);

	return end ? (size_t)(end - reader->text) + 1 : reader->left;
}

static void skip_blanks(struct file_reader *reader)
{
	while (reader->left > 0 && (*reader->text == ' ' || *reader->text == '\t')) {
		reader->text++;
		reader->left--;
	}
}

/* Like fgets, for libinih. */
static char *read_line(char *buf, int size, void *stream)
{
	struct file_reader *reader = stream;
	size_t len;

	if (reader->left == 0 || reader->rc)
		return NULL;
	reader->line++;
	skip_blanks(reader);
	len = line_len(reader);
	/* libinih may cut what does not leave it room for \r, \n and the terminator. */
	if (len + 2 > (size_t)size)
		reader->rc = error_set(reader->err, -EINVAL,
			"config: %s:%d: line is longer than %d bytes; shorten it",
			reader->name, reader->line, size - 3);
	else if (memchr(reader->text, '\0', len))
		reader->rc = error_set(reader->err, -EINVAL,
			"config: %s:%d: line has a zero byte; is this a configuration "
			"file?",
			reader->name, reader->line);
	if (reader->rc)
		return NULL;
	memcpy(buf, reader->text, len);
	buf[len] = '\0';
	reader->text += len;
	reader->left -= len;
	return buf;
}

static int apply(struct file_reader *reader, const char *key, const char *value)
{
	struct config_state *state = reader->state;
	struct daemon_config *config = &state->config;
	char where[ERROR_TEXT_MAX / 2];
	int i = config_option_find(key);

	if (i < 0)
		return error_set(reader->err, -EINVAL,
			"config: %s:%d: no key is called '%s'; pawld --help lists them",
			reader->name, reader->line, key);
	if (reader->seen[i] && config_options[i].kind != CONFIG_LIST)
		return error_set(reader->err, -EINVAL,
			"config: %s:%d: %s: is there twice; remove one", reader->name,
			reader->line, key);
	reader->seen[i] = true;
	if (state->from_command_line[i])
		config = &reader->ignored;
	(void)snprintf(
		where, sizeof(where), "%s:%d: %s", reader->name, reader->line, key);
	return config_option_set(&config_options[i], config, value, where, reader->err);
}

static int check_section(const struct file_reader *reader, const char *section)
{
	if (strcmp(section, "pawld") == 0)
		return 0;
	if (section[0] == '\0')
		return error_set(reader->err, -EINVAL,
			"config: %s:%d: stands before the section begins; put [pawld] "
			"first",
			reader->name, reader->line);
	return error_set(reader->err, -EINVAL,
		"config: %s:%d: section [%s] is not known; the only one is [pawld]",
		reader->name, reader->line, section);
}

static int on_value(void *user, const char *section, const char *key, const char *value)
{
	struct file_reader *reader = user;

	if (!reader->rc)
		reader->rc = check_section(reader, section);
	if (!reader->rc)
		reader->rc = apply(reader, key, value);
	return reader->rc == 0;
}

int config_file_apply(struct config_state *state, const char *name, const char *text,
	size_t len, struct error *err)
{
	struct file_reader reader = {
		.state = state, .name = name, .text = text, .left = len, .err = err};
	int bad_line;

	config_options_init(&reader.ignored);
	bad_line = ini_parse_stream(read_line, &reader, on_value, &reader);
	if (reader.rc || bad_line == 0)
		return reader.rc;
	return error_set(err, -EINVAL,
		"config: %s:%d: is neither key = value nor [section] nor # comment", name,
		bad_line);
}

static int fail(const char *name, int code, struct error *err)
{
	return error_set(err, code,
		"config: %s: can not be read: %s; name a file that this user may read",
		name, error_reason(code));
}

/* A pipe or a terminal could keep its reader waiting for ever. */
static int check_regular(int fd, const char *name, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return fail(name, -EIO, err);
	if (S_ISDIR(status.st_mode))
		return fail(name, -EISDIR, err);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL,
			"config: %s: is no regular file; name one that is", name);
	return 0;
}

/* *len_p is at most FILE_MAX; a larger file is refused. */
static int read_file(
	int fd, const char *name, char *text, size_t *len_p, struct error *err)
{
	size_t len = 0;

	while (len <= FILE_MAX) {
		ssize_t got = read(fd, text + len, FILE_MAX + 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(name, -EIO, err);
		if (got == 0) {
			*len_p = len;
			return 0;
		}
		len += (size_t)got;
	}
	return error_set(err, -EFBIG,
		"config: %s: is larger than %d bytes; is this a configuration file?",
		name, FILE_MAX);
}

int config_file_load(struct config_state *state, const char *name, struct error *err)
{
	static char text[FILE_MAX + 1];
	size_t len = 0;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0)
		return fail(
			name, errno == ENOENT || errno == EACCES ? -errno : -EIO, err);
	rc = check_regular(fd, name, err);
	if (!rc)
		rc = read_file(fd, name, text, &len, err);
	(void)close(fd);
	return rc ? rc : config_file_apply(state, name, text, len, err);
}
