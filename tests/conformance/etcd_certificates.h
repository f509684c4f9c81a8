/* Certificates for tests, made by openssl. */
#ifndef PAWL_TESTS_ETCD_CERTIFICATES_H
#define PAWL_TESTS_ETCD_CERTIFICATES_H

/*
 * Makes in @directory: ca.pem and what it signed, server.pem (for 127.0.0.1 and localhost),
 * client.pem, and their keys *.key; and stranger.pem, another authority.  0, or -1 with
 * openssl's words on standard error.
 */
int certificates_make(const char *directory);

#endif
