#include "memory/support_memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"

static void open_all(struct world *w, const char *embeddings)
{
    struct nima_memory_options options;
    nima_memory_defaults(&options);
    options.learn_model = w->script[0] != '\0' ? NIMA_LLM_USE_ON : NIMA_LLM_USE_AUTO;
    struct nima_store_options where = {.address =
                                           nima_fmt(&w->ctx, "sqlite:%s/nima.db", w->folder)};
    ASSERT_OK_CTX(&w->ctx, nima_store_open(&w->ctx, &where, &w->store));
    struct nima_llm_options models = {.chat = nima_fmt(&w->ctx, "scripted:%s", w->script),
                                      .embeddings = nima_str_of(embeddings)};
    ASSERT_OK_CTX(&w->ctx, nima_llm_open(&w->ctx, &models, &w->llm));
    struct nima_llm_state state = {0};
    for (int i = 0; i < 2000 && !state.chat_loaded; i++) {
        nima_llm_state(w->llm, &state);
        usleep(1000);
    }
    for (int i = 0; i < 2000 && strcmp(embeddings, "scripted:") == 0 && !state.embeddings_loaded;
         i++) {
        nima_llm_state(w->llm, &state);
        usleep(1000);
    }
    w->memory = nima_memory_new(w->store, w->llm, &options);
}

static struct world world_with(const char *embeddings)
{
    struct world w = {.folder = "/tmp/nima-memory-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    open_all(&w, embeddings);
    return w;
}

struct world world_open(void)
{
    return world_with("scripted:");
}

struct world world_open_without_model(void)
{
    return world_with("none:");
}

struct world world_open_scripted(const char *rules)
{
    struct world w = {.folder = "/tmp/nima-memory-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.script, sizeof(w.script), "%s/script.json", w.folder);
    FILE *file = fopen(w.script, "w");
    assert_non_null(file);
    assert_true(fputs(rules, file) >= 0);
    assert_int_equal(fclose(file), 0);
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    open_all(&w, "scripted:");
    return w;
}

static void close_all(struct world *w)
{
    nima_memory_free(w->memory);
    nima_llm_close(w->llm);
    nima_store_close(w->store);
}

void world_restart(struct world *w)
{
    close_all(w);
    open_all(w, "scripted:");
}

void world_close(struct world *w)
{
    close_all(w);
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

struct nima_fact a_fact(const char *text)
{
    return (struct nima_fact){.fact = nima_str_of(text),
                              .category = NIMA_STR("note"),
                              .source = NIMA_STR("explicit"),
                              .confidence = 0.9,
                              .metadata = NIMA_STR("{}")};
}

struct nima_fact remember(struct world *w, const char *text)
{
    struct nima_fact fact = a_fact(text);
    struct nima_fact out;
    bool created;
    ASSERT_OK_CTX(&w->ctx, nima_memory_add(&w->ctx, w->memory, &fact, &out, &created));
    return out;
}

struct nima_memory_hits search(struct world *w, struct nima_memory *memory, const char *query)
{
    struct nima_memory_query asked = {.text = nima_str_of(query), .limit = 10};
    struct nima_memory_hits hits;
    ASSERT_OK_CTX(&w->ctx, nima_memory_search(&w->ctx, memory, &asked, &hits));
    return hits;
}

bool finds(struct world *w, struct nima_memory *memory, const char *query, const char *text)
{
    struct nima_memory_hits hits = search(w, memory, query);
    for (size_t i = 0; i < hits.count; i++) {
        if (nima_str_eq(hits.items[i].fact.fact, nima_str_of(text))) {
            return true;
        }
    }
    return false;
}

struct nima_learned_list tell(struct world *w, const char *message)
{
    struct nima_utterance said = {.text = nima_str_of(message)};
    struct nima_learned_list list;
    ASSERT_OK_CTX(&w->ctx, nima_memory_learn(&w->ctx, w->memory, &said, &list));
    return list;
}

bool learned(const struct nima_learned_list *list, enum nima_learned_event event, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].event == event &&
            nima_str_eq(list->items[i].fact.fact, nima_str_of(text))) {
            return true;
        }
    }
    return false;
}
