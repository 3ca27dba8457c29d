/* Cursors of lists come back from clients. */
#include "fuzz/fuzz.h"
#include "store/store_int.h"
#include "util/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str text = fuzz_str(data, size);
    struct nima_store_cursor at;
    static const char kinds[] = "cf";
    for (size_t i = 0; i < 2; i++) {
        nima_rc rc = nima_store_cursor_read(&ctx, kinds[i], text, &at);
        fuzz_check_error(&ctx, rc);
        if (rc == NIMA_OK) {
            fuzz_must(nima_uuid_valid(at.id));
            fuzz_must(nima_str_eq(nima_store_cursor_write(&ctx, kinds[i], at), text));
        }
    }
    nima_ctx_done(&ctx);
    return 0;
}
