#pragma once
/*
 * clock: times. Wall time is milliseconds since 1970 in UTC; monotonic time has no meaning but
 * differences. On the wire a time is RFC 3339 in UTC with milliseconds.
 */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "util/str.h"

enum { NIMA_TIME_CHARS = 24 }; /* 2026-11-22T13:08:59.120Z */

int64_t nima_now_ms(void);
int64_t nima_mono_ms(void);
int64_t nima_mono_us(void);
/* Monotonic time so far from now (at least 0), for pthread_cond_timedwait. */
struct timespec nima_mono_after(int64_t ms);
/* Writes NIMA_TIME_CHARS characters and a NUL. Years outside 0001..9999 are clipped. */
void nima_time_write(int64_t unix_ms, char out[NIMA_TIME_CHARS + 1]);
/* Reads RFC 3339 with any offset and 0 to 9 digits of fraction (finer than ms is cut off);
 * a space instead of T and PostgreSQL's short offset "+00" are taken too. */
bool nima_time_read(nima_str text, int64_t *unix_ms_out);
/* Days since 1970-01-01 of a date that exists. */
int64_t nima_days_of(int year, int month, int day);
