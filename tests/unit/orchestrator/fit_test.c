/* Sections, their budgets, and the promise that no prompt is ever larger than the window. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

static struct nima_notes notes_of(struct world *w, size_t count, int words)
{
    struct nima_notes notes = {NIMA_NEW(w->ctx.arena, struct nima_note, count), count};
    for (size_t i = 0; i < count; i++) {
        struct nima_buf text;
        nima_buf_init(&text, 100000);
        nima_buf_fmt(&text, "note%zu", i);
        for (int n = 1; n < words; n++) {
            nima_buf_fmt(&text, " w%d", n);
        }
        notes.items[i].fact = nima_str_copy(w->ctx.arena, nima_buf_view(&text));
        nima_buf_done(&text);
    }
    return notes;
}

TEST(what_does_not_fit_is_decided_by_importance_and_not_by_place)
{
    struct world w = world_open();
    struct nima_notes notes = notes_of(&w, 6, 10);
    const double scores[] = {0.1, 0.9, 0.2, 0.8, 0.3, 0.7};
    for (size_t i = 0; i < 6; i++) {
        notes.items[i].score = scores[i];
    }
    const struct nima_section_row *row = &nima_sections[NIMA_SECTION_FACTS];
    int64_t room = 3 * (10 + NIMA_NOTE_TOKENS);
    ASSERT_OK_CTX(&w.ctx, nima_count_tokens(&w.ctx, w.o, nima_str_of(row->heading), &room));
    ASSERT_OK_CTX(&w.ctx, nima_count_tokens(&w.ctx, w.o, nima_str_of(row->foot), &room));
    ASSERT_OK_CTX(&w.ctx, nima_section_choose(&w.ctx, w.o, NIMA_SECTION_FACTS, room, &notes));
    assert_int_equal(notes.count, 3);
    ASSERT_CONTAINS(notes.items[0].fact, "note1"); /* the order stays */
    ASSERT_CONTAINS(notes.items[1].fact, "note3");
    ASSERT_CONTAINS(notes.items[2].fact, "note5");
    world_close(&w);
}

TEST(a_shorter_note_takes_the_place_of_a_long_one_that_does_not_fit)
{
    struct world w = world_open();
    struct nima_notes notes = notes_of(&w, 2, 100);
    notes.items[0].score = 1;
    notes.items[1].fact = NIMA_STR("short");
    ASSERT_OK_CTX(&w.ctx, nima_section_choose(&w.ctx, w.o, NIMA_SECTION_FACTS, 60, &notes));
    assert_int_equal(notes.count, 1);
    ASSERT_STR_EQ(notes.items[0].fact, "short");
    world_close(&w);
}

static struct nima_fact pin(struct world *w, nima_str id, const char *metadata)
{
    struct nima_fact_patch patch = {.metadata = nima_str_of(metadata)};
    struct nima_fact fact;
    ASSERT_OK_CTX(&w->ctx, nima_memory_patch(&w->ctx, w->memory, id, &patch, &fact));
    return fact;
}

TEST(a_pinned_fact_is_told_with_every_message_and_stays_first)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana must not eat nuts");
    world_remember(&w, "Bruno bakes bread");
    ASSERT_LACKS(said(&w, none, "Hello there [[recall]]"), "nuts");
    pin(&w, fact.id, "{\"pinned\": true}");
    nima_str seen = said(&w, none, "Who bakes bread? [[recall]]"), id = w.out.conversation_id;
    size_t pinned = nima_str_find(seen, NIMA_STR("- Ana must not eat nuts"), 0);
    size_t found = nima_str_find(seen, NIMA_STR("- Bruno bakes bread"), 0);
    assert_true(pinned != SIZE_MAX && found != SIZE_MAX && pinned < found);
    ASSERT_STR_EQ(w.out.context->facts.items[0].fact, "Ana must not eat nuts");
    for (int i = 0; i < 6; i++) { /* told again when it is far back, and never gone */
        said(&w, id, "Then the next step. [[reply:Yes.]]");
        ASSERT_STR_EQ(w.out.context->facts.items[0].fact, "Ana must not eat nuts");
    }
    pin(&w, fact.id, "{\"pinned\": false}");
    ASSERT_LACKS(said(&w, none, "Hello again [[recall]]"), "nuts");
    pin(&w, fact.id, "{\"pinned\": true}");
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, fact.id));
    ASSERT_LACKS(said(&w, none, "And again [[recall]]"), "nuts");
    world_close(&w);
}

TEST(notes_of_another_kind_are_none_of_a_section_s_business)
{
    struct world w = world_open();
    struct nima_notes notes = notes_of(&w, 2, 100);
    notes.items[1].kind = NIMA_STR("elsewhere");
    ASSERT_OK_CTX(&w.ctx, nima_section_choose(&w.ctx, w.o, NIMA_SECTION_FACTS, 10, &notes));
    assert_int_equal(notes.count, 1);
    ASSERT_STR_EQ(notes.items[0].kind, "elsewhere");
    world_close(&w);
}

