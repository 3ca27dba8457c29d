/* The scripted model does what it is told, and nothing else. */
#include "llm/support_llm.h"

#include <stdio.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"

static void open_scripted(struct world *w)
{
    world_open(w, (struct nima_llm_options){.chat = NIMA_STR("scripted:"),
                                            .embeddings = NIMA_STR("scripted:")});
}

static nima_rc say(struct world *w, const char *text, struct gathered *g,
                   struct nima_llm_reply *reply)
{
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, text, 0);
    return nima_llm_generate(&w->ctx, w->llm, &request, g != NULL ? gather : NULL, g, reply);
}

TEST(the_last_message_is_echoed)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_reply reply;
    struct gathered g;
    gathered_init(&g);
    ASSERT_OK(say(&w, "hello there", &g, &reply));
    ASSERT_STR_EQ(reply.text, "You said: hello there");
    ASSERT_STR_EQ(nima_buf_view(&g.text), "You said: hello there");
    ASSERT_INT_EQ(g.pieces, 4);
    ASSERT_INT_EQ(reply.completion_tokens, 4);
    ASSERT_INT_EQ(reply.prompt_tokens, 2);
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_STOP);
    gathered_done(&g);
    world_close(&w);
}

TEST(directives_are_followed)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_reply reply;
    ASSERT_OK(say(&w, "x [[reply:exactly  this]] y", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "exactly  this");
    ASSERT_OK(say(&w, "[[tokens:3]]", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "word1 word2 word3");
    ASSERT_OK(say(&w, "[[tokens:0]]", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "");
    ASSERT_RC(NIMA_E_MODEL, say(&w, "[[fail]]", NULL, &reply));
    ASSERT_RC(NIMA_E_MODEL, say(&w, "[[tokens:9]] [[fail-after:2]]", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "word1 word2");
    ASSERT_RC(NIMA_E_BUSY, say(&w, "[[busy]]", NULL, &reply));
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 1);
    int64_t before = nima_mono_ms();
    ASSERT_OK(say(&w, "[[tokens:3]] [[delay:20]]", NULL, &reply));
    ASSERT_TRUE(nima_mono_ms() - before >= 60);
    world_close(&w);
}

TEST(recall_shows_the_prompt)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_message messages[] = {{NIMA_STR("system"), NIMA_STR("Be kind.")},
                                          {NIMA_STR("user"), NIMA_STR("[[recall]]")}};
    struct nima_llm_request request = {.messages = messages, .count = 2};
    struct nima_llm_reply reply;
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "system: Be kind.\nuser: [[recall]]\n");
    messages[1].content = NIMA_STR("[[system]]");
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "Be kind.\n");
    world_close(&w);
}

TEST(limits_stops_and_cancelling_hold)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, "[[tokens:100]]", 5);
    struct nima_llm_reply reply;
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_INT_EQ(reply.completion_tokens, 5);
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_LENGTH);
    nima_str stop = NIMA_STR("word4");
    request.max_tokens = 0;
    request.stops = &stop;
    request.stop_count = 1;
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "word1 word2 word3 ");
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_STOP);
    struct gathered g;
    gathered_init(&g);
    g.stop_after = 2;
    g.cancel = &w.cancelled;
    request.stop_count = 0;
    ASSERT_RC(NIMA_E_CANCELLED, nima_llm_generate(&w.ctx, w.llm, &request, gather, &g, &reply));
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_CANCELLED);
    ASSERT_STR_EQ(reply.text, "word1 word2");
    gathered_done(&g);
    world_close(&w);
}

TEST(bad_requests_are_refused)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_message message;
    struct nima_llm_reply reply = {.prompt_tokens = 7};
    struct nima_llm_request request = {0};
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    request = ask(&message, "x", 0);
    request.raw_prompt = NIMA_STR("y");
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    request = ask(&message, "x", -1);
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    request = ask(&message, "x", 0);
    request.temperature = NAN;
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    nima_str stops[9];
    for (int i = 0; i < 9; i++) {
        stops[i] = NIMA_STR("s");
    }
    request = ask(&message, "x", 0);
    request.stops = stops;
    request.stop_count = 9;
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    stops[0].len = 0;
    request.stop_count = 1;
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_INT_EQ(reply.prompt_tokens, 7);
    world_close(&w);
}

TEST(addresses_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {"",
                                      "gguf:x",
                                      "local:",
                                      "openai:ftp://x/v1#m",
                                      "openai:http://x/v1",
                                      "openai:http://x/v1#",
                                      "scripted:/nowhere/at/all.json"};
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct nima_llm_options options = {.chat = nima_str_of(bad[i])};
        struct nima_llm *llm = NULL;
        ASSERT_RC(NIMA_E_INVALID, nima_llm_open(&ctx, &options, &llm));
        ASSERT_TRUE(llm == NULL && ctx.error.message[0] != '\0');
    }
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = NIMA_STR("what:")};
    struct nima_llm *llm = NULL;
    ASSERT_RC(NIMA_E_INVALID, nima_llm_open(&ctx, &options, &llm));
    nima_ctx_done(&ctx);
}

