/* What other programs exported: ChatGPT's conversations.json and mem0's memories. */
#include "app/import.h"
#include "fuzz/store.h"
#include "store/people.h"

static void check(struct nima_ctx *ctx, nima_rc rc, const struct nima_imported *done)
{
    fuzz_check_error(ctx, rc);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_INVALID || rc == NIMA_E_MALFORMED);
    fuzz_must(done->added >= 0 && done->there >= 0 && done->left_out >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_str text = fuzz_str(data, size);
    struct nima_imported talks = {0}, again = {0}, facts = {0};
    int64_t change;
    nima_ctx_init(&ctx);
    open_once(&ctx);
    ctx.user_id = NIMA_STR("ana");
    nima_rc rc = nima_import_chatgpt(&ctx, store, text, &talks);
    check(&ctx, rc, &talks);
    if (rc == NIMA_OK) {
        fuzz_must(nima_import_chatgpt(&ctx, store, text, &again) == NIMA_OK);
        fuzz_must(again.added == 0);
    }
    check(&ctx, nima_import_mem0(&ctx, store, text, &facts), &facts);
    fuzz_must(nima_people_forget(&ctx, store, &change) == NIMA_OK);
    nima_ctx_done(&ctx);
    return 0;
}
