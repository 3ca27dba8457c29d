#include "util/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

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

/* Control characters would break the line or the terminal; in JSON, quotes too. */
static size_t write_safe(char *out, size_t room, const char *text, bool json)
{
    size_t used = 0;
    for (const char *p = text; *p != '\0' && used + 2 < room; p++) {
        if (json && (*p == '"' || *p == '\\')) {
            out[used++] = '\\';
        }
        out[used++] = (unsigned char)*p < ' ' || *p == 0x7F ? ' ' : *p;
    }
    out[used] = '\0';
    return used;
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
    char safe[LINE_CHARS_MAX * 2];
    write_safe(safe, sizeof(safe), text, json);
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
