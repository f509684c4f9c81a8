#include "sequencer/store/etcd_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define LETTERS_AND_DIGITS                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789"
#define NAME_CHARACTERS LETTERS_AND_DIGITS "._-"

/* What is left to read, and the whole of it for messages. */
struct reader {
	const char *text;
	const char *at;
	struct error *err;
};

static int refuse(const struct reader *reader, const char *what)
{
	return error_set(reader->err, -EINVAL,
		"store: '%s': %s; give etcd:URL[,URL...]/PREFIX[?OPTION=VALUE&...], like "
		"etcd:https://h1:2379,https://h2:2379/pawl?cacert=/etc/pawl/ca.pem",
		reader->text, what);
}

static bool read_literal(struct reader *reader, const char *literal)
{
	size_t len = strlen(literal);

	if (strncmp(reader->at, literal, len) != 0)
		return false;
	reader->at += len;
	return true;
}

/* Copies the next @len characters; false when they are none or do not fit. */
static bool take(struct reader *reader, size_t len, char *out, size_t size)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(out, reader->at, len);
	out[len] = '\0';
	reader->at += len;
	return true;
}

/* [::1], with nothing but an address between the brackets. */
static bool read_bracketed(struct reader *reader)
{
	size_t len = strcspn(++reader->at, "]");
	char host[INET6_ADDRSTRLEN];
	struct in6_addr bytes;

	return take(reader, len, host, sizeof(host)) && read_literal(reader, "]") &&
	       inet_pton(AF_INET6, host, &bytes) == 1;
}

static bool read_host(struct reader *reader)
{
	size_t len;

	if (*reader->at == '[')
		return read_bracketed(reader);
	len = strspn(reader->at, NAME_CHARACTERS);
	if (len == 0 || !strchr(LETTERS_AND_DIGITS, *reader->at))
		return false;
	reader->at += len;
	return true;
}

/* 1 to 65535 without leading zeros. */
static bool read_port(struct reader *reader)
{
	unsigned int port = 0;
	size_t len = strspn(reader->at, "0123456789");

	if (len == 0 || len > 5 || *reader->at == '0')
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (unsigned int)(*reader->at++ - '0');
	return port <= 65535;
}

static int read_url(struct reader *reader, struct etcd_address *address)
{
	const char *start = reader->at;
	size_t len;

	if (address->endpoints_count == ETCD_ENDPOINTS_MAX)
		return refuse(reader, "has more than 9 URLs");
	if (!read_literal(reader, "https://") && !read_literal(reader, "http://"))
		return refuse(reader, "a URL begins with neither https:// nor http://");
	if (!read_host(reader))
		return refuse(reader, "a URL has no proper host");
	if (!read_literal(reader, ":") || !read_port(reader))
		return refuse(reader, "a URL has no proper :PORT after its host");
	len = (size_t)(reader->at - start);
	reader->at = start;
	if (!take(reader, len, address->endpoints[address->endpoints_count],
		    ETCD_URL_SIZE))
		return refuse(reader, "a URL is too long");
	address->endpoints_count++;
	return 0;
}

static int read_urls(struct reader *reader, struct etcd_address *address)
{
	int rc;

	do
		rc = read_url(reader, address);
	while (!rc && read_literal(reader, ","));
	return rc;
}

/* No empty part, and none that begins with a dot or a dash: neither "..", nor an option. */
static bool prefix_valid(const char *prefix)
{
	for (;;) {
		size_t len = strspn(prefix, NAME_CHARACTERS);

		if (len == 0 || *prefix == '.' || *prefix == '-')
			return false;
		if (prefix[len] == '\0')
			return true;
		if (prefix[len] != '/')
			return false;
		prefix += len + 1;
	}
}

static int read_prefix(struct reader *reader, struct etcd_address *address)
{
	if (!read_literal(reader, "/"))
		return refuse(reader, "has no /PREFIX after its URLs");
	if (!take(reader, strcspn(reader->at, "?"), address->prefix,
		    sizeof(address->prefix)) ||
		!prefix_valid(address->prefix))
		return refuse(reader, "its prefix is no list of names with slashes "
				      "between them");
	return 0;
}

static bool value_valid(const char *value)
{
	for (; *value; value++) {
		if (*value <= ' ' || *value > '~' || strchr("&?,%#\"\\;", *value))
			return false;
	}
	return true;
}

struct option {
	const char *name; /* with its = */
	char *value;
	bool is_file;
};

static int read_value(struct reader *reader, const struct option *option)
{
	if (option->value[0] != '\0')
		return refuse(reader, "an option is there twice");
	if (!take(reader, strcspn(reader->at, "&"), option->value, ETCD_OPTION_SIZE))
		return refuse(reader, "an option's value is empty or too long");
	if (!value_valid(option->value))
		return refuse(reader, "an option's value has a character that is not "
				      "allowed");
	if (option->is_file && option->value[0] != '/')
		return refuse(reader, "an option names a file that is not absolute");
	return 0;
}

static int read_option(struct reader *reader, struct etcd_address *address)
{
	const struct option options[] = {
		{"cacert=", address->cacert, true},
		{"cert=", address->cert, true},
		{"key=", address->key, true},
		{"user=", address->user, false},
		{"password-file=", address->password_file, true},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (read_literal(reader, options[i].name))
			return read_value(reader, &options[i]);
	}
	return refuse(reader, "an option is none of cacert, cert, key, user and "
			      "password-file");
}

static int read_options(struct reader *reader, struct etcd_address *address)
{
	int rc;

	if (*reader->at == '\0')
		return 0;
	reader->at++; /* the ? at which the prefix ended */
	do
		rc = read_option(reader, address);
	while (!rc && read_literal(reader, "&"));
	return rc;
}

static bool all_https(const struct etcd_address *address)
{
	for (unsigned int i = 0; i < address->endpoints_count; i++) {
		if (strncmp(address->endpoints[i], "https:", 6) != 0)
			return false;
	}
	return true;
}

/* What each part says for itself, but not all of them together. */
static int check_whole(const struct reader *reader, const struct etcd_address *address)
{
	bool certificates = address->cacert[0] || address->cert[0] || address->key[0];

	if (!address->cert[0] != !address->key[0])
		return refuse(reader, "cert= and key= need each other");
	if (!address->user[0] != !address->password_file[0])
		return refuse(reader, "user= and password-file= need each other");
	if (certificates && !all_https(address))
		return refuse(reader, "certificates need https:// in every URL");
	return 0;
}

int etcd_address_parse(
	const char *text, struct etcd_address *address_p, struct error *err)
{
	struct reader reader = {.text = text, .at = text, .err = err};
	struct etcd_address address = {.endpoints_count = 0};
	int rc;

	if (!read_literal(&reader, "etcd:"))
		return refuse(&reader, "does not begin with etcd:");
	rc = read_urls(&reader, &address);
	if (!rc)
		rc = read_prefix(&reader, &address);
	if (!rc)
		rc = read_options(&reader, &address);
	if (!rc)
		rc = check_whole(&reader, &address);
	if (!rc)
		*address_p = address;
	return rc;
}
