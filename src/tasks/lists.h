#pragma once
/*
 * lists: a person's lists, each a plain Markdown file (`- [ ] milk`) in the folder `lists` below
 * the first file root: theirs to read and edit with any program. Lines that are no items are kept
 * as they are. Changes are made at once and can be taken back; a rule on `file.lists` may forbid
 * them.
 *
 * "shopping" and "to-do" are there as soon as they are spoken of: asked for before, they are empty.
 * A name means the list whose name reads the same: "the Grocery list" is "shopping", "todos" is
 * "to-do".
 *
 * Ownership  Results live in ctx->arena.
 * Threads    Any, and any process: a change reads and writes the file under one lock of the folder.
 * Errors     INVALID with a field, NOT_FOUND, FORBIDDEN, TOO_LARGE, what the disk says.
 * Scope      ctx->user_id: the person "default" has `lists`, others `people/NAME/lists`.
 */
#include "util/ctx.h"

struct nima_tasks;

enum {
    NIMA_LIST_NAME_CHARS_MAX = 80,
    NIMA_LIST_ITEM_CHARS_MAX = 500,
    NIMA_LIST_ITEMS_MAX = 2000,
    NIMA_LISTS_MAX = 200,
    NIMA_LIST_BYTES_MAX = 1 << 20
};

struct nima_lists_item {
    nima_str text;
    bool done;
};
struct nima_lists_view {
    nima_str name;
    struct {
        struct nima_lists_item *items; /* in the order of the file */
        size_t count;
    } items;
    int64_t open; /* items that are not ticked */
    int64_t updated_at;
};
struct nima_lists_views {
    struct nima_lists_view *items; /* by name */
    size_t count;
};

/* NOT_FOUND unless it is there, or is one of the two that always are. */
NIMA_MUST_USE nima_rc nima_lists_get(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str name,
                                     struct nima_lists_view *out);
NIMA_MUST_USE nima_rc nima_lists_all(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                     struct nima_lists_views *out);

enum nima_lists_do {
    NIMA_LISTS_CREATE, /* with items, or none; CONFLICT when it is there */
    NIMA_LISTS_ADD,    /* makes the list where it is not there; what is on it already stays once */
    NIMA_LISTS_REMOVE,
    NIMA_LISTS_TICK,
    NIMA_LISTS_UNTICK,
    NIMA_LISTS_CLEAR, /* all items */
    NIMA_LISTS_RENAME,
    NIMA_LISTS_DELETE,
    NIMA_LISTS_MOVE /* its one item to `position` */
};
struct nima_lists_change {
    enum nima_lists_do what;
    nima_str name;
    const nima_str *items;
    size_t count;
    nima_str new_name;
    int64_t position; /* 0: first */
};
struct nima_lists_texts {
    nima_str *items;
    size_t count;
};
struct nima_lists_outcome {
    struct nima_lists_view list;     /* after it; of one that was deleted: before */
    struct nima_lists_texts changed; /* items as they stand on the list */
    struct nima_lists_texts missing; /* as they were named: nothing on the list is called so */
    struct nima_lists_texts already; /* nothing was to be done about them */
    nima_str before_name, before;    /* the file as it was; before absent: there was none */
    bool made;                       /* the list was not there before */
};
/* A change that finds none of its items is success with `changed` empty. */
NIMA_MUST_USE nima_rc nima_lists_change(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                        const struct nima_lists_change *change,
                                        struct nima_lists_outcome *out);
/* Takes a change back: the list of `name` is now as `before` (absent: gone), under `before_name`.
 * CONFLICT when it is no longer as `after`, the file's text that the change left. */
NIMA_MUST_USE nima_rc nima_lists_restore(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                         nima_str name, nima_str after, nima_str before_name,
                                         nima_str before);
/* The file's text as it is now; absent when there is none. */
NIMA_MUST_USE nima_rc nima_lists_text(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str name,
                                      nima_str *out);
/* What names of lists are compared by: "my Grocery list" is "shopping". */
nima_str nima_lists_key(struct nima_ctx *ctx, nima_str name);
/* Whether the two name one thing: "eggs" and "6 eggs", "the milk" and "milk". */
bool nima_lists_same_item(struct nima_ctx *ctx, nima_str said, nima_str item);
