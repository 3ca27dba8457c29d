/* What anybody may write in a chat, to candidate facts. */
#include "fuzz/fuzz.h"
#include "memory/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nima_str text = fuzz_str(data, size);
    if (!nima_utf8_valid(text)) {
        return 0; /* the door lets no such text in */
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_candidates found = {.count = 0};
    nima_rc rc = nima_memory_extract(&ctx, text, &found);
    fuzz_check_error(&ctx, rc);
    fuzz_must(found.count <= NIMA_CANDIDATES_MAX);
    for (size_t i = 0; i < found.count; i++) {
        const struct nima_candidate *c = &found.items[i];
        fuzz_must(nima_utf8_valid(c->text) && nima_utf8_valid(c->value));
        fuzz_must(nima_str_trim(c->text).len > 0 && c->category.len > 0);
        fuzz_must(c->confidence > 0 && c->confidence <= 1);
    }
    (void)nima_memory_secret(text);
    nima_ctx_done(&ctx);
    return 0;
}
