/* Files of vectors, which people may edit or have cut short. */
#include "util/npy.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str file = fuzz_str(data, size), floats = {0};
    size_t rows = 0, dims = 0;
    nima_rc rc = nima_npy_read(&ctx, file, &rows, &dims, &floats);
    fuzz_check_error(&ctx, rc);
    fuzz_must(rc == NIMA_OK || rc == NIMA_E_INVALID);
    if (rc == NIMA_OK) {
        fuzz_must(floats.len == rows * dims * sizeof(float));
        fuzz_must(floats.len == 0 ||
                  (floats.ptr >= file.ptr && floats.ptr + floats.len <= file.ptr + file.len));
    }
    nima_ctx_done(&ctx);
    return 0;
}
