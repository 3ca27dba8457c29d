/*
 * ChatGPT's conversations.json: a list of conversations, each a tree of messages, since one may be
 * edited or answered anew. The branch that leads to "current_node" is what the person saw. Where
 * the file does not say (no current node, a parent that is not there), the newest message is the
 * end, and the newest before the gap goes on.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/import.h"
#include "app/import_items.h"
#include "store/conversations.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/uuid.h"

enum {
    MESSAGES_MAX = 100000,
    CONTENT_BYTES_MAX = 1 << 20,
    TITLE_BYTES_MAX = 400,
    MARK_BYTES_MAX = 200
};

/* An id that follows from the person and theirs (UUID version 8): the same again next time, and
 * another one for another person who takes in the same file. */
static nima_str id_of(struct nima_ctx *ctx, nima_str conversation, nima_str node)
{
    unsigned char hash[NIMA_SHA256_BYTES];
    nima_sha256(nima_fmt(ctx, "chatgpt\n" NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT,
                         NIMA_ARG(ctx->user_id), NIMA_ARG(conversation), NIMA_ARG(node)),
                hash);
    hash[6] = (unsigned char)(0x80 | (hash[6] & 0x0f));
    hash[8] = (unsigned char)(0x80 | (hash[8] & 0x3f));
    return nima_fmt(ctx, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                    hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7], hash[8],
                    hash[9], hash[10], hash[11], hash[12], hash[13], hash[14], hash[15]);
}

/* Seconds since 1970, with a fraction; 0 when it is none. */
static int64_t time_of(const struct nima_json *node)
{
    double seconds = nima_json_num(node, 0);
    return seconds > 0 && seconds < 4e9 ? (int64_t)(seconds * 1000) : 0;
}

/* Where a mark that ChatGPT sets into its replies ends: a citation (private characters around
 * words for its own page, or 【3†source】); 0 when none begins here. *shown is what is read there.
 */
static size_t mark_at(nima_str text, size_t at, nima_str *shown)
{
    *shown = (nima_str){0};
    if (nima_str_starts(nima_str_sub(text, at, text.len), NIMA_STR("\xee\x88\x80"))) { /* E200 */
        size_t end = nima_str_find(text, NIMA_STR("\xee\x88\x81"), at);                /* E201 */
        end = end != SIZE_MAX ? end + 3 : text.len;
        nima_str inner = nima_str_sub(text, at + 3, end);
        if (nima_str_starts(inner, NIMA_STR("entity"))) { /* ["kind","its name","what it is"] */
            size_t from = nima_str_find(inner, NIMA_STR("\",\""), 0);
            size_t to =
                from != SIZE_MAX ? nima_str_find(inner, NIMA_STR("\""), from + 3) : SIZE_MAX;
            *shown = to != SIZE_MAX ? nima_str_sub(inner, from + 3, to) : (nima_str){0};
        }
        return end;
    }
    if (nima_str_starts(nima_str_sub(text, at, text.len), NIMA_STR("\xe3\x80\x90"))) { /* 【 */
        nima_str near = nima_str_sub(text, at, at + MARK_BYTES_MAX);
        size_t end = nima_str_find(near, NIMA_STR("\xe3\x80\x91"), 0);
        size_t dagger = nima_str_find(near, NIMA_STR("\xe2\x80\xa0"), 0);
        bool number = near.len > 3 && near.ptr[3] >= '0' && near.ptr[3] <= '9';
        return end != SIZE_MAX && dagger < end && number ? at + end + 3 : 0;
    }
    return 0;
}

static void add_without_marks(struct nima_buf *buf, nima_str text)
{
    size_t from = 0;
    for (size_t at = 0; at < text.len;) {
        nima_str shown;
        unsigned char c = (unsigned char)text.ptr[at];
        size_t end = c == 0xee || c == 0xe3 ? mark_at(text, at, &shown) : 0;
        if (end == 0) {
            at++;
            continue;
        }
        nima_buf_add(buf, nima_str_sub(text, from, at));
        nima_buf_add(buf, shown);
        from = at = end;
    }
    nima_buf_add(buf, nima_str_sub(text, from, text.len));
}

