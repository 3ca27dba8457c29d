#include "util/str.h"

#include <string.h>

/* Bytes of the sequence that a lead byte begins; 0 for a byte that begins none (RFC 3629). */
static int lead_bytes(uint8_t lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        return 4;
    }
    return 0;
}

int nima_utf8_decode(nima_str s, size_t at, uint32_t *code_point)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (at >= s.len) {
        return 0;
    }
    const uint8_t *p = (const uint8_t *)s.ptr + at;
    int bytes = lead_bytes(p[0]);
    if (bytes == 0 || at + (size_t)bytes > s.len) {
        return 0;
    }
    uint32_t value = p[0] & lead_mask[bytes];
    for (int i = 1; i < bytes; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (p[i] & 0x3F);
    }
    if (value < smallest[bytes] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code_point = value;
    return bytes;
}

int nima_utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

bool nima_utf8_valid(nima_str s)
{
    size_t at = 0;
    while (at < s.len) {
        uint32_t code_point;
        int bytes = nima_utf8_decode(s, at, &code_point);
        if (bytes == 0 || code_point == 0) {
            return false;
        }
        at += (size_t)bytes;
    }
    return true;
}

nima_str nima_utf8_prefix(nima_str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    size_t end = max_bytes;
    while (end > 0 && ((uint8_t)s.ptr[end] & 0xC0) == 0x80) {
        end--;
    }
    return (nima_str){s.ptr, end};
}

size_t nima_utf8_count(nima_str s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t count = 0, i = 0;
    for (uint64_t eight; i + sizeof(eight) <= s.len; i += sizeof(eight)) {
        memcpy(&eight, s.ptr + i, sizeof(eight));
        uint64_t inner = eight >> 7 & ~(eight >> 6) & ones; /* 10xxxxxx: no character begins */
        count += sizeof(eight) - (inner * ones >> 56);
    }
    for (; i < s.len; i++) {
        count += ((uint8_t)s.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

size_t nima_utf8_incomplete_tail(nima_str s)
{
    for (size_t back = 1; back <= 3 && back <= s.len; back++) {
        uint8_t byte = (uint8_t)s.ptr[s.len - back];
        if ((byte & 0xC0) != 0x80) {
            return (size_t)lead_bytes(byte) > back ? back : 0;
        }
    }
    return 0;
}

bool nima_utf8_blank(nima_str s)
{
    for (size_t at = 0; at < s.len;) {
        uint32_t c = 0;
        int bytes = nima_utf8_decode(s, at, &c);
        bool blank = c <= ' ' || c == 0x7F || c == 0xA0 || c == 0xAD || c == 0x1680 ||
                     (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || c == 0x205F ||
                     c == 0x2060 || c == 0x3000 || c == 0xFEFF;
        if (!blank) {
            return false;
        }
        at += (size_t)bytes;
    }
    return true;
}
