/* What the model adds to the rules: grounded or dropped, now or in the background, and gone when
 * the person wants it gone. */
#include "memory/ground.h"
#include "memory/left.h"
#include "memory/rules.h"
#include "memory/support_memory.h"

#include <stdio.h>
#include <unistd.h>

/* What the model answers to a message that holds the text. */
static const char script[] =
    "[{\"match\":\"drowned my phone\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\":"
    "\\\"The user drowned their phone in the Soča\\\",\\\"category\\\":\\\""
    "possession\\\"}]}\"}"
    ",{\"match\":\"porto since march\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\""
    ":\\\"The user lives in Porto\\\",\\\"category\\\":\\\"location\\\"}]}\"}"
    ",{\"match\":\"satay\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\":\\\"The user "
    "is not allergic to satay\\\",\\\"category\\\":\\\"health\\\"},{\\\"fact\\\""
    ":\\\"The user loves satay and Mozart\\\",\\\"category\\\":\\\"preferen"
    "ce\\\"},{\\\"fact\\\":\\\"The user has satay allergies since 2011\\\","
    "\\\"category\\\":\\\"health\\\"}]}\"}"
    ",{\"match\":\"walks the dog\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\":\\\"T"
    "he user walks the dog\\\",\\\"category\\\":\\\"habit\\\"}]}\"}"
    ",{\"match\":\"choir\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\":\\\"The user "
    "has choir practice on Wednesdays\\\",\\\"category\\\":\\\"hobby\\\"}]}"
    "\"}"
    ",{\"match\":\"in zig\",\"reply\":\"{\\\"facts\\\":[{\\\"fact\\\":\\\"The user"
    "'s clock is called Tideline\\\",\\\"category\\\":\\\"project\\\"},{\\\"f"
    "act\\\":\\\"The user writes it in Zig\\\",\\\"category\\\":\\\"project\\\""
    "}]}\"}]";

static struct nima_learned_list tell_and_wait(struct world *w, const char *message)
{
    struct nima_utterance said = {.text = nima_str_of(message), .wait = true};
    struct nima_learned_list list;
    ASSERT_OK_CTX(&w->ctx, nima_memory_learn(&w->ctx, w->memory, &said, &list));
    return list;
}

TEST(what_no_rule_knows_is_read_by_the_model)
{
    struct world w = world_open_scripted(script);
    struct nima_learned_list got = tell_and_wait(&w, "i drowned my phone in the Soča, silly me");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user drowned their phone in the Soča"));
    ASSERT_STR_EQ(got.items[0].fact.source, "conversation");
    ASSERT_STR_EQ(got.items[0].fact.category, "possession");
    ASSERT_TRUE(got.items[0].fact.confidence > 0.5 && got.items[0].fact.confidence < 0.9);
    got = tell_and_wait(&w, "the clock i make is called Tideline, writing it in zig");
    ASSERT_INT_EQ(got.count, 2);
    ASSERT_TRUE(learned(&got, NIMA_LEARNED_ADDED, "The user writes Tideline in Zig"));
    got = tell_and_wait(&w, "been living in porto since march, no gym yet");
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_TRUE(nima_str_find(got.items[0].fact.metadata, NIMA_STR("home"), 0) != SIZE_MAX);
    world_close(&w);
}

TEST(what_was_not_said_is_not_kept)
{
    struct world w = world_open_scripted(script);
    ASSERT_INT_EQ(tell_and_wait(&w, "satay and me are no friends, allergies").count, 0);
    ASSERT_INT_EQ(tell_and_wait(&w, "my brother walks the dog in the morning").count, 0);
    world_close(&w);
}

TEST(in_the_background_it_comes_later)
{
    struct world w = world_open_scripted(script);
    struct nima_learned_list got = tell(&w, "Wednesdays are choir practice for me");
    ASSERT_INT_EQ(got.count, 0);
    bool found = false;
    for (int i = 0; i < 60000 && !found; i++) {
        found = finds(&w, w.memory, "choir", "The user has choir practice on Wednesdays");
        usleep(1000);
    }
    ASSERT_TRUE(found);
    world_close(&w);
}

