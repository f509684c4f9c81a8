#include "sequencer/daemon/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOG_LINE_MAX 1024

static enum log_level log_highest = LOG_INFO;
static bool log_to_journal;

void log_open(enum log_level level)
{
	log_highest = level;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static void prefix_write(char *line, size_t len, enum log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int syslog_levels[] = {3, 4, 6, 7};
	struct timespec now;
	struct tm utc;
	char stamp[32];

	if (log_to_journal) {
		(void)snprintf(line, len, "<%d>", syslog_levels[level]);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(
		line, len, "%s.%03ldZ %s: ", stamp, now.tv_nsec / 1000000, names[level]);
}

static void line_write(enum log_level level, const char *format, va_list args)
{
	char prefix[64], text[LOG_LINE_MAX];

	if (level > log_highest)
		return;
	prefix_write(prefix, sizeof(prefix), level);
	(void)vsnprintf(text, sizeof(text), format, args);
	(void)fprintf(stderr, "%s%s\n", prefix, text);
}

#define LOG_DEFINE(name, level)                  \
	void name(const char *format, ...)       \
	{                                        \
		va_list args;                    \
                                                 \
		va_start(args, format);          \
		line_write(level, format, args); \
		va_end(args);                    \
	}

LOG_DEFINE(log_error, LOG_ERROR)
LOG_DEFINE(log_warning, LOG_WARNING)
LOG_DEFINE(log_info, LOG_INFO)
LOG_DEFINE(log_debug, LOG_DEBUG)
