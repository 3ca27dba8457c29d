/* Lists: plain Markdown files below the person's root, read and changed here. */
#include "api/api_int.h"
#include "tasks/lists.h"

enum { NAME_BYTES = NIMA_LIST_NAME_CHARS_MAX, ITEM_CHARS = NIMA_LIST_ITEM_CHARS_MAX };

static const struct nima_field item_fields[] = {
    NIMA_FIELD(STR, struct nima_lists_item, text, .required = true, .doc = "What it says."),
    NIMA_FIELD(BOOL, struct nima_lists_item, done, .required = true,
               .doc = "Whether it is ticked."),
};
static const struct nima_shape item_shape =
    NIMA_SHAPE("ListItem", struct nima_lists_item, item_fields, .doc = "One line of a list.");

static const struct nima_field view_fields[] = {
    NIMA_FIELD(STR, struct nima_lists_view, name, .required = true, .doc = "Its name."),
    NIMA_FIELD(LIST, struct nima_lists_view, items, .required = true, .shape = &item_shape,
               .doc = "In the order of the file."),
    NIMA_FIELD(INT, struct nima_lists_view, open, .required = true,
               .doc = "How many are not ticked."),
    NIMA_FIELD(TIME, struct nima_lists_view, updated_at, .doc = "When it was last changed."),
};
static const struct nima_shape view_shape =
    NIMA_SHAPE("PersonList", struct nima_lists_view, view_fields, .doc = "A list of the person's.");

struct list_in {
    nima_str name, new_name, item;
    struct {
        nima_str *items;
        size_t count;
    } items;
    bool done, has_done, has_position;
    int64_t position;
};
#define NAME_IN_PATH                                                                               \
    NIMA_FIELD(STR, struct list_in, name, .place = NIMA_IN_PATH, .required = true,                 \
               .max = NAME_BYTES, .doc = "The list's name, as people say it.")

static const struct nima_field none_fields[] = {
    NIMA_FIELD(STR, struct list_in, item, .place = NIMA_IN_QUERY, .max = ITEM_CHARS,
               .doc = "Only lists with this item on them."),
};
static const struct nima_shape none_shape = NIMA_SHAPE("ListsIn", struct list_in, none_fields);
static const struct nima_field name_fields[] = {NAME_IN_PATH};
static const struct nima_shape name_shape = NIMA_SHAPE("ListName", struct list_in, name_fields);
static const struct nima_field create_fields[] = {
    NIMA_FIELD(STR, struct list_in, name, .required = true, .max = NAME_BYTES, .doc = "Its name."),
    NIMA_FIELD(STR_LIST, struct list_in, items, .max = NIMA_LIST_ITEMS_MAX,
               .doc = "What is on it at first."),
};
static const struct nima_shape create_shape =
    NIMA_SHAPE("ListCreate", struct list_in, create_fields, .doc = "A new list.");
static const struct nima_field add_fields[] = {
    NAME_IN_PATH,
    NIMA_FIELD(STR_LIST, struct list_in, items, .required = true, .max = NIMA_LIST_ITEMS_MAX,
               .doc = "What to put on it; what is there already stays once."),
};
static const struct nima_shape add_shape =
    NIMA_SHAPE("ListAdd", struct list_in, add_fields, .doc = "Items for a list.");
static const struct nima_field rename_fields[] = {
    NAME_IN_PATH,
    NIMA_FIELD(STR, struct list_in, new_name, .required = true, .max = NAME_BYTES,
               .doc = "What it is called from now on."),
};
static const struct nima_shape rename_shape =
    NIMA_SHAPE("ListRename", struct list_in, rename_fields, .doc = "Another name.");
