/* Profiles, tokens, idempotent replies, forgetting, and two people who never meet. */
#include "store/support_store.h"

#include <string.h>

TEST(a_profile_is_empty_until_it_is_written)
{
    struct world w = world_open();
    struct nima_profile profile, row;
    ASSERT_OK_CTX(&w.ctx, nima_profile_get(&w.ctx, w.store, &profile));
    ASSERT_STR_EQ(profile.user_id, "ana");
    ASSERT_TRUE(profile.name.ptr == NULL);
    ASSERT_STR_EQ(profile.preferences, "{}");
    ASSERT_INT_EQ(profile.updated_at, 0);
    w.ctx.now_ms = 5000;
    profile.name = NIMA_STR("Ana");
    profile.preferences = NIMA_STR("{\"tone\":\"dry\"}");
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &profile, &row));
    ASSERT_INT_EQ(row.updated_at, 5000);
    profile.name = (nima_str){0};
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &profile, &row));
    world_reopen(&w);
    ASSERT_OK_CTX(&w.ctx, nima_profile_get(&w.ctx, w.store, &profile));
    ASSERT_TRUE(profile.name.ptr == NULL);
    ASSERT_STR_EQ(profile.preferences, "{\"tone\":\"dry\"}");
    profile.context = NIMA_STR("\"no object\"");
    ASSERT_RC(NIMA_E_INVALID, nima_profile_put(&w.ctx, w.store, &profile, &row));
    world_close(&w);
}

static struct nima_api_token a_token(const char *hash)
{
    return (struct nima_api_token){
        .user_id = NIMA_STR("ana"), .scopes = NIMA_STR("chat memory"), .hash = nima_str_of(hash)};
}

TEST(a_token_is_found_until_it_is_revoked)
{
    struct world w = world_open();
    bool any = true;
    struct nima_api_token found;
    struct nima_api_tokens all;
    struct nima_api_token token = a_token("hash-1");
    ASSERT_OK_CTX(&w.ctx, nima_tokens_any(&w.ctx, w.store, &any));
    ASSERT_TRUE(!any);
    w.ctx.now_ms = INT64_C(1700000000000);
    ASSERT_OK_CTX(&w.ctx, nima_tokens_add(&w.ctx, w.store, &token));
    ASSERT_RC(NIMA_E_CONFLICT, nima_tokens_add(&w.ctx, w.store, &token));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_tokens_find(&w.ctx, w.store, NIMA_STR("hash-2"), &found));
    ASSERT_OK_CTX(&w.ctx, nima_tokens_find(&w.ctx, w.store, NIMA_STR("hash-1"), &found));
    ASSERT_STR_EQ(found.scopes, "chat memory");
    ASSERT_OK_CTX(&w.ctx, nima_tokens_find(&w.ctx, w.store, NIMA_STR("hash-1"), &found));
    ASSERT_INT_EQ(found.last_used_at, w.ctx.now_ms);
    w.ctx.now_ms += 60 * 1000; /* within the hour: not noted again */
    ASSERT_OK_CTX(&w.ctx, nima_tokens_find(&w.ctx, w.store, NIMA_STR("hash-1"), &found));
    ASSERT_INT_EQ(found.last_used_at, INT64_C(1700000000000));
    ASSERT_OK_CTX(&w.ctx, nima_tokens_any(&w.ctx, w.store, &any));
    ASSERT_TRUE(any);
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_tokens_revoke(&w.ctx, w.store, NIMA_STR("no id")));
    ASSERT_OK_CTX(&w.ctx, nima_tokens_revoke(&w.ctx, w.store, found.id));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_tokens_find(&w.ctx, w.store, NIMA_STR("hash-1"), &found));
    ASSERT_OK_CTX(&w.ctx, nima_tokens_list(&w.ctx, w.store, &all));
    ASSERT_INT_EQ(all.count, 1);
    ASSERT_INT_EQ(all.items[0].revoked_at, w.ctx.now_ms);
    ASSERT_OK_CTX(&w.ctx, nima_tokens_any(&w.ctx, w.store, &any));
    ASSERT_TRUE(!any);
    world_close(&w);
}

