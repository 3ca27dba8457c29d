/* Past messages found again: the index against the store, other writers, forgetting, recall. */
#include "memory/support_memory.h"

#include <unistd.h>

static struct nima_message_row line(const char *role, const char *content)
{
    return (struct nima_message_row){.role = nima_str_of(role), .content = nima_str_of(content)};
}

static nima_str begin(struct world *w, const char *first)
{
    struct nima_message_row row = line("user", first);
    struct nima_conversation talk = {0}, made;
    ASSERT_OK_CTX(&w->ctx, nima_conversation_create(&w->ctx, w->store, &talk, &row, 1, &made));
    return made.id;
}

static nima_str say(struct world *w, nima_str talk, const char *role, const char *content)
{
    struct nima_message_row row = line(role, content), out;
    ASSERT_OK_CTX(&w->ctx, nima_messages_append(&w->ctx, w->store, talk, &row, 1, &out));
    return out.id;
}

static struct nima_said_hits look(struct world *w, struct nima_memory *memory, const char *query)
{
    struct nima_memory_query asked = {.text = nima_str_of(query), .limit = 10};
    struct nima_said_hits hits;
    ASSERT_OK_CTX(&w->ctx, nima_memory_search_said(&w->ctx, memory, &asked, &hits));
    return hits;
}

static bool holds(const struct nima_said_hits *hits, const char *content)
{
    for (size_t i = 0; i < hits->count; i++) {
        if (nima_str_eq(hits->items[i].message.content, nima_str_of(content))) {
            return true;
        }
    }
    return false;
}

static bool was_said(struct world *w, struct nima_memory *memory, const char *query,
                     const char *content)
{
    struct nima_said_hits hits = look(w, memory, query);
    return holds(&hits, content);
}

static bool recalls(struct world *w, const char *message, nima_str talk, const char *content)
{
    struct nima_said_query query = {
        .message = nima_str_of(message), .conversation_id = talk, .limit = 4};
    struct nima_said_hits hits;
    ASSERT_OK_CTX(&w->ctx, nima_memory_recall_said(&w->ctx, w->memory, &query, &hits));
    return content != NULL ? holds(&hits, content) : hits.count > 0;
}

/* Until all messages of the person have vectors. */
static void wait_embedded(struct world *w)
{
    struct nima_memory_stats stats = {.messages_waiting = 1};
    for (int i = 0; i < 6000 && stats.messages_waiting > 0; i++) {
        nima_memory_tick(&w->ctx, w->memory);
        ASSERT_OK_CTX(&w->ctx, nima_memory_stats(&w->ctx, w->memory, &stats));
        if (stats.messages_waiting > 0) {
            usleep(10000);
        }
    }
    ASSERT_INT_EQ(stats.messages_waiting, 0);
}

TEST(what_was_said_is_found_at_once_by_its_words)
{
    struct world w = world_open_without_model();
    nima_str talk = begin(&w, "The oboe lesson is on Tuesday");
    ASSERT_TRUE(was_said(&w, w.memory, "oboe lesson", "The oboe lesson is on Tuesday"));
    say(&w, talk, "assistant", "The teacher lives in Ghent");
    ASSERT_TRUE(was_said(&w, w.memory, "Ghent", "The teacher lives in Ghent"));
    ASSERT_INT_EQ(look(&w, w.memory, "volcano").count, 0);
    w.ctx.user_id = NIMA_STR("bob");
    ASSERT_INT_EQ(look(&w, w.memory, "oboe").count, 0);
    world_close(&w);
}

TEST(another_writer_is_seen)
{
    struct world w = world_open();
    struct nima_memory *other = nima_memory_new(w.store, w.llm, NULL);
    nima_str talk = begin(&w, "The oboe lesson is on Tuesday");
    ASSERT_TRUE(was_said(&w, other, "oboe", "The oboe lesson is on Tuesday"));
    say(&w, talk, "user", "A dinghy lies in the harbour");
    ASSERT_TRUE(was_said(&w, other, "dinghy", "A dinghy lies in the harbour"));
    ASSERT_OK_CTX(&w.ctx, nima_conversation_delete(&w.ctx, w.store, talk));
    ASSERT_TRUE(!was_said(&w, other, "dinghy", "A dinghy lies in the harbour"));
    begin(&w, "A dinghy is for sale");
    ASSERT_TRUE(was_said(&w, other, "dinghy", "A dinghy is for sale"));
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, w.memory));
    ASSERT_INT_EQ(look(&w, other, "dinghy").count, 0);
    nima_memory_free(other);
    world_close(&w);
}

