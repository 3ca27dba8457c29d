/* The event stream of a model server, cut into pieces anywhere. The file is taken in whole, for
 * what it keeps to itself. */
#include "llm/openai_http.c"

#include "fuzz/fuzz.h"

static nima_rc on_event(struct nima_ctx *ctx, void *user, nima_str data)
{
    size_t *events = user;
    fuzz_must(data.len > 0 && data.len <= 4096);
    (*events)++;
    return nima_str_eq(data, NIMA_STR("[DONE]")) ? nima_fail(ctx, NIMA_E_CANCELLED, "done")
                                                 : NIMA_OK;
}

static nima_rc feed(struct transfer *transfer, nima_str bytes)
{
    nima_rc rc = NIMA_OK;
    for (size_t at = 0; at < bytes.len && rc == NIMA_OK;) {
        size_t piece = 1 + (size_t)((uint8_t)bytes.ptr[at] % 61);
        rc = take_events(transfer, nima_str_sub(bytes, at, at + piece));
        at += piece;
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    size_t events = 0;
    struct nima_http_post post = {.on_event = on_event, .user = &events};
    struct transfer transfer = {.ctx = &ctx, .post = &post};
    nima_buf_init(&transfer.line, 4096);
    nima_buf_init(&transfer.data, 4096);
    nima_rc rc = feed(&transfer, fuzz_str(data, size));
    fuzz_check_error(&ctx, rc);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_MODEL || rc == NIMA_E_CANCELLED);
    fuzz_must(events <= size);
    nima_buf_done(&transfer.line);
    nima_buf_done(&transfer.data);
    nima_ctx_done(&ctx);
    return 0;
}
