#pragma once
/*
 * support_knowledge: folders for packs, a store, scripted embeddings, a ctx for "ana".
 */
#include "knowledge/knowledge.h"
#include "llm/llm.h"
#include "store/store.h"
#include "support/test.h"

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_knowledge *knowledge;
    char folder[64];
};

struct world world_open(void);
struct world world_with(const char *shipped, const char *embeddings); /* NULL: its own folder */
void world_restart(struct world *w);
void world_close(struct world *w);

const char *path_of(struct world *w, const char *name); /* below the world's folder */
/* Writes packs/FOLDER/NAME, making the folder. */
void write_pack_file(struct world *w, const char *folder, const char *name, const char *text);
/* packs/FOLDER/facts.json with the plan's fields. */
void write_pack(struct world *w, const char *folder, const char *id, const char *version,
                const char *fact, const char *topic);
struct nima_pack_infos list(struct world *w);
bool has_problem(struct world *w, const char *part); /* a problem that says so */
