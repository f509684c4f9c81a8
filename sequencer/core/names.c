#include "sequencer/core/names.h"

#include "sequencer/core/limits.h"

static bool is_cluster_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool names_cluster_valid(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; name[i] != '\0'; i++) {
		if (i == CLUSTER_NAME_MAX || !is_cluster_character(name[i]))
			return false;
	}
	return true;
}

bool names_counter_valid(const char *bytes, size_t len)
{
	if (len < 1 || len > COUNTER_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	}
	return true;
}
