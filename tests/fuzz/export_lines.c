/* What `nima import` reads: lines that some Nima is said to have written. What is taken in comes
 * out again, for the person it was taken in for; what is refused says which line. */
#include <string.h>

#include "fuzz/store.h"
#include "store/copy.h"
#include "store/people.h"

static nima_rc next(struct nima_ctx *ctx, void *user, nima_str *line)
{
    (void)ctx;
    nima_str *rest = user;
    *line = (nima_str){0};
    (void)nima_str_next(rest, '\n', line);
    return NIMA_OK;
}

static nima_rc count(struct nima_ctx *ctx, void *user, nima_str line)
{
    (void)ctx;
    size_t *lines = user;
    fuzz_must(nima_utf8_valid(line) && line.len > 1);
    (*lines)++;
    return NIMA_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_str rest = fuzz_str(data, size);
    struct nima_import_report report = {0};
    size_t lines = 0;
    int64_t change;
    nima_ctx_init(&ctx);
    open_once(&ctx);
    ctx.user_id = NIMA_STR("ana");
    nima_rc rc = nima_store_import(&ctx, store, next, &rest, &report);
    fuzz_check_error(&ctx, rc);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_INVALID || rc == NIMA_E_CONFLICT);
    fuzz_must(nima_store_export(&ctx, store, count, &lines) == NIMA_OK);
    fuzz_must(lines >= 2);
    fuzz_must(rc != NIMA_OK || (int64_t)lines >= 2 + report.added);
    fuzz_must(nima_people_forget(&ctx, store, &change) == NIMA_OK);
    nima_ctx_done(&ctx);
    return 0;
}
