/* How messages are ranked, piece by piece: docs/memory.md. */
#include <math.h>

#include "memory/asked.h"
#include "memory/talk.h"
#include "support/test.h"
#include "util/ctx.h"

enum { DIMS = 4 };

struct table {
    struct nima_ctx ctx;
    struct nima_words *words;
    struct nima_talk *talk;
    int said;
    int64_t position, now_ms;
    const char *talk_id;
};

static struct table table_open(void)
{
    struct table t = {.words = nima_search_words_open()};
    nima_ctx_init(&t.ctx);
    t.talk = nima_memory_talk_new(NIMA_STR("m"), DIMS);
    t.now_ms = INT64_C(1683500000000); /* 7 May 2023 */
    t.talk_id = "0190a000-0000-7000-8000-000000000000";
    return t;
}

static void table_close(struct table *t)
{
    nima_memory_talk_free(t->talk);
    nima_search_words_close(t->words);
    nima_ctx_done(&t->ctx);
}

static nima_str id_of(struct table *t, int number)
{
    return nima_fmt(&t->ctx, "0190a000-0000-7000-8000-1%011d", number);
}

/* Returns its number. */
static int say_as(struct table *t, const char *role, const char *name, const char *content,
                  const char *withheld)
{
    struct nima_message_found message = {.row = {.id = id_of(t, t->said),
                                                 .conversation_id = nima_str_of(t->talk_id),
                                                 .role = nima_str_of(role),
                                                 .content = nima_str_of(content),
                                                 .timestamp = t->now_ms,
                                                 .position = t->position++}};
    message.row.name = name != NULL ? nima_str_of(name) : message.row.name;
    message.row.withheld = withheld != NULL ? nima_str_of(withheld) : message.row.withheld;
    nima_memory_talk_put(t->talk, t->words, &message);
    return t->said++;
}

static int say(struct table *t, const char *content)
{
    return say_as(t, "user", NULL, content, NULL);
}

static void filler(struct table *t, int count)
{
    static const char *const lines[] = {"Nothing new around here", "Rain again all morning",
                                        "Fine by all of them", "Cleaning windows and floors"};
    for (int i = 0; i < count; i++) {
        say(t, nima_fmt(&t->ctx, "%s number%d", lines[i % 4], i + t->said).ptr);
    }
}

static struct nima_talk_hits ask_for(struct table *t, const struct nima_talk_query *query)
{
    struct nima_talk_hits hits;
    nima_memory_talk_settle(t->talk);
    nima_memory_talk_search(t->ctx.arena, t->talk, t->words, query, 10, &hits);
    return hits;
}

static struct nima_talk_hits ask(struct table *t, const char *question)
{
    struct nima_talk_query query = {.text = nima_str_of(question)};
    return ask_for(t, &query);
}

/* The place of message `number` among the hits, from 1; 0: not among them. */
static size_t place(struct table *t, const struct nima_talk_hits *hits, int number)
{
    for (size_t i = 0; i < hits->count; i++) {
        if (nima_str_eq(hits->items[i].id, id_of(t, number))) {
            return i + 1;
        }
    }
    return 0;
}

TEST(a_word_is_answered_by_the_nearest_message_that_has_it)
{
    struct table t = table_open();
    filler(&t, 12);
    int trip = say(&t, "The journey to Lisbon began at dawn");
    int next = say(&t, "It took eleven hours by train");
    filler(&t, 12);
    struct nima_talk_hits hits = ask(&t, "How long was the journey to Lisbon?");
    ASSERT_TRUE(place(&t, &hits, trip) >= 1 && place(&t, &hits, trip) <= 2);
    ASSERT_TRUE(place(&t, &hits, next) >= 1 && place(&t, &hits, next) <= 2);
    ASSERT_TRUE(hits.items[place(&t, &hits, trip) - 1].own > 0.3);
    ASSERT_TRUE(hits.items[place(&t, &hits, next) - 1].own == 0);
    ASSERT_TRUE(hits.items[place(&t, &hits, next) - 1].keyword > 0.3);
    table_close(&t);
}

TEST(hours_of_silence_part_what_is_near)
{
    struct table t = table_open();
    filler(&t, 6);
    int trip = say(&t, "The journey to Lisbon began at dawn");
    t.now_ms += INT64_C(7) * 3600 * 1000;
    int later = say(&t, "It took eleven minutes by bus");
    struct nima_talk_hits hits = ask(&t, "Lisbon journey");
    ASSERT_INT_EQ(place(&t, &hits, trip), 1);
    ASSERT_INT_EQ(place(&t, &hits, later), 0);
    table_close(&t);
}

