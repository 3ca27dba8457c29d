#pragma once
/*
 * support_memory: a folder, a store in it, scripted embeddings, a memory, a ctx for "ana".
 */
#include "llm/llm.h"
#include "memory/memory.h"
#include "support/test.h"

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    char folder[64];
    char script[96]; /* of the scripted model; "": none */
};

struct world world_open(void);
struct world world_open_without_model(void);
/* With a chat model that answers by the rules (llm/scripted.c) and is asked while learning. */
struct world world_open_scripted(const char *rules);
void world_restart(struct world *w); /* as after a crash: all is opened anew */
void world_close(struct world *w);

struct nima_fact a_fact(const char *text);
struct nima_fact remember(struct world *w, const char *text);
struct nima_memory_hits search(struct world *w, struct nima_memory *memory, const char *query);
bool finds(struct world *w, struct nima_memory *memory, const char *query, const char *text);
/* What a message teaches; NULL-safe texts by event. */
struct nima_learned_list tell(struct world *w, const char *message);
bool learned(const struct nima_learned_list *list, enum nima_learned_event event, const char *text);
