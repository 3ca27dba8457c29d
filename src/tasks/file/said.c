/*
 * Files in a conversation: "undo that" right after a file was changed, "undo the last change to
 * notes.txt" at any time as long as what was there is kept. Other forms are rules of heard.c.
 */
#include <string.h>

#include "tasks/file/file_int.h"
#include "tasks/words.h"

enum { LOOKED_AT = 200 };

static const char *const last_forms[] = {
    "undo that|it|this",
    "undo the last change",
    "take|put that|it back",
    "revert that|it|this",
};
static const char *const path_forms[] = {
    "undo [the|my|your] [last] change|changes to|of|in [the] [file] <p:path>",
    "revert [the|my|your] [last] change|changes to|of|in [the] [file] <p:path>",
    "undo what you did|changed to|in [the] [file] <p:path>",
};

/* The id of what Nima's last message did to a file; absent: nothing. */
static nima_str done_last(struct nima_ctx *ctx, nima_str actions)
{
    const struct nima_json *tree;
    nima_str id = {NULL, 0};
    if (actions.ptr == NULL || nima_json_parse(ctx, actions, &tree) != NIMA_OK) {
        return id;
    }
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        const struct nima_json *action = nima_json_at(tree, i, NULL);
        if (nima_str_eq(nima_json_str(nima_json_get(action, "type")), NIMA_STR("file")) &&
            nima_str_eq(nima_json_str(nima_json_get(action, "status")), NIMA_STR("completed"))) {
            id = nima_json_str(nima_json_get(action, "id"));
        }
    }
    return id;
}

static bool is_undone(const struct nima_task_rows *rows, size_t before, nima_str id)
{
    for (size_t i = 0; i < before; i++) {
        if (nima_str_eq(rows->items[i].action, NIMA_STR("undo")) &&
            nima_str_find(rows->items[i].params, id, 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* The newest change of the path that is kept and was not taken back; absent: none is. */
static nima_str changed_last(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str path)
{
    struct nima_task_filter filter = {
        .type = NIMA_STR("file"), .status = NIMA_STR("completed"), .limit = LOOKED_AT};
    struct nima_task_rows rows;
    struct nima_undo kept;
    nima_str plain;
    if (nima_path_plain(ctx, "path", path, &plain) != NIMA_OK ||
        nima_task_list(ctx, tasks->options.store, &filter, &rows) != NIMA_OK) {
        return (nima_str){NULL, 0};
    }
    for (size_t i = 0; i < rows.count; i++) {
        nima_str id = rows.items[i].id;
        bool change = !nima_str_eq(rows.items[i].action, NIMA_STR("undo"));
        if (change && !is_undone(&rows, i, id) && nima_undo_get(ctx, tasks, id, &kept) == NIMA_OK &&
            (nima_str_eq(kept.path, plain) || nima_str_eq(kept.to, plain))) {
            return id;
        }
    }
    return (nima_str){NULL, 0};
}

static struct nima_tasks_step undo_of(struct nima_ctx *ctx, nima_str id)
{
    return (struct nima_tasks_step){
        .type = NIMA_STR("file"),
        .action = NIMA_STR("undo"),
        .params = nima_fmt(ctx, "{\"task_id\":\"" NIMA_FMT "\"}", NIMA_ARG(id))};
}

static bool heard(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                  const struct nima_task_words *words, nima_str last_actions,
                  struct nima_tasks_step *out)
{
    struct nima_task_match match;
    size_t from = 0, end = words->count;
    nima_task_words_polite(words, &from, &end);
    for (size_t i = 0; i < sizeof(last_forms) / sizeof(last_forms[0]); i++) {
        if (nima_task_pattern(last_forms[i], words, from, end, &match)) {
            struct nima_undo kept;
            nima_str id = done_last(ctx, last_actions);
            *out = undo_of(ctx, id);
            return id.ptr != NULL && nima_undo_get(ctx, tasks, id, &kept) == NIMA_OK;
        }
    }
    for (size_t i = 0; i < sizeof(path_forms) / sizeof(path_forms[0]); i++) {
        if (nima_task_pattern(path_forms[i], words, from, end, &match)) {
            nima_str path = match.slots[0].value, id = changed_last(ctx, tasks, path);
            *out = undo_of(ctx, id);
            if (id.ptr == NULL) {
                out->question = nima_fmt(
                    ctx, "Nothing that I changed in " NIMA_FMT " is kept, so I cannot undo it.",
                    NIMA_ARG(path));
            }
            return true;
        }
    }
    return false;
}

bool nima_file_undo_heard(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str message,
                          nima_str last_actions, struct nima_tasks_step *out)
{
    struct nima_error before = ctx->error;
    struct nima_task_words words;
    bool is_heard =
        nima_task_words_read(message, &words) && heard(ctx, tasks, &words, last_actions, out);
    ctx->error = before; /* what is not kept is no failure */
    return is_heard;
}