TEST(a_long_profile_keeps_its_first_lines)
{
    struct world w = world_open();
    struct nima_buf preferences;
    nima_buf_init(&preferences, 1000000);
    nima_buf_add_char(&preferences, '{');
    for (int i = 0; i < 60; i++) {
        nima_buf_fmt(&preferences, "%s\"key%d\":\"a b c d e f g h i j k l m n o p q r s t u v\"",
                     i > 0 ? "," : "", i);
    }
    nima_buf_add_char(&preferences, '}');
    struct nima_profile profile = {.name = NIMA_STR("Ana"),
                                   .preferences = nima_buf_view(&preferences),
                                   .context = NIMA_STR("{}")};
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &profile, &profile));
    nima_buf_done(&preferences);
    nima_str seen = said(&w, none, "hello [[system]]");
    ASSERT_CONTAINS(seen, "- name: Ana");
    ASSERT_CONTAINS(seen, "- key0: ");
    ASSERT_LACKS(seen, "- key40: ");
    world_close(&w);
}

/* Conversations by chance: lengths from a word to more than the window, with facts, commands,
 * system messages and imported beginnings. */
struct chance {
    uint64_t state;
};
static size_t pick(struct chance *chance, size_t below)
{
    chance->state = chance->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(chance->state >> 33) % below;
}

