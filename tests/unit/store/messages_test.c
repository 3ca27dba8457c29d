/* Messages as they are found again: change numbers, vectors, and what must not be found. */
#include "store/support_store.h"

#include <string.h>

enum { SEEN_MAX = 32 };

struct seen {
    nima_str contents[SEEN_MAX], models[SEEN_MAX], withheld[SEEN_MAX];
    float first[SEEN_MAX];
    bool left[SEEN_MAX];
    size_t count;
};

static nima_rc note(struct nima_ctx *ctx, void *user, const struct nima_message_found *found)
{
    struct seen *seen = user;
    size_t at = seen->count++;
    seen->contents[at] = nima_str_copy(ctx->arena, found->row.content);
    seen->models[at] = nima_str_copy(ctx->arena, found->embedding_model);
    seen->withheld[at] = nima_str_copy(ctx->arena, found->row.withheld);
    seen->left[at] = found->row.left;
    seen->first[at] = found->embedding != NULL ? found->embedding[0] : 0;
    return NIMA_OK;
}

static struct nima_messages_change look(struct world *w, int64_t after, struct seen *seen)
{
    struct nima_messages_change state;
    *seen = (struct seen){0};
    ASSERT_OK_CTX(&w->ctx, nima_messages_scan(&w->ctx, w->store, after, note, seen, &state));
    return state;
}

static nima_str begin(struct world *w, const char *first)
{
    struct nima_message_row message = {.role = NIMA_STR("user"), .content = nima_str_of(first)};
    struct nima_conversation talk = {0}, row;
    ASSERT_OK_CTX(&w->ctx, nima_conversation_create(&w->ctx, w->store, &talk, &message, 1, &row));
    return row.id;
}

static nima_str say(struct world *w, nima_str talk, const char *role, const char *content)
{
    struct nima_message_row message = {.role = nima_str_of(role), .content = nima_str_of(content)};
    struct nima_message_row row;
    ASSERT_OK_CTX(&w->ctx, nima_messages_append(&w->ctx, w->store, talk, &message, 1, &row));
    return row.id;
}

/* Says it in the place of what stands at `from` and behind it. */
static nima_str say_instead(struct world *w, nima_str talk, const char *role, const char *content,
                            int64_t from)
{
    struct nima_message_row message = {.role = nima_str_of(role),
                                       .content = nima_str_of(content),
                                       .leaves = true,
                                       .leave_from = from};
    struct nima_message_row row;
    ASSERT_OK_CTX(&w->ctx, nima_messages_append(&w->ctx, w->store, talk, &message, 1, &row));
    return row.id;
}

static size_t count_found(struct world *w, nima_str id)
{
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&w->ctx, nima_messages_get_many(&w->ctx, w->store, &id, 1, &rows));
    return rows.count;
}

static struct nima_messages_waiting waiting(struct world *w, const char *model)
{
    struct nima_messages_waiting list;
    ASSERT_OK_CTX(&w->ctx,
                  nima_messages_waiting(&w->ctx, w->store, nima_str_of(model), 100, &list));
    return list;
}

static void embed(struct world *w, const char *model, size_t count)
{
    struct nima_messages_waiting list = waiting(w, model);
    ASSERT_INT_EQ(list.count, count);
    float *vectors = NIMA_NEW(w->ctx.arena, float, 2 * count);
    for (size_t i = 0; i < count; i++) {
        vectors[2 * i] = (float)list.items[i].content.len;
    }
    ASSERT_OK_CTX(&w->ctx, nima_messages_set_embeddings(&w->ctx, w->store, list.items, count,
                                                        nima_str_of(model), vectors, 2));
}

static struct nima_fact learned(struct world *w, const char *text, nima_str talk, nima_str message)
{
    struct nima_fact fact = a_fact(text), row;
    int64_t change;
    bool created;
    fact.conversation_id = talk;
    fact.message_id = message;
    ASSERT_OK_CTX(&w->ctx, nima_facts_put(&w->ctx, w->store, &fact, &row, &created, &change));
    return row;
}