TEST(what_waits_to_be_read_is_forgotten_with_the_person)
{
    struct world w = world_open_scripted("[]");
    for (int i = 0; i < 70; i++) {
        (void)tell(&w, "Update: i drowned my phone in the Soča [[delay:60000]]");
    }
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_TRUE(stats.learning_waiting >= 64 && stats.learning_dropped >= 5);
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, w.memory)); /* within the minute */
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.learning_waiting, 0);
    ASSERT_INT_EQ(stats.facts.total, 0);
    world_close(&w);
}

TEST(a_model_that_fails_is_no_failure)
{
    struct world w = world_open_scripted("[]");
    ASSERT_INT_EQ(tell_and_wait(&w, "i drowned my phone in the Soča [[fail]]").count, 0);
    ASSERT_INT_EQ(tell_and_wait(&w, "i drowned my phone again").count, 0);
    world_close(&w);
}

struct grounding {
    const char *said, *fact;
    bool kept;
};

TEST(a_fact_stands_on_the_persons_words)
{
    static const struct grounding table[] = {
        {"gluten and me dont get along, coeliac since I was 12", "The user is coeliac since 12", 1},
        {"gluten and me dont get along", "The user gets along with gluten", 0},
        {"i dont drink anymore", "The user drinks", 0},
        {"i dont drink anymore", "The user does not drink anymore", 1},
        {"coffee for me without sugar", "The user drinks coffee with sugar", 0},
        {"the exam is on the 14th of december", "The user's exam is on the 15th of December", 0},
        {"the exam is on the 14th of december", "The user's exam is on the 14th of December", 1},
        {"my brother plays bass in a band", "The user plays bass in a band", 0},
        {"my brother plays bass in a band", "The user's brother plays bass in a band", 1},
        {"she works at the opera, i dont know why", "The user works at the opera", 0},
        {"used to be a welder, me", "The user is a welder", 0},
        {"used to be a welder, me", "The user used to be a welder", 1},
        {"mum lives in Cardiff", "The user's mother lives in Cardiff", 1},
        {"mum lives in Cardiff", "The user lives in Cardiff", 0},
        {"i keep bees", "The user keeps bees and hens", 0},
        {"i keep bees", "My bees are kept", 0},
        {"i am so tired of these bees", "The user is tired of bees", 0},
        {"my card is 4111 1111 1111 1111", "The user's card is 4111 1111 1111 1111", 0},
        {"theres a leak in my kitchen", "The user has something in the kitchen", 0},
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct nima_candidate candidate = {.text = nima_str_of(table[i].fact)};
        struct nima_grounds *grounds = nima_memory_grounds_new(&ctx, nima_str_of(table[i].said));
        if (nima_memory_grounded(&ctx, grounds, &candidate) != table[i].kept) {
            fail_msg("\"%s\" from \"%s\"", table[i].fact, table[i].said);
        }
        nima_memory_grounds_free(grounds);
    }
    nima_ctx_done(&ctx);
}

TEST(the_model_is_not_shown_what_is_no_statement_of_the_person)
{
    static const char *const none[] = {
        "do i have to reboot it?",
        "if i had a boat id call it Gerald",
        "I live in Lisbon.",
        "ok",
        "explain my error please",
        "The hero of my novel would live in Oslo",
        "> i keep bees\nnice quote that",
        "my password is hunter2 and i keep bees",
        "```\nmy bees\n```",
        "Translate: i keep bees",
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_candidates *found = NIMA_NEW(ctx.arena, struct nima_candidates, 1);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        nima_str left;
        ASSERT_OK(nima_memory_extract_left(&ctx, nima_str_of(none[i]), found, &left));
        ASSERT_STR_EQ(left, "");
    }
    nima_str left;
    ASSERT_OK(nima_memory_extract_left(
        &ctx, NIMA_STR("We got bees yesterday!! They're called the Marys. What now?"), found,
        &left));
    ASSERT_STR_EQ(left, "We got bees yesterday. They're called the Marys");
    nima_ctx_done(&ctx);
}

TEST_MAIN
