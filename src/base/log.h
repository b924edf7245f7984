/* Log lines as Triton writes them: level letter, time, pid, file:line] "escaped message". Thread-safe; one write a line.
 * INFO and verbose go to stdout, WARNING and ERROR to stderr, both to the file where one is set. */
#ifndef NEREID_BASE_LOG_H
#define NEREID_BASE_LOG_H

#include "base/status.h"
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_VERBOSE };
enum log_format { LOG_DEFAULT, LOG_ISO8601 };

struct log_settings { bool error, warning, info; int verbose; enum log_format format; const char *file; };
struct log_settings log_get(void);
/* file NULL: stdout and stderr. IO when the file cannot be opened; then nothing changes. */
struct status log_set(struct log_settings s) MUST_CHECK;
void log_line(enum log_level level, int verbose, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(5, 6);
void log_table(const char *text);   /* raw text after a newline, at INFO */

#define LOG_E(...) log_line(LOG_ERROR, 0, __FILE__, __LINE__, __VA_ARGS__)
#define LOG_W(...) log_line(LOG_WARNING, 0, __FILE__, __LINE__, __VA_ARGS__)
#define LOG_I(...) log_line(LOG_INFO, 0, __FILE__, __LINE__, __VA_ARGS__)
#define LOG_V(level, ...) log_line(LOG_VERBOSE, (level), __FILE__, __LINE__, __VA_ARGS__)

#endif
