/* What the text of a setting may look like.  Pure functions. */
#ifndef PAWL_DAEMON_CONFIG_CHECK_H
#define PAWL_DAEMON_CONFIG_CHECK_H

#include <stdbool.h>

/*
 * Printable ASCII that comes back unchanged from a configuration file: no ';' (it begins
 * a comment there) and no blank at either end.
 */
bool config_check_text(const char *text);

bool config_check_path(const char *text);      /* absolute */
bool config_check_store(const char *text);     /* file:/DIR, or etcd_address.h */
bool config_check_address(const char *text);   /* host:port */
bool config_check_reachable(const char *text); /* the same, no wildcard and no port 0 */
bool config_check_ip(const char *text);	       /* IPv4 or IPv6, no name */
bool config_check_group(const char *text);
bool config_check_pin(const char *text);  /* near, or a list of processors */
bool config_check_cpus(const char *text); /* the list */

#endif
