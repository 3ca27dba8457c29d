/* The helpers for texts agree with each other on any bytes. */
#include "fuzz/fuzz.h"

static void check_code_points(nima_str s)
{
    size_t count = 0;
    for (size_t at = 0; at < s.len; count++) {
        uint32_t code_point;
        char bytes[4];
        int read = nima_utf8_decode(s, at, &code_point);
        fuzz_must(read > 0 && nima_utf8_encode(code_point, bytes) == read);
        fuzz_must(
            nima_str_eq(nima_str_sub(s, at, at + (size_t)read), (nima_str){bytes, (size_t)read}));
        at += (size_t)read;
    }
    fuzz_must(count == nima_utf8_count(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nima_str s = fuzz_str(data, size);
    bool valid = nima_utf8_valid(s);
    if (valid) {
        check_code_points(s);
        fuzz_must(nima_utf8_incomplete_tail(s) == 0);
    }
    fuzz_must(nima_utf8_incomplete_tail(s) <= 3);
    size_t max = size > 0 ? data[0] : 0;
    nima_str prefix = nima_utf8_prefix(s, max);
    fuzz_must(prefix.len <= max && prefix.len <= s.len);
    fuzz_must(!valid || (nima_utf8_valid(prefix) && (s.len <= max || prefix.len + 3 >= max)));
    nima_str trimmed = nima_str_trim(s);
    fuzz_must(trimmed.len <= s.len && nima_str_eq(nima_str_trim(trimmed), trimmed));
    nima_str rest = s, head;
    size_t bytes = 0;
    while (nima_str_next(&rest, ',', &head)) {
        bytes += head.len + 1;
    }
    fuzz_must(bytes == s.len + 1);
    nima_str half = nima_str_sub(s, s.len / 2, s.len);
    size_t found = nima_str_find(s, half, 0);
    fuzz_must(half.len == 0 || (found != SIZE_MAX && found <= s.len / 2));
    fuzz_must(half.len == 0 || nima_str_find_nocase(s, half, 0) <= found);
    return 0;
}