static const struct nima_field edit_fields[] = {
    NAME_IN_PATH,
    NIMA_FIELD(STR, struct list_in, item, .required = true, .max = ITEM_CHARS,
               .doc = "Which item, by its words."),
    NIMA_FIELD(BOOL, struct list_in, done, .has = NIMA_HAS(struct list_in, has_done),
               .doc = "Ticks it, or takes the tick away."),
    NIMA_FIELD(INT, struct list_in, position, .has = NIMA_HAS(struct list_in, has_position),
               .min = 0, .max = NIMA_LIST_ITEMS_MAX, .doc = "Its new place; 0 is the first."),
};
static const struct nima_shape edit_shape =
    NIMA_SHAPE("ListItemEdit", struct list_in, edit_fields, .doc = "A change of one item.");
static const struct nima_field drop_fields[] = {
    NAME_IN_PATH,
    NIMA_FIELD(STR, struct list_in, item, .place = NIMA_IN_QUERY, .max = ITEM_CHARS,
               .doc = "Which item; absent: all of them."),
};
static const struct nima_shape drop_shape = NIMA_SHAPE("ListItemDrop", struct list_in, drop_fields);

static struct nima_tasks *tasks_of(struct nima_exchange *exchange)
{
    return nima_api_of(exchange)->tasks;
}

static bool holds(struct nima_ctx *ctx, const struct nima_lists_view *view, nima_str item)
{
    for (size_t i = 0; i < view->items.count; i++) {
        if (nima_lists_same_item(ctx, item, view->items.items[i].text)) {
            return true;
        }
    }
    return false;
}

static nima_rc list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_lists_views views;
    NIMA_TRY(nima_lists_all(ctx, tasks_of(exchange), &views));
    size_t kept = 0;
    for (size_t i = 0; i < views.count; i++) {
        if (wanted->item.ptr == NULL || holds(ctx, &views.items[i], wanted->item)) {
            views.items[kept++] = views.items[i];
        }
    }
    *(struct nima_list *)out = (struct nima_list){views.items, kept};
    return NIMA_OK;
}

static nima_rc get(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    return nima_lists_get(ctx, tasks_of(exchange), ((const struct list_in *)in)->name, out);
}

/* Changes it and shows how it is now. */
static nima_rc change(struct nima_ctx *ctx, struct nima_exchange *exchange,
                      const struct nima_lists_change *wanted, void *out)
{
    struct nima_lists_outcome outcome;
    NIMA_TRY(nima_lists_change(ctx, tasks_of(exchange), wanted, &outcome));
    if (outcome.missing.count > 0) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "\"" NIMA_FMT "\" is not on the list",
                         NIMA_ARG(nima_utf8_prefix(outcome.missing.items[0], 200)));
    }
    if (out != NULL) {
        *(struct nima_lists_view *)out = outcome.list;
    }
    return NIMA_OK;
}

static nima_rc create(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct list_in *wanted = in;
    struct nima_lists_view there;
    struct nima_error before = ctx->error;
    nima_rc rc = nima_lists_get(ctx, tasks_of(exchange), wanted->name, &there);
    if (rc == NIMA_OK && there.updated_at != 0) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "there is a list \"" NIMA_FMT "\" already",
                         NIMA_ARG(there.name));
    }
    NIMA_TRY(rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc);
    ctx->error = before;
    struct nima_lists_change job = {.what = NIMA_LISTS_CREATE,
                                    .name = wanted->name,
                                    .items = wanted->items.items,
                                    .count = wanted->items.count};
    return change(ctx, exchange, &job, out);
}

static nima_rc add(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_lists_change job = {.what = NIMA_LISTS_ADD,
                                    .name = wanted->name,
                                    .items = wanted->items.items,
                                    .count = wanted->items.count};
    return change(ctx, exchange, &job, out);
}

static nima_rc rename_one(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct list_in *wanted = in;
    struct nima_lists_change job = {
        .what = NIMA_LISTS_RENAME, .name = wanted->name, .new_name = wanted->new_name};
    return change(ctx, exchange, &job, out);
}

