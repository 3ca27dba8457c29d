/*
 * What a turn recalls of tests/data/recall.jsonl: one person knows each thing once, another the
 * same things in several wordings, as imports and models leave them.
 *
 *   bench_recall FILE MODELS-DIR [LIMIT]      with MiniLM; a line of JSON for each person
 *
 * covered: of the things a question needs, those that are recalled; told: of the facts recalled,
 * those that tell a thing needed which none before them told; about: those about one needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llm/llm.h"
#include "memory/memory.h"
#include "support/folder.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"

enum { DATA_BYTES_MAX = 1 << 20, TOPICS_MAX = 64, WORDINGS_MAX = 8, LOAD_WAIT_MS = 120000 };

struct topic {
    nima_str name, ids[WORDINGS_MAX];
    size_t count;
};
struct run {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct topic topics[TOPICS_MAX];
    size_t count, limit;
    int questions, silent;
    double covered, told, about, recalled;
};

static nima_rc keep_topic(struct run *run, const struct nima_json *line, bool doubled)
{
    struct topic *topic = &run->topics[run->count++];
    const struct nima_json *facts = nima_json_get(line, "facts");
    *topic = (struct topic){.name = nima_json_str(nima_json_get(line, "topic"))};
    nima_assert(run->count < TOPICS_MAX);
    for (size_t i = 0; i < nima_json_count(facts) && i < WORDINGS_MAX && (doubled || i == 0); i++) {
        struct nima_fact fact = {.fact = nima_json_str(nima_json_at(facts, i, NULL)),
                                 .category = NIMA_STR("note"),
                                 .source = NIMA_STR("explicit"),
                                 .confidence = 0.9,
                                 .metadata = NIMA_STR("{}")};
        struct nima_fact stored;
        bool created;
        NIMA_TRY(nima_memory_add(&run->ctx, run->memory, &fact, &stored, &created));
        topic->ids[topic->count++] = stored.id;
    }
    return NIMA_OK;
}

static const struct topic *topic_of(const struct run *run, nima_str id)
{
    for (size_t t = 0; t < run->count; t++) {
        for (size_t i = 0; i < run->topics[t].count; i++) {
            if (nima_str_eq(run->topics[t].ids[i], id)) {
                return &run->topics[t];
            }
        }
    }
    return NULL;
}

static bool needs(const struct nima_json *topics, nima_str name, size_t *at)
{
    for (*at = 0; *at < nima_json_count(topics); (*at)++) {
        if (nima_str_eq(nima_json_str(nima_json_at(topics, *at, NULL)), name)) {
            return true;
        }
    }
    return false;
}

static nima_rc ask(struct run *run, const struct nima_json *line)
{
    const struct nima_json *topics = nima_json_get(line, "topics");
    struct nima_memory_hits hits;
    bool told[TOPICS_MAX] = {false};
    size_t covered = 0, about = 0, at;
    NIMA_TRY(nima_memory_recall(&run->ctx, run->memory, nima_json_str(nima_json_get(line, "ask")),
                                (int)run->limit, &hits));
    if (nima_json_count(topics) == 0) {
        run->silent += hits.count == 0;
        return NIMA_OK;
    }
    for (size_t i = 0; i < hits.count; i++) {
        const struct topic *topic = topic_of(run, hits.items[i].fact.id);
        if (topic != NULL && needs(topics, topic->name, &at)) {
            covered += !told[at];
            told[at] = true;
            about++;
        }
        if (getenv("NIMA_SHOW") != NULL) {
            printf("  %.2f " NIMA_FMT "\n", hits.items[i].score, NIMA_ARG(hits.items[i].fact.fact));
        }
    }
    run->questions++;
    run->recalled += (double)hits.count;
    run->covered += (double)covered / (double)nima_json_count(topics);
    run->told += hits.count > 0 ? (double)covered / (double)hits.count : 0;
    run->about += hits.count > 0 ? (double)about / (double)hits.count : 0;
    return NIMA_OK;
}

static nima_rc measure(struct run *run, nima_str data, bool doubled)
{
    nima_str line;
    run->ctx.user_id = doubled ? NIMA_STR("doubled") : NIMA_STR("plain");
    run->count = 0;
    run->questions = run->silent = 0;
    run->covered = run->told = run->about = run->recalled = 0;
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *tree;
        if (line.len == 0) {
            continue;
        }
        NIMA_TRY(nima_json_parse(&run->ctx, line, &tree));
        NIMA_TRY(nima_json_get(tree, "topic") != NULL ? keep_topic(run, tree, doubled)
                                                      : ask(run, tree));
    }
    double all = run->questions;
    printf("{\"bench\":\"recall\",\"wordings\":\"%s\",\"limit\":%zu,\"questions\":%d,"
           "\"covered\":%.3f,\"told\":%.3f,\"about\":%.3f,\"recalled\":%.2f,\"silent\":%d}\n",
           doubled ? "several" : "one", run->limit, run->questions, run->covered / all,
           run->told / all, run->about / all, run->recalled / all, run->silent);
    return NIMA_OK;
}

static nima_rc run_all(struct run *run, const char *path, const char *models, const char *folder)
{
    struct nima_ctx *ctx = &run->ctx;
    struct nima_store_options where = {.address = nima_fmt(ctx, "sqlite:%s/nima.db", folder)};
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = NIMA_STR("local:all-MiniLM-L6-v2"),
                                       .models_dir = nima_str_of(models)};
    struct nima_memory_options memory;
    struct nima_llm_state state = {0};
    nima_str data;
    NIMA_TRY(nima_store_open(ctx, &where, &run->store));
    NIMA_TRY(nima_llm_open(ctx, &options, &run->llm));
    int64_t until = nima_mono_ms() + LOAD_WAIT_MS;
    while (!state.embeddings_loaded && nima_mono_ms() < until) {
        nima_llm_state(run->llm, &state);
        usleep(1000);
    }
    nima_memory_defaults(&memory);
    run->memory = nima_memory_new(run->store, run->llm, &memory);
    NIMA_TRY(nima_file_read(ctx, path, DATA_BYTES_MAX, &data));
    NIMA_TRY(measure(run, data, false));
    return measure(run, data, true);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: bench_recall FILE MODELS-DIR [LIMIT]\n");
        return 2;
    }
    char folder[] = "/tmp/nima-recall-XXXXXX";
    struct run *run = NIMA_XNEW(struct run, 1);
    int64_t limit = 8;
    if (mkdtemp(folder) == NULL || (argc == 4 && !nima_str_to_i64(nima_str_of(argv[3]), &limit))) {
        fprintf(stderr, "bench_recall: no folder, or a limit that is no number\n");
        return 2;
    }
    run->limit = (size_t)limit;
    nima_ctx_init(&run->ctx);
    nima_rc rc = run_all(run, argv[1], argv[2], folder);
    if (rc != NIMA_OK) {
        fprintf(stderr, "bench_recall: %s\n", run->ctx.error.message);
    }
    nima_memory_free(run->memory);
    nima_llm_close(run->llm);
    nima_store_close(run->store);
    nima_ctx_done(&run->ctx);
    test_folder_remove(folder);
    free(run);
    return rc == NIMA_OK ? 0 : 1;
}
