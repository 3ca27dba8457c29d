/* Conversations and their messages. */
#include "store/support_store.h"

#include <string.h>

static struct nima_message_row say(const char *role, const char *content)
{
    return (struct nima_message_row){.role = nima_str_of(role), .content = nima_str_of(content)};
}

static struct nima_conversation talk_of(struct world *w, size_t count)
{
    struct nima_message_row *messages = NIMA_NEW(w->ctx.arena, struct nima_message_row, count);
    for (size_t i = 0; i < count; i++) {
        messages[i] =
            say(i % 2 == 0 ? "user" : "assistant", nima_fmt(&w->ctx, "message %zu", i).ptr);
    }
    struct nima_conversation talk = {0}, row;
    ASSERT_OK_CTX(&w->ctx,
                  nima_conversation_create(&w->ctx, w->store, &talk, messages, count, &row));
    return row;
}

TEST(a_conversation_comes_back_with_its_messages_in_order)
{
    struct world w = world_open();
    struct nima_message_row messages[3] = {say("system", "be dry"), say("user", "hi"),
                                           say("assistant", "")};
    messages[1].name = NIMA_STR("Ana");
    messages[1].timestamp = 77000;
    messages[1].metadata = NIMA_STR("{\"k\":[1]}");
    struct nima_conversation talk = {.title = NIMA_STR("First"),
                                     .metadata = NIMA_STR("{\"from\":\"test\"}")},
                             row, found;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_create(&w.ctx, w.store, &talk, messages, 3, &row));
    ASSERT_INT_EQ(row.message_count, 3);
    world_reopen(&w);
    ASSERT_OK_CTX(&w.ctx, nima_conversation_get(&w.ctx, w.store, row.id, &found));
    ASSERT_STR_EQ(found.title, "First");
    ASSERT_STR_EQ(found.metadata, "{\"from\":\"test\"}");
    ASSERT_TRUE(found.context_summary.ptr == NULL);
    ASSERT_INT_EQ(found.created_at, row.created_at);
    struct nima_message_rows last;
    ASSERT_OK_CTX(&w.ctx, nima_messages_last(&w.ctx, w.store, row.id, 0, &last));
    ASSERT_INT_EQ(last.count, 3);
    ASSERT_STR_EQ(last.items[1].content, "hi");
    ASSERT_STR_EQ(last.items[1].name, "Ana");
    ASSERT_INT_EQ(last.items[1].timestamp, 77000);
    ASSERT_STR_EQ(last.items[1].metadata, "{\"k\":[1]}");
    ASSERT_INT_EQ(last.items[2].position, 2);
    ASSERT_TRUE(last.items[2].content.ptr != NULL && last.items[2].content.len == 0);
    ASSERT_TRUE(last.items[2].name.ptr == NULL);
    ASSERT_OK_CTX(&w.ctx, nima_messages_last(&w.ctx, w.store, row.id, 2, &last));
    ASSERT_INT_EQ(last.count, 2);
    ASSERT_STR_EQ(last.items[0].content, "hi");
    world_close(&w);
}

TEST(an_id_that_is_taken_is_a_conflict_and_stores_nothing)
{
    struct world w = world_open();
    struct nima_conversation talk = {0}, row;
    struct nima_message_row message = say("user", "hi");
    ASSERT_OK_CTX(&w.ctx, nima_conversation_create(&w.ctx, w.store, &talk, NULL, 0, &row));
    talk.id = row.id;
    ASSERT_RC(NIMA_E_CONFLICT, nima_conversation_create(&w.ctx, w.store, &talk, &message, 1, &row));
    talk.id = NIMA_STR("mine");
    ASSERT_RC(NIMA_E_INVALID, nima_conversation_create(&w.ctx, w.store, &talk, &message, 1, &row));
    talk.id = (nima_str){0};
    message.role = NIMA_STR("robot");
    ASSERT_RC(NIMA_E_INVALID, nima_conversation_create(&w.ctx, w.store, &talk, &message, 1, &row));
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM conversations"), 1);
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM messages"), 0);
    world_close(&w);
}

