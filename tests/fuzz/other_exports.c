/* What other programs exported: ChatGPT's conversations.json and mem0's memories, zips of them. */
#include "app/archive.h"
#include "app/import.h"
#include "fuzz/store.h"
#include "store/people.h"

static void check(struct nima_ctx *ctx, nima_rc rc, const struct nima_imported *done)
{
    fuzz_check_error(ctx, rc);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_INVALID || rc == NIMA_E_MALFORMED);
    fuzz_must(done->added >= 0 && done->there >= 0 && done->left_out >= 0);
}

static bool all(nima_str name)
{
    return name.len < 1000;
}

static nima_rc read_one(struct nima_ctx *ctx, void *user, nima_str text)
{
    (void)ctx;
    *(size_t *)user += text.len;
    return NIMA_OK;
}

static void check_archive(struct nima_ctx *ctx, nima_str bytes)
{
    size_t count = 0, sum = 0;
    if (nima_archive_is(bytes)) {
        nima_rc rc = nima_archive_read(ctx, bytes, 1 << 20, all, read_one, &sum, &count);
        fuzz_must(sum <= 1 << 20);
        fuzz_check_error(ctx, rc);
    }
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
    check_archive(&ctx, text);
    nima_rc rc = nima_import_chatgpt(&ctx, store, text, &talks);
    check(&ctx, rc, &talks);
    if (rc == NIMA_OK) {
        fuzz_must(nima_import_chatgpt(&ctx, store, text, &again) == NIMA_OK);
        fuzz_must(again.added == 0 && again.grown == 0);
    }
    check(&ctx, nima_import_mem0(&ctx, store, text, (nima_str){0}, &facts), &facts);
    fuzz_must(nima_people_forget(&ctx, store, &change) == NIMA_OK);
    nima_ctx_done(&ctx);
    return 0;
}
