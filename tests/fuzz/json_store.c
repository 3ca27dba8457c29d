/* A folder of JSON files as somebody's editor left it: facts.json, the index of vectors, and the
 * vectors, a line of "=" between them. What opens can be read to the end; what does not says why,
 * and facts.json is as it was. */
#include <string.h>
#include <sys/stat.h>

#include "fuzz/folder.h"
#include "store/facts.h"
#include "util/file.h"

enum { FILES = 3, BYTES_MAX = 1 << 20 };
static const char *const names[FILES] = {"memory/facts.json", "embeddings/facts.json",
                                         "embeddings/facts.npy"};

static void put(struct nima_ctx *ctx, const char *folder, const char *name, nima_str data)
{
    FILE *file = fopen(nima_fmt(ctx, "%s/%s", folder, name).ptr, "wbe");
    fuzz_must(file != NULL);
    fuzz_must(fwrite(data.ptr, 1, data.len, file) == data.len);
    fclose(file);
}

static nima_rc seen(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    (void)ctx;
    (void)user;
    fuzz_must(nima_utf8_valid(fact->fact) && fact->fact.len > 0);
    fuzz_must((fact->embedding == NULL) == (fact->embedding_model.ptr == NULL));
    return NIMA_OK;
}

static void open_and_look(struct nima_ctx *ctx, const char *folder, nima_str facts)
{
    struct nima_store *store = NULL;
    struct nima_store_options options = {.address = nima_fmt(ctx, "json:%s", folder)};
    nima_rc rc = nima_store_open(ctx, &options, &store);
    fuzz_check_error(ctx, rc);
    if (rc == NIMA_OK) {
        int64_t change;
        ctx->user_id = NIMA_STR("default");
        fuzz_must(nima_facts_scan(ctx, store, seen, NULL, &change) == NIMA_OK);
        nima_store_close(store);
        return;
    }
    nima_str now;
    const char *path = nima_fmt(ctx, "%s/%s", folder, names[0]).ptr;
    fuzz_must(nima_file_read(ctx, path, BYTES_MAX, &now) == NIMA_OK && nima_str_eq(now, facts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n=====\n";
    struct nima_ctx ctx;
    char folder[64];
    nima_str rest = fuzz_str(data, size), parts[FILES];
    nima_ctx_init(&ctx);
    fuzz_folder_make(folder);
    (void)mkdir(nima_fmt(&ctx, "%s/memory", folder).ptr, 0700);
    (void)mkdir(nima_fmt(&ctx, "%s/embeddings", folder).ptr, 0700);
    for (size_t i = 0; i < FILES; i++) {
        size_t at = nima_str_find(rest, nima_str_of(mark), 0);
        parts[i] = nima_str_sub(rest, 0, at == SIZE_MAX ? rest.len : at);
        rest = at == SIZE_MAX ? NIMA_STR("") : nima_str_sub(rest, at + strlen(mark), rest.len);
        if (i == 0 || parts[i].len > 0) {
            put(&ctx, folder, names[i], parts[i]);
        }
    }
    open_and_look(&ctx, folder, parts[0]);
    test_folder_remove(folder);
    nima_ctx_done(&ctx);
    return 0;
}
