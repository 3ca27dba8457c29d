/* Versions as semver.org orders them. */
#include "knowledge/knowledge_int.h"

enum { VERSION_CHARS_MAX = 64 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number without leading zeros. */
static bool read_number(nima_str text, uint64_t *out)
{
    int64_t value;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0') || !nima_str_to_i64(text, &value)) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

static bool all_digits(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

/* Identifiers between dots: letters, digits, hyphens; numbers of a pre-release without zeros. */
static bool identifiers_valid(nima_str text, bool pre)
{
    nima_str part;
    if (text.len == 0 || text.ptr[text.len - 1] == '.') {
        return false;
    }
    while (nima_str_next(&text, '.', &part)) {
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i];
            bool ok = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
            if (!ok) {
                return false;
            }
        }
        if (part.len == 0 || (pre && all_digits(part) && part.len > 1 && part.ptr[0] == '0')) {
            return false;
        }
    }
    return true;
}

bool nima_version_read(nima_str text, struct nima_version *out)
{
    struct nima_version v = {.pre = NIMA_STR("")};
    if (text.ptr == NULL || text.len > VERSION_CHARS_MAX) {
        return false;
    }
    size_t plus = nima_str_find(text, NIMA_STR("+"), 0);
    if (plus != SIZE_MAX && !identifiers_valid(nima_str_sub(text, plus + 1, text.len), false)) {
        return false;
    }
    text = nima_str_sub(text, 0, plus);
    size_t dash = nima_str_find(text, NIMA_STR("-"), 0);
    if (dash != SIZE_MAX) {
        v.pre = nima_str_sub(text, dash + 1, text.len);
        if (!identifiers_valid(v.pre, true)) {
            return false;
        }
    }
    nima_str numbers = nima_str_sub(text, 0, dash), a = {0}, b = {0}, c = {0};
    bool three = nima_str_next(&numbers, '.', &a) && nima_str_next(&numbers, '.', &b) &&
                 nima_str_next(&numbers, '.', &c) && numbers.ptr == NULL;
    if (!three || !read_number(a, &v.major) || !read_number(b, &v.minor) ||
        !read_number(c, &v.patch)) {
        return false;
    }
    *out = v;
    return true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_identifiers(nima_str a, nima_str b)
{
    bool number_a = all_digits(a), number_b = all_digits(b);
    if (number_a && number_b) {
        return a.len != b.len ? compare_numbers(a.len, b.len) : nima_str_cmp(a, b);
    }
    return number_a != number_b ? (number_a ? -1 : 1) : nima_str_cmp(a, b);
}

static int compare_pre(nima_str a, nima_str b)
{
    nima_str part_a, part_b;
    if (a.len == 0 || b.len == 0) { /* a release comes after its pre-releases */
        return a.len == 0 && b.len == 0 ? 0 : (a.len == 0 ? 1 : -1);
    }
    for (;;) {
        bool more_a = nima_str_next(&a, '.', &part_a), more_b = nima_str_next(&b, '.', &part_b);
        if (!more_a || !more_b) {
            return more_a == more_b ? 0 : (more_a ? 1 : -1);
        }
        int order = compare_identifiers(part_a, part_b);
        if (order != 0) {
            return order;
        }
    }
}

int nima_version_compare(const struct nima_version *a, const struct nima_version *b)
{
    int order = compare_numbers(a->major, b->major);
    order = order != 0 ? order : compare_numbers(a->minor, b->minor);
    order = order != 0 ? order : compare_numbers(a->patch, b->patch);
    return order != 0 ? order : compare_pre(a->pre, b->pre);
}