TEST(a_scan_reads_what_was_written_after_a_change_number)
{
    struct world w = world_open();
    struct seen seen;
    struct nima_messages_change later, first = look(&w, -1, &seen);
    ASSERT_INT_EQ(first.change, 0);
    ASSERT_INT_EQ(seen.count, 0);
    nima_str talk = begin(&w, "one");
    first = look(&w, -1, &seen);
    ASSERT_INT_EQ(seen.count, 1);
    ASSERT_INT_EQ(first.change, 1);
    say(&w, talk, "assistant", "two");
    nima_str other = begin(&w, "three");
    later = look(&w, first.change, &seen);
    ASSERT_INT_EQ(seen.count, 2);
    ASSERT_INT_EQ(later.change, 3);
    ASSERT_INT_EQ(later.gone, 0);
    w.ctx.user_id = NIMA_STR("bob");
    look(&w, -1, &seen);
    ASSERT_INT_EQ(seen.count, 0);
    w.ctx.user_id = NIMA_STR("ana");
    ASSERT_OK_CTX(&w.ctx, nima_conversation_delete(&w.ctx, w.store, other));
    later = look(&w, later.change, &seen);
    ASSERT_INT_EQ(seen.count, 0);
    ASSERT_INT_EQ(later.gone, later.change);
    world_reopen(&w);
    look(&w, -1, &seen);
    ASSERT_INT_EQ(seen.count, 2);
    world_close(&w);
}

TEST(vectors_go_in_once_and_stay_with_their_words)
{
    struct world w = world_open();
    struct seen seen;
    nima_str talk = begin(&w, "one");
    say(&w, talk, "system", "be dry");
    nima_str second = say(&w, talk, "assistant", "three");
    embed(&w, "m1", 2);
    ASSERT_INT_EQ(waiting(&w, "m1").count, 0);
    world_reopen(&w);
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.models[0], "m1");
    ASSERT_TRUE(seen.models[1].ptr == NULL);
    ASSERT_TRUE(seen.first[0] == 3.0F && seen.first[2] == 5.0F);
    struct nima_message_row change = {
        .id = second, .conversation_id = talk, .content = NIMA_STR("three and more")};
    ASSERT_OK_CTX(&w.ctx, nima_message_update(&w.ctx, w.store, &change));
    struct nima_messages_waiting list = waiting(&w, "m1");
    ASSERT_INT_EQ(list.count, 1);
    ASSERT_STR_EQ(list.items[0].content, "three and more");
    ASSERT_STR_EQ(list.items[0].user_id, "ana");
    embed(&w, "m2", 2); /* another model: all of them again */
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.models[0], "m2");
    world_close(&w);
}

TEST(a_vector_of_words_that_changed_meanwhile_is_left_out)
{
    struct world w = world_open();
    struct seen seen;
    nima_str talk = begin(&w, "one");
    nima_str second = say(&w, talk, "user", "two");
    struct nima_messages_waiting list = waiting(&w, "m1");
    struct nima_message_row change = {
        .id = second, .conversation_id = talk, .content = NIMA_STR("other")};
    ASSERT_OK_CTX(&w.ctx, nima_message_update(&w.ctx, w.store, &change));
    float vectors[4] = {1, 0, 1, 0};
    ASSERT_OK_CTX(&w.ctx, nima_messages_set_embeddings(&w.ctx, w.store, list.items, 2,
                                                       NIMA_STR("m1"), vectors, 2));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.models[0], "m1");
    ASSERT_TRUE(seen.models[1].ptr == NULL);
    world_close(&w);
}