TEST(rules_come_from_a_file)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    char path[] = "/tmp/nima-scripted-XXXXXX";
    int fd = mkstemp(path);
    ASSERT_TRUE(fd >= 0);
    close(fd);
    ASSERT_OK(nima_file_write(&ctx, path,
                              NIMA_STR("[{\"match\": \"cello\", \"reply\": \"music\"},"
                                       "{\"match\": \"\", \"reply\": \"default\"}]"),
                              0600));
    struct world w;
    world_open(&w, (struct nima_llm_options){.chat = nima_fmt(&ctx, "scripted:%s", path)});
    struct nima_llm_reply reply;
    ASSERT_OK(say(&w, "the cello", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "music");
    ASSERT_OK(say(&w, "else", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "default");
    struct nima_vectors vectors;
    nima_str text = NIMA_STR("x");
    ASSERT_RC(NIMA_E_UNAVAILABLE, nima_llm_embed(&w.ctx, w.llm, &text, 1, &vectors));
    world_close(&w);
    unlink(path);
    nima_ctx_done(&ctx);
}

TEST(a_schema_gets_an_instance)
{
    struct world w;
    open_scripted(&w);
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, "[[reply:hi]]", 0);
    request.json_schema =
        NIMA_STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},"
                 "\"n\":{\"type\":\"integer\",\"minimum\":3},\"opt\":{}},"
                 "\"required\":[\"a\",\"n\"]}");
    struct nima_llm_reply reply;
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "{\"a\":\"hi\",\"n\":3}");
    request = ask(&message, "[[reply:{\"given\": [1]}]]", 0);
    request.json_schema = NIMA_STR("{}");
    ASSERT_OK(nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "{\"given\": [1]}");
    request.json_schema = NIMA_STR("[1]");
    request.messages = &(struct nima_llm_message){NIMA_STR("user"), NIMA_STR("x")};
    ASSERT_RC(NIMA_E_INVALID, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    world_close(&w);
}

static double dot(const struct nima_vectors *v, size_t a, size_t b)
{
    double sum = 0;
    for (size_t i = 0; i < v->dims; i++) {
        sum += (double)v->items[a * v->dims + i] * (double)v->items[b * v->dims + i];
    }
    return sum;
}

TEST(texts_that_share_words_are_near)
{
    struct world w;
    open_scripted(&w);
    nima_str texts[] = {NIMA_STR("Ana plays the cello"), NIMA_STR("who plays a CELLO?"),
                        NIMA_STR("taxes in Portugal"), NIMA_STR("   ")};
    struct nima_vectors v;
    ASSERT_OK(nima_llm_embed(&w.ctx, w.llm, texts, 4, &v));
    ASSERT_INT_EQ(v.dims, 384);
    for (size_t i = 0; i < 4; i++) {
        ASSERT_NEAR(dot(&v, i, i), 1, 1e-5);
    }
    ASSERT_TRUE(dot(&v, 0, 1) > 0.3 && dot(&v, 0, 2) < 0.3);
    struct nima_vectors again;
    nima_str mixed[] = {NIMA_STR("new"), texts[1]};
    ASSERT_OK(nima_llm_embed(&w.ctx, w.llm, mixed, 2, &again));
    ASSERT_TRUE(memcmp(again.items + 384, v.items + 384, 384 * sizeof(float)) == 0);
    ASSERT_OK(nima_llm_embed(&w.ctx, w.llm, NULL, 0, &again));
    ASSERT_INT_EQ(again.count, 0);
    world_close(&w);
}

TEST(the_cache_forgets_what_was_used_longest_ago)
{
    struct nima_embed_cache *cache = nima_embed_cache_new(2);
    float a = 1, b = 2, c = 3, out;
    nima_embed_cache_put(cache, NIMA_STR("a"), 1, &a);
    nima_embed_cache_put(cache, NIMA_STR("b"), 1, &b);
    ASSERT_TRUE(nima_embed_cache_get(cache, NIMA_STR("a"), 1, &out) && out == 1);
    nima_embed_cache_put(cache, NIMA_STR("c"), 1, &c);
    ASSERT_TRUE(!nima_embed_cache_get(cache, NIMA_STR("b"), 1, &out));
    ASSERT_TRUE(nima_embed_cache_get(cache, NIMA_STR("a"), 1, &out) && out == 1);
    ASSERT_TRUE(nima_embed_cache_get(cache, NIMA_STR("c"), 1, &out) && out == 3);
    ASSERT_TRUE(!nima_embed_cache_get(cache, NIMA_STR("c"), 2, &out));
    nima_embed_cache_free(cache);
}

TEST_MAIN
