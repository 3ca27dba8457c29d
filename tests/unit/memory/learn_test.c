/* From messages to the store: events, decisions, commands, profile. */
#include "memory/support_memory.h"

#include <string.h>

TEST(one_sentence_gives_three_facts)
{
    struct world w = world_open();
    struct nima_learned_list got =
        tell(&w, "I am 34, I live in Lisbon and I build compilers in Rust.");
    ASSERT_INT_EQ(got.count, 3);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user is 34 years old"));
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user lives in Lisbon"));
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user builds compilers in Rust"));
    ASSERT_STR_EQ(got.items[0].fact.category, "identity");
    ASSERT_STR_EQ(got.items[1].fact.category, "location");
    ASSERT_STR_EQ(got.items[2].fact.category, "work");
    ASSERT_STR_EQ(got.items[0].fact.source, "conversation");
    struct nima_memory_hits hits;
    ASSERT_OK_CTX(&w.ctx,
                  nima_memory_recall(&w.ctx, w.memory,
                                     NIMA_STR("Which city do I live in, and what do I work on?"),
                                     10, &hits));
    ASSERT_TRUE(hits.count >= 2);
    ASSERT_OK_CTX(&w.ctx, nima_memory_recall(&w.ctx, w.memory, NIMA_STR("hi there, how are you?"),
                                             10, &hits));
    ASSERT_INT_EQ(hits.count, 0);
    world_close(&w);
}

TEST(she_is_who_was_spoken_of)
{
    struct world w = world_open();
    struct nima_learned_list got =
        tell(&w, "My sister's name is Rosa, and she doesn't like mushrooms.");
    ASSERT_INT_EQ(got.count, 2);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user's sister's name is Rosa"));
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user's sister does not like mushrooms"));
    got = tell(&w, "My brother is a baker. He lives in Graz.");
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user's brother lives in Graz"));
    got = tell(&w, "My aunt met my cousin, and she lives in Ghent.");
    ASSERT_INT_EQ(got.count, 0); /* which of them? */
    got = tell(&w, "My sister loves mushrooms.");
    ASSERT_TRUE(
        learned(&got, NIMA_LEARNED_SUPERSEDED, "The user's sister does not like mushrooms"));
    world_close(&w);
}

TEST(what_must_not_be_eaten_is_recalled_for_food)
{
    static const char *const questions[] = {
        "Can you suggest a snack?",          "Give me a recipe for a cake.",
        "What could I cook for dinner?",     "Which restaurant should we go to?",
        "Plan a menu for my party.",         "I'm hungry, any ideas?",
        "What should we take to the picnic?"};
    struct world w = world_open();
    (void)tell(&w, "I'm allergic to peanuts. I live in Lisbon and I play the cello.");
    (void)remember(&w, "The user has coeliac disease");
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct nima_memory_hits hits;
        ASSERT_OK_CTX(&w.ctx,
                      nima_memory_recall(&w.ctx, w.memory, nima_str_of(questions[i]), 8, &hits));
        bool peanuts = false;
        bool gluten = false;
        for (size_t h = 0; h < hits.count; h++) {
            nima_str fact = hits.items[h].fact.fact;
            peanuts = peanuts || nima_str_find(fact, NIMA_STR("peanuts"), 0) != SIZE_MAX;
            gluten = gluten || nima_str_find(fact, NIMA_STR("coeliac"), 0) != SIZE_MAX;
        }
        if (!peanuts || !gluten) {
            fail_msg("%s: %zu facts, peanuts %d, coeliac %d", questions[i], hits.count, peanuts,
                     gluten);
        }
    }
    world_close(&w);
}

TEST(a_question_about_everything_recalls_the_newest_facts)
{
    struct world w = world_open();
    (void)tell(&w, "I am 34 and I live in Lisbon.");
    struct nima_memory_hits hits;
    ASSERT_OK_CTX(&w.ctx, nima_memory_recall(&w.ctx, w.memory,
                                             NIMA_STR("What do you remember about me?"), 8, &hits));
    ASSERT_INT_EQ(hits.count, 2);
    ASSERT_STR_EQ(hits.items[0].fact.fact, "The user lives in Lisbon");
    ASSERT_OK_CTX(&w.ctx, nima_memory_recall(&w.ctx, w.memory, NIMA_STR("Who am I?"), 8, &hits));
    ASSERT_INT_EQ(hits.count, 2);
    ASSERT_OK_CTX(&w.ctx,
                  nima_memory_recall(&w.ctx, w.memory, NIMA_STR("Describe merge sort."), 8, &hits));
    ASSERT_INT_EQ(hits.count, 0);
    world_close(&w);
}

