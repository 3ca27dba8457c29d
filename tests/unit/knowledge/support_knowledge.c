#include "knowledge/support_knowledge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"
#include "util/file.h"

static void open_all(struct world *w, const char *shipped, const char *embeddings)
{
    struct nima_store_options where = {.address =
                                           nima_fmt(&w->ctx, "sqlite:%s/nima.db", w->folder)};
    ASSERT_OK_CTX(&w->ctx, nima_store_open(&w->ctx, &where, &w->store));
    const char *home = getenv("NIMA_CACHE") != NULL ? getenv("NIMA_CACHE") : getenv("HOME");
    struct nima_llm_options models = {
        .chat = NIMA_STR("scripted:"),
        .embeddings = nima_str_of(embeddings),
        .models_dir = nima_fmt(&w->ctx, "%s%s/models", home,
                               getenv("NIMA_CACHE") != NULL ? "" : "/.cache/nima")};
    ASSERT_OK_CTX(&w->ctx, nima_llm_open(&w->ctx, &models, &w->llm));
    struct nima_llm_state state = {0};
    bool wanted = strcmp(embeddings, "none:") != 0;
    for (int i = 0; i < 60000 && !(state.chat_loaded && (!wanted || state.embeddings_loaded));
         i++) {
        nima_llm_state(w->llm, &state);
        usleep(1000);
    }
    struct nima_knowledge_options options = {
        .store = w->store,
        .llm = w->llm,
        .shipped = shipped != NULL ? nima_str_of(shipped) : nima_str_of(path_of(w, "shipped")),
        .own = nima_str_of(path_of(w, "packs")),
        .cache = nima_str_of(path_of(w, "vectors"))};
    w->knowledge = nima_knowledge_new(&options);
}

struct world world_with(const char *shipped, const char *embeddings)
{
    struct world w = {.folder = "/tmp/nima-packs-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    open_all(&w, shipped, embeddings);
    return w;
}

struct world world_open(void)
{
    return world_with(NULL, "scripted:");
}

static void close_all(struct world *w)
{
    nima_knowledge_free(w->knowledge);
    nima_llm_close(w->llm);
    nima_store_close(w->store);
}

void world_restart(struct world *w)
{
    close_all(w);
    open_all(w, NULL, "scripted:");
}

void world_close(struct world *w)
{
    close_all(w);
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

const char *path_of(struct world *w, const char *name)
{
    return nima_fmt(&w->ctx, "%s/%s", w->folder, name).ptr;
}

void write_pack_file(struct world *w, const char *folder, const char *name, const char *text)
{
    const char *path = nima_fmt(&w->ctx, "%s/packs/%s", w->folder, folder).ptr;
    ASSERT_OK_CTX(&w->ctx, nima_dir_make(&w->ctx, path));
    ASSERT_OK_CTX(&w->ctx, nima_file_write(&w->ctx, nima_fmt(&w->ctx, "%s/%s", path, name).ptr,
                                           nima_str_of(text), 0644));
}

void write_pack(struct world *w, const char *folder, const char *id, const char *version,
                const char *fact, const char *topic)
{
    write_pack_file(w, folder, "facts.json",
                    nima_fmt(&w->ctx,
                             "{\"id\": \"%s\", \"name\": \"The %s\", \"category\": \"life\", "
                             "\"version\": \"%s\", \"enabled\": true, \"facts\": [{\"fact\": "
                             "\"%s\", \"category\": \"test\", \"source\": \"a book\"}], "
                             "\"rules\": {\"topics\": [\"%s\"]}}",
                             id, id, version, fact, topic)
                        .ptr);
}

struct nima_pack_infos list(struct world *w)
{
    struct nima_pack_infos packs;
    ASSERT_OK_CTX(&w->ctx, nima_knowledge_list(&w->ctx, w->knowledge, (nima_str){NULL, 0}, &packs));
    return packs;
}

bool has_problem(struct world *w, const char *part)
{
    struct nima_pack_state state;
    list(w);
    nima_knowledge_state(&w->ctx, w->knowledge, &state);
    for (size_t i = 0; i < state.problems.count; i++) {
        if (nima_str_find(state.problems.items[i], nima_str_of(part), 0) != SIZE_MAX) {
            return true;
        }
        print_message("problem: " NIMA_FMT "\n", NIMA_ARG(state.problems.items[i]));
    }
    return false;
}
