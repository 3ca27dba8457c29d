/*
 * What a task replaced or deleted, in two files named after the task: the content, and beside it
 * what it was. Kept for a day, outside the roots.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/uuid.h"

enum { KEPT_MS = 24 * 3600 * 1000, RECORD_BYTES_MAX = 1 << 16 };

static const struct nima_field undo_fields[] = {
    NIMA_FIELD(STR, struct nima_undo, kind, .required = true),
    NIMA_FIELD(STR, struct nima_undo, root, .blank_ok = true),
    NIMA_FIELD(STR, struct nima_undo, path, .required = true),
    NIMA_FIELD(STR, struct nima_undo, to),
    NIMA_FIELD(INT, struct nima_undo, mode),
};
static const struct nima_shape undo_shape = NIMA_SHAPE("Undo", struct nima_undo, undo_fields);

static const char *file_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str id,
                           const char *suffix)
{
    return nima_fmt(ctx, "%s/" NIMA_FMT "%s", tasks->undo, NIMA_ARG(id), suffix).ptr;
}

static bool is_moved_over(const struct nima_undo *undo)
{
    return nima_str_eq(undo->kind, NIMA_STR("moved over"));
}

nima_rc nima_undo_get(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str task_id,
                      struct nima_undo *out)
{
    nima_str id, text;
    struct nima_undo undo;
    NIMA_TRY(nima_uuid_read(ctx, task_id, "params.task_id", &id));
    nima_rc rc = nima_file_read(ctx, file_of(ctx, tasks, id, ".json"), RECORD_BYTES_MAX, &text);
    if (rc == NIMA_E_NOT_FOUND) {
        return nima_fail(ctx, rc, "nothing is kept of this task that could be undone");
    }
    NIMA_TRY(rc);
    NIMA_TRY(nima_json_decode(ctx, &undo_shape, text, &undo));
    if (nima_str_eq(undo.kind, NIMA_STR("replaced")) || is_moved_over(&undo)) {
        NIMA_TRY(
            nima_file_read(ctx, file_of(ctx, tasks, id, ""), NIMA_FILE_BYTES_MAX, &undo.content));
    }
    *out = undo;
    return NIMA_OK;
}

nima_rc nima_undo_keep(struct nima_ctx *ctx, const struct nima_job *job,
                       const struct nima_undo *undo, bool *earlier)
{
    const char *record = file_of(ctx, job->tasks, job->id, ".json");
    nima_str text;
    *earlier = access(record, F_OK) == 0;
    if (*earlier) {
        return NIMA_OK;
    }
    if (undo->content.ptr != NULL) {
        NIMA_TRY(nima_file_write(ctx, file_of(ctx, job->tasks, job->id, ""), undo->content, 0600));
    }
    NIMA_TRY(nima_file_result(ctx, &undo_shape, undo, &text));
    return nima_file_write(ctx, record, text, 0600);
}

void nima_undo_drop(struct nima_ctx *ctx, const struct nima_job *job)
{
    unlink(file_of(ctx, job->tasks, job->id, ".json"));
    unlink(file_of(ctx, job->tasks, job->id, ""));
}

/* Taking a change back */

static nima_rc undo_it(struct nima_ctx *ctx, struct nima_job *job, const struct nima_undo *undo,
                       struct nima_place *place)
{
    struct stat info;
    bool exists;
    NIMA_TRY(nima_place_open(ctx, &job->tasks->roots, undo->root, undo->path, false, place));
    NIMA_TRY(nima_place_stat(ctx, place, &info, &exists));
    if (nima_str_eq(undo->kind, NIMA_STR("folder"))) {
        bool there = exists && S_ISDIR(info.st_mode);
        return there || mkdirat(place->dir, place->name, (mode_t)undo->mode) == 0
                   ? NIMA_OK
                   : nima_place_fail(ctx, place->path, errno);
    }
    if (exists) {
        NIMA_TRY(nima_place_regular(ctx, place->path, &info));
    }
    if (nima_str_eq(undo->kind, NIMA_STR("made"))) {
        return !exists || unlinkat(place->dir, place->name, 0) == 0
                   ? NIMA_OK
                   : nima_place_fail(ctx, place->path, errno);
    }
    info.st_mode = (mode_t)undo->mode;
    info.st_uid = exists ? info.st_uid : geteuid();
    info.st_gid = exists ? info.st_gid : getegid();
    return nima_place_write(ctx, place, undo->content, &info, false, NULL);
}

