/* Whatever the address parser accepts is made of its parts, and each of them is sane. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/etcd_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
	if (!claim)
		abort();
}

static size_t check_option(const char *text, const char *name, const char *value)
{
	char whole[ETCD_OPTION_SIZE + 32];

	if (!value[0])
		return 0;
	(void)snprintf(whole, sizeof(whole), "%s=%s", name, value);
	require(strstr(text, whole) != NULL);
	require(!strpbrk(value, " &?%\n\r\t"));
	return strlen(whole) + 1;
}

/* Every byte of the text belongs to exactly one part. */
static void check(const char *text, const struct etcd_address *address)
{
	size_t len = strlen("etcd:");

	require(address->endpoints_count > 0 &&
		address->endpoints_count <= ETCD_ENDPOINTS_MAX);
	for (unsigned int i = 0; i < address->endpoints_count; i++) {
		require(strncmp(address->endpoints[i], "http", 4) == 0);
		require(!strpbrk(address->endpoints[i] + 8, "@,?# /\n"));
		len += strlen(address->endpoints[i]) + 1;
	}
	require(address->prefix[0] != '/' && address->prefix[0] != '.');
	len += strlen(address->prefix);
	len += check_option(text, "cacert", address->cacert);
	len += check_option(text, "cert", address->cert);
	len += check_option(text, "key", address->key);
	len += check_option(text, "user", address->user);
	len += check_option(text, "password-file", address->password_file);
	require(len == strlen(text));
	require(!address->cert[0] == !address->key[0]);
	require(!address->user[0] == !address->password_file[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct etcd_address address;
	struct error err = {.text = ""};
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (etcd_address_parse(text, &address, &err) == 0)
		check(text, &address);
	else
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
	free(text);
	return 0;
}
