/* Titles and summaries that the model words when nobody waits: taken where they stand on what was
 * said, and never over what a person wrote or wants forgotten. */
#include <stdio.h>
#include <unistd.h>

#include "orchestrator/support_orchestrator.h"

enum { LONG_TALK = 180, LEAVES = 50 };

static const char script[] =
    "[{\"match\":\"Assistant: Water them at the roots\",\"reply\":\"{\\\"title\\\":\\\"Spots on "
    "tomato leaves.\\\"}\"},"
    "{\"match\":\"User: my cat Miro\",\"reply\":\"{\\\"title\\\":\\\"Vet visit in Vienna\\\"}\"},"
    "{\"match\":\"User: day 0:\",\"reply\":\"{\\\"notes\\\":[\\\"The user is learning the oboe "
    "with Ruta\\\",\\\"The user moved to Paris in 1999\\\",\\\"The user is learning since day "
    "0\\\"]}\"},"
    "{\"match\":\"User: \",\"reply\":\"{\\\"notes\\\":[\\\"Nothing of it was ever "
    "mentioned anywhere\\\"]}\"},"
    "{\"match\":\"tomato\",\"reply\":\"Water them at the roots.\"},"
    "{\"match\":\"\",\"reply\":\"Good.\"}]";

static struct world writing_world(char path[64])
{
    snprintf(path, 64, "/tmp/nima-scribe-%d.json", (int)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(script, file) >= 0);
    assert_int_equal(fclose(file), 0);
    char address[96];
    snprintf(address, sizeof(address), "scripted:%s", path);
    struct world w = world_open_with((struct nima_llm_options){
        .chat = nima_str_of(address), .embeddings = NIMA_STR("scripted:")});
    struct nima_orchestrator_options options = {.store = w.store,
                                                .llm = w.llm,
                                                .memory = w.memory,
                                                .personality = w.personality,
                                                .goals = w.goals,
                                                .writes = NIMA_LLM_USE_ON};
    nima_orchestrator_free(w.o);
    w.o = nima_orchestrator_new(&options);
    return w;
}

static void closing(struct world *w, const char *path)
{
    world_close(w);
    assert_int_equal(unlink(path), 0);
}

static struct nima_conversation talk_of(struct world *w, nima_str id)
{
    struct nima_conversation talk;
    ASSERT_OK_CTX(&w->ctx, nima_conversation_get(&w->ctx, w->store, id, &talk));
    return talk;
}

