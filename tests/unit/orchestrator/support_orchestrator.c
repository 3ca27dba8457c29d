#include "orchestrator/support_orchestrator.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"

struct world world_open(void)
{
    return world_open_with((struct nima_llm_options){.chat = NIMA_STR("scripted:"),
                                                     .embeddings = NIMA_STR("scripted:")});
}

struct world world_open_with(struct nima_llm_options llm)
{
    struct world w = {.folder = "/tmp/nima-turn-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    nima_str address = nima_fmt(&w.ctx, "sqlite:%s/nima.db", w.folder);
    struct nima_store_options store = {.address = address};
    ASSERT_OK_CTX(&w.ctx, nima_store_open(&w.ctx, &store, &w.store));
    ASSERT_OK_CTX(&w.ctx, nima_llm_open(&w.ctx, &llm, &w.llm));
    struct nima_memory_options memory;
    nima_memory_defaults(&memory);
    w.memory = nima_memory_new(w.store, w.llm, &memory);
    struct nima_personality_options persona = {.llm = w.llm, .rules = true};
    ASSERT_OK_CTX(&w.ctx, nima_personality_open(&w.ctx, &persona, &w.personality));
    w.goals = nima_goals_new(w.store, w.llm);
    struct nima_orchestrator_options options = {.store = w.store,
                                                .llm = w.llm,
                                                .memory = w.memory,
                                                .personality = w.personality,
                                                .goals = w.goals};
    w.o = nima_orchestrator_new(&options);
    return w;
}

void world_close(struct world *w)
{
    nima_orchestrator_free(w->o);
    nima_personality_close(w->personality);
    nima_goals_free(w->goals);
    nima_memory_free(w->memory);
    nima_llm_close(w->llm);
    nima_store_close(w->store);
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

static nima_rc on_text(struct nima_ctx *ctx, void *user, nima_str piece)
{
    struct world *w = user;
    w->streamed = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(w->streamed), NIMA_ARG(piece));
    if (w->stop_after > 0 && --w->stop_after == 0) {
        return nima_fail(ctx, NIMA_E_CANCELLED, "the client has left");
    }
    return NIMA_OK;
}

static nima_rc on_ready(struct nima_ctx *ctx, void *user, nima_str conversation_id)
{
    struct world *w = user;
    w->ready_id = conversation_id;
    return w->ready == NIMA_OK ? NIMA_OK : nima_fail(ctx, w->ready, "not ready");
}

nima_rc say_turn(struct world *w, struct nima_turn turn)
{
    turn.on_text = on_text;
    turn.on_ready = on_ready;
    turn.user = w;
    w->streamed = NIMA_STR("");
    w->ready_id = (nima_str){NULL, 0};
    memset(&w->out, 0, sizeof(w->out));
    return nima_orchestrator_turn(&w->ctx, w->o, &turn, &w->out);
}

nima_rc say(struct world *w, nima_str conversation_id, const char *message)
{
    struct nima_llm_message messages[] = {{NIMA_STR("user"), nima_str_of(message)}};
    return say_turn(w, (struct nima_turn){.messages = messages,
                                          .count = 1,
                                          .conversation_id = conversation_id,
                                          .use_memory = true});
}

nima_str said(struct world *w, nima_str conversation_id, const char *message)
{
    ASSERT_OK_CTX(&w->ctx, say(w, conversation_id, message));
    return w->out.response;
}

struct nima_fact world_remember(struct world *w, const char *text)
{
    struct nima_fact fact = {.fact = nima_str_of(text),
                             .category = NIMA_STR("personal"),
                             .source = NIMA_STR("explicit"),
                             .confidence = 1};
    struct nima_fact stored;
    bool created;
    ASSERT_OK_CTX(&w->ctx, nima_memory_add(&w->ctx, w->memory, &fact, &stored, &created));
    return stored;
}

size_t count_facts(struct world *w)
{
    struct nima_fact_stats stats;
    ASSERT_OK_CTX(&w->ctx, nima_facts_stats(&w->ctx, w->store, &stats));
    return (size_t)stats.active;
}

struct nima_message_rows messages_of(struct world *w, nima_str conversation_id)
{
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&w->ctx, nima_messages_last(&w->ctx, w->store, conversation_id, 0, &rows));
    return rows;
}

size_t count_conversations(struct world *w)
{
    struct nima_conversation_rows rows;
    nima_str cursor = {NULL, 0};
    ASSERT_OK_CTX(&w->ctx, nima_conversation_list(&w->ctx, w->store, 100, cursor, &rows));
    return rows.count;
}

struct nima_reply_meta meta_of(struct world *w, const struct nima_message_row *message)
{
    struct nima_reply_meta meta;
    ASSERT_OK_CTX(&w->ctx,
                  nima_json_decode(&w->ctx, &nima_reply_meta_shape, message->metadata, &meta));
    return meta;
}
