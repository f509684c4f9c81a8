#include "tests/conformance/etcd_certificates.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * etcd's gateway shows the server's certificate to its own server, so that one is good for
 * both sides.
 */
static const char script[] =
	"{ set -e; cd '%s'; "
	"new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; "
	"for name in ca stranger; do "
	"  $new -x509 -days 2 -subj /O=$name -keyout $name.key -out $name.pem; done; "
	"echo 'subjectAltName=IP:127.0.0.1,DNS:localhost' >ext; "
	"echo 'extendedKeyUsage=serverAuth,clientAuth' >>ext; "
	"for name in server client; do "
	"  $new -subj /O=$name -keyout $name.key -out $name.csr; "
	"  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
	"    -days 2 -extfile ext -out $name.pem; done; "
	"} >'%s/openssl.log' 2>&1";

int certificates_make(const char *directory)
{
	char command[sizeof(script) + 512];

	(void)snprintf(command, sizeof(command), script, directory, directory);
	if (system(command) == 0)
		return 0;
	(void)snprintf(command, sizeof(command), "cat '%s/openssl.log' >&2", directory);
	(void)!system(command);
	return -1;
}