TEST(vectors_come_in_the_background_also_after_a_restart)
{
    struct world w = world_open();
    nima_str talk = begin(&w, "The oboe lesson is on Tuesday");
    for (int i = 0; i < 40; i++) {
        say(&w, talk, i % 2 == 0 ? "assistant" : "user",
            nima_fmt(&w.ctx, "line %d of the oboe", i).ptr);
    }
    say(&w, talk, "system", "be dry");
    ASSERT_TRUE(was_said(&w, w.memory, "oboe lesson", "The oboe lesson is on Tuesday"));
    world_restart(&w);
    wait_embedded(&w);
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.messages, 41);
    struct nima_said_hits hits = look(&w, w.memory, "The oboe lesson is on Tuesday");
    ASSERT_TRUE(hits.items[0].vector > 0.9);
    world_close(&w);
}

TEST(a_forgotten_fact_takes_along_where_it_was_said)
{
    struct world w = world_open();
    nima_str talk = begin(&w, "hello there");
    struct nima_utterance said = {.text = NIMA_STR("I live in Lisbon."), .conversation_id = talk};
    said.message_id = say(&w, talk, "user", "I live in Lisbon.");
    say(&w, talk, "assistant", "Lisbon is lovely.");
    struct nima_learned_list learnt;
    ASSERT_OK_CTX(&w.ctx, nima_memory_learn(&w.ctx, w.memory, &said, &learnt));
    ASSERT_INT_EQ(learnt.count, 1);
    ASSERT_TRUE(was_said(&w, w.memory, "Lisbon", "I live in Lisbon."));
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, learnt.items[0].fact.id));
    ASSERT_TRUE(!was_said(&w, w.memory, "Lisbon", "I live in Lisbon."));
    ASSERT_TRUE(!was_said(&w, w.memory, "Lisbon", "Lisbon is lovely."));
    world_restart(&w);
    ASSERT_TRUE(!was_said(&w, w.memory, "Lisbon", "I live in Lisbon."));
    ASSERT_TRUE(!recalls(&w, "what about living in Lisbon", (nima_str){0}, NULL));
    world_close(&w);
}

TEST(what_was_corrected_is_searched_but_not_recalled)
{
    struct world w = world_open();
    nima_str talk = begin(&w, "hello there");
    struct nima_utterance said = {.text = NIMA_STR("I live in Lisbon."), .conversation_id = talk};
    said.message_id = say(&w, talk, "user", "I live in Lisbon.");
    struct nima_learned_list learnt;
    ASSERT_OK_CTX(&w.ctx, nima_memory_learn(&w.ctx, w.memory, &said, &learnt));
    ASSERT_TRUE(recalls(&w, "live Lisbon", (nima_str){0}, "I live in Lisbon."));
    said.text = NIMA_STR("I live in Porto.");
    said.message_id = say(&w, talk, "user", "I live in Porto.");
    ASSERT_OK_CTX(&w.ctx, nima_memory_learn(&w.ctx, w.memory, &said, &learnt));
    ASSERT_TRUE(was_said(&w, w.memory, "Lisbon", "I live in Lisbon."));
    ASSERT_TRUE(!recalls(&w, "live Lisbon", (nima_str){0}, "I live in Lisbon."));
    ASSERT_TRUE(recalls(&w, "live Porto", (nima_str){0}, "I live in Porto."));
    world_close(&w);
}

TEST(a_turn_recalls_what_bears_on_it_and_is_not_before_its_eyes)
{
    struct world w = world_open();
    nima_str talk = begin(&w, "The oboe lesson with Marta is on Tuesday.");
    begin(&w, "The dentist moved to Harbour Street.");
    wait_embedded(&w);
    nima_str none = {0};
    ASSERT_TRUE(
        recalls(&w, "oboe lesson with Marta", none, "The oboe lesson with Marta is on Tuesday."));
    ASSERT_TRUE(!recalls(&w, "oboe lesson with Marta", talk, NULL));
    ASSERT_TRUE(!recalls(&w, "good morning", none, NULL));
    ASSERT_TRUE(!recalls(&w, "what do you know about me?", none, NULL));
    ASSERT_TRUE(!recalls(&w, " ", none, NULL));
    ASSERT_TRUE(!recalls(&w, "convert this csv file into yaml", none, NULL));
    world_close(&w);
}

TEST(bad_queries_are_refused)
{
    struct world w = world_open();
    struct nima_memory_query query = {.text = NIMA_STR(" "), .limit = 10};
    struct nima_said_hits hits;
    ASSERT_RC(NIMA_E_INVALID, nima_memory_search_said(&w.ctx, w.memory, &query, &hits));
    query = (struct nima_memory_query){.text = NIMA_STR("x"), .limit = 0};
    ASSERT_RC(NIMA_E_INVALID, nima_memory_search_said(&w.ctx, w.memory, &query, &hits));
    world_close(&w);
}

TEST_MAIN