TEST(a_fact_knows_the_message_it_came_from)
{
    struct world w = world_open();
    struct nima_conversation *none = NULL;
    (void)none;
    struct nima_utterance said = {.text = NIMA_STR("I live in Lisbon.")};
    struct nima_learned_list list;
    ASSERT_OK_CTX(&w.ctx, nima_memory_learn(&w.ctx, w.memory, &said, &list));
    ASSERT_INT_EQ(list.count, 1);
    ASSERT_TRUE(list.items[0].fact.conversation_id.ptr == NULL);
    ASSERT_TRUE(nima_str_find(list.items[0].fact.metadata, NIMA_STR("home"), 0) != SIZE_MAX);
    world_close(&w);
}

TEST(told_twice_or_with_less_changes_nothing)
{
    struct world w = world_open();
    tell(&w, "I live in Lisbon.");
    struct nima_learned_list got = tell(&w, "I live in Lisbon!");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_UNCHANGED, "The user lives in Lisbon"));
    got = tell(&w, "I'm based in Lisbon.");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_UNCHANGED, "The user lives in Lisbon"));
    world_close(&w);
}

static void expect_replaced(const char *first, const char *second, const char *old, const char *new)
{
    struct world w = world_open();
    tell(&w, first);
    struct nima_learned_list got = tell(&w, second);
    if (!learned(&got, NIMA_LEARNED_SUPERSEDED, old) || !learned(&got, NIMA_LEARNED_ADDED, new)) {
        fail_msg("\"%s\" then \"%s\": %zu events", first, second, got.count);
    }
    ASSERT_TRUE(!finds(&w, w.memory, old, old));
    ASSERT_TRUE(finds(&w, w.memory, new, new));
    world_close(&w);
}

TEST(what_has_one_value_is_superseded)
{
    expect_replaced("I live in Lisbon.", "I moved to Porto.", "The user lives in Lisbon",
                    "The user moved to Porto");
    expect_replaced("I am 34.", "I'm 35 now.", "The user is 34 years old",
                    "The user is 35 years old");
    expect_replaced("I work at Siemens.", "I work at Bosch.", "The user works at Siemens",
                    "The user works at Bosch");
    expect_replaced("My favorite color is green.", "My favorite color is blue.",
                    "The user's favorite color is green", "The user's favorite color is blue");
    expect_replaced("I love mushrooms.", "I hate mushrooms.", "The user loves mushrooms",
                    "The user hates mushrooms");
    expect_replaced("I'm single.", "I'm married.", "The user is single", "The user is married");
    expect_replaced("I live in Lisbon.", "I don't live in Lisbon any more.",
                    "The user lives in Lisbon", "The user no longer lives in Lisbon");
    expect_replaced("I'm vegetarian.", "I'm not vegetarian anymore.", "The user is vegetarian",
                    "The user is no longer vegetarian");
    expect_replaced("My sister Ana lives in Rome.", "My sister Ana lives in Bari.",
                    "The user's sister Ana lives in Rome", "The user's sister Ana lives in Bari");
}

static void expect_both(const char *first, const char *second)
{
    struct world w = world_open();
    struct nima_learned_list one = tell(&w, first);
    struct nima_learned_list two = tell(&w, second);
    ASSERT_INT_EQ(one.count, 1);
    ASSERT_INT_EQ(two.count, 1);
    ASSERT_INT_EQ(two.items[0].event, NIMA_LEARNED_ADDED);
    ASSERT_TRUE(finds(&w, w.memory, "the user", "") || search(&w, w.memory, "user").count <= 10);
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.facts.active, 2);
    world_close(&w);
}

TEST(what_can_have_many_values_is_kept)
{
    expect_both("I love jazz.", "I love opera.");
    expect_both("I have a dog.", "I have a cat.");
    expect_both("I speak French.", "I speak Dutch.");
    expect_both("My sister Ana lives in Rome.", "My brother Leo lives in Rome.");
    expect_both("I'm allergic to nuts.", "I'm allergic to eggs.");
    expect_both("I live in Lisbon.", "I grew up in Manila.");
}

