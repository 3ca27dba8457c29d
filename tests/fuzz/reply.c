/* What a model server's events say, one a line, and its vectors. The file is taken in whole, for
 * what it keeps to itself. */
#include "llm/openai.c"

#include "fuzz/fuzz.h"

static void read_events(struct nima_ctx *ctx, nima_str rest)
{
    struct nima_llm_request request = {0};
    struct nima_llm_call call = {.request = &request};
    nima_str stop = NIMA_STR("STOP");
    struct talk talk = {.call = &call};
    nima_llm_stream_init(&talk.stream, &stop, 1);
    nima_rc rc = NIMA_OK;
    nima_str line;
    while (rc == NIMA_OK && nima_str_next(&rest, '\n', &line)) {
        rc = on_event(ctx, &talk, line);
    }
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_MODEL || (rc == NIMA_E_CANCELLED && talk.enough));
    fuzz_must(nima_utf8_valid(nima_str_of(ctx->error.message)));
    fuzz_must(nima_utf8_valid(nima_buf_view(&talk.stream.text)));
    nima_llm_stream_done(&talk.stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    read_events(&ctx, fuzz_str(data, size));
    struct nima_vectors vectors = {.count = 2};
    nima_rc rc = read_vectors(&ctx, fuzz_str(data, size), 0, 2, &vectors);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_MODEL);
    nima_ctx_done(&ctx);
    return 0;
}