/* What was moved over, where it was; nothing stands there, or it has been put back before. */
static nima_rc put_back(struct nima_ctx *ctx, const struct nima_place *place,
                        const struct nima_undo *undo)
{
    struct stat info;
    nima_str there;
    bool exists;
    NIMA_TRY(nima_place_stat(ctx, place, &info, &exists));
    if (exists) {
        NIMA_TRY(nima_place_content(ctx, place, NIMA_FILE_BYTES_MAX, &there, &info));
        return nima_str_eq(there, undo->content) ? NIMA_OK
                                                 : nima_place_fail(ctx, place->path, EEXIST);
    }
    info = (struct stat){.st_mode = (mode_t)undo->mode, .st_uid = geteuid(), .st_gid = getegid()};
    return nima_place_write(ctx, place, undo->content, &info, true, NULL);
}

/* It is kept as a move the other way, so that a second attempt knows of the first. */
static nima_rc undo_move(struct nima_ctx *ctx, struct nima_job *job, const struct nima_undo *undo)
{
    struct nima_undo back = {
        .kind = NIMA_STR("moved"), .root = undo->root, .path = undo->to, .to = undo->path};
    struct nima_place from, to = {.dir = -1};
    bool earlier = false, over = is_moved_over(undo);
    nima_rc rc = nima_place_open(ctx, &job->tasks->roots, undo->root, undo->to, false, &from);
    rc = rc == NIMA_OK
             ? nima_place_open(ctx, &job->tasks->roots, undo->root, undo->path, false, &to)
             : rc;
    rc = rc == NIMA_OK ? nima_undo_keep(ctx, job, &back, &earlier) : rc;
    if (rc == NIMA_OK && renameat2(from.dir, from.name, to.dir, to.name, RENAME_NOREPLACE) != 0) {
        int error = errno;
        bool moved = earlier && (error == ENOENT || (over && error == EEXIST));
        rc = moved ? NIMA_OK : nima_place_fail(ctx, error == EEXIST ? undo->path : undo->to, error);
        if (!moved && !earlier) {
            nima_undo_drop(ctx, job);
        }
    }
    rc = rc == NIMA_OK && over ? put_back(ctx, &from, undo) : rc;
    nima_place_done(&from);
    nima_place_done(&to);
    return rc;
}

nima_rc nima_undo_run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_task_row task;
    struct nima_undo kept;
    NIMA_TRY(nima_task_get(ctx, job->tasks->options.store, p->task_id, &task));
    NIMA_TRY(nima_undo_get(ctx, job->tasks, task.id, &kept));
    NIMA_TRY(nima_ctx_stopped(ctx));
    if (nima_str_eq(kept.kind, NIMA_STR("moved")) || is_moved_over(&kept)) {
        NIMA_TRY(undo_move(ctx, job, &kept));
    } else {
        struct nima_place place = {.dir = -1};
        nima_rc rc = undo_it(ctx, job, &kept, &place);
        nima_place_done(&place);
        NIMA_TRY(rc);
    }
    return nima_file_told(ctx, kept.path, kept.to, "taken back", result);
}

nima_rc nima_undo_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_task_row task;
    struct nima_undo kept;
    NIMA_TRY(nima_task_get(ctx, job->tasks->options.store, p->task_id, &task));
    NIMA_TRY(nima_undo_get(ctx, job->tasks, task.id, &kept));
    return nima_file_told(ctx, kept.path, kept.to, "taken back", result);
}

/* The paths of what would be taken back: a rule on them counts here, too. */
nima_rc nima_undo_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                            const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_file_params *p = params;
    struct nima_error before = ctx->error;
    struct nima_task_row task;
    struct nima_undo kept;
    nima_rc rc = nima_task_get(ctx, tasks->options.store, p->task_id, &task);
    rc = rc == NIMA_OK ? nima_undo_get(ctx, tasks, task.id, &kept) : rc;
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before; /* which is said when it is run */
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    out[0] = kept.path;
    out[1] = kept.to;
    return NIMA_OK;
}

static bool is_ours(const char *name)
{
    nima_str text = nima_str_of(name);
    return text.len >= NIMA_UUID_CHARS && nima_uuid_valid(nima_str_sub(text, 0, NIMA_UUID_CHARS));
}

void nima_undo_clean(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    DIR *folder = opendir(tasks->undo);
    if (folder == NULL) {
        return;
    }
    int64_t oldest = nima_ctx_now(ctx) - KEPT_MS;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat info;
        if (is_ours(entry->d_name) &&
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (int64_t)info.st_mtim.tv_sec * 1000 < oldest) {
            unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    closedir(folder);
}

nima_rc nima_tasks_forget(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    struct nima_task_filter filter = {.type = NIMA_STR("file"), .limit = 1000};
    do {
        struct nima_task_rows rows;
        NIMA_TRY(nima_task_list(ctx, tasks->options.store, &filter, &rows));
        for (size_t i = 0; i < rows.count; i++) {
            unlink(file_of(ctx, tasks, rows.items[i].id, ""));
            unlink(file_of(ctx, tasks, rows.items[i].id, ".json"));
        }
        filter.cursor = rows.next_cursor;
    } while (filter.cursor.ptr != NULL);
    return NIMA_OK;
}