TEST(what_a_forgotten_fact_came_from_is_withheld_with_the_reply)
{
    struct world w = world_open();
    struct seen seen;
    nima_str talk = begin(&w, "hello");
    nima_str message = say(&w, talk, "user", "I live in Lisbon");
    nima_str reply = say(&w, talk, "assistant", "Lisbon, noted");
    say(&w, talk, "user", "and a dog");
    embed(&w, "m1", 4);
    struct nima_fact fact = learned(&w, "The user lives in Lisbon", talk, message);
    int64_t change;
    struct nima_messages_change before = look(&w, -1, &seen);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    struct nima_messages_change after = look(&w, before.change, &seen);
    ASSERT_INT_EQ(seen.count, 2);
    ASSERT_INT_EQ(after.gone, before.gone);
    ASSERT_STR_EQ(seen.withheld[0], "forgotten");
    ASSERT_STR_EQ(seen.withheld[1], "forgotten");
    ASSERT_TRUE(seen.models[0].ptr == NULL);
    ASSERT_INT_EQ(waiting(&w, "m1").count, 0);
    nima_str ids[3] = {message, reply, NIMA_STR("nothing")};
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&w.ctx, nima_messages_get_many(&w.ctx, w.store, ids, 3, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    world_close(&w);
}

TEST(every_reply_to_what_is_forgotten_is_withheld)
{
    world_only("sqlite");
    struct world w = world_open();
    struct seen seen;
    int64_t change;
    nima_str talk = begin(&w, "hello");
    nima_str message = say(&w, talk, "user", "I live in Lisbon");
    say(&w, talk, "assistant", "Lisbon, noted");
    nima_str other = say(&w, talk, "assistant", "How lovely, Lisbon");
    world_sql(&w, nima_fmt(&w.ctx, "UPDATE messages SET parent_id = '%s' WHERE id = '%s'",
                           nima_cstr(&w.ctx, message), nima_cstr(&w.ctx, other))
                      .ptr);
    struct nima_fact fact = learned(&w, "The user lives in Lisbon", talk, message);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    look(&w, -1, &seen);
    ASSERT_TRUE(seen.withheld[0].ptr == NULL);
    for (size_t i = 1; i < seen.count; i++) {
        ASSERT_STR_EQ(seen.withheld[i], "forgotten");
    }
    world_close(&w);
}

TEST(a_reply_to_another_message_is_not_withheld_for_its_place)
{
    struct world w = world_open();
    struct seen seen;
    int64_t change;
    nima_str talk = begin(&w, "any news?");
    say(&w, talk, "assistant", "none");
    nima_str message = say(&w, talk, "user", "I live in Lisbon");
    say_instead(&w, talk, "assistant", "rain again", 1);
    struct nima_fact fact = learned(&w, "The user lives in Lisbon", talk, message);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    look(&w, -1, &seen);
    ASSERT_INT_EQ(seen.count, 4);
    ASSERT_STR_EQ(seen.withheld[2], "forgotten");
    ASSERT_TRUE(seen.withheld[3].ptr == NULL);
    world_close(&w);
}

TEST(what_stands_on_a_branch_that_was_left_is_not_found)
{
    struct world w = world_open();
    struct seen seen;
    nima_str talk = begin(&w, "any news?");
    nima_str old = say(&w, talk, "assistant", "sunshine");
    struct nima_messages_change before = look(&w, -1, &seen), after;
    nima_str new = say_instead(&w, talk, "assistant", "rain again", 1);
    after = look(&w, before.change, &seen);
    ASSERT_INT_EQ(seen.count, 2); /* an index hears of it */
    ASSERT_INT_EQ(after.gone, before.gone);
    ASSERT_STR_EQ(seen.contents[0], "sunshine");
    ASSERT_TRUE(seen.left[0] && !seen.left[1]);
    ASSERT_INT_EQ(count_found(&w, old), 0);
    ASSERT_INT_EQ(count_found(&w, new), 1);
    before = after;
    ASSERT_OK_CTX(&w.ctx, nima_message_activate(&w.ctx, w.store, talk, old));
    after = look(&w, before.change, &seen);
    ASSERT_INT_EQ(seen.count, 2);
    ASSERT_TRUE(!seen.left[0] && seen.left[1]);
    ASSERT_INT_EQ(after.gone, after.change); /* and reads everything anew */
    ASSERT_INT_EQ(count_found(&w, old), 1);
    ASSERT_INT_EQ(count_found(&w, new), 0);
    world_close(&w);
}

TEST(a_superseded_facts_message_is_found_but_marked)
{
    struct world w = world_open();
    struct seen seen;
    int64_t change;
    nima_str talk = begin(&w, "I live in Lisbon");
    struct nima_message_rows last;
    ASSERT_OK_CTX(&w.ctx, nima_messages_last(&w.ctx, w.store, talk, 1, &last));
    struct nima_fact old = learned(&w, "The user lives in Lisbon", talk, last.items[0].id), row;
    struct nima_fact new_fact = a_fact("The user lives in Porto");
    new_fact.message_id = say(&w, talk, "user", "I moved to Porto");
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, old.id, &new_fact, &row, &change));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.withheld[0], "superseded");
    ASSERT_TRUE(seen.withheld[1].ptr == NULL);
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&w.ctx, nima_messages_get_many(&w.ctx, w.store, &last.items[0].id, 1, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_STR_EQ(rows.items[0].withheld, "superseded");
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, old.id, &change));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.withheld[0], "forgotten");
    world_close(&w);
}