/* The texts among the parts; pictures and files are objects and have none. */
static nima_str content_of(struct nima_ctx *ctx, const struct nima_json *message)
{
    const struct nima_json *content = nima_json_get(message, "content");
    const struct nima_json *parts = nima_json_get(content, "parts"), *part = NULL;
    nima_str alone = nima_json_str(nima_json_get(content, "text"));
    struct nima_buf buf;
    size_t at = 0;
    nima_buf_init(&buf, CONTENT_BYTES_MAX);
    if (nima_json_kind(parts) == NIMA_JSON_ARRAY) {
        while ((part = nima_json_next(parts, part, &at)) != NULL) {
            nima_str text = nima_json_str(part);
            text = text.ptr != NULL ? text : nima_json_str(nima_json_get(part, "text"));
            if (text.len > 0) {
                nima_buf_add(&buf, buf.len > 0 ? NIMA_STR("\n") : NIMA_STR(""));
                add_without_marks(&buf, text);
            }
        }
    } else if (alone.ptr != NULL) {
        add_without_marks(&buf, alone);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_utf8_prefix(nima_buf_view(&buf), buf.len));
    nima_buf_done(&buf);
    return nima_str_trim(text);
}

/* What was neither typed nor shown as a message: settings, thoughts, what tools said. */
static bool is_shown(nima_str type)
{
    static const char *const hidden[] = {
        "user_editable_context", "model_editable_context",  "thoughts",
        "reasoning_recap",       "tether_browsing_display", "tether_quote",
        "system_error",          "execution_output",        "tether_browsing_code_output"};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (nima_str_eq(type, nima_str_of(hidden[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_said(const struct nima_json *message, nima_str role)
{
    const struct nima_json *meta = nima_json_get(message, "metadata");
    nima_str to = nima_json_str(nima_json_get(message, "recipient"));
    nima_str type = nima_json_str(nima_json_get(nima_json_get(message, "content"), "content_type"));
    bool person = nima_str_eq(role, NIMA_STR("user")) || nima_str_eq(role, NIMA_STR("assistant"));
    bool hidden =
        nima_json_bool(nima_json_get(meta, "is_visually_hidden_from_conversation"), false);
    return person && !hidden && is_shown(type) &&
           (to.ptr == NULL || nima_str_eq(to, NIMA_STR("all")));
}

/* The tree of one conversation */

struct node {
    nima_str name;
    const struct nima_json *json, *message;
    int64_t time;
    size_t order, parent; /* place in the file; NONE: a root, or its parent is not there */
    bool inner, taken;    /* something follows it; it is on the branch */
    bool cut;             /* it names a parent that is not there */
};
struct tree {
    struct node *nodes; /* by name */
    size_t count;
};
static const size_t NONE = SIZE_MAX;

static int by_name(const void *a, const void *b)
{
    return nima_str_cmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static size_t find(const struct tree *tree, nima_str name)
{
    struct node key = {.name = name};
    const struct node *node = name.ptr != NULL && tree->count > 0
                                  ? bsearch(&key, tree->nodes, tree->count, sizeof(key), by_name)
                                  : NULL;
    return node != NULL ? (size_t)(node - tree->nodes) : NONE;
}

/* Some exports tell only downwards. */
static void parents_by_children(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct nima_json *list = nima_json_get(tree->nodes[i].json, "children"), *name = NULL;
        size_t at = 0;
        if (nima_json_kind(list) != NIMA_JSON_ARRAY) {
            continue;
        }
        while ((name = nima_json_next(list, name, &at)) != NULL) {
            size_t child = find(tree, nima_json_str(name));
            if (child != NONE && child != i && tree->nodes[child].parent == NONE) {
                tree->nodes[child].parent = i;
                tree->nodes[child].cut = false;
            }
        }
    }
}

static void read_tree(struct nima_ctx *ctx, const struct nima_json *mapping, struct tree *out)
{
    const struct nima_json *json = NULL;
    nima_str name;
    size_t at = 0, all = nima_json_count(mapping);
    out->nodes = NIMA_NEW(ctx->arena, struct node, all);
    while ((json = nima_json_next_member(mapping, json, &at, &name)) != NULL) {
        if (nima_json_kind(json) == NIMA_JSON_OBJECT && out->count < MESSAGES_MAX) {
            const struct nima_json *message = nima_json_get(json, "message");
            out->nodes[out->count] = (struct node){
                .name = name,
                .json = json,
                .message = message,
                .time = time_of(nima_json_get(message, "create_time")),
                .order = out->count,
                .parent = NONE,
            };
            out->count++;
        }
    }
    qsort(out->nodes, out->count, sizeof(out->nodes[0]), by_name);
    for (size_t i = 0; i < out->count; i++) {
        nima_str parent = nima_json_str(nima_json_get(out->nodes[i].json, "parent"));
        out->nodes[i].parent = find(out, parent);
        out->nodes[i].cut = parent.ptr != NULL && out->nodes[i].parent == NONE;
    }
    parents_by_children(out);
    for (size_t i = 0; i < out->count; i++) {
        if (out->nodes[i].parent != NONE) {
            out->nodes[out->nodes[i].parent].inner = true;
        }
    }
}

/* Ends of branches, newest first; of the same time, the one further down in the file. */
static int newest_first(const void *a, const void *b)
{
    const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
    if (x->time != y->time) {
        return x->time > y->time ? -1 : 1;
    }
    return x->order > y->order ? -1 : x->order < y->order;
}

struct branch {
    struct nima_message_row *rows; /* last first, while it is walked */
    size_t count;
};

static void add_node(struct nima_ctx *ctx, nima_str conversation, const struct node *node,
                     struct branch *out)
{
    nima_str role = nima_json_str(nima_json_get(nima_json_get(node->message, "author"), "role"));
    if (!is_said(node->message, role)) {
        return;
    }
    nima_str content = content_of(ctx, node->message);
    if (content.len > 0) {
        out->rows[out->count++] = (struct nima_message_row){
            .id = id_of(ctx, conversation, node->name),
            .role = role,
            .content = content,
            .timestamp = node->time,
        };
    }
}

/* From a node up, until the root, a gap, or what was walked already. True at a gap; *time is then
 * that of the last node that has one. */
static bool walk_up(struct nima_ctx *ctx, struct tree *tree, size_t at, nima_str id,
                    struct branch *out, int64_t *time)
{
    while (at != NONE && !tree->nodes[at].taken) {
        struct node *node = &tree->nodes[at];
        node->taken = true;
        *time = node->time != 0 ? node->time : *time;
        add_node(ctx, id, node, out);
        if (node->cut) {
            return true;
        }
        at = node->parent;
    }
    return false;
}

static void walk_branch(struct nima_ctx *ctx, const struct nima_json *talk, nima_str id,
                        struct branch *out)
{
    struct tree tree = {0};
    read_tree(ctx, nima_json_get(talk, "mapping"), &tree);
    size_t ends = 0, current = find(&tree, nima_json_str(nima_json_get(talk, "current_node")));
    struct node **newest = NIMA_NEW(ctx->arena, struct node *, tree.count);
    int64_t time = INT64_MAX;
    out->rows = NIMA_NEW(ctx->arena, struct nima_message_row, tree.count);
    for (size_t i = 0; i < tree.count; i++) {
        newest[ends] = &tree.nodes[i];
        ends += !tree.nodes[i].inner;
    }
    qsort(newest, ends, sizeof(newest[0]), newest_first);
    bool more = current == NONE || walk_up(ctx, &tree, current, id, out, &time);
    for (size_t i = 0; i < ends && more; i++) {
        if (!newest[i]->taken && newest[i]->time <= time) {
            more = walk_up(ctx, &tree, (size_t)(newest[i] - tree.nodes), id, out, &time);
        }
    }
    for (size_t i = 0; i < out->count / 2; i++) {
        struct nima_message_row swap = out->rows[i];
        out->rows[i] = out->rows[out->count - 1 - i];
        out->rows[out->count - 1 - i] = swap;
    }
}

/* A message without a time was said when the one before it was, the first ones when the first that
 * has one was, or the conversation. Returns the first time of all; 0: nothing has one. */
static int64_t fill_times(struct branch *branch, int64_t created)
{
    int64_t first = 0;
    for (size_t i = 0; i < branch->count && first == 0; i++) {
        first = branch->rows[i].timestamp;
    }
    int64_t time = first != 0 ? first : created;
    for (size_t i = 0; i < branch->count; i++) {
        time = branch->rows[i].timestamp != 0 ? branch->rows[i].timestamp : time;
        branch->rows[i].timestamp = time;
    }
    return first;
}

/* Storing it */

/* Our ids are of version 8; what the person said here has another. */
static bool is_imported(nima_str id)
{
    return id.len > 14 && id.ptr[14] == '8';
}

static int rows_by_id(const void *a, const void *b)
{
    return nima_str_cmp(((const struct nima_message_row *)a)->id,
                        ((const struct nima_message_row *)b)->id);
}

struct known {
    struct nima_message_rows rows; /* by id */
    int64_t last, last_own;        /* positions on the active path; -1: none */
};

static const struct nima_message_row *known_row(const struct known *known, nima_str id)
{
    struct nima_message_row key = {.id = id};
    return known->rows.count > 0
               ? bsearch(&key, known->rows.items, known->rows.count, sizeof(key), rows_by_id)
               : NULL;
}

static nima_rc read_known(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                          struct known *out)
{
    *out = (struct known){.last = -1, .last_own = -1};
    NIMA_TRY(nima_messages_between(ctx, store, id, 0, INT64_MAX, 0, &out->rows));
    for (size_t i = 0; i < out->rows.count; i++) {
        const struct nima_message_row *row = &out->rows.items[i];
        if (!row->left) {
            out->last = row->position;
            out->last_own = is_imported(row->id) ? out->last_own : row->position;
        }
    }
    qsort(out->rows.items, out->rows.count, sizeof(out->rows.items[0]), rows_by_id);
    return NIMA_OK;
}

/* What the file has beyond what is there. It goes on from the last message both have; what follows
 * that one here is left as a branch when it is another import's, and kept, with the new messages
 * behind it, when the person has gone on here. */
static nima_rc grow(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                    const struct branch *branch, struct nima_imported *out)
{
    struct known known;
    struct nima_message_row *fresh = NIMA_NEW(ctx->arena, struct nima_message_row, branch->count);
    size_t count = 0;
    int64_t from = 0;
    NIMA_TRY(read_known(ctx, store, id, &known));
    for (size_t i = 0; i < branch->count; i++) {
        const struct nima_message_row *row = known_row(&known, branch->rows[i].id);
        if (row == NULL) {
            fresh[count++] = branch->rows[i];
        } else if (!row->left) {
            from = row->position + 1;
            count = 0;
        }
    }
    out->there++;
    if (count == 0) {
        return NIMA_OK;
    }
    fresh[0].leaves = from <= known.last && known.last_own < from;
    fresh[0].leave_from = from;
    struct nima_message_row *rows = NIMA_NEW(ctx->arena, struct nima_message_row, count);
    NIMA_TRY(nima_messages_append(ctx, store, id, fresh, count, rows));
    out->grown++;
    return NIMA_OK;
}

static nima_rc store_talk(struct nima_ctx *ctx, struct nima_store *store,
                          const struct nima_json *talk, nima_str id, struct nima_imported *out)
{
    struct branch branch = {0};
    walk_branch(ctx, talk, id, &branch);
    nima_str title = nima_str_trim(nima_json_str(nima_json_get(talk, "title")));
    if (branch.count == 0) {
        nima_imported_leave(out, "it holds no message that was shown as text", title);
        return NIMA_OK;
    }
    struct nima_conversation row,
        given = {
            .id = id_of(ctx, id, NIMA_STR("")),
            .title = title.len > 0 ? nima_utf8_prefix(title, TITLE_BYTES_MAX) : (nima_str){0},
            .metadata = NIMA_STR("{\"imported_from\":\"chatgpt\"}"),
            .created_at = time_of(nima_json_get(talk, "create_time")),
            .updated_at = time_of(nima_json_get(talk, "update_time")),
        };
    int64_t created = given.created_at != 0 ? given.created_at : given.updated_at;
    int64_t first = fill_times(&branch, created);
    given.created_at = given.created_at != 0 ? given.created_at : first != 0 ? first : created;
    given.updated_at = given.updated_at != 0 ? given.updated_at
                       : first != 0          ? branch.rows[branch.count - 1].timestamp
                                             : given.created_at;
    nima_rc rc = nima_conversation_create(ctx, store, &given, branch.rows, branch.count, &row);
    if (rc == NIMA_E_CONFLICT) {
        return grow(ctx, store, given.id, &branch, out);
    }
    NIMA_TRY(rc);
    out->added++;
    return NIMA_OK;
}

/* For a conversation without an id: its time and its first message's name. The root is no help, it
 * is called the same in all of them. */
static nima_str id_by_content(struct nima_ctx *ctx, const struct nima_json *talk)
{
    const struct nima_json *mapping = nima_json_get(talk, "mapping"), *node = NULL;
    nima_str name = {0};
    size_t at = 0;
    do {
        node = nima_json_next_member(mapping, node, &at, &name);
    } while (node != NULL && nima_json_kind(nima_json_get(node, "message")) != NIMA_JSON_OBJECT);
    return nima_fmt(ctx, "%lld " NIMA_FMT, (long long)time_of(nima_json_get(talk, "create_time")),
                    NIMA_ARG(name));
}

/* *talks counts what is a conversation at all. */
static nima_rc import_talk(struct nima_ctx *ctx, struct nima_store *store, nima_str text,
                           int64_t *talks, struct nima_imported *out)
{
    const struct nima_json *talk = NULL;
    if (nima_items_parse(ctx, text, &talk) != NIMA_OK) {
        nima_imported_leave(out, "it cannot be read as JSON", (nima_str){0});
        return NIMA_OK;
    }
    const struct nima_json *mapping = nima_json_get(talk, "mapping");
    if (nima_json_kind(talk) == NIMA_JSON_NULL) {
        nima_imported_leave(out, "there is null in its place", (nima_str){0});
        return NIMA_OK;
    }
    nima_str title = nima_str_trim(nima_json_str(nima_json_get(talk, "title")));
    bool has_mapping = mapping != NULL;
    *talks += has_mapping;
    if (nima_json_kind(mapping) != NIMA_JSON_OBJECT) {
        nima_imported_leave(out,
                            has_mapping ? "its \"mapping\" holds no messages"
                                        : "it is no conversation: it has no \"mapping\"",
                            title);
        return NIMA_OK;
    }
    nima_str id = nima_json_str(nima_json_get(talk, "conversation_id"));
    id = id.len > 0 ? id : nima_json_str(nima_json_get(talk, "id"));
    id = id.len > 0 ? id : id_by_content(ctx, talk);
    return store_talk(ctx, store, talk, id, out);
}

nima_rc nima_import_chatgpt(struct nima_ctx *ctx, struct nima_store *store, nima_str text,
                            struct nima_imported *out)
{
    static const char *const members[] = {"conversations", "items", NULL};
    struct nima_items items;
    int64_t seen = 0, talks = 0;
    nima_str value = {0};
    nima_items_open(&items, text, members);
    nima_rc end = nima_items_next(ctx, &items, &value);
    for (; end == NIMA_OK && value.ptr != NULL; seen++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = import_talk(ctx, store, value, &talks, out);
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
        nima_command_progress("bytes", (int64_t)items.at, (int64_t)text.len);
        end = nima_items_next(ctx, &items, &value);
    }
    NIMA_TRY(end);
    if (talks == 0 && (seen > 0 || !items.in_list)) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "this is no conversations.json of ChatGPT: no conversation with a "
                         "\"mapping\" is in it");
    }
    return NIMA_OK;
}
