#include "tasks/support_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "util/file.h"

enum { PATIENCE_MS = 60000, FILE_MAX = 64 << 20 };

struct world world_folder(void)
{
    struct world w = {.folder = "/tmp/nima-tasks-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.root, sizeof(w.root), "%s/root", w.folder);
    snprintf(w.outside, sizeof(w.outside), "%s/outside", w.folder);
    assert_int_equal(mkdir(w.root, 0755) | mkdir(w.outside, 0755), 0);
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    char address[128];
    snprintf(address, sizeof(address), "sqlite:%s/nima.db", w.folder);
    struct nima_store_options options = {.address = nima_str_of(address)};
    ASSERT_OK_CTX(&w.ctx, nima_store_open(&w.ctx, &options, &w.store));
    w.options = (struct nima_tasks_options){
        .store = w.store, .workers = 2, .lease_ms = 600000, .approval_s = 3600};
    return w;
}

void world_start(struct world *w)
{
    w->options.data = nima_str_of(w->folder);
    w->options.file_roots = nima_str_of(w->root);
    ASSERT_OK_CTX(&w->ctx, nima_tasks_open(&w->ctx, &w->options, &w->tasks));
}

struct world world_open(void)
{
    struct world w = world_folder();
    world_start(&w);
    return w;
}

void world_close(struct world *w)
{
    nima_tasks_close(w->tasks, PATIENCE_MS);
    nima_store_close(w->store);
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

nima_rc world_ask(struct world *w, const char *type, const char *action, const char *params,
                  struct nima_task_row *out)
{
    struct nima_tasks_request request = {.type = nima_str_of(type),
                                         .action = nima_str_of(action),
                                         .params = nima_str_of(params),
                                         .origin = NIMA_STR("api"),
                                         .max_attempts = 2,
                                         .timeout_s = 60};
    return nima_tasks_submit(&w->ctx, w->tasks, &request, out);
}

struct nima_task_row world_wait(struct world *w, nima_str id)
{
    struct nima_task_row seen = {.id = id}, row;
    ASSERT_OK_CTX(&w->ctx, nima_tasks_wait(&w->ctx, w->tasks, &seen, PATIENCE_MS, &row));
    return row;
}

struct nima_task_row world_do(struct world *w, const char *type, const char *action,
                              const char *params)
{
    struct nima_task_row row;
    ASSERT_OK_CTX(&w->ctx, world_ask(w, type, action, params, &row));
    if (nima_str_eq(row.status, NIMA_STR("awaiting_approval"))) {
        ASSERT_OK_CTX(&w->ctx, nima_tasks_approve(&w->ctx, w->tasks, row.id, &row));
    }
    return world_wait(w, row.id);
}

void world_put(struct world *w, const char *path, const char *content)
{
    const char *full = nima_fmt(&w->ctx, "%s/%s", w->folder, path).ptr;
    ASSERT_OK_CTX(&w->ctx, nima_file_write(&w->ctx, full, nima_str_of(content), 0644));
}

nima_str world_file(struct world *w, const char *path)
{
    nima_str text = {0};
    const char *full = nima_fmt(&w->ctx, "%s/%s", w->folder, path).ptr;
    if (nima_file_read(&w->ctx, full, FILE_MAX, &text) != NIMA_OK) {
        return (nima_str){0};
    }
    return text;
}