TEST(the_first_reply_of_a_key_is_kept_for_a_day)
{
    struct world w = world_open();
    struct nima_idempotent first = {.key = NIMA_STR("k"),
                                    .route = NIMA_STR("POST /v1/memory/facts"),
                                    .body_hash = NIMA_STR("h1"),
                                    .status = 201,
                                    .reply = NIMA_STR("{\"id\":1}")};
    struct nima_idempotent second = first, found;
    second.reply = NIMA_STR("{\"id\":2}");
    w.ctx.now_ms = INT64_C(1700000000000);
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_idempotent_get(&w.ctx, w.store, first.key, first.route, &found));
    ASSERT_OK_CTX(&w.ctx, nima_idempotent_put(&w.ctx, w.store, &first));
    ASSERT_OK_CTX(&w.ctx, nima_idempotent_put(&w.ctx, w.store, &second));
    ASSERT_OK_CTX(&w.ctx, nima_idempotent_get(&w.ctx, w.store, first.key, first.route, &found));
    ASSERT_STR_EQ(found.reply, "{\"id\":1}");
    ASSERT_STR_EQ(found.body_hash, "h1");
    ASSERT_INT_EQ(found.status, 201);
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_idempotent_get(&w.ctx, w.store, first.key, NIMA_STR("POST /else"), &found));
    w.ctx.user_id = NIMA_STR("ben");
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_idempotent_get(&w.ctx, w.store, first.key, first.route, &found));
    w.ctx.user_id = NIMA_STR("ana");
    w.ctx.now_ms += INT64_C(25) * 3600 * 1000;
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_idempotent_get(&w.ctx, w.store, first.key, first.route, &found));
    ASSERT_OK_CTX(&w.ctx, nima_idempotent_put(&w.ctx, w.store, &second));
    ASSERT_OK_CTX(&w.ctx, nima_idempotent_get(&w.ctx, w.store, first.key, first.route, &found));
    ASSERT_STR_EQ(found.reply, "{\"id\":2}");
    world_close(&w);
}

/* One of everything for the ctx's person, with the word in each text. Returns the ids. */
struct life {
    nima_str fact, conversation, message;
};
static struct life live(struct world *w, const char *word)
{
    struct nima_fact fact = put_fact(w, nima_fmt(&w->ctx, "%s lives here", word).ptr), row;
    int64_t change;
    fact.fact = nima_fmt(&w->ctx, "%s lives there", word);
    ASSERT_OK_CTX(&w->ctx, nima_facts_update(&w->ctx, w->store, &fact, &row, &change));
    struct nima_profile profile = {.name = nima_str_of(word)}, profile_row;
    ASSERT_OK_CTX(&w->ctx, nima_profile_put(&w->ctx, w->store, &profile, &profile_row));
    struct nima_message_row message = {.role = NIMA_STR("user"),
                                       .content = nima_fmt(&w->ctx, "I am %s", word)};
    struct nima_message_row second = message;
    struct nima_conversation talk = {.title = nima_str_of(word)}, talk_row;
    ASSERT_OK_CTX(&w->ctx,
                  nima_conversation_create(&w->ctx, w->store, &talk, &message, 1, &talk_row));
    ASSERT_OK_CTX(&w->ctx,
                  nima_messages_append(&w->ctx, w->store, talk_row.id, &second, 1, &message));
    struct nima_idempotent entry = {.key = NIMA_STR("key"),
                                    .route = NIMA_STR("POST /"),
                                    .body_hash = NIMA_STR("h"),
                                    .status = 200,
                                    .reply = nima_str_of(word)};
    ASSERT_OK_CTX(&w->ctx, nima_idempotent_put(&w->ctx, w->store, &entry));
    return (struct life){row.id, talk_row.id, message.id};
}

