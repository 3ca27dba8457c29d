/*
 * ChatGPT's conversations.json: a list of conversations, each a tree of messages, since one may be
 * edited or answered anew. The branch that leads to "current_node" is what the person saw.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/import.h"
#include "store/conversations.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/uuid.h"

enum { MESSAGES_MAX = 100000, CONTENT_BYTES_MAX = 1 << 20, TITLE_BYTES_MAX = 400 };

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
                nima_buf_add(&buf, text);
            }
        }
    } else if (alone.ptr != NULL) {
        nima_buf_add(&buf, alone);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_utf8_prefix(nima_buf_view(&buf), buf.len));
    nima_buf_done(&buf);
    return nima_str_trim(text);
}

static bool is_said(const struct nima_json *message, nima_str role)
{
    const struct nima_json *meta = nima_json_get(message, "metadata");
    nima_str to = nima_json_str(nima_json_get(message, "recipient"));
    bool person = nima_str_eq(role, NIMA_STR("user")) || nima_str_eq(role, NIMA_STR("assistant"));
    bool hidden =
        nima_json_bool(nima_json_get(meta, "is_visually_hidden_from_conversation"), false);
    return person && !hidden && (to.ptr == NULL || nima_str_eq(to, NIMA_STR("all")));
}

struct branch {
    struct nima_message_row *rows; /* last first */
    size_t count;
};

static void add_node(struct nima_ctx *ctx, nima_str conversation, nima_str name,
                     const struct nima_json *node, struct branch *out)
{
    const struct nima_json *message = nima_json_get(node, "message");
    nima_str role = nima_json_str(nima_json_get(nima_json_get(message, "author"), "role"));
    if (!is_said(message, role)) {
        return;
    }
    nima_str content = content_of(ctx, message);
    if (content.len > 0) {
        out->rows[out->count++] = (struct nima_message_row){
            .id = id_of(ctx, conversation, name),
            .role = role,
            .content = content,
            .timestamp = time_of(nima_json_get(message, "create_time")),
        };
    }
}

/* From the end to the root. A tree that bites its own tail ends with the number of its nodes. */
static void walk_branch(struct nima_ctx *ctx, const struct nima_json *talk, nima_str id,
                        struct branch *out)
{
    const struct nima_json *mapping = nima_json_get(talk, "mapping");
    nima_str name = nima_json_str(nima_json_get(talk, "current_node"));
    size_t nodes = nima_json_count(mapping);
    nodes = nodes < MESSAGES_MAX ? nodes : MESSAGES_MAX;
    out->rows = NIMA_NEW(ctx->arena, struct nima_message_row, nodes);
    for (size_t i = 0; i < nodes && name.ptr != NULL; i++) {
        const struct nima_json *node = nima_json_get(mapping, nima_cstr(ctx, name));
        add_node(ctx, id, name, node, out);
        name = nima_json_str(nima_json_get(node, "parent"));
    }
    for (size_t i = 0; i < out->count / 2; i++) {
        struct nima_message_row swap = out->rows[i];
        out->rows[i] = out->rows[out->count - 1 - i];
        out->rows[out->count - 1 - i] = swap;
    }
}

static nima_rc import_talk(struct nima_ctx *ctx, struct nima_store *store,
                           const struct nima_json *talk, struct nima_imported *out)
{
    nima_str id = nima_json_str(nima_json_get(talk, "conversation_id"));
    id = id.ptr != NULL ? id : nima_json_str(nima_json_get(talk, "id"));
    if (id.ptr == NULL || nima_json_kind(nima_json_get(talk, "mapping")) != NIMA_JSON_OBJECT) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "this is no conversations.json of ChatGPT: a conversation without "
                         "\"mapping\" or \"conversation_id\"");
    }
    struct branch branch = {0};
    walk_branch(ctx, talk, id, &branch);
    if (branch.count == 0) {
        out->left_out++;
        return NIMA_OK;
    }
    nima_str title = nima_json_str(nima_json_get(talk, "title"));
    struct nima_conversation row,
        given = {
            .id = id_of(ctx, id, NIMA_STR("")),
            .title = title.len > 0 ? nima_utf8_prefix(title, TITLE_BYTES_MAX) : (nima_str){0},
            .metadata = NIMA_STR("{\"imported_from\":\"chatgpt\"}"),
            .created_at = time_of(nima_json_get(talk, "create_time")),
            .updated_at = time_of(nima_json_get(talk, "update_time")),
        };
    given.updated_at = given.updated_at != 0 ? given.updated_at : given.created_at;
    nima_rc rc = nima_conversation_create(ctx, store, &given, branch.rows, branch.count, &row);
    out->added += rc == NIMA_OK;
    out->there += rc == NIMA_E_CONFLICT;
    return rc == NIMA_E_CONFLICT ? NIMA_OK : rc;
}

nima_rc nima_import_chatgpt(struct nima_ctx *ctx, struct nima_store *store, nima_str text,
                            struct nima_imported *out)
{
    const struct nima_json *tree, *talk = NULL;
    struct nima_imported done = {0};
    size_t at = 0;
    NIMA_TRY(nima_json_parse(ctx, text, &tree));
    if (nima_json_kind(tree) != NIMA_JSON_ARRAY) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "this is no conversations.json of ChatGPT: it is no list");
    }
    while ((talk = nima_json_next(tree, talk, &at)) != NULL) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = import_talk(ctx, store, talk, &done);
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
        nima_command_progress("conversations", (int64_t)at + 1, (int64_t)nima_json_count(tree));
    }
    *out = done;
    return NIMA_OK;
}