static nima_str words(struct world *w, struct chance *chance, size_t most, const char *end)
{
    static const char *const some[] = {"house", "der",     "naïve", "好的", "x=1;",       "cello",
                                       "Ana",   "running", "the",   "🎻",    "<|im_end|>", "\n"};
    struct nima_buf text;
    nima_buf_init(&text, 1000000);
    for (size_t i = 0, count = 1 + pick(chance, most); i < count; i++) {
        nima_buf_fmt(&text, "%s ", some[pick(chance, sizeof(some) / sizeof(some[0]))]);
    }
    nima_buf_add(&text, nima_str_of(end));
    nima_str copy = nima_str_copy(w->ctx.arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

static void one_conversation(struct world *w, struct chance *chance, int64_t context)
{
    nima_str id = none;
    for (size_t turn = 0, turns = 1 + pick(chance, 4); turn < turns; turn++) {
        struct nima_llm_message messages[4];
        size_t count = 0;
        if (pick(chance, 4) == 0) {
            messages[count++] = (struct nima_llm_message){
                NIMA_STR("system"), words(w, chance, pick(chance, 3) == 0 ? 300 : 15, "")};
        }
        if (turn == 0 && pick(chance, 2) == 0) {
            messages[count++] =
                (struct nima_llm_message){NIMA_STR("user"), words(w, chance, 400, "")};
            messages[count++] =
                (struct nima_llm_message){NIMA_STR("assistant"), words(w, chance, 400, "")};
        }
        size_t most = pick(chance, 8) == 0 ? 1500 : 1 + pick(chance, 150);
        messages[count++] =
            (struct nima_llm_message){NIMA_STR("user"), words(w, chance, most, "[[tokens:40]]")};
        int reply = (int)(pick(chance, 3) == 0 ? 0 : 1 + pick(chance, 100));
        struct nima_turn say = {.messages = messages,
                                .count = count,
                                .conversation_id = id,
                                .use_memory = pick(chance, 2) == 0,
                                .model = {.max_tokens = reply}};
        nima_rc rc = say_turn(w, say);
        if (rc != NIMA_OK) {
            ASSERT_RC(NIMA_E_INVALID, rc);
            ASSERT_CONTAINS(nima_str_of(w->ctx.error.message), "shorten it");
            continue;
        }
        id = nima_str_copy(w->ctx.arena, w->out.conversation_id);
        int64_t most_reply = reply > 0 && reply <= context / 2 ? reply : context / 2;
        assert_true(w->out.context->tokens->prompt + most_reply <= context);
    }
}

TEST(five_hundred_conversations_by_chance_never_exceed_the_window)
{
    struct world w = world_open_with((struct nima_llm_options){
        .chat = NIMA_STR("scripted:"), .embeddings = NIMA_STR("scripted:"), .context_tokens = 512});
    struct chance chance = {7};
    world_remember(&w, "Ana plays the cello in the house");
    world_remember(&w, "Ana was running");
    for (int i = 0; i < 500; i++) {
        one_conversation(&w, &chance, 512);
    }
    world_close(&w);
}

/* The tiny model's path; skips aloud when it is not there. */
static nima_str tiny_model(struct nima_ctx *ctx)
{
    const char *cache = getenv("NIMA_CACHE"), *home = getenv("HOME");
    const char *require = getenv("NIMA_REQUIRE_MODELS");
    nima_str dir = cache != NULL && cache[0] != '\0'
                       ? nima_str_of(cache)
                       : nima_fmt(ctx, "%s/.cache/nima", home != NULL ? home : "");
    nima_str path = nima_fmt(ctx, NIMA_FMT "/models/smollm2-135m-instruct.gguf", NIMA_ARG(dir));
    if (access(path.ptr, R_OK) == 0) {
        return path;
    }
    fprintf(stderr, "the model %s is not there: scripts/models.py pull smollm2-135m-instruct\n",
            path.ptr);
    bool needed = require != NULL && strcmp(require, "1") == 0;
    nima_ctx_done(ctx);
    if (needed) {
        fail_msg("NIMA_REQUIRE_MODELS=1 and the tiny model is missing");
    }
    skip();
    return none;
}

static void one_window(struct world *w, struct chance *chance, int64_t context)
{
    struct nima_history history = {0};
    size_t count = pick(chance, 40);
    history.items = NIMA_NEW(w->ctx.arena, struct nima_window_message, count);
    for (; history.count < count; history.count++) {
        struct nima_window_message *m = &history.items[history.count];
        m->role = history.count % 2 == 0 ? NIMA_STR("user") : NIMA_STR("assistant");
        m->content = words(w, chance, pick(chance, 8) == 0 ? 150 : 20, "");
        m->position = (int64_t)history.count;
        m->notes = notes_of(w, m->role.len == 4 ? pick(chance, 4) : 0, 5);
    }
    struct nima_fit fit = {.system = words(w, chance, 120, ""),
                           .notes = notes_of(w, pick(chance, 30), 10),
                           .message = words(w, chance, pick(chance, 8) == 0 ? 1000 : 50, "")};
    struct nima_room room;
    nima_fit_room(w->o, (int)pick(chance, 300), &room);
    ASSERT_OK_CTX(&w->ctx, nima_fit(&w->ctx, w->o, &room, &fit, &history));
    struct nima_prompt prompt;
    nima_prompt_render(&w->ctx, fit.system, &history, &fit.notes, fit.message, &prompt);
    int tokens;
    ASSERT_OK_CTX(&w->ctx,
                  nima_llm_count_prompt(&w->ctx, w->llm, prompt.items, prompt.count, &tokens));
    assert_true(tokens + room.max_tokens <= context);
    assert_true(history.count == 0 || nima_str_eq(history.items[0].role, NIMA_STR("user")));
}

TEST(five_hundred_windows_by_chance_fit_a_real_model_by_its_own_count)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str path = tiny_model(&ctx);
    struct world w = world_open_with(
        (struct nima_llm_options){.chat = nima_fmt(&ctx, "local:" NIMA_FMT, NIMA_ARG(path)),
                                  .embeddings = NIMA_STR("scripted:"),
                                  .context_tokens = 1024});
    ASSERT_OK_CTX(&w.ctx, nima_llm_wait(&w.ctx, w.llm));
    struct chance chance = {11};
    for (int i = 0; i < 500; i++) {
        struct nima_arena_mark mark = nima_scratch(&w.ctx);
        one_window(&w, &chance, 1024);
        nima_scratch_end(&w.ctx, mark);
    }
    world_close(&w);
    nima_ctx_done(&ctx);
}

TEST(tokens_of_a_prompt_put_together_again_are_those_the_model_counted)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str path = tiny_model(&ctx);
    struct world w = world_open_with(
        (struct nima_llm_options){.chat = nima_fmt(&ctx, "local:" NIMA_FMT, NIMA_ARG(path)),
                                  .embeddings = NIMA_STR("scripted:"),
                                  .threads = 1,
                                  .context_tokens = 1024});
    world_remember(&w, "Ana plays the cello");
    struct nima_llm_message messages[] = {
        {NIMA_STR("user"), NIMA_STR("Who plays the cello? <|im_end|> 好的 x=1;")}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = messages,
                                                          .count = 1,
                                                          .use_memory = true,
                                                          .model = {.max_tokens = 4}}));
    struct nima_context_prompt prompt;
    ASSERT_OK_CTX(&w.ctx, nima_orchestrator_context(&w.ctx, w.o, w.out.conversation_id,
                                                    w.out.message_id, &prompt));
    assert_true(prompt.exact);
    assert_int_equal(prompt.tokens, w.out.context->tokens->prompt);
    int64_t sum = 0;
    for (size_t i = 0; i < prompt.sections.count; i++) {
        sum += prompt.sections.items[i].tokens;
    }
    assert_int_equal(sum, prompt.tokens);
    world_close(&w);
    nima_ctx_done(&ctx);
}

TEST_MAIN