TEST(secrets_are_refused_with_a_reason)
{
    struct world w = world_open();
    struct nima_utterance said = {.text = NIMA_STR("/remember my password is hunter2")};
    struct nima_learned_list list;
    ASSERT_RC(NIMA_E_INVALID, nima_memory_learn(&w.ctx, w.memory, &said, &list));
    assert_non_null(strstr(w.ctx.error.message, "password"));
    ASSERT_TRUE(strstr(w.ctx.error.message, "hunter2") == NULL);
    said.text = NIMA_STR("/remember");
    ASSERT_RC(NIMA_E_INVALID, nima_memory_learn(&w.ctx, w.memory, &said, &list));
    ASSERT_INT_EQ(tell(&w, "My card is 4111 1111 1111 1111 and I live in Rome").count, 0);
    world_close(&w);
}

TEST(remember_and_forget_are_explicit)
{
    struct world w = world_open();
    struct nima_learned_list got = tell(&w, "/remember I park on level 3");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_STR_EQ(got.items[0].fact.source, "explicit");
    ASSERT_NEAR(got.items[0].fact.confidence, 1.0, 1e-9);
    ASSERT_STR_EQ(got.items[0].fact.fact, "The user parks on level 3");
    got = tell(&w, "/remember The boiler code word for the plumber is tulip");
    ASSERT_INT_EQ(got.count, 1);
    tell(&w, "I live in Lisbon. I have a dog called Rex.");
    got = tell(&w, "/forget zebras in Kenya");
    ASSERT_INT_EQ(got.count, 0);
    got = tell(&w, "forget it");
    ASSERT_INT_EQ(got.count, 0);
    got = tell(&w, "forget that I live in Lisbon");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_FORGOTTEN, "The user lives in Lisbon"));
    ASSERT_TRUE(!finds(&w, w.memory, "Lisbon", "The user lives in Lisbon"));
    got = tell(&w, "/forget Rex");
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_FORGOTTEN, "The user has a dog called Rex"));
    world_close(&w);
}

static nima_str preferences(struct world *w)
{
    struct nima_profile profile;
    ASSERT_OK_CTX(&w->ctx, nima_profile_get(&w->ctx, w->store, &profile));
    return profile.preferences;
}

TEST(the_profile_is_filled_from_facts_and_follows_them)
{
    struct world w = world_open();
    tell(&w, "My name is Tomás. My time zone is CET. I live in Lisbon and I speak French.");
    struct nima_profile profile;
    ASSERT_OK_CTX(&w.ctx, nima_profile_get(&w.ctx, w.store, &profile));
    ASSERT_STR_EQ(profile.name, "Tomás");
    ASSERT_STR_EQ(profile.preferences,
                  "{\"time_zone\":\"CET\",\"location\":\"Lisbon\",\"languages\":\"French\"}");
    tell(&w, "Call me Bob. My time zone is PST. I moved to Porto last year. I speak Dutch.");
    ASSERT_OK_CTX(&w.ctx, nima_profile_get(&w.ctx, w.store, &profile));
    ASSERT_STR_EQ(profile.name, "Bob");
    ASSERT_STR_EQ(profile.preferences, "{\"time_zone\":\"PST\",\"location\":\"Porto\","
                                       "\"languages\":\"French, Dutch\"}");
    tell(&w, "/forget I speak French");
    tell(&w, "/forget Porto");
    ASSERT_STR_EQ(preferences(&w), "{\"time_zone\":\"PST\",\"languages\":\"Dutch\"}");
    world_close(&w);
}

TEST(what_the_person_set_in_the_profile_stays)
{
    struct world w = world_open();
    struct nima_profile mine = {.name = NIMA_STR("Ana"),
                                .preferences =
                                    NIMA_STR("{\"time_zone\":\"UTC\",\"languages\":[\"Latin\"]}")};
    struct nima_profile stored;
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &mine, &stored));
    tell(&w, "My name is Tomás. My time zone is CET. I speak French.");
    tell(&w, "/forget my name is Tomás");
    ASSERT_OK_CTX(&w.ctx, nima_profile_get(&w.ctx, w.store, &stored));
    ASSERT_STR_EQ(stored.name, "Ana");
    ASSERT_STR_EQ(stored.preferences, "{\"time_zone\":\"UTC\",\"languages\":[\"Latin\"]}");
    world_close(&w);
}

