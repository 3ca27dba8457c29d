/*
 * How long a pack of 10,000 facts with its embeddings.npy takes to load, and what it adds to a
 * turn.
 *
 *   bench_packs [facts …]      a table on stdout, one line of JSON after it for each size
 *
 * Vectors are those of the scripted model, so no weights are needed; the text of a question is
 * embedded in next to no time, and all of a turn's time here is the pack's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "knowledge/knowledge.h"
#include "llm/llm.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"

enum { ROUNDS = 15, TURNS = 200, WORDS = 3000, FACT_WORDS = 18, FILE_BYTES_MAX = 32 << 20 };

static uint64_t state = 1;

static unsigned below(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % limit;
}

/* Words of two to four syllables; the common ones often, as in a language. */
static void add_word(struct nima_buf *out)
{
    static const char *const syllables[] = {"ba", "ri",  "ton", "mel", "cu", "sap", "der", "no",
                                            "fi", "gra", "lo",  "ven", "ti", "qua", "shu", "per"};
    unsigned word = below(below(WORDS) + 1);
    for (unsigned left = 2 + word % 3; left > 0; left--, word /= 16) {
        nima_buf_add(out, nima_str_of(syllables[word % 16]));
    }
}

static void add_sentence(struct nima_buf *out)
{
    for (int i = 0; i < FACT_WORDS; i++) {
        nima_buf_add(out, i > 0 ? NIMA_STR(" ") : NIMA_STR(""));
        add_word(out);
    }
}

static nima_rc make_pack(struct nima_ctx *ctx, struct nima_llm *llm, const char *folder, int facts)
{
    struct nima_buf text;
    struct nima_pack_summary pack;
    nima_buf_init(&text, FILE_BYTES_MAX);
    nima_buf_add(&text, NIMA_STR("{\"id\": \"big\", \"name\": \"Big\", \"version\": \"1.0.0\", "
                                 "\"rules\": {\"topics\": [\"question\"]}, \"facts\": ["));
    for (int i = 0; i < facts; i++) {
        nima_buf_fmt(&text, "%s{\"fact\": \"%d ", i > 0 ? "," : "", i);
        add_sentence(&text);
        nima_buf_add(&text, NIMA_STR("\", \"category\": \"made\", \"source\": \"bench\"}"));
    }
    nima_buf_add(&text, NIMA_STR("]}"));
    nima_rc rc = nima_dir_make(ctx, folder);
    rc = rc == NIMA_OK ? nima_file_write(ctx, nima_fmt(ctx, "%s/facts.json", folder).ptr,
                                         nima_buf_view(&text), 0644)
                       : rc;
    nima_buf_done(&text);
    return rc == NIMA_OK ? nima_pack_build(ctx, llm, nima_str_of(folder), &pack) : rc;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static nima_rc one_turn(struct nima_ctx *ctx, struct nima_knowledge *knowledge, int64_t *us)
{
    struct nima_buf text;
    struct nima_pack_turn turn;
    nima_buf_init(&text, 4096);
    nima_buf_add(&text, NIMA_STR("A question: "));
    add_sentence(&text);
    nima_str said = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    struct nima_pack_ask ask = {.texts = &said, .count = 1};
    int64_t from = nima_mono_us();
    nima_rc rc = nima_knowledge_turn(ctx, knowledge, &ask, &turn);
    *us = nima_mono_us() - from;
    return rc;
}

static nima_rc measure(struct nima_ctx *ctx, struct nima_llm *llm, const char *root, int facts)
{
    int64_t loads[ROUNDS], turns[TURNS];
    struct nima_pack_infos packs;
    for (int i = 0; i < ROUNDS; i++) {
        struct nima_knowledge_options options = {.llm = llm, .own = nima_str_of(root)};
        struct nima_knowledge *knowledge = nima_knowledge_new(&options);
        int64_t from = nima_mono_us();
        NIMA_TRY(nima_knowledge_list(ctx, knowledge, (nima_str){NULL, 0}, &packs));
        loads[i] = nima_mono_us() - from;
        for (int t = 0; i == ROUNDS - 1 && t < TURNS; t++) {
            NIMA_TRY(one_turn(ctx, knowledge, &turns[t]));
        }
        nima_knowledge_free(knowledge);
    }
    if (packs.count != 1 || packs.items[0].embeddings.len == 0) {
        return nima_fail(ctx, NIMA_E_INTERNAL, "the pack was not loaded with its vectors");
    }
    qsort(loads, ROUNDS, sizeof(loads[0]), by_value);
    qsort(turns, TURNS, sizeof(turns[0]), by_value);
    printf("%6d facts: loaded in %.1f ms (median of %d), a turn takes %.2f ms (p50), %.2f ms "
           "(p99)\n",
           facts, (double)loads[ROUNDS / 2] / 1000, ROUNDS, (double)turns[TURNS / 2] / 1000,
           (double)turns[TURNS * 99 / 100] / 1000);
    printf("{\"facts\": %d, \"load_ms\": %.2f, \"turn_ms_p50\": %.3f, \"turn_ms_p99\": %.3f}\n",
           facts, (double)loads[ROUNDS / 2] / 1000, (double)turns[TURNS / 2] / 1000,
           (double)turns[TURNS * 99 / 100] / 1000);
    return NIMA_OK;
}

static nima_rc run(struct nima_ctx *ctx, struct nima_llm *llm, const char *root, int facts)
{
    static const char *const files[] = {"facts.json", "embeddings.npy", "embeddings.json"};
    const char *folder = nima_fmt(ctx, "%s/big", root).ptr;
    nima_rc rc = make_pack(ctx, llm, folder, facts);
    rc = rc == NIMA_OK ? measure(ctx, llm, root, facts) : rc;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        unlink(nima_fmt(ctx, "%s/%s", folder, files[i]).ptr);
    }
    rmdir(folder);
    return rc;
}

static nima_rc open_model(struct nima_ctx *ctx, struct nima_llm **out)
{
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = NIMA_STR("scripted:")};
    struct nima_llm_state now = {0};
    NIMA_TRY(nima_llm_open(ctx, &options, out));
    while (!now.embeddings_loaded) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        nima_llm_state(*out, &now);
    }
    return NIMA_OK;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {100, 1000, 10000};
    char root[] = "/tmp/nima-bench-packs-XXXXXX";
    struct nima_ctx ctx;
    struct nima_llm *llm = NULL;
    int count = argc > 1 ? argc - 1 : (int)(sizeof(sizes) / sizeof(sizes[0]));
    nima_ctx_init(&ctx);
    ctx.user_id = NIMA_STR("bench");
    nima_rc rc = mkdtemp(root) != NULL ? open_model(&ctx, &llm)
                                       : nima_fail(&ctx, NIMA_E_STORE, "no folder below /tmp");
    for (int i = 0; i < count && rc == NIMA_OK; i++) {
        rc = run(&ctx, llm, root, argc > 1 ? (int)strtol(argv[i + 1], NULL, 10) : sizes[i]);
    }
    if (rc != NIMA_OK) {
        fprintf(stderr, "bench_packs: %s\n", ctx.error.message);
    }
    nima_llm_close(llm);
    rmdir(root);
    nima_ctx_done(&ctx);
    return rc == NIMA_OK ? 0 : 1;
}
