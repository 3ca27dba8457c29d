#include "util/uuid.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "util/clock.h"

void nima_random_bytes(void *out, size_t bytes)
{
    unsigned char *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        nima_assert(got > 0);
        at += got;
        bytes -= (size_t)got;
    }
}

/* Time in ms and a 12-bit counter within it, never going back (RFC 9562, 6.2, method 1). */
static void next_stamp(int64_t *ms_out, unsigned *counter_out)
{
    /* Guards the last stamp handed out. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t last_ms;
    static unsigned counter;
    int64_t now = nima_now_ms();
    pthread_mutex_lock(&lock);
    if (now > last_ms) {
        last_ms = now;
        counter = 0;
    } else if (++counter > 0xFFF) {
        last_ms++;
        counter = 0;
    }
    *ms_out = last_ms;
    *counter_out = counter;
    pthread_mutex_unlock(&lock);
}

void nima_uuid_write(char out[NIMA_UUID_CHARS + 1])
{
    int64_t ms;
    unsigned counter;
    next_stamp(&ms, &counter);
    unsigned char r[8];
    nima_random_bytes(r, sizeof(r));
    snprintf(out, NIMA_UUID_CHARS + 1, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)(ms >> 16 & 0xFFFFFFFF), (unsigned)(ms & 0xFFFF), counter & 0xFFF,
             (r[0] & 0x3Fu) | 0x80u, r[1], r[2], r[3], r[4], r[5], r[6], r[7]);
}

nima_str nima_uuid_new(struct nima_ctx *ctx)
{
    char *text = nima_alloc(ctx->arena, NIMA_UUID_CHARS + 1);
    nima_uuid_write(text);
    return (nima_str){text, NIMA_UUID_CHARS};
}

bool nima_uuid_valid(nima_str text)
{
    if (text.len != NIMA_UUID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.ptr[i] != '-' : !isxdigit((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return true;
}

nima_rc nima_uuid_read(struct nima_ctx *ctx, nima_str text, const char *field, nima_str *out)
{
    if (!nima_uuid_valid(text)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must be a UUID", field);
    }
    char *lower = nima_cstr(ctx, text);
    for (char *p = lower; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    *out = (nima_str){lower, text.len};
    return NIMA_OK;
}
