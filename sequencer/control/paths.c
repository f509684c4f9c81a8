#include "sequencer/control/paths.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int write_path(char *buf, size_t len, struct error *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int write_path(char *buf, size_t len, struct error *err, const char *format, ...)
{
	char path[PATHS_LEN_MAX];
	va_list args;
	int written;

	va_start(args, format);
	written = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (written < 0 || (size_t)written >= sizeof(path) || (size_t)written >= len)
		return error_set(err, -ENAMETOOLONG,
			"paths: %s...: longer than %zu bytes; choose a shorter directory",
			path, (len < sizeof(path) ? len : sizeof(path)) - 1);
	memcpy(buf, path, (size_t)written + 1);
	return 0;
}

/* The variable's value, or NULL when it is unset or empty. */
static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

static const char *absolute_variable(const char *name)
{
	const char *value = variable(name);

	return value && value[0] == '/' ? value : NULL;
}

static int copy_own_variable(const char *name, char *buf, size_t len, struct error *err)
{
	const char *value = variable(name);

	if (value[0] != '/')
		return error_set(err, -EINVAL,
			"paths: %s: '%s' is no absolute path; let it begin with '/'",
			name, value);
	return write_path(buf, len, err, "%s", value);
}

int paths_runtime_dir(char *buf, size_t len, struct error *err)
{
	const char *xdg = absolute_variable("XDG_RUNTIME_DIR");
	uid_t user = geteuid();

	if (variable("PAWL_RUNTIME_DIR"))
		return copy_own_variable("PAWL_RUNTIME_DIR", buf, len, err);
	if (user == 0)
		return write_path(buf, len, err, "/run/pawl");
	if (xdg)
		return write_path(buf, len, err, "%s/pawl", xdg);
	return write_path(buf, len, err, "/tmp/pawl-%lu", (unsigned long)user);
}

int paths_state_dir(char *buf, size_t len, struct error *err)
{
	const char *xdg = absolute_variable("XDG_STATE_HOME");
	const char *home = absolute_variable("HOME");

	if (variable("PAWL_STATE_DIR"))
		return copy_own_variable("PAWL_STATE_DIR", buf, len, err);
	if (geteuid() == 0)
		return write_path(buf, len, err, "/var/lib/pawl");
	if (xdg)
		return write_path(buf, len, err, "%s/pawl", xdg);
	if (home)
		return write_path(buf, len, err, "%s/.local/state/pawl", home);
	return error_set(err, -ENOENT,
		"paths: state directory: this user has no home directory; set "
		"PAWL_STATE_DIR");
}

int paths_cluster_dir(
	const char *base, const char *cluster, char *buf, size_t len, struct error *err)
{
	return write_path(buf, len, err, "%s/%s", base, cluster);
}

int paths_socket(const char *runtime_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err)
{
	size_t longest = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	return write_path(buf, len < longest ? len : longest, err, "%s/%s/%u.sock",
		runtime_dir, cluster, id);
}

int paths_lock(const char *runtime_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err)
{
	return write_path(buf, len, err, "%s/%s/%u.lock", runtime_dir, cluster, id);
}

int paths_log(const char *state_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err)
{
	return write_path(buf, len, err, "%s/%s/%u.log", state_dir, cluster, id);
}

int paths_archive(const char *base, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err)
{
	return write_path(buf, len, err, "%s/%s/%u.archive", base, cluster, id);
}

static int make_one(const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, -errno,
		"paths: %s: can not be made: %s; make it for this user or choose another "
		"directory",
		path, error_reason(-errno));
}

static bool is_ours(const struct stat *status)
{
	return status->st_uid == 0 || status->st_uid == geteuid();
}

/* Whether somebody else could have made @path, or could still replace it. */
static int check_name(const char *path, const struct stat *parent, struct error *err)
{
	struct stat name;

	if (!(parent->st_mode & S_IWOTH))
		return 0;
	if (lstat(path, &name))
		return error_set(err, -errno, "paths: %s: can not be read: %s", path,
			error_reason(-errno));
	if ((parent->st_mode & S_ISVTX) && is_ours(&name))
		return 0;
	return error_set(err, -EPERM,
		"paths: %s: another user made it or may replace it; remove it or choose "
		"another directory",
		path);
}

/* Makes the directory @path inside @parent and replaces @parent by what it is now. */
static int descend(const char *path, mode_t mode, struct stat *parent, struct error *err)
{
	int rc = make_one(path, mode, err);

	if (!rc)
		rc = check_name(path, parent, err);
	if (rc)
		return rc;
	if (stat(path, parent))
		return error_set(err, -errno, "paths: %s: can not be read: %s", path,
			error_reason(-errno));
	if (!S_ISDIR(parent->st_mode))
		return error_set(err, -ENOTDIR,
			"paths: %s: is no directory; remove it or choose another "
			"directory",
			path);
	return 0;
}

static int check_last(const char *dir, const struct stat *status, struct error *err)
{
	if (!is_ours(status))
		return error_set(err, -EPERM,
			"paths: %s: belongs to user %lu; run as that user or choose "
			"another directory",
			dir, (unsigned long)status->st_uid);
	if (status->st_mode & S_IWOTH)
		return error_set(err, -EPERM,
			"paths: %s: everybody may write to it; chmod o-w it or choose "
			"another directory",
			dir);
	return 0;
}

int paths_make(const char *dir, mode_t mode, struct error *err)
{
	char path[PATHS_LEN_MAX];
	struct stat status;
	int rc = write_path(path, sizeof(path), err, "%s", dir);

	if (rc)
		return rc;
	if (dir[0] == '\0')
		return error_set(err, -ENOENT, "paths: no directory is named; name one");
	if (stat(dir[0] == '/' ? "/" : ".", &status))
		return error_set(err, -errno, "paths: %s: can not be read: %s", dir,
			error_reason(-errno));
	for (size_t i = 1;; i++) {
		char end = path[i];

		if (end != '/' && end != '\0')
			continue;
		path[i] = '\0';
		rc = descend(path, mode, &status, err);
		path[i] = end;
		if (rc)
			return rc;
		if (end == '\0')
			break;
	}
	return check_last(dir, &status, err);
}
