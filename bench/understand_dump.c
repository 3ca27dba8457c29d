/*
 * Features of labelled sentences as scripts/train-understanding takes them, so that what is trained
 * on is what the product computes:  bench_understand_dump EMBEDDINGS MODELS-DIR < sentences.jsonl
 * One line of JSON each: {"f": [[hash, group]…], "t": [[from, end]…], "y": [type…], "x":
 * [[feature…] for each token], "v": [384 numbers]}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "understand/understand_int.h"
#include "util/json.h"

enum { LINE_BYTES_MAX = 1 << 20, OUT_BYTES_MAX = 8 << 20, WAIT_MS = 100, TRIES = 600 };

static void print_features(struct nima_ctx *ctx, const struct nima_tokens *tokens)
{
    struct nima_features f;
    nima_understand_features(ctx, tokens, 0, tokens->count, &f);
    printf("{\"f\":[");
    for (size_t i = 0; i < f.count; i++) {
        printf("%s[%u,%u]", i > 0 ? "," : "", f.hashes[i], f.groups[i]);
    }
    printf("]");
}

static void print_tokens(struct nima_ctx *ctx, const struct nima_language *language, nima_str text,
                         const struct nima_tokens *tokens)
{
    size_t count = tokens->count < NIMA_CLAUSE_TOKENS_MAX ? tokens->count : NIMA_CLAUSE_TOKENS_MAX;
    const uint8_t *typed = nima_understand_typed(ctx, language, text, tokens, 0, count);
    uint32_t features[NIMA_TAG_FEATURES_MAX];
    printf(",\"t\":[");
    for (size_t i = 0; i < count; i++) {
        printf("%s[%zu,%zu]", i > 0 ? "," : "", tokens->items[i].from, tokens->items[i].end);
    }
    printf("],\"x\":[");
    for (size_t i = 0; i < count; i++) {
        size_t n = nima_understand_tag_features(tokens, 0, count, i, typed, features);
        printf("%s[", i > 0 ? "," : "");
        for (size_t k = 0; k < n; k++) {
            printf("%s%u", k > 0 ? "," : "", features[k]);
        }
        printf("]");
    }
    printf("]");
}

static nima_rc print_vector(struct nima_ctx *ctx, struct nima_llm *llm, nima_str text)
{
    struct nima_vectors vectors;
    NIMA_TRY(nima_llm_embed(ctx, llm, &text, 1, &vectors));
    printf(",\"v\":[");
    for (size_t i = 0; i < vectors.dims; i++) {
        printf("%s%.5g", i > 0 ? "," : "", (double)vectors.items[i]);
    }
    printf("]}\n");
    return NIMA_OK;
}

static nima_rc print_line(struct nima_ctx *ctx, struct nima_llm *llm, nima_str line)
{
    const struct nima_json *tree;
    struct nima_tokens tokens;
    NIMA_TRY(nima_json_parse(ctx, line, &tree));
    nima_str text = nima_json_str(nima_json_get(tree, "text"));
    const struct nima_language *language = nima_language_identify(ctx, text, NULL);
    nima_language_tokens(ctx, text, &tokens);
    print_features(ctx, &tokens);
    print_tokens(ctx, language, text, &tokens);
    return print_vector(ctx, llm, text);
}

static nima_rc wait_for_model(struct nima_ctx *ctx, struct nima_llm *llm)
{
    struct nima_llm_state state = {0};
    for (int i = 0; i < TRIES && !state.embeddings_loaded && !state.embeddings_failed; i++) {
        nima_llm_state(llm, &state);
        nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
    }
    return state.embeddings_loaded ? NIMA_OK : nima_fail(ctx, NIMA_E_MODEL, "no embedding model");
}

int main(int argc, char **argv)
{
    struct nima_ctx ctx;
    struct nima_llm *llm = NULL;
    nima_ctx_init(&ctx);
    if (argc != 3) {
        fprintf(stderr, "usage: bench_understand_dump EMBEDDINGS MODELS-DIR < sentences.jsonl\n");
        return 2;
    }
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = nima_str_of(argv[1]),
                                       .models_dir = nima_str_of(argv[2])};
    nima_rc rc = nima_llm_open(&ctx, &options, &llm);
    rc = rc == NIMA_OK ? wait_for_model(&ctx, llm) : rc;
    char *line = nima_xcalloc(LINE_BYTES_MAX, 1);
    while (rc == NIMA_OK && fgets(line, LINE_BYTES_MAX, stdin) != NULL) {
        struct nima_arena_mark mark = nima_scratch(&ctx);
        rc = print_line(&ctx, llm, nima_str_trim(nima_str_of(line)));
        nima_scratch_end(&ctx, mark);
    }
    if (rc != NIMA_OK) {
        fprintf(stderr, "%s\n", ctx.error.message);
    }
    free(line);
    nima_llm_close(llm);
    nima_ctx_done(&ctx);
    return rc == NIMA_OK ? 0 : 1;
}