TEST(another_conversation_in_between_parts_nothing)
{
    struct table t = table_open();
    int trip = say(&t, "The journey to Lisbon began at dawn");
    t.talk_id = "0190a000-0000-7000-8000-000000000001";
    int64_t position = t.position;
    t.position = 0;
    int stranger = say(&t, "Rain again all morning");
    t.talk_id = "0190a000-0000-7000-8000-000000000000";
    t.position = position;
    int next = say(&t, "It took eleven hours by train");
    struct nima_talk_hits hits = ask(&t, "Lisbon journey");
    ASSERT_INT_EQ(place(&t, &hits, trip), 1);
    ASSERT_INT_EQ(place(&t, &hits, next), 2);
    ASSERT_INT_EQ(place(&t, &hits, stranger), 0);
    table_close(&t);
}

TEST(who_is_named_is_preferred_and_the_name_is_no_word)
{
    struct table t = table_open();
    int ana = say_as(&t, "user", "Ana", "The pottery class was lovely", NULL);
    int bruno = say_as(&t, "assistant", "Bruno", "The pottery class was crowded", NULL);
    say_as(&t, "user", "Ana", "Bruno is a funny fellow", NULL);
    filler(&t, 20);
    struct nima_talk_hits hits = ask(&t, "What did Bruno find at the pottery class?");
    ASSERT_INT_EQ(place(&t, &hits, bruno), 1);
    hits = ask(&t, "What about Ana's pottery class?");
    ASSERT_INT_EQ(place(&t, &hits, ana), 1);
    table_close(&t);
}

TEST(i_and_you_name_who_has_no_name)
{
    struct table t = table_open();
    int user = say_as(&t, "user", NULL, "The pottery class was lovely", NULL);
    int assistant = say_as(&t, "assistant", NULL, "The pottery class was crowded", NULL);
    struct nima_talk_hits hits = ask(&t, "What did you call the pottery class?");
    ASSERT_INT_EQ(place(&t, &hits, assistant), 1);
    hits = ask(&t, "What did I call the pottery class?");
    ASSERT_INT_EQ(place(&t, &hits, user), 1);
    table_close(&t);
}

TEST(a_named_month_is_matched_with_the_day_it_was_said)
{
    struct table t = table_open();
    int may = say(&t, "Went climbing in the hills today");
    t.now_ms += INT64_C(92) * 86400 * 1000; /* August */
    int august = say(&t, "Went climbing in the hills at noon");
    struct nima_talk_hits hits = ask(&t, "What about climbing in August 2023?");
    ASSERT_INT_EQ(place(&t, &hits, august), 1);
    hits = ask(&t, "And the climbing in May?");
    ASSERT_INT_EQ(place(&t, &hits, may), 1);
    table_close(&t);
}

static struct nima_asked asked_of(struct nima_words *words, const char *question)
{
    struct nima_asked asked;
    nima_memory_asked(words, nima_str_of(question), &asked);
    return asked;
}

