#include "util/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/str.h"

static _Atomic int threshold = NIMA_LOG_INFO;
static atomic_bool as_json;
static const char *const names[] = {"debug", "info", "warn", "error"};

enum { LINE_CHARS_MAX = 2000 };

void nima_log_set_level(enum nima_log_level level)
{
    atomic_store(&threshold, level);
}

void nima_log_set_json(bool json)
{
    atomic_store(&as_json, json);
}

bool nima_log_level_of(const char *name, enum nima_log_level *out)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum nima_log_level)i;
            return true;
        }
    }
    return false;
}

/* Control characters (the C1 ones of U+0080 and up too) would break the line or the terminal, and
 * broken UTF-8 a line of JSON; in JSON, quotes would as well. */
static void write_safe(char *out, const char *text, bool json)
{
    nima_str rest = nima_str_of(text);
    size_t used = 0;
    for (size_t at = 0; at < rest.len;) {
        uint32_t c;
        int bytes = nima_utf8_decode(rest, at, &c);
        if (bytes == 0) {
            out[used++] = '?';
            at++;
            continue;
        }
        if (c < ' ' || (c >= 0x7F && c < 0xA0)) {
            out[used++] = ' ';
        } else {
            if (json && (c == '"' || c == '\\')) {
                out[used++] = '\\';
            }
            memcpy(out + used, rest.ptr + at, (size_t)bytes);
            used += (size_t)bytes;
        }
        at += (size_t)bytes;
    }
    out[used] = '\0';
}

/* vsnprintf cuts bytes, not characters. */
static void drop_half_character(char *text)
{
    nima_str whole = nima_str_of(text);
    text[whole.len - nima_utf8_incomplete_tail(whole)] = '\0';
}

void nima_log(enum nima_log_level level, const char *fmt, ...)
{
    if ((int)level < atomic_load_explicit(&threshold, memory_order_relaxed)) {
        return;
    }
    char text[LINE_CHARS_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    bool json = atomic_load(&as_json);
    char safe[LINE_CHARS_MAX * 2]; /* each byte may need a backslash */
    drop_half_character(text);
    write_safe(safe, text, json);
    char when[NIMA_TIME_CHARS + 1];
    nima_time_write(nima_now_ms(), when);
    char line[LINE_CHARS_MAX * 2 + 100];
    int length =
        snprintf(line, sizeof(line),
                 json ? "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%s\"}\n" : "%s %-5s %s\n",
                 when, names[level], safe);
    /* One write, so that lines of several threads do not mix. A full disk is no reason to stop. */
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
}