static nima_rc edit(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_lists_change job = {.name = wanted->name, .items = &wanted->item, .count = 1};
    if (!wanted->has_done && !wanted->has_position) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "done", "give done or position");
    }
    if (wanted->has_done) {
        job.what = wanted->done ? NIMA_LISTS_TICK : NIMA_LISTS_UNTICK;
        NIMA_TRY(change(ctx, exchange, &job, out));
    }
    if (wanted->has_position) {
        job.what = NIMA_LISTS_MOVE;
        job.position = wanted->position;
        NIMA_TRY(change(ctx, exchange, &job, out));
    }
    return NIMA_OK;
}

static nima_rc drop_items(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct list_in *wanted = in;
    bool all = wanted->item.ptr == NULL;
    struct nima_lists_change job = {.what = all ? NIMA_LISTS_CLEAR : NIMA_LISTS_REMOVE,
                                    .name = wanted->name,
                                    .items = &wanted->item,
                                    .count = all ? 0 : 1};
    return change(ctx, exchange, &job, out);
}

static nima_rc delete_list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    (void)out;
    struct nima_lists_change job = {.what = NIMA_LISTS_DELETE,
                                    .name = ((const struct list_in *)in)->name};
    return change(ctx, exchange, &job, NULL);
}

#define COMMON NIMA_E_BIT(INVALID) | NIMA_E_BIT(FORBIDDEN) | NIMA_E_BIT(TOO_LARGE)
#define ONE    COMMON | NIMA_E_BIT(NOT_FOUND)

const struct nima_route nima_api_list_routes[] = {
    {.method = "GET",
     .path = "/v1/lists",
     .call = list,
     .kind = NIMA_ROUTE_LIST,
     .in = &none_shape,
     .out = &view_shape,
     .errors = COMMON,
     .scope = "tasks",
     .tag = "lists",
     .summary = "All lists with their items."},
    {.method = "POST",
     .path = "/v1/lists",
     .call = create,
     .in = &create_shape,
     .out = &view_shape,
     .status = 201,
     .errors = COMMON | NIMA_E_BIT(CONFLICT),
     .scope = "tasks",
     .tag = "lists",
     .summary = "Makes a list."},
    {.method = "GET",
     .path = "/v1/lists/{name}",
     .call = get,
     .in = &name_shape,
     .out = &view_shape,
     .errors = ONE,
     .scope = "tasks",
     .tag = "lists",
     .summary = "One list; shopping and to-do are always there."},
    {.method = "PATCH",
     .path = "/v1/lists/{name}",
     .call = rename_one,
     .in = &rename_shape,
     .out = &view_shape,
     .errors = ONE | NIMA_E_BIT(CONFLICT),
     .scope = "tasks",
     .tag = "lists",
     .summary = "Renames a list."},
    {.method = "DELETE",
     .path = "/v1/lists/{name}",
     .call = delete_list,
     .in = &name_shape,
     .status = 204,
     .errors = ONE,
     .scope = "tasks",
     .tag = "lists",
     .summary = "Deletes a list with its items."},
    {.method = "POST",
     .path = "/v1/lists/{name}/items",
     .call = add,
     .in = &add_shape,
     .out = &view_shape,
     .errors = ONE,
     .scope = "tasks",
     .tag = "lists",
     .summary = "Puts items on a list, which is made where it is not there."},
    {.method = "PATCH",
     .path = "/v1/lists/{name}/items",
     .call = edit,
     .in = &edit_shape,
     .out = &view_shape,
     .errors = ONE,
     .scope = "tasks",
     .tag = "lists",
     .summary = "Ticks or moves an item."},
    {.method = "DELETE",
     .path = "/v1/lists/{name}/items",
     .call = drop_items,
     .in = &drop_shape,
     .out = &view_shape,
     .errors = ONE,
     .scope = "tasks",
     .tag = "lists",
     .summary = "Takes an item off a list, or all of them."},
    {0},
};
