#include "sequencer/daemon/reach.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"

bool reach_is_unix(const char *address)
{
	return strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

static bool is_here(const char *address)
{
	return reach_is_unix(address) && access(address + strlen(UNIX_PREFIX), F_OK) == 0;
}

static void address_add(struct reach *reach, const char *address)
{
	memcpy(reach->at[reach->count++], address, RECORD_CONTROL_LEN);
}

void reach_find(
	const struct roster *roster, struct epoch_member member, struct reach *reach_p)
{
	const struct roster_entry *e = roster_find(roster, member);

	*reach_p = (struct reach){.why_none = "no address of it is known"};
	if (!e || e->controls_count == 0)
		e = roster_find_id(roster, member.id);
	if (!e || e->controls_count == 0)
		return;
	reach_p->why_none = "its socket is not on this host, and it listens nowhere else";
	for (unsigned int i = 0; i < e->controls_count; i++) {
		if (is_here(e->controls[i]))
			address_add(reach_p, e->controls[i]);
	}
	for (unsigned int i = 0; i < e->controls_count; i++) {
		if (!reach_is_unix(e->controls[i]))
			address_add(reach_p, e->controls[i]);
	}
}

bool reach_is_name(const char *address, char *host, const char **port_p)
{
	const char *colon = strrchr(address, ':');
	struct in_addr number;
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (reach_is_unix(address) || !colon || address[0] == '[' ||
		len >= RECORD_CONTROL_LEN)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	*port_p = colon + 1;
	return inet_pton(AF_INET, host, &number) != 1;
}
