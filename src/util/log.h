#pragma once
/*
 * log: one line on standard error for each thing worth telling. Logged once, at the edge: rooms
 * below `api`, `tasks` and `app` return errors instead.
 * Threads    Any; a line is written whole.
 * No secret and no text of a person's ever goes into a line.
 */
#include <stdbool.h>

enum nima_log_level { NIMA_LOG_DEBUG, NIMA_LOG_INFO, NIMA_LOG_WARN, NIMA_LOG_ERROR };

/* The one global that changes after the start. */
void nima_log_set_level(enum nima_log_level level);
void nima_log_set_json(bool json); /* one JSON object a line instead of text */
bool nima_log_level_of(const char *name, enum nima_log_level *out); /* "debug" … "error" */
void nima_log(enum nima_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define nima_log_debug(...) nima_log(NIMA_LOG_DEBUG, __VA_ARGS__)
#define nima_log_info(...)  nima_log(NIMA_LOG_INFO, __VA_ARGS__)
#define nima_log_warn(...)  nima_log(NIMA_LOG_WARN, __VA_ARGS__)
#define nima_log_error(...) nima_log(NIMA_LOG_ERROR, __VA_ARGS__)
