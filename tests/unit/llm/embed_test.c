/* Real MiniLM: the published tokenizer's ids exactly, the published model's vectors. */
#include "llm/support_llm.h"

#include <pthread.h>

#include "llm/local_int.h"
#include "util/file.h"
#include "util/json.h"

static const char *const models[] = {"all-MiniLM-L6-v2", NULL};
static const char golden_path[] = NIMA_SOURCE_DIR "/tests/golden/minilm.json";

static void open_minilm(struct world *w, struct nima_ctx *ctx)
{
    nima_str dir = models_needed(ctx, models);
    world_open(w, (struct nima_llm_options){.chat = NIMA_STR("scripted:"),
                                            .embeddings = NIMA_STR("local:all-MiniLM-L6-v2"),
                                            .models_dir = dir,
                                            .threads = 1});
}

static const struct nima_json *golden_cases(struct nima_ctx *ctx)
{
    nima_str text;
    const struct nima_json *root;
    ASSERT_OK_CTX(ctx, nima_file_read(ctx, golden_path, 16 * 1024 * 1024, &text));
    ASSERT_OK_CTX(ctx, nima_json_parse(ctx, text, &root));
    const struct nima_json *cases = nima_json_get(root, "cases");
    ASSERT_TRUE(nima_json_count(cases) >= 40);
    return cases;
}

TEST(token_ids_are_those_of_the_published_tokenizer)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_llm_options options = {.models_dir = models_needed(&ctx, models), .threads = 1};
    struct nima_llm_spec spec = {.embeddings = NIMA_STR("all-MiniLM-L6-v2"), .options = &options};
    void *backend;
    ASSERT_OK(nima_llm_local.open(&ctx, &spec, &backend));
    struct nima_llm_state now;
    do {
        now = (struct nima_llm_state){0};
        nima_llm_local.state(backend, &now);
    } while (!now.embeddings_loaded && !now.embeddings_failed);
    ASSERT_STR_EQ(nima_str_of(now.problem), "");
    const struct nima_wordpiece *wordpiece = ((struct nima_local *)backend)->embedder.wordpiece;
    const struct nima_json *cases = golden_cases(&ctx);
    for (size_t i = 0; i < nima_json_count(cases); i++) {
        const struct nima_json *one = nima_json_at(cases, i, NULL);
        const struct nima_json *expected = nima_json_get(one, "ids");
        nima_str text = nima_json_str(nima_json_get(one, "text"));
        int32_t ids[NIMA_EMBED_TOKENS_MAX];
        size_t count = nima_wordpiece_encode(wordpiece, text, ids, NIMA_EMBED_TOKENS_MAX);
        bool same = count == nima_json_count(expected);
        for (size_t t = 0; same && t < count; t++) {
            int64_t id = -1;
            same = nima_json_int(nima_json_at(expected, t, NULL), &id) && id == ids[t];
        }
        if (!same) {
            fail_msg("other ids for \"" NIMA_FMT "\"", NIMA_ARG(text));
        }
    }
    nima_llm_local.close(backend);
    nima_ctx_done(&ctx);
}

TEST(vectors_are_those_of_the_published_model)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct world w;
    open_minilm(&w, &ctx);
    const struct nima_json *cases = golden_cases(&ctx);
    size_t count = nima_json_count(cases);
    nima_str *texts = NIMA_NEW(ctx.arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        texts[i] = nima_json_str(nima_json_get(nima_json_at(cases, i, NULL), "text"));
    }
    struct nima_vectors all;
    ASSERT_OK_CTX(&w.ctx, nima_llm_embed(&w.ctx, w.llm, texts, count, &all));
    ASSERT_INT_EQ(all.dims, 384);
    double least = 1;
    for (size_t i = 0; i < count; i++) {
        const struct nima_json *expected = nima_json_get(nima_json_at(cases, i, NULL), "embedding");
        double dot = 0, length = 0;
        for (size_t d = 0; d < all.dims; d++) {
            double v = (double)all.items[i * all.dims + d];
            dot += v * nima_json_num(nima_json_at(expected, d, NULL), 0);
            length += v * v;
        }
        if (dot < 0.999) {
            fail_msg("cosine %f for \"" NIMA_FMT "\"", dot, NIMA_ARG(texts[i]));
        }
        ASSERT_NEAR(length, 1, 1e-5);
        least = dot < least ? dot : least;
    }
    printf("%zu texts, least cosine %.6f\n", count, least);
    world_close(&w);
    nima_ctx_done(&ctx);
}

TEST(a_text_gives_the_same_vector_alone_and_among_others)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct world a, b;
    open_minilm(&a, &ctx);
    open_minilm(&b, &ctx);
    nima_str texts[200];
    for (int i = 0; i < 200; i++) {
        texts[i] = nima_fmt(&ctx, "Fact number %d about %s", i, i % 3 == 0 ? "the sea" : "work");
    }
    struct nima_vectors many, one;
    ASSERT_OK(nima_llm_embed(&a.ctx, a.llm, texts, 200, &many));
    ASSERT_OK(nima_llm_embed(&b.ctx, b.llm, &texts[150], 1, &one));
    double dot = 0;
    for (size_t d = 0; d < one.dims; d++) {
        dot += (double)one.items[d] * (double)many.items[150 * many.dims + d];
    }
    ASSERT_TRUE(dot > 0.9999);
    world_close(&a);
    world_close(&b);
    nima_ctx_done(&ctx);
}

struct caller {
    struct world *w;
    int number;
    nima_rc rc;
    float first;
};

static void *embed_many(void *user)
{
    struct caller *caller = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (int i = 0; i < 10 && caller->rc == NIMA_OK; i++) {
        nima_str text = nima_fmt(&ctx, "caller %d says %d", caller->number, i);
        struct nima_vectors v;
        caller->rc = nima_llm_embed(&ctx, caller->w->llm, &text, 1, &v);
        caller->first = v.items[0];
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(many_callers_are_served)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct world w;
    open_minilm(&w, &ctx);
    struct caller callers[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){&w, i, NIMA_OK, 0};
        ASSERT_INT_EQ(pthread_create(&threads[i], NULL, embed_many, &callers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        ASSERT_INT_EQ(callers[i].rc, NIMA_OK);
    }
    world_close(&w);
    nima_ctx_done(&ctx);
}

TEST_MAIN
