#include "util/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

nima_str nima_str_of(const char *cstr)
{
    return (nima_str){cstr, cstr != NULL ? strlen(cstr) : 0};
}

bool nima_str_eq(nima_str a, nima_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool nima_str_eq_nocase(nima_str a, nima_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

int nima_str_cmp(nima_str a, nima_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool nima_str_starts(nima_str s, nima_str prefix)
{
    return s.len >= prefix.len && nima_str_eq(nima_str_sub(s, 0, prefix.len), prefix);
}

bool nima_str_starts_nocase(nima_str s, nima_str prefix)
{
    return s.len >= prefix.len && nima_str_eq_nocase(nima_str_sub(s, 0, prefix.len), prefix);
}

bool nima_str_ends(nima_str s, nima_str suffix)
{
    return s.len >= suffix.len && nima_str_eq(nima_str_sub(s, s.len - suffix.len, s.len), suffix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

nima_str nima_str_trim(nima_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

nima_str nima_str_sub(nima_str s, size_t from, size_t end)
{
    end = end < s.len ? end : s.len;
    from = from < end ? from : end;
    return (nima_str){s.ptr != NULL ? s.ptr + from : NULL, end - from};
}

size_t nima_str_find(nima_str s, nima_str needle, size_t from)
{
    if (needle.len == 0 || from >= s.len) {
        return SIZE_MAX;
    }
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit != NULL ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t nima_str_find_nocase(nima_str s, nima_str needle, size_t from)
{
    if (needle.len == 0) {
        return SIZE_MAX;
    }
    for (size_t i = from; i + needle.len <= s.len; i++) {
        if (strncasecmp(s.ptr + i, needle.ptr, needle.len) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool nima_str_next(nima_str *s, char sep, nima_str *head)
{
    if (s->ptr == NULL) {
        return false;
    }
    const char *hit = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    if (hit == NULL) {
        *head = *s;
        *s = (nima_str){NULL, 0};
        return true;
    }
    *head = (nima_str){s->ptr, (size_t)(hit - s->ptr)};
    *s = (nima_str){hit + 1, s->len - head->len - 1};
    return true;
}

enum { NUMBER_CHARS_MAX = 63 };

bool nima_str_to_i64(nima_str s, int64_t *out)
{
    char text[NUMBER_CHARS_MAX + 1];
    if (s.len == 0 || s.len > NUMBER_CHARS_MAX || is_space(s.ptr[0])) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end != text + s.len) {
        return false;
    }
    *out = value;
    return true;
}

bool nima_str_to_f64(nima_str s, double *out)
{
    char text[NUMBER_CHARS_MAX + 1];
    if (s.len == 0 || s.len > NUMBER_CHARS_MAX || is_space(s.ptr[0])) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    if (strpbrk(text, "xX") != NULL) {
        return false; /* strtod reads hexadecimals too */
    }
    char *end = NULL;
    double value = strtod(text, &end); /* too large: infinite; too small: as near as it gets */
    if (end != text + s.len || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

uint64_t nima_str_hash(nima_str s)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (uint8_t)s.ptr[i]) * UINT64_C(1099511628211);
    }
    return hash;
}