TEST(messages_are_appended_in_line_and_updated)
{
    struct world w = world_open();
    w.ctx.now_ms = 1000;
    struct nima_conversation talk = talk_of(&w, 2);
    struct nima_message_row more[2] = {say("user", "third"), say("assistant", "fou")}, out[2];
    w.ctx.now_ms = 2000;
    ASSERT_OK_CTX(&w.ctx, nima_messages_append(&w.ctx, w.store, talk.id, more, 2, out));
    ASSERT_INT_EQ(out[0].position, 2);
    ASSERT_INT_EQ(out[1].position, 3);
    ASSERT_STR_EQ(out[1].metadata, "{}");
    out[1].content = NIMA_STR("fourth");
    out[1].metadata = NIMA_STR("{\"interrupted\":true}");
    ASSERT_OK_CTX(&w.ctx, nima_message_update(&w.ctx, w.store, &out[1]));
    struct nima_message_row found;
    ASSERT_OK_CTX(&w.ctx, nima_message_get(&w.ctx, w.store, talk.id, out[1].id, &found));
    ASSERT_STR_EQ(found.content, "fourth");
    ASSERT_STR_EQ(found.metadata, "{\"interrupted\":true}");
    ASSERT_OK_CTX(&w.ctx, nima_conversation_get(&w.ctx, w.store, talk.id, &talk));
    ASSERT_INT_EQ(talk.message_count, 4);
    ASSERT_INT_EQ(talk.updated_at, 2000);
    more[1].id = out[0].id; /* taken: neither of the two is kept */
    ASSERT_RC(NIMA_E_CONFLICT, nima_messages_append(&w.ctx, w.store, talk.id, more, 2, out));
    ASSERT_OK_CTX(&w.ctx, nima_conversation_get(&w.ctx, w.store, talk.id, &talk));
    ASSERT_INT_EQ(talk.message_count, 4);
    world_close(&w);
}

TEST(the_last_updated_stands_first_and_pages_follow)
{
    struct world w = world_open();
    nima_str ids[5];
    for (int i = 0; i < 5; i++) {
        w.ctx.now_ms = 1000 * (i / 2 + 1); /* some at the same time */
        ids[i] = talk_of(&w, 1).id;
    }
    w.ctx.now_ms = 9000;
    struct nima_message_row message = say("user", "back again"), out;
    ASSERT_OK_CTX(&w.ctx, nima_messages_append(&w.ctx, w.store, ids[0], &message, 1, &out));
    const int order[] = {0, 4, 3, 2, 1};
    struct nima_conversation_rows rows = {0};
    for (int i = 0; i < 5; i++) {
        ASSERT_OK_CTX(&w.ctx, nima_conversation_list(&w.ctx, w.store, 1, rows.next_cursor, &rows));
        ASSERT_INT_EQ(rows.count, 1);
        ASSERT_TRUE(nima_str_eq(rows.items[0].id, ids[order[i]]));
    }
    ASSERT_TRUE(rows.next_cursor.ptr == NULL);
    world_close(&w);
}

TEST(a_change_leaves_what_it_does_not_name)
{
    struct world w = world_open();
    w.ctx.now_ms = 1000;
    struct nima_conversation talk = talk_of(&w, 1), row;
    struct nima_conversation change = {.id = talk.id, .context_summary = NIMA_STR("they met")};
    w.ctx.now_ms = 2000;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_update(&w.ctx, w.store, &change, &row));
    ASSERT_INT_EQ(row.updated_at, 1000); /* a summary is no reason to move up in the list */
    change = (struct nima_conversation){.id = talk.id, .title = NIMA_STR("Meeting")};
    ASSERT_OK_CTX(&w.ctx, nima_conversation_update(&w.ctx, w.store, &change, &row));
    ASSERT_STR_EQ(row.title, "Meeting");
    ASSERT_STR_EQ(row.context_summary, "they met");
    ASSERT_INT_EQ(row.updated_at, 2000);
    ASSERT_INT_EQ(row.message_count, 1);
    world_close(&w);
}

TEST(a_deleted_conversation_is_gone_with_its_messages)
{
    struct world w = world_open();
    struct nima_message_row message = say("user", "SECRET-WORDS");
    struct nima_conversation talk = {.title = NIMA_STR("t")}, row;
    ASSERT_OK(nima_conversation_create(&w.ctx, w.store, &talk, &message, 1, &row));
    ASSERT_OK_CTX(&w.ctx, nima_conversation_delete(&w.ctx, w.store, row.id));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_conversation_delete(&w.ctx, w.store, row.id));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_conversation_get(&w.ctx, w.store, row.id, &row));
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM messages"), 0);
    ASSERT_TRUE(!world_has_bytes(&w, "SECRET-WORDS"));
    world_close(&w);
}

TEST_MAIN
