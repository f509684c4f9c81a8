#include "sequencer/daemon/config_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/daemon/config.h"
#include "sequencer/store/etcd_address.h"

#define PIN_WORDS 16 /* 1024 processors, as in cpu_set_t */

bool config_check_text(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e || text[i] == ';')
			return false;
	}
	return len == 0 || (text[0] != ' ' && text[len - 1] != ' ');
}

bool config_check_path(const char *text)
{
	return text[0] == '/';
}

bool config_check_store(const char *text)
{
	struct etcd_address address;

	return strncmp(text, "file:/", 6) == 0 ||
	       etcd_address_parse(text, &address, NULL) == 0;
}

/* Digits only, at most @max; what strtoul forgives (blanks, signs) is refused. */
static int read_number(
	const char *text, unsigned long max, unsigned long *n_p, char **end_p)
{
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*n_p = strtoul(text, end_p, 10);
	return errno || *n_p > max ? -EINVAL : 0;
}

static int split_host(
	const char *text, const char *colon, struct config_address *address_p)
{
	size_t len = (size_t)(colon - text);

	if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL; /* IPv6 needs its brackets, or its end is a guess */
	}
	if (len == 0 || len >= sizeof(address_p->host) || memchr(text, '[', len) ||
		memchr(text, ']', len) || memchr(text, ' ', len))
		return -EINVAL;
	memcpy(address_p->host, text, len);
	address_p->host[len] = '\0';
	return 0;
}

int config_split_address(const char *text, struct config_address *address_p)
{
	const char *colon = strrchr(text, ':');
	unsigned long port;
	char *end;

	if (!colon || read_number(colon + 1, UINT16_MAX, &port, &end) || *end != '\0')
		return -EINVAL;
	address_p->port = (uint16_t)port;
	return split_host(text, colon, address_p);
}

bool config_check_address(const char *text)
{
	struct config_address address;

	return config_split_address(text, &address) == 0;
}

bool config_address_is_reachable(const struct config_address *address)
{
	struct in_addr any4;
	struct in6_addr any6;

	if (address->port == 0 || strcmp(address->host, "*") == 0)
		return false;
	if (inet_pton(AF_INET, address->host, &any4) == 1)
		return any4.s_addr != htonl(INADDR_ANY);
	if (inet_pton(AF_INET6, address->host, &any6) == 1)
		return !IN6_IS_ADDR_UNSPECIFIED(&any6);
	return true;
}

bool config_check_reachable(const char *text)
{
	struct config_address address;

	return config_split_address(text, &address) == 0 &&
	       config_address_is_reachable(&address);
}

bool config_check_ip(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

bool config_check_group(const char *text)
{
	return !strpbrk(text, " :,/") && text[0] != '-';
}

static int mark_range(const char **at_p, uint64_t *cpus_p, size_t len)
{
	unsigned long first, last;
	char *end;

	if (read_number(*at_p, len * 64 - 1, &first, &end))
		return -EINVAL;
	last = first;
	if (*end == '-' && read_number(end + 1, len * 64 - 1, &last, &end))
		return -EINVAL;
	if (last < first)
		return -EINVAL;
	for (unsigned long cpu = first; cpu <= last; cpu++)
		cpus_p[cpu / 64] |= UINT64_C(1) << cpu % 64;
	*at_p = end;
	return 0;
}

int config_pin_cpus(const char *list, uint64_t *cpus_p, size_t len)
{
	memset(cpus_p, 0, len * sizeof(*cpus_p));
	for (;;) {
		if (mark_range(&list, cpus_p, len))
			return -EINVAL;
		if (*list == '\0')
			return 0;
		if (*list++ != ',')
			return -EINVAL;
	}
}

bool config_check_cpus(const char *text)
{
	uint64_t cpus[PIN_WORDS];

	return config_pin_cpus(text, cpus, PIN_WORDS) == 0;
}

bool config_check_pin(const char *text)
{
	return strcmp(text, "near") == 0 || config_check_cpus(text);
}
