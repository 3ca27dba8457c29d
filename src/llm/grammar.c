#include "llm/llm_int.h"
nima_rc nima_llm_grammar(struct nima_ctx *ctx, nima_str json_schema, nima_str *out)
{
    (void)json_schema; (void)out;
    return nima_fail(ctx, NIMA_E_INVALID, "not yet");
}
nima_rc nima_llm_schema_sample(struct nima_ctx *ctx, nima_str json_schema, nima_str text, nima_str *out)
{
    (void)json_schema; (void)text;
    *out = nima_str_copy(ctx->arena, NIMA_STR("{}"));
    return NIMA_OK;
}