static bool titled(struct world *w, nima_str id, const char *title)
{
    for (int i = 0; i < 60000; i++) {
        if (nima_str_eq(talk_of(w, id).title, nima_str_of(title))) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

TEST(the_model_words_the_title)
{
    char path[64];
    struct world w = writing_world(path);
    ASSERT_OK_CTX(&w.ctx, say(&w, (nima_str){NULL, 0},
                              "hey, my tomato plants have spots on their leaves, what now?"));
    nima_str id = w.out.conversation_id;
    assert_true(titled(&w, id, "Spots on tomato leaves"));
    struct nima_conversation change = {.id = id, .title = NIMA_STR("My plants")};
    struct nima_conversation out;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_update(&w.ctx, w.store, &change, &out));
    ASSERT_OK_CTX(&w.ctx,
                  nima_conversation_retitle(&w.ctx, w.store, id, NIMA_STR("Spots on tomato leaves"),
                                            NIMA_STR("Leaves")));
    ASSERT_STR_EQ(talk_of(&w, id).title, "My plants"); /* a person's word stays */
    closing(&w, path);
}

TEST(a_title_of_what_nobody_said_is_not_taken)
{
    char path[64];
    struct world w = writing_world(path);
    ASSERT_OK_CTX(&w.ctx, say(&w, (nima_str){NULL, 0}, "my cat Miro will not eat"));
    nima_str cat = w.out.conversation_id;
    ASSERT_OK_CTX(&w.ctx, say(&w, (nima_str){NULL, 0}, "my tomato leaves have spots"));
    assert_true(titled(&w, w.out.conversation_id, "Spots on tomato leaves")); /* came later */
    ASSERT_STR_EQ(talk_of(&w, cat).title, "my cat Miro will not eat");
    closing(&w, path);
}

static nima_str long_talk(struct world *w)
{
    struct nima_message_row rows[LONG_TALK] = {0};
    for (int i = 0; i < LONG_TALK; i++) {
        rows[i].role = i % 2 == 0 ? NIMA_STR("user") : NIMA_STR("assistant");
        rows[i].content = i % 2 == 0
                              ? nima_fmt(&w->ctx, "day %d: I am learning the oboe with Ruta", i)
                              : NIMA_STR("Long notes first, and a metronome beside you.");
    }
    struct nima_conversation wanted = {.title = NIMA_STR("Oboe")}, made;
    ASSERT_OK_CTX(&w->ctx,
                  nima_orchestrator_import(&w->ctx, w->o, &wanted, rows, LONG_TALK, &made));
    return made.id;
}

static struct nima_conversation prepared(struct world *w, nima_str id, int64_t position)
{
    struct nima_conversation talk = talk_of(w, id);
    for (int i = 0; i < 60000 && talk.next_position < position; i++) {
        usleep(1000);
        talk = talk_of(w, id);
    }
    assert_int_equal(talk.next_position, position);
    return talk;
}

TEST(what_will_leave_the_window_is_summed_up_before)
{
    char path[64];
    struct world w = writing_world(path);
    nima_str id = long_talk(&w);
    ASSERT_OK_CTX(&w.ctx, say(&w, id, "and today I rest"));
    struct nima_conversation talk = prepared(&w, id, LEAVES);
    ASSERT_CONTAINS(talk.next_summary, "- The user is learning the oboe with Ruta");
    ASSERT_LACKS(talk.next_summary, "Paris"); /* nobody has spoken of it */
    assert_true(talk.context_summary.ptr == NULL);
    for (int i = 0; i < 24; i++) { /* the window moves, and takes it over */
        ASSERT_OK_CTX(&w.ctx, say(&w, id, "one more day"));
    }
    assert_true(w.out.context->summarized);
    talk = talk_of(&w, id);
    assert_int_equal(talk.summary_position, LEAVES);
    ASSERT_CONTAINS(talk.context_summary, "The user is learning the oboe with Ruta");
    closing(&w, path);
}

TEST(a_summary_made_ahead_of_what_is_gone_by_then_is_not_kept)
{
    char path[64];
    struct world w = writing_world(path);
    nima_str id = long_talk(&w);
    struct nima_summary_ahead ahead = {
        .id = id, .text = NIMA_STR("- oboe"), .from = 0, .to = 10, .usable = 10};
    struct nima_message_rows rows = messages_of(&w, id);
    bool kept;
    ASSERT_OK_CTX(&w.ctx, nima_message_withhold(&w.ctx, w.store, id, rows.items[4].id));
    ASSERT_OK_CTX(&w.ctx, nima_conversation_prepare(&w.ctx, w.store, &ahead, &kept));
    assert_false(kept);
    ahead.usable = 8; /* the reply is not told again either */
    ASSERT_OK_CTX(&w.ctx, nima_conversation_prepare(&w.ctx, w.store, &ahead, &kept));
    assert_true(kept);
    ASSERT_OK_CTX(&w.ctx, nima_conversation_prepare(&w.ctx, w.store, &ahead, &kept));
    assert_false(kept); /* it begins where another ends now */
    ahead = (struct nima_summary_ahead){.id = id,
                                        .was = NIMA_STR("- clarinet"),
                                        .text = NIMA_STR("- oboe"),
                                        .from = 10,
                                        .to = 20,
                                        .usable = 10};
    ASSERT_OK_CTX(&w.ctx, nima_conversation_prepare(&w.ctx, w.store, &ahead, &kept));
    assert_false(kept); /* a line of it was forgotten meanwhile */
    ahead.was = NIMA_STR("- oboe");
    ASSERT_OK_CTX(&w.ctx, nima_conversation_prepare(&w.ctx, w.store, &ahead, &kept));
    assert_true(kept);
    closing(&w, path);
}

TEST_MAIN