TEST(dates_of_a_question)
{
    struct nima_words *words = nima_search_words_open();
    struct nima_day day = nima_memory_day(INT64_C(1683500000000));
    ASSERT_INT_EQ(day.year, 2023);
    ASSERT_INT_EQ(day.month, 5);
    ASSERT_INT_EQ(day.day, 7);
    static const struct {
        const char *question;
        double worth;
    } cases[] = {
        {"What happened on 7 May 2023?", 2.3},
        {"What happened on May 7th?", 2},
        {"In May 2023?", 1.3},
        {"In May 2022?", 0},
        {"In 2023?", 0.3},
        {"May I ask?", 0},
        {"what may be?", 0},
        {"in june 2023", 0.3},
        {"on the 7th", 0},
        {"", 0},
        {"12345678901234567890 99 May", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nima_asked asked = asked_of(words, cases[i].question);
        double worth = (double)nima_memory_asked_date(&asked, day);
        if (fabs(worth - cases[i].worth) > 1e-6) {
            fail_msg("%s: %g", cases[i].question, worth);
        }
    }
    ASSERT_TRUE(asked_of(words, "When did it begin?").when);
    ASSERT_TRUE(asked_of(words, "Do you know how long it took").when);
    ASSERT_TRUE(!asked_of(words, "Why then?").when);
    ASSERT_TRUE(asked_of(words, "What is my name").user);
    ASSERT_TRUE(asked_of(words, "What's your name").assistant);
    nima_search_words_close(words);
}

TEST(what_a_message_tells_of_itself)
{
    struct nima_words *words = nima_search_words_open();
    struct nima_told told = nima_memory_told(words, NIMA_STR("I went last week. Did you?"));
    ASSERT_TRUE(told.question && told.self);
    ASSERT_INT_EQ(told.times, 2);
    told = nima_memory_told(words, NIMA_STR("Did you? They did yesterday."));
    ASSERT_TRUE(!told.question && !told.self);
    ASSERT_INT_EQ(told.times, 1);
    ASSERT_TRUE(nima_memory_told(words, NIMA_STR("Is that you?; a photo of a dog")).question);
    ASSERT_TRUE(!nima_memory_told(words, NIMA_STR("")).question);
    nima_search_words_close(words);
}

TEST(a_statement_is_worth_more_than_a_question)
{
    struct table t = table_open();
    int question = say(&t, "Is the harbour market open on Sundays?");
    t.now_ms += INT64_C(24) * 3600 * 1000;
    int statement = say(&t, "The harbour market is open on Sundays.");
    struct nima_talk_hits hits = ask(&t, "harbour market on Sundays");
    ASSERT_INT_EQ(place(&t, &hits, statement), 1);
    struct nima_talk_query query = {.text = NIMA_STR("harbour market on Sundays"),
                                    .for_prompt = true};
    hits = ask_for(&t, &query);
    ASSERT_INT_EQ(hits.count, 1);
    ASSERT_INT_EQ(place(&t, &hits, question), 0);
    table_close(&t);
}

TEST(words_of_one_meaning_meet)
{
    struct table t = table_open();
    int kids = say(&t, "The kids went swimming with their mom");
    filler(&t, 8);
    struct nima_talk_hits hits = ask(&t, "Where did the children go with mother?");
    ASSERT_INT_EQ(place(&t, &hits, kids), 1);
    table_close(&t);
}

TEST(the_same_words_are_found_once)
{
    struct table t = table_open();
    int first = say(&t, "The spare key lies below the blue pot");
    t.now_ms += INT64_C(24) * 3600 * 1000;
    int again = say(&t, "the spare key lies below the Blue pot!");
    struct nima_talk_hits hits = ask(&t, "Where is the spare key?");
    ASSERT_INT_EQ(hits.count, 1);
    ASSERT_TRUE(place(&t, &hits, first) + place(&t, &hits, again) == 1);
    table_close(&t);
}

static void put_again(struct table *t, int number, const char *content, const float *vector,
                      const char *withheld)
{
    struct nima_message_found message = {.row = {.id = id_of(t, number),
                                                 .conversation_id = nima_str_of(t->talk_id),
                                                 .role = NIMA_STR("user"),
                                                 .content = nima_str_of(content),
                                                 .timestamp = t->now_ms,
                                                 .position = number},
                                         .embedding_model = NIMA_STR("m"),
                                         .embedding = vector,
                                         .dims = vector != NULL ? DIMS : 0};
    message.row.withheld = withheld != NULL ? nima_str_of(withheld) : message.row.withheld;
    nima_memory_talk_put(t->talk, t->words, &message);
}

TEST(what_is_forgotten_is_gone_and_what_is_superseded_stays_out_of_prompts)
{
    struct table t = table_open();
    filler(&t, 4);
    int lisbon = say(&t, "Living in Lisbon these days");
    int porto = say(&t, "Living in Porto these days");
    struct nima_talk_query prompt = {.text = NIMA_STR("living in Lisbon or Porto"),
                                     .for_prompt = true};
    put_again(&t, lisbon, "Living in Lisbon these days", NULL, "superseded");
    struct nima_talk_hits hits = ask(&t, "living in Lisbon or Porto");
    ASSERT_TRUE(place(&t, &hits, lisbon) > 0);
    hits = ask_for(&t, &prompt);
    ASSERT_INT_EQ(place(&t, &hits, lisbon), 0);
    ASSERT_INT_EQ(place(&t, &hits, porto), 1);
    put_again(&t, lisbon, "Living in Lisbon these days", NULL, "forgotten");
    hits = ask(&t, "living in Lisbon or Porto");
    ASSERT_INT_EQ(place(&t, &hits, lisbon), 0);
    ASSERT_TRUE(hits.items[0].own > 0);
    hits = ask(&t, "Lisbon");
    ASSERT_INT_EQ(hits.count, 0);
    ASSERT_INT_EQ(nima_memory_talk_rows(t.talk), 5);
    put_again(&t, porto, "Living in Braga these days", NULL, NULL);
    ASSERT_TRUE(nima_memory_talk_worn(t.talk));
    table_close(&t);
}

TEST(what_is_left_is_gone_and_its_neighbours_meet)
{
    struct table t = table_open();
    filler(&t, 4);
    int question = say(&t, "Where is the oboe?");
    int old = say(&t, "Under the bed");
    struct nima_message_found left = {.row = {.id = id_of(&t, old),
                                              .conversation_id = nima_str_of(t.talk_id),
                                              .role = NIMA_STR("user"),
                                              .content = NIMA_STR("Under the bed"),
                                              .timestamp = t.now_ms,
                                              .position = old,
                                              .left = true}};
    nima_memory_talk_put(t.talk, t.words, &left);
    int new = say(&t, "In the attic");
    struct nima_talk_hits hits = ask(&t, "oboe");
    ASSERT_TRUE(place(&t, &hits, question) > 0 && place(&t, &hits, new) > 0);
    ASSERT_INT_EQ(place(&t, &hits, old), 0);
    ASSERT_INT_EQ(ask(&t, "bed").count, 0);
    ASSERT_TRUE(!nima_memory_talk_worn(t.talk));
    left.row.left = false; /* it stands before what is there by now */
    nima_memory_talk_put(t.talk, t.words, &left);
    ASSERT_TRUE(nima_memory_talk_worn(t.talk));
    table_close(&t);
}

TEST(meaning_finds_what_shares_no_word)
{
    struct table t = table_open();
    float near[DIMS] = {1, 0, 0, 0}, far[DIMS] = {0, 1, 0, 0};
    int feline = say(&t, "A feline purrs on the sofa");
    int other = say(&t, "Bread rises overnight");
    ASSERT_INT_EQ(nima_memory_talk_waiting(t.talk), 2);
    put_again(&t, feline, "A feline purrs on the sofa", near, NULL);
    put_again(&t, other, "Bread rises overnight", far, NULL);
    ASSERT_INT_EQ(nima_memory_talk_waiting(t.talk), 0);
    struct nima_talk_query query = {.text = NIMA_STR("cats"), .vector = near};
    struct nima_talk_hits hits = ask_for(&t, &query);
    ASSERT_INT_EQ(place(&t, &hits, feline), 1);
    ASSERT_TRUE(hits.items[0].vector > 0.98);
    ASSERT_TRUE(hits.items[0].score > 0 && hits.items[0].score <= 1);
    hits = ask(&t, "cats");
    ASSERT_INT_EQ(hits.count, 0);
    table_close(&t);
}

TEST(what_stands_in_the_window_is_not_recalled)
{
    struct table t = table_open();
    int old = say(&t, "The ferry to Ghent leaves at nine.");
    int new_one = say(&t, "The ferry to Ghent leaves at ten.");
    struct nima_talk_query query = {.text = NIMA_STR("ferry to Ghent"),
                                    .for_prompt = true,
                                    .conversation_id = nima_str_of(t.talk_id),
                                    .from_position = 1};
    struct nima_talk_hits hits = ask_for(&t, &query);
    ASSERT_INT_EQ(place(&t, &hits, old), 1);
    ASSERT_INT_EQ(place(&t, &hits, new_one), 0);
    query.from_position = 0;
    ASSERT_INT_EQ(ask_for(&t, &query).count, 0);
    table_close(&t);
}

TEST(nothing_said_finds_nothing)
{
    struct table t = table_open();
    ASSERT_INT_EQ(ask(&t, "anything").count, 0);
    say_as(&t, "system", NULL, "anything at all", NULL);
    say_as(&t, "user", NULL, "anything at all", "forgotten");
    ASSERT_INT_EQ(ask(&t, "anything").count, 0);
    say(&t, "");
    ASSERT_INT_EQ(ask(&t, "").count, 0);
    table_close(&t);
}

TEST_MAIN
