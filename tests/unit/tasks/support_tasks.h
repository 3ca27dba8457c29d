#pragma once
/*
 * support_tasks: a folder with a store, roots and workers in it, a ctx for the person "ana", and a
 * folder outside that nothing may reach.
 */
#include "support/test.h"
#include "tasks/file/file_int.h"
#include "tasks/tasks_int.h"

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_tasks *tasks;
    struct nima_tasks_options options;
    char folder[64];
    char root[96], outside[96];
};

/* The folder and the store alone; set options, then world_start. */
struct world world_folder(void);
void world_start(struct world *w);
struct world world_open(void);
void world_close(struct world *w);
/* Asks for it and waits for its end, approving it where that is needed. */
struct nima_task_row world_do(struct world *w, const char *type, const char *action,
                              const char *params);
/* The rc of asking for it; the task itself in *out. */
nima_rc world_ask(struct world *w, const char *type, const char *action, const char *params,
                  struct nima_task_row *out);
struct nima_task_row world_wait(struct world *w, nima_str id);
/* Writes a file below the world's folder: "root/a.txt". */
void world_put(struct world *w, const char *path, const char *content);
nima_str world_file(struct world *w, const char *path); /* absent: there is none */