TEST(forgetting_leaves_no_byte_of_the_person_and_all_of_the_others)
{
    struct world w = world_open();
    live(&w, "ANA-WORDS");
    w.ctx.user_id = NIMA_STR("ben");
    struct life ben = live(&w, "BEN-WORDS");
    w.ctx.user_id = NIMA_STR("ana");
    ASSERT_TRUE(world_has_bytes(&w, "ANA-WORDS"));
    int64_t change = 0, again = 0;
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 3);
    ASSERT_TRUE(!world_has_bytes(&w, "ANA-WORDS"));
    ASSERT_INT_EQ(count_facts(&w), 0);
    struct nima_conversation_rows talks;
    ASSERT_OK(nima_conversation_list(&w.ctx, w.store, 0, (nima_str){0}, &talks));
    ASSERT_INT_EQ(talks.count, 0);
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &again)); /* nothing is left: fine */
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 4);
    w.ctx.user_id = NIMA_STR("ben");
    ASSERT_INT_EQ(count_facts(&w), 1);
    struct nima_message_row message;
    ASSERT_OK_CTX(&w.ctx,
                  nima_message_get(&w.ctx, w.store, ben.conversation, ben.message, &message));
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM messages"), 2);
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM fact_versions"), 1);
    world_close(&w);
}

TEST(forgetting_much_leaves_no_byte_either)
{
    struct world w = world_open();
    enum { MANY = 500 };
    static float vector[384] = {1};
    struct nima_fact *facts = NIMA_NEW(w.ctx.arena, struct nima_fact, MANY);
    struct nima_fact *rows = NIMA_NEW(w.ctx.arena, struct nima_fact, MANY);
    bool created[MANY];
    int64_t change;
    for (int i = 0; i < MANY; i++) {
        facts[i] = a_fact(nima_fmt(&w.ctx, "ANA-WORDS %d and %0*d", i, 1 + i * 13, 7).ptr);
        facts[i].embedding = vector;
        facts[i].dims = 384;
        facts[i].embedding_model = NIMA_STR("tiny");
    }
    ASSERT_OK_CTX(&w.ctx,
                  nima_facts_put_many(&w.ctx, w.store, facts, MANY, rows, created, &change));
    world_reopen(&w); /* so that the texts are in the file, too, not just in its log */
    ASSERT_TRUE(world_has_bytes(&w, "ANA-WORDS"));
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &change));
    ASSERT_TRUE(!world_has_bytes(&w, "ANA-WORDS"));
    world_close(&w);
}

/* Every call that takes an id, with the id of somebody else. */
TEST(what_belongs_to_somebody_else_is_not_found)
{
    struct world w = world_open();
    struct life ana = live(&w, "ana");
    w.ctx.user_id = NIMA_STR("ben");
    struct life ben = live(&w, "ben");
    struct nima_fact fact = a_fact("mine now"), row;
    int64_t change;
    float vector[2] = {1, 0};
    struct nima_fact_versions versions;
    fact.id = ana.fact;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_get(&w.ctx, w.store, ana.fact, &row));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_update(&w.ctx, w.store, &fact, &row, &change));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_delete(&w.ctx, w.store, ana.fact, &change));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_versions(&w.ctx, w.store, ana.fact, &versions));
    struct nima_fact embedded = {.id = ana.fact,
                                 .fact = NIMA_STR("ana lives there"),
                                 .embedding_model = NIMA_STR("m"),
                                 .embedding = vector,
                                 .dims = 2};
    bool set;
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_facts_set_embeddings(&w.ctx, w.store, &embedded, 1, &set, &change));
    fact.id = (nima_str){0};
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_facts_supersede(&w.ctx, w.store, ana.fact, &fact, &row, &change));
    struct nima_conversation talk = {.id = ana.conversation, .title = NIMA_STR("t")}, out;
    struct nima_message_row message = {.id = ana.message,
                                       .conversation_id = ana.conversation,
                                       .role = NIMA_STR("user"),
                                       .content = NIMA_STR("hello")};
    struct nima_message_row added = {.role = NIMA_STR("user"), .content = NIMA_STR("x")};
    struct nima_message_rows last;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_conversation_get(&w.ctx, w.store, ana.conversation, &out));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_conversation_update(&w.ctx, w.store, &talk, &out));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_conversation_delete(&w.ctx, w.store, ana.conversation));
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_messages_append(&w.ctx, w.store, ana.conversation, &added, 1, &message));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_message_update(&w.ctx, w.store, &message));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_messages_last(&w.ctx, w.store, ana.conversation, 0, &last));
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_message_get(&w.ctx, w.store, ana.conversation, ana.message, &message));
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_message_get(&w.ctx, w.store, ben.conversation, ana.message, &message));
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM facts"), 2);
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM messages WHERE content = 'hello'"), 0);
    world_close(&w);
}

TEST_MAIN