TEST(blanks_marks_and_apostrophes_of_every_kind_are_read)
{
    static const char *const home[] = {
        "I\u00A0live in Lisbon.",        "I live\u202Fin\u00A0Lisbon.",
        "I\u3000live\u3000in Lisbon.",   "I\tlive in Lisbon.",
        "\tI live in Lisbon.",           "\u200FI live in Lisbon.",
        "\uFEFFI live in \u200BLisbon.", "I\u2009live in Lisbon\u200E.",
        "\u202AI live in Lisbon\u202C",  "Hello!I live in Lisbon.",
        "I´m living in Lisbon.",         "I\u02BCm living in Lisbon.",
        "I`m living in Lisbon.",         "It is late.\u2028I live in Lisbon."};
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(home) / sizeof(home[0]); i++) {
        w.ctx.user_id = nima_fmt(&w.ctx, "person%zu", i);
        struct nima_learned_list got = tell(&w, home[i]);
        bool right = got.count == 1 && nima_str_ends(got.items[0].fact.fact, NIMA_STR("Lisbon"));
        if (!right) {
            fail_msg("%zu: \"%s\" taught %zu", i, home[i], got.count);
        }
    }
    w.ctx.user_id = NIMA_STR("ana");
    struct nima_learned_list got = tell(&w, "I live in Lisbon.I work at Bosch.My name is Ana.");
    ASSERT_INT_EQ(got.count, 3);
    got = tell(&w, "He said:\u00A0I live in Rome.");
    ASSERT_INT_EQ(got.count, 0);
    got = tell(&w, "That´s wrong, I live in Porto.");
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user lives in Porto"));
    world_close(&w);
}

TEST(what_is_asked_to_be_kept_is_kept)
{
    static const char *const kept[][2] = {
        {"Remember: I am allergic to nuts.", "The user is allergic to nuts"},
        {"Please remember: the plumber comes on Mondays.", "the plumber comes on Mondays"},
        {"Remember the plumber comes on Mondays", "the plumber comes on Mondays"},
        {"Remember that the boiler is in the cellar", "the boiler is in the cellar"},
        {"Note that the boiler is in the cellar.", "the boiler is in the cellar"},
        {"note that my locker is on level 4", "The user's locker is on level 4"},
        {"Please note that the office closes at five", "the office closes at five"},
        {"Make a note that the boiler is in the cellar.", "the boiler is in the cellar"},
        {"make a note: the boiler is in the cellar", "the boiler is in the cellar"},
        {"Keep in mind: my mother hates phone calls.", "The user's mother hates phone calls"},
        {"Don't forget: the guest network is called Pelican",
         "the guest network is called Pelican"},
        {"please remember this: my door is the blue one", "The user's door is the blue one"},
        {"Bear in mind that the office closes at five.", "the office closes at five"}};
    static const char *const other[] = {
        "Remember to call mum", "Remember when we talked about Rome?", "Remember the milk",
        "Do you remember that the boiler is in the cellar?", "Notice that the sky is blue"};
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        w.ctx.user_id = nima_fmt(&w.ctx, "kept%zu", i);
        struct nima_learned_list got = tell(&w, kept[i][0]);
        if (got.count != 1 || !learned(&got, NIMA_LEARNED_ADDED, kept[i][1]) ||
            !nima_str_eq(got.items[0].fact.source, NIMA_STR("explicit"))) {
            fail_msg("%s", kept[i][0]);
        }
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        ASSERT_INT_EQ(tell(&w, other[i]).count, 0);
    }
    world_close(&w);
}

TEST(odd_messages_teach_nothing_and_break_nothing)
{
    static const char *const texts[] = {
        "",
        " ",
        "?",
        "I",
        "my",
        "I am",
        "my my my my",
        "\"",
        "```",
        "I am ,,, 3",
        "/",
        "( ( (",
        "I live",
        "I'm",
        "My",
        "and and",
        "I have",
        "> I",
        "I am I am I am I am",
        "I live in",
        "my name is",
        "I'm a",
        "My sister",
        "forget",
        "‘’“”«»",
    };
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nima_learned_list got = tell(&w, texts[i]);
        if (got.count != 0) {
            fail_msg("\"%s\" taught \"" NIMA_FMT "\"", texts[i], NIMA_ARG(got.items[0].fact.fact));
        }
    }
    struct nima_utterance said = {.text = NIMA_STR("I live in \xFF\xFE")};
    struct nima_learned_list list;
    ASSERT_OK_CTX(&w.ctx, nima_memory_learn(&w.ctx, w.memory, &said, &list));
    ASSERT_INT_EQ(list.count, 0);
    char *long_text = NIMA_NEW(w.ctx.arena, char, 200001);
    memset(long_text, 'a', 200000);
    tell(&w, long_text);
    for (size_t i = 0; i + 10 < 200000; i += 10) {
        memcpy(long_text + i, "I am a, i ", 10);
    }
    tell(&w, long_text);
    world_close(&w);
}

TEST_MAIN
