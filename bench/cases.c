#include "cases.h"

#include "util/clock.h"
#include "util/file.h"

enum { DATA_BYTES_MAX = 4 << 20, LOAD_WAIT_MS = 300000 };

nima_rc bench_model_open(struct nima_ctx *ctx, const char *address, const char *models_dir,
                         struct nima_llm **out)
{
    struct nima_llm_options options = {.chat = nima_str_of(address),
                                       .embeddings = NIMA_STR("none:"),
                                       .models_dir = nima_str_of(models_dir)};
    NIMA_TRY(nima_llm_open(ctx, &options, out));
    ctx->deadline_ms = nima_mono_ms() + LOAD_WAIT_MS;
    nima_rc rc = nima_llm_wait(ctx, *out);
    ctx->deadline_ms = 0;
    return rc;
}

nima_rc bench_each_case(struct nima_ctx *ctx, const char *path,
                        nima_rc (*take)(struct nima_ctx *ctx, void *user,
                                        const struct nima_json *line),
                        void *user)
{
    nima_str data, line;
    NIMA_TRY(nima_file_read(ctx, path, DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *tree;
        if (line.len > 0) {
            NIMA_TRY(nima_json_parse(ctx, line, &tree));
            NIMA_TRY(take(ctx, user, tree));
        }
    }
    return NIMA_OK;
}
