/* A reply's text through the rules: what comes out is whole characters, does not depend on the
 * pieces, and is never held back for long. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "personality/filter.h"
#include "util/buf.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

static void filter_text(nima_str text, uint8_t cut, struct nima_buf *out)
{
    struct nima_filter *filter = nima_filter_new(NULL);
    bool valid = nima_utf8_valid(text);
    for (size_t at = 0; at < text.len;) {
        size_t piece = cut == 0 ? text.len : 1 + (size_t)((uint8_t)text.ptr[at] + cut) % 7;
        nima_filter_add(filter, nima_str_sub(text, at, at + piece));
        at += piece;
        nima_str ready = nima_filter_take(filter);
        fuzz_must(!valid || ready.len == 0 || nima_utf8_valid(ready));
        fuzz_must(nima_filter_held(filter) <= NIMA_FILTER_HOLD_BYTES_MAX);
        nima_buf_add(out, ready);
    }
    nima_filter_end(filter);
    nima_buf_add(out, nima_filter_take(filter));
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_filter_report report;
    nima_filter_report(&ctx, filter, &report);
    fuzz_must(report.score >= 0 && report.score <= 1);
    fuzz_must(report.changes > 0 || nima_str_eq(nima_buf_view(out), text));
    nima_ctx_done(&ctx);
    nima_filter_free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_BYTES_MAX) {
        return 0;
    }
    nima_str text = fuzz_str(data, size);
    struct nima_buf whole, pieces;
    nima_buf_init(&whole, 4 * TEXT_BYTES_MAX);
    nima_buf_init(&pieces, 4 * TEXT_BYTES_MAX);
    filter_text(text, 0, &whole);
    filter_text(text, size > 0 ? data[0] | 1 : 1, &pieces);
    fuzz_must(nima_str_eq(nima_buf_view(&whole), nima_buf_view(&pieces)));
    nima_buf_done(&whole);
    nima_buf_done(&pieces);
    return 0;
}
