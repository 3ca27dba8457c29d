#include "llm/llm_int.h"
static nima_rc open_(struct nima_ctx *ctx, const struct nima_llm_spec *spec, void **out)
{
    (void)spec; (void)out;
    return nima_fail(ctx, NIMA_E_INVALID, "openai: addresses are not served yet");
}
const struct nima_llm_ops nima_llm_openai = {.scheme = "openai:", .open = open_};
