/* Model files that are not what they should be: each a reason that says what to do, never an end
 * of the process. */
#include "llm/support_llm.h"

#include <stdio.h>
#include <unistd.h>

#include "llm/local_int.h"
#include "util/file.h"

static const char *const models[] = {"all-MiniLM-L6-v2", NULL};

struct folder {
    struct nima_ctx ctx;
    char dir[64];
    nima_str path; /* of broken.gguf in it */
};

static void folder_open(struct folder *f)
{
    *f = (struct folder){.dir = "/tmp/nima-models-XXXXXX"};
    nima_ctx_init(&f->ctx);
    assert_non_null(mkdtemp(f->dir));
    f->path = nima_fmt(&f->ctx, "%s/broken.gguf", f->dir);
}

static void folder_close(struct folder *f)
{
    unlink(f->path.ptr);
    rmdir(f->dir);
    nima_ctx_done(&f->ctx);
}

/* Both parts from the same file; the problem must name every word of `words`. */
static void must_fail(struct folder *f, const char *chat, const char *const *words)
{
    struct world w;
    world_open(&w, (struct nima_llm_options){.chat = nima_str_of(chat),
                                             .embeddings = nima_str_of(chat),
                                             .models_dir = nima_str_of(f->dir),
                                             .threads = 1});
    struct nima_llm_state now;
    nima_llm_state(w.llm, &now);
    ASSERT_TRUE(now.chat_failed && now.embeddings_failed);
    ASSERT_TRUE(!now.chat_loaded && !now.embeddings_loaded);
    for (; *words != NULL; words++) {
        if (strstr(now.problem, *words) == NULL) {
            fail_msg("no \"%s\" in: %s", *words, now.problem);
        }
    }
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, "hello", 3);
    struct nima_llm_reply reply;
    ASSERT_RC(NIMA_E_UNAVAILABLE, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_TRUE(w.ctx.error.message[0] != '\0');
    nima_str text = NIMA_STR("x");
    struct nima_vectors v;
    int count;
    ASSERT_RC(NIMA_E_UNAVAILABLE, nima_llm_embed(&w.ctx, w.llm, &text, 1, &v));
    ASSERT_RC(NIMA_E_UNAVAILABLE, nima_llm_count_tokens(&w.ctx, w.llm, text, &count));
    world_close(&w);
}

TEST(a_missing_file_is_named_with_the_way_to_get_it)
{
    struct folder f;
    folder_open(&f);
    must_fail(&f, "local:broken", (const char *const[]){"not there", "models pull broken", NULL});
    folder_close(&f);
}

TEST(what_is_no_model_is_told_apart)
{
    struct folder f;
    folder_open(&f);
    static const char *const words[] = {"not a GGUF", "broken.gguf", NULL};
    ASSERT_OK(nima_file_write(&f.ctx, f.path.ptr, NIMA_STR(""), 0600));
    must_fail(&f, "local:broken", words);
    ASSERT_OK(nima_file_write(&f.ctx, f.path.ptr, NIMA_STR("GGUF"), 0600));
    must_fail(&f, "local:broken.gguf", words);
    nima_str page = nima_fmt(&f.ctx, "<html>%2000s</html>", "not found");
    ASSERT_OK(nima_file_write(&f.ctx, f.path.ptr, page, 0600));
    must_fail(&f, nima_fmt(&f.ctx, "local:" NIMA_FMT, NIMA_ARG(f.path)).ptr, words);
    unlink(f.path.ptr);
    must_fail(&f, nima_fmt(&f.ctx, "local:%s/", f.dir).ptr,
              (const char *const[]){"not there", NULL});
    folder_close(&f);
}

TEST(damaged_and_truncated_models_are_refused)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str dir = models_needed(&ctx, models);
    struct folder f;
    folder_open(&f);
    nima_str real = nima_fmt(&f.ctx, NIMA_FMT "/all-MiniLM-L6-v2.gguf", NIMA_ARG(dir)), whole;
    ASSERT_OK_CTX(&f.ctx, nima_file_read(&f.ctx, real.ptr, 100 * 1024 * 1024, &whole));
    static const char *const words[] = {"cannot be loaded", "models pull broken", NULL};
    static const size_t cuts[] = {2000, 100000, 700000, 5000000, 60000000};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        ASSERT_OK(nima_file_write(&f.ctx, f.path.ptr, nima_str_sub(whole, 0, cuts[i]), 0600));
        must_fail(&f, "local:broken", words);
    }
    /* Whole in length, but its beginning is noise. */
    char *noisy = nima_cstr(&f.ctx, nima_str_sub(whole, 0, 800000));
    for (size_t i = 8; i < 200; i += 3) {
        noisy[i] = (char)(noisy[i] + (char)(i * 37));
    }
    ASSERT_OK(nima_file_write(&f.ctx, f.path.ptr, (nima_str){noisy, 800000}, 0600));
    must_fail(&f, "local:broken", words);
    folder_close(&f);
    nima_ctx_done(&ctx);
}

TEST(an_embedding_model_does_not_chat)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str dir = models_needed(&ctx, models);
    struct world w;
    world_open(&w, (struct nima_llm_options){.chat = NIMA_STR("local:all-MiniLM-L6-v2"),
                                             .embeddings = NIMA_STR("local:all-MiniLM-L6-v2"),
                                             .models_dir = dir,
                                             .threads = 1});
    struct nima_llm_state now;
    nima_llm_state(w.llm, &now);
    ASSERT_TRUE(now.chat_failed && now.embeddings_loaded);
    ASSERT_TRUE(strstr(now.problem, "not a model that writes text") != NULL);
    world_close(&w);
    nima_ctx_done(&ctx);
}

TEST(closing_while_it_loads_is_fine)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str dir = models_needed(&ctx, models);
    for (int i = 0; i < 5; i++) {
        struct nima_llm_options options = {.chat = NIMA_STR("local:nothing"),
                                           .embeddings = NIMA_STR("local:all-MiniLM-L6-v2"),
                                           .models_dir = dir};
        struct nima_llm *llm;
        ASSERT_OK(nima_llm_open(&ctx, &options, &llm));
        nima_llm_close(llm);
    }
    nima_ctx_done(&ctx);
}

TEST(threads_are_at_least_one)
{
    ASSERT_INT_EQ(nima_local_threads(3), 3);
    ASSERT_TRUE(nima_local_threads(0) >= 1);
}

TEST_MAIN
