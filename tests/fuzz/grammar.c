/* A client's JSON Schema to a grammar for the sampler, and to an instance for the tests' model. */
#include "fuzz/fuzz.h"
#include "llm/llm_int.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str text;
    nima_rc rc = nima_llm_grammar(&ctx, fuzz_str(data, size), &text);
    fuzz_check_error(&ctx, rc);
    fuzz_must(rc != NIMA_OK || (text.len > 0 && text.ptr[text.len] == '\0'));
    rc = nima_llm_schema_sample(&ctx, fuzz_str(data, size), NIMA_STR("text"), &text);
    fuzz_check_error(&ctx, rc);
    const struct nima_json *root;
    fuzz_must(rc != NIMA_OK || nima_json_parse(&ctx, text, &root) == NIMA_OK);
    nima_ctx_done(&ctx);
    return 0;
}
