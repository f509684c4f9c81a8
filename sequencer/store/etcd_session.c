#include "sequencer/store/etcd_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/clock.h"

/* libcurl opens the files anew for every connection; this tells early and clearly. */
static int check_file(
	const char *option, const char *path, bool secret, struct error *err)
{
	struct stat status;
	int rc = 0;

	if (path[0] == '\0')
		return 0;
	if (access(path, R_OK) || stat(path, &status)) {
		rc = errno == EACCES || errno == EPERM ? -EACCES : -EINVAL;
		return error_set(err, rc,
			"store: %s=%s: can not be read: %s; correct the store's address "
			"or the file's permissions",
			option, path, error_reason(-errno));
	}
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL,
			"store: %s=%s: is no file; correct the store's address", option,
			path);
	if (secret && (status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)))
		return error_set(err, -EPERM,
			"store: %s=%s: is open to other users; run chmod 600 on it",
			option, path);
	return 0;
}

static int check_files(const struct etcd_address *address, struct error *err)
{
	int rc = check_file("cacert", address->cacert, false, err);

	if (!rc)
		rc = check_file("cert", address->cert, false, err);
	if (!rc)
		rc = check_file("key", address->key, true, err);
	if (!rc)
		rc = check_file("password-file", address->password_file, true, err);
	return rc;
}

int etcd_session_open(struct etcd_session *session, const struct store_config *config,
	struct error *err)
{
	int rc = etcd_address_parse(config->address, &session->address, err);

	if (!rc)
		rc = check_files(&session->address, err);
	if (rc)
		return rc;
	etcd_endpoints_init(&session->endpoints, session->address.endpoints_count);
	session->timeout_ms = config->timeout_ms;
	(void)snprintf(session->key, sizeof(session->key), "/%s/%s",
		session->address.prefix, config->cluster);
	etcd_base64_encode(session->key, strlen(session->key), session->key_base64);
	session->token[0] = '\0';
	return etcd_http_open(&session->http, err);
}

void etcd_session_close(struct etcd_session *session)
{
	explicit_bzero(session->token, sizeof(session->token));
	etcd_http_close(&session->http);
}

uint64_t etcd_session_patience_ns(const struct etcd_session *session)
{
	return session->timeout_ms * NS_PER_MS / (session->endpoints.count + 1);
}
