/*
 * What scripts/train-understanding trains on, made by the product's own code:
 *
 *   bench_understand_features MODELS-FOLDER < texts > features
 *
 * Texts: one a line, "language<TAB>text". For each, in the machine's byte order: u32 number of
 * dimensions and so many floats (the vector); u32 number of features, then of each u32 hash, u32
 * count, u32 group; u32 number of tokens, then of each u32 from, u32 end, u32 number of tag
 * features and their u32 hashes. MODELS-FOLDER "-": without vectors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "understand/understand_int.h"

enum { LINE_MAX_BYTES = 65536, BATCH = 64 };

static void put(uint32_t value)
{
    fwrite(&value, sizeof(value), 1, stdout);
}

static void write_one(struct nima_ctx *ctx, nima_str code, nima_str text, const float *vector,
                      size_t dims)
{
    put((uint32_t)dims);
    fwrite(vector, sizeof(float), dims, stdout);
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    size_t end = tokens.count < NIMA_PASSAGE_TOKENS_MAX ? tokens.count : NIMA_PASSAGE_TOKENS_MAX;
    struct nima_features features;
    nima_understand_features(ctx, &tokens, 0, end, &features);
    put((uint32_t)features.count);
    for (size_t i = 0; i < features.count; i++) {
        put(features.hashes[i]);
        put(features.counts[i]);
        put(features.groups[i]);
    }
    const struct nima_language *language = nima_language_or_english(code);
    const uint8_t *typed = nima_understand_typed(ctx, language, text, &tokens, 0, end);
    put((uint32_t)end);
    for (size_t i = 0; i < end; i++) {
        uint32_t tags[NIMA_TAG_FEATURES_MAX];
        size_t count = nima_understand_tag_features(&tokens, 0, end, i, typed, tags);
        put((uint32_t)tokens.items[i].from);
        put((uint32_t)tokens.items[i].end);
        put((uint32_t)count);
        fwrite(tags, sizeof(tags[0]), count, stdout);
    }
}

static void end_badly(struct nima_ctx *ctx)
{
    fprintf(stderr, "%s\n", ctx->error.message);
    exit(1);
}

static struct nima_llm *open_model(struct nima_ctx *ctx, const char *folder)
{
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = NIMA_STR("local:all-MiniLM-L6-v2"),
                                       .models_dir = nima_str_of(folder)};
    struct nima_llm *llm = NULL;
    if (nima_llm_open(ctx, &options, &llm) != NIMA_OK) {
        end_badly(ctx);
    }
    struct nima_llm_state state;
    nima_llm_state(llm, &state);
    while (!state.embeddings_loaded && !state.embeddings_failed) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000L}, NULL);
        nima_llm_state(llm, &state);
    }
    if (state.embeddings_failed) {
        fprintf(stderr, "%s\n", state.problem);
        exit(1);
    }
    return llm;
}

static void write_batch(struct nima_ctx *ctx, struct nima_llm *llm, nima_str *codes,
                        nima_str *texts, size_t count)
{
    struct nima_vectors vectors = {0};
    if (llm != NULL && count > 0 && nima_llm_embed(ctx, llm, texts, count, &vectors) != NIMA_OK) {
        end_badly(ctx);
    }
    for (size_t i = 0; i < count; i++) {
        write_one(ctx, codes[i], texts[i], vectors.items + i * vectors.dims, vectors.dims);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "bench_understand_features MODELS-FOLDER < texts > features\n");
        return 2;
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_llm *llm = strcmp(argv[1], "-") == 0 ? NULL : open_model(&ctx, argv[1]);
    static char line[LINE_MAX_BYTES];
    nima_str codes[BATCH], texts[BATCH];
    size_t count = 0;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        nima_str text = nima_str_trim(nima_str_of(line)), code;
        nima_str_next(&text, '\t', &code);
        codes[count] = nima_str_copy(ctx.arena, code);
        texts[count++] = nima_str_copy(ctx.arena, text.ptr != NULL ? text : NIMA_STR(""));
        if (count == BATCH) {
            write_batch(&ctx, llm, codes, texts, count);
            count = 0;
            nima_ctx_reset(&ctx);
        }
    }
    write_batch(&ctx, llm, codes, texts, count);
    nima_llm_close(llm);
    nima_ctx_done(&ctx);
    return 0;
}
