#include "sequencer/control/endpoint.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/control/paths.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

static int not_an_endpoint(const char *text, struct error *err)
{
	return error_set(err, -EINVAL,
		"control: %s: not an address; write HOST:PORT, [IPV6]:PORT or unix:/PATH",
		text);
}

static int unix_parse(const char *text, const char *path, struct endpoint *endpoint_p,
	struct error *err)
{
	struct endpoint e = {.address_len = sizeof(e.address.local)};

	if (path[0] != '/')
		return not_an_endpoint(text, err);
	if (strlen(path) >= sizeof(e.address.local.sun_path))
		return error_set(err, -EINVAL,
			"control: %s: path is longer than %zu bytes; use a shorter "
			"runtime directory",
			text, sizeof(e.address.local.sun_path) - 1);
	e.address.local.sun_family = AF_UNIX;
	(void)strcpy(e.address.local.sun_path, path);
	(void)snprintf(e.text, sizeof(e.text), "unix:%s", path);
	*endpoint_p = e;
	return 0;
}

/* Splits at the last colon; brackets around an IPv6 address come off. */
static bool host_port_split(
	const char *text, char *host, size_t host_len, const char **port_p)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || colon[1] == '\0' || len >= host_len)
		return false;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	*port_p = colon + 1;
	return true;
}

/* Digits that make a port; 0 is any port, and only to listen on. */
static bool port_valid(const char *port, bool passive)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	return port[0] >= '0' && port[0] <= '9' && *end == '\0' && number <= UINT16_MAX &&
	       (passive || number > 0);
}

static int tcp_parse(
	const char *text, bool passive, struct endpoint *endpoint_p, struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
	char host[ENDPOINT_TEXT_MAX];
	struct addrinfo *found;
	const char *port;
	bool any;
	int rc;

	if (!host_port_split(text, host, sizeof(host), &port) ||
		!port_valid(port, passive))
		return not_an_endpoint(text, err);
	any = host[0] == '\0' || strcmp(host, "*") == 0;
	if (any && !passive)
		return not_an_endpoint(text, err);
	rc = getaddrinfo(any ? NULL : host, port, &hints, &found);
	if (rc)
		return error_set(err, -ENOENT,
			"control: %s: no address: %s; check the host name", text,
			gai_strerror(rc));
	memset(endpoint_p, 0, sizeof(*endpoint_p));
	(void)snprintf(endpoint_p->text, sizeof(endpoint_p->text), "%s", text);
	memcpy(&endpoint_p->address, found->ai_addr, found->ai_addrlen);
	endpoint_p->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int endpoint_parse(
	const char *text, bool passive, struct endpoint *endpoint_p, struct error *err)
{
	if (strlen(text) >= ENDPOINT_TEXT_MAX)
		return error_set(err, -EINVAL,
			"control: %.40s...: address is longer than %d bytes", text,
			ENDPOINT_TEXT_MAX - 1);
	if (strncmp(text, "unix:", 5) == 0)
		return unix_parse(text, text + 5, endpoint_p, err);
	return tcp_parse(text, passive, endpoint_p, err);
}

bool endpoint_list_written(const char *where)
{
	return strchr(where, ':') != NULL;
}

static int list_parse(const char *where, struct endpoint_list *list_p, struct error *err)
{
	struct endpoint_list list = {0};
	const char *from = where;

	for (;;) {
		size_t len = strcspn(from, ",");
		char text[ENDPOINT_TEXT_MAX];
		int rc;

		if (list.count == ENDPOINTS_MAX)
			return error_set(err, -EINVAL,
				"control: more than %d addresses in one list",
				ENDPOINTS_MAX);
		if (len == 0 || len >= sizeof(text))
			return not_an_endpoint(where, err);
		memcpy(text, from, len);
		text[len] = '\0';
		rc = endpoint_parse(text, false, &list.at[list.count++], err);
		if (rc)
			return rc;
		if (from[len] == '\0')
			break;
		from += len + 1;
	}
	*list_p = list;
	return 0;
}

static int no_such_cluster(const char *name, const char *runtime, struct error *err)
{
	return error_set(err, -ENOENT,
		"pawl: %s: no such cluster is running here (looked in %s); start it with "
		"'pawl up %s'",
		name, runtime, name);
}

static int name_find(const char *name, struct endpoint_list *list_p, struct error *err)
{
	struct endpoint_list list = {0};
	char runtime[PATH_MAX], pattern[PATH_MAX + CLUSTER_NAME_MAX + 16];
	glob_t found;
	int rc = paths_runtime_dir(runtime, sizeof(runtime), err);

	if (rc)
		return rc;
	(void)snprintf(pattern, sizeof(pattern), "%s/%s/*.sock", runtime, name);
	if (glob(pattern, 0, NULL, &found) != 0)
		return no_such_cluster(name, runtime, err);
	for (size_t i = 0; i < found.gl_pathc && list.count < ENDPOINTS_MAX; i++) {
		rc = unix_parse(
			found.gl_pathv[i], found.gl_pathv[i], &list.at[list.count], err);
		if (rc)
			break;
		list.count++;
	}
	globfree(&found);
	if (!rc)
		*list_p = list;
	return rc;
}

int endpoint_list_find(const char *where, struct endpoint_list *list_p, struct error *err)
{
	if (endpoint_list_written(where))
		return list_parse(where, list_p, err);
	if (!names_cluster_valid(where))
		return error_set(err, -EINVAL,
			"pawl: %.80s: not a cluster name; use 1 to %d letters, digits, "
			"'.', '_' "
			"or '-', beginning with a letter, digit or '_'",
			where, CLUSTER_NAME_MAX);
	return name_find(where, list_p, err);
}
