/*
 * The daemon's log: one line an event, on standard error.  Under systemd the lines carry
 * its level prefixes instead of the time.  One thread.
 */
#ifndef PAWL_DAEMON_LOG_H
#define PAWL_DAEMON_LOG_H

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

/* Lines above @level are dropped from now on. */
void log_open(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
