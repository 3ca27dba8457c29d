/* Which messages take back what was just remembered, and which only sound like it. */
#include "memory/support_memory.h"

static enum nima_retraction read(struct world *w, const char *message)
{
    return nima_memory_retraction(&w->ctx, nima_str_of(message));
}

TEST(ways_of_taking_back)
{
    struct world w = world_open();
    static const char *const forget[] = {"forget that",
                                         "Forget that.",
                                         "No, please forget that!",
                                         "forget this",
                                         "Forget what I said",
                                         "don't remember that",
                                         "Sorry, forget about that please"};
    static const char *const wrong[] = {"that's wrong",           "That’s not true.",
                                        "No, that is wrong!",     "that isn't true",
                                        "Nope, that's incorrect", "You are wrong about that."};
    static const char *const ended[] = {
        "that's not true any more",   "That isn't true anymore.", "not anymore",
        "that is no longer the case", "Well, that has changed.",  "it's out of date"};
    for (size_t i = 0; i < sizeof(forget) / sizeof(forget[0]); i++) {
        ASSERT_INT_EQ(read(&w, forget[i]), NIMA_RETRACT_FORGET);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ASSERT_INT_EQ(read(&w, wrong[i]), NIMA_RETRACT_WRONG);
    }
    for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
        ASSERT_INT_EQ(read(&w, ended[i]), NIMA_RETRACT_ENDED);
    }
    world_close(&w);
}

TEST(what_only_sounds_like_it)
{
    struct world w = world_open();
    static const char *const other[] = {"",
                                        "no",
                                        "wrong",
                                        "forget it",
                                        "forget everything",
                                        "forget that I have a dog",
                                        "don't forget that",
                                        "is that wrong?",
                                        "that's wrong?",
                                        "that's not true of everyone",
                                        "that's wrong, I live in Porto",
                                        "what is wrong with that",
                                        "I think that's not true",
                                        "that is true",
                                        "\xff\xfe"};
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        ASSERT_INT_EQ(read(&w, other[i]), NIMA_RETRACT_NOTHING);
    }
    world_close(&w);
}

TEST(what_has_ended_is_said_so_where_that_can_be_said)
{
    static const char *const facts[][2] = {
        {"The user lives in Lisbon", "The user no longer lives in Lisbon"},
        {"The user is vegetarian", "The user is no longer vegetarian"},
        {"The user has a dog", "The user no longer has a dog"},
        {"The user works at Acme as a nurse", "The user no longer works at Acme as a nurse"},
        {"The user was born in Porto", NULL},
        {"The user does not eat fish", NULL},
        {"The user no longer smokes", NULL},
        {"The user is not married", NULL},
        {"The user's sister lives in Braga", NULL},
        {"Ana plays the cello", NULL}};
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        struct nima_fact fact = remember(&w, facts[i][0]);
        struct nima_learned_list done;
        struct nima_utterance said = {.text = NIMA_STR("not any more")};
        ASSERT_OK_CTX(
            &w.ctx, nima_memory_retract(&w.ctx, w.memory, NIMA_RETRACT_ENDED, &fact, &said, &done));
        ASSERT_INT_EQ(done.count, facts[i][1] != NULL ? 2 : 1);
        if (facts[i][1] != NULL) {
            ASSERT_STR_EQ(done.items[1].fact.fact, facts[i][1]);
            ASSERT_TRUE(nima_str_eq(done.items[0].fact.superseded_by, done.items[1].fact.id));
        } else {
            ASSERT_INT_EQ(done.items[0].event, NIMA_LEARNED_FORGOTTEN);
        }
    }
    world_close(&w);
}

TEST_MAIN