TEST(versions_of_a_forgotten_fact_take_their_messages_with_them)
{
    struct world w = world_open();
    struct seen seen;
    int64_t change;
    nima_str talk = begin(&w, "I am 33");
    struct nima_message_rows last;
    ASSERT_OK_CTX(&w.ctx, nima_messages_last(&w.ctx, w.store, talk, 1, &last));
    struct nima_fact fact = learned(&w, "The user is 33", talk, last.items[0].id), row;
    fact.fact = NIMA_STR("The user is 34");
    fact.message_id = say(&w, talk, "user", "34 now");
    ASSERT_OK_CTX(&w.ctx, nima_facts_update(&w.ctx, w.store, &fact, &row, &change));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.withheld[0], "superseded");
    ASSERT_TRUE(seen.withheld[1].ptr == NULL);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.withheld[0], "forgotten");
    ASSERT_STR_EQ(seen.withheld[1], "forgotten");
    world_close(&w);
}

TEST(nobody_withholds_what_somebody_else_said)
{
    struct world w = world_open();
    struct seen seen;
    nima_str talk = begin(&w, "mine");
    struct nima_message_rows last;
    ASSERT_OK_CTX(&w.ctx, nima_messages_last(&w.ctx, w.store, talk, 1, &last));
    nima_str id = last.items[0].id;
    w.ctx.user_id = NIMA_STR("bob");
    struct nima_fact fact = learned(&w, "Bob knows the id", talk, id);
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_message_withhold(&w.ctx, w.store, talk, id));
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&w.ctx, nima_messages_get_many(&w.ctx, w.store, &id, 1, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    w.ctx.user_id = NIMA_STR("ana");
    look(&w, -1, &seen);
    ASSERT_TRUE(seen.withheld[0].ptr == NULL);
    ASSERT_OK_CTX(&w.ctx, nima_message_withhold(&w.ctx, w.store, talk, id));
    look(&w, -1, &seen);
    ASSERT_STR_EQ(seen.withheld[0], "forgotten");
    world_close(&w);
}

TEST(forgetting_a_person_is_seen_by_the_counter)
{
    struct world w = world_open();
    struct seen seen;
    begin(&w, "one");
    struct nima_messages_change before = look(&w, -1, &seen), after;
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &change));
    after = look(&w, -1, &seen);
    ASSERT_INT_EQ(seen.count, 0);
    ASSERT_TRUE(after.change > before.change);
    ASSERT_INT_EQ(after.gone, after.change);
    world_close(&w);
}

TEST_MAIN
