/* Conversations: contract section 4. */
#include "api/api_int.h"
#include "orchestrator/orchestrator.h"
#include "store/conversations.h"

enum { TITLE_CHARS_MAX = 200, IMPORT_MESSAGES_MAX = 10000, SHOWN_PRESET = 500, SHOWN_MAX = 1000 };

struct message_out {
    nima_str id, role, content, name, metadata;
    int64_t timestamp;
    nima_str parent_id;
    bool active;
};
#define MESSAGE_FIELDS                                                                             \
    NIMA_FIELD(UUID, struct message_out, id, .required = true, .doc = "The message's id."),        \
        NIMA_FIELD(STR, struct message_out, role, .required = true,                                \
                   .choices = (const char *const[]){"user", "assistant", "system", NULL},          \
                   .doc = "Who said it."),                                                         \
        NIMA_FIELD(STR, struct message_out, content, .required = true, .doc = "What was said."),   \
        NIMA_FIELD(STR, struct message_out, name, .doc = "The speaker's name, when told."),        \
        NIMA_FIELD(TIME, struct message_out, timestamp, .doc = "When."),                           \
        NIMA_FIELD(JSON, struct message_out, metadata, .required = true,                           \
                   .doc = "Of a reply: context, remembered, interrupted.")
static const struct nima_field message_fields[] = {
    MESSAGE_FIELDS,
};
static const struct nima_shape message_shape =
    NIMA_SHAPE("Message", struct message_out, message_fields, .doc = "A stored message.");

struct conversation_out {
    nima_str conversation_id, title, context_summary, metadata;
    int64_t created_at, updated_at, message_count;
    struct {
        struct message_out *items;
        size_t count;
    } messages;
};
static const struct nima_field conversation_fields[] = {
    NIMA_FIELD(UUID, struct conversation_out, conversation_id, .required = true, .doc = "Its id."),
    NIMA_FIELD(STR, struct conversation_out, title, .nullable = true, .doc = "Its title."),
    NIMA_FIELD(LIST, struct conversation_out, messages, .shape = &message_shape,
               .doc = "The last ones, oldest first; what was taken in is shown whole."),
    NIMA_FIELD(STR, struct conversation_out, context_summary, .nullable = true,
               .doc = "What has left the window, in short."),
    NIMA_FIELD(JSON, struct conversation_out, metadata, .required = true,
               .doc = "Anything its owner wanted to keep with it."),
    NIMA_FIELD(TIME, struct conversation_out, created_at, .doc = "When it began."),
    NIMA_FIELD(TIME, struct conversation_out, updated_at, .doc = "When it was last gone on with."),
    NIMA_FIELD(INT, struct conversation_out, message_count, .doc = "How many messages it has."),
};
static const struct nima_shape conversation_shape =
    NIMA_SHAPE("Conversation", struct conversation_out, conversation_fields,
               .doc = "A conversation with its messages.");

static const struct nima_field summary_fields[] = {
    NIMA_FIELD(UUID, struct nima_conversation, id, .required = true, .doc = "Its id."),
    NIMA_FIELD(STR, struct nima_conversation, title, .nullable = true, .doc = "Its title."),
    NIMA_FIELD(TIME, struct nima_conversation, created_at, .doc = "When it began."),
    NIMA_FIELD(TIME, struct nima_conversation, updated_at, .doc = "When it was last gone on with."),
    NIMA_FIELD(INT, struct nima_conversation, message_count, .doc = "How many messages it has."),
};
static const struct nima_shape summary_shape =
    NIMA_SHAPE("ConversationSummary", struct nima_conversation, summary_fields,
               .doc = "A conversation without its messages.");

static void fill(struct nima_ctx *ctx, const struct nima_conversation *c,
                 const struct nima_message_rows *rows, struct conversation_out *out)
{
    *out = (struct conversation_out){.conversation_id = c->id,
                                     .title = c->title,
                                     .context_summary = c->context_summary,
                                     .metadata = c->metadata,
                                     .created_at = c->created_at,
                                     .updated_at = c->updated_at,
                                     .message_count = c->message_count};
    out->messages.count = rows->count;
    out->messages.items = NIMA_NEW(ctx->arena, struct message_out, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct nima_message_row *row = &rows->items[i];
        out->messages.items[i] = (struct message_out){.id = row->id,
                                                      .role = row->role,
                                                      .content = row->content,
                                                      .name = row->name,
                                                      .metadata = row->metadata,
                                                      .timestamp = row->timestamp};
    }
}

/* POST /v1/conversations */
struct import_message {
    nima_str role, content, name;
    int64_t timestamp;
};
static const struct nima_field import_message_fields[] = {
    NIMA_FIELD(STR, struct import_message, role, .required = true,
               .choices = (const char *const[]){"user", "assistant", "system", NULL},
               .doc = "Who said it."),
    NIMA_FIELD(STR, struct import_message, content, .required = true, .blank_ok = true,
               .max = NIMA_MESSAGE_CHARS_MAX, .doc = "What was said."),
    NIMA_FIELD(STR, struct import_message, name, .max = 200, .doc = "The speaker's name."),
    NIMA_FIELD(TIME, struct import_message, timestamp, .doc = "When; else now."),
};
static const struct nima_shape import_message_shape = NIMA_SHAPE(
    "MessageIn", struct import_message, import_message_fields, .doc = "A message to keep.");
struct import_in {
    nima_str title, metadata;
    struct {
        struct import_message *items;
        size_t count;
    } messages;
};
static const struct nima_field import_fields[] = {
    NIMA_FIELD(STR, struct import_in, title, .max = TITLE_CHARS_MAX, .doc = "Its title."),
    NIMA_FIELD(JSON, struct import_in, metadata, .preset_str = "{}", .doc = "Anything to keep."),
    NIMA_FIELD(LIST, struct import_in, messages, .shape = &import_message_shape, .min = 0,
               .max = IMPORT_MESSAGES_MAX, .doc = "Oldest first."),
};
static const struct nima_shape import_shape =
    NIMA_SHAPE("ConversationCreate", struct import_in, import_fields,
               .doc = "A conversation to take in as it is.");

static nima_rc create(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    struct nima_api *api = nima_api_of(exchange);
    const struct import_in *wanted = in;
    struct nima_message_row *rows =
        NIMA_NEW(ctx->arena, struct nima_message_row, wanted->messages.count);
    for (size_t i = 0; i < wanted->messages.count; i++) {
        const struct import_message *m = &wanted->messages.items[i];
        rows[i] = (struct nima_message_row){.role = m->role,
                                            .content = m->content,
                                            .name = m->name,
                                            .timestamp = m->timestamp,
                                            .metadata = NIMA_STR("{}")};
    }
    struct nima_conversation conversation = {.title = wanted->title, .metadata = wanted->metadata};
    struct nima_conversation made;
    NIMA_TRY(nima_orchestrator_import(ctx, api->orchestrator, &conversation, rows,
                                      wanted->messages.count, &made));
    struct nima_message_rows stored;
    NIMA_TRY(nima_messages_last(ctx, api->store, made.id, 0, &stored));
    fill(ctx, &made, &stored, out);
    return NIMA_OK;
}

/* GET /v1/conversations */
struct list_in {
    int64_t limit;
    nima_str cursor;
};
static const struct nima_field list_in_fields[] = {
    NIMA_FIELD(INT, struct list_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct list_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape list_in_shape =
    NIMA_SHAPE("ConversationListIn", struct list_in, list_in_fields);

static nima_rc list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_conversation_rows rows;
    NIMA_TRY(nima_conversation_list(ctx, nima_api_of(exchange)->store, (int)wanted->limit,
                                    wanted->cursor, &rows));
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    *(struct nima_list *)out = (struct nima_list){rows.items, rows.count};
    return NIMA_OK;
}

/* /v1/conversations/{id} */
struct one_in {
    nima_str id, title, metadata;
};
#define ID_FIELD                                                                                   \
    NIMA_FIELD(UUID, struct one_in, id, .place = NIMA_IN_PATH, .required = true,                   \
               .doc = "The conversation's id.")
static const struct nima_field id_fields[] = {ID_FIELD};
static const struct nima_shape id_shape = NIMA_SHAPE("ConversationId", struct one_in, id_fields);
static const struct nima_field patch_fields[] = {
    ID_FIELD,
    NIMA_FIELD(STR, struct one_in, title, .max = TITLE_CHARS_MAX, .doc = "The new title."),
    NIMA_FIELD(JSON, struct one_in, metadata, .doc = "Replaces the metadata."),
};
static const struct nima_shape patch_shape = NIMA_SHAPE(
    "ConversationPatch", struct one_in, patch_fields, .doc = "What of a conversation to change.");

struct shown_in {
    nima_str id;
    int64_t limit, cursor;
};
static const struct nima_field shown_fields[] = {
    NIMA_FIELD(UUID, struct shown_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The conversation's id."),
    NIMA_FIELD(INT, struct shown_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = SHOWN_MAX,
               .preset = SHOWN_PRESET, .doc = "How many messages at most, the last ones."),
    NIMA_FIELD(INT, struct shown_in, cursor, .place = NIMA_IN_QUERY, .min = 0, .max = INT32_MAX,
               .preset = INT32_MAX,
               .doc = "Those before: X-Next-Cursor of the reply before, absent at the beginning."),
};
static const struct nima_shape shown_shape =
    NIMA_SHAPE("ConversationShown", struct shown_in, shown_fields);

/* From the end, as a person reads: a long conversation is no long reply. */
static nima_rc get(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct shown_in *wanted = in;
    struct nima_store *store = nima_api_of(exchange)->store;
    struct nima_conversation conversation;
    struct nima_message_rows rows;
    NIMA_TRY(nima_conversation_get(ctx, store, wanted->id, &conversation));
    NIMA_TRY(nima_messages_before(ctx, store, wanted->id, wanted->cursor, (int)wanted->limit + 1,
                                  &rows));
    if (rows.count > (size_t)wanted->limit) {
        rows.items++;
        rows.count--;
        nima_exchange_next_cursor(exchange,
                                  nima_fmt(ctx, "%lld", (long long)rows.items[0].position));
    }
    fill(ctx, &conversation, &rows, out);
    return NIMA_OK;
}

static nima_rc patch(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct one_in *wanted = in;
    struct nima_conversation change = {
        .id = wanted->id, .title = wanted->title, .metadata = wanted->metadata};
    return nima_conversation_update(ctx, nima_api_of(exchange)->store, &change, out);
}

/* GET /v1/conversations/{id}/messages/{mid}/context */
struct message_in {
    nima_str id, mid;
};
static const struct nima_field message_in_fields[] = {
    NIMA_FIELD(UUID, struct message_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The conversation's id."),
    NIMA_FIELD(UUID, struct message_in, mid, .place = NIMA_IN_PATH, .required = true,
               .doc = "The message's id."),
};
static const struct nima_shape message_in_shape =
    NIMA_SHAPE("MessageId", struct message_in, message_in_fields);

static const struct nima_field item_fields[] = {
    NIMA_FIELD(STR, struct nima_note, id, .required = true, .doc = "Its id."),
    NIMA_FIELD(STR, struct nima_note, kind, .doc = "What it is; absent: a fact."),
    NIMA_FIELD_AS(STR, "text", struct nima_note, fact, .required = true,
                  .doc = "As it stood there; [forgotten] when it was deleted since."),
    NIMA_FIELD(NUM, struct nima_note, score,
               .doc = "How well it fits the message: what it was chosen by."),
    NIMA_FIELD(NUM, struct nima_note, vector, .doc = "Likeness of meaning."),
    NIMA_FIELD(NUM, struct nima_note, keyword, .doc = "Words in common."),
    NIMA_FIELD(NUM, struct nima_note, recency, .doc = "How new it was."),
    NIMA_FIELD(NUM, struct nima_note, confidence, .doc = "How sure it was."),
};
static const struct nima_shape item_shape =
    NIMA_SHAPE("PromptItem", struct nima_note, item_fields,
               .doc = "Something recalled for a message, and why.");
static const struct nima_field section_fields[] = {
    NIMA_FIELD(STR, struct nima_context_section, name, .required = true,
               .doc = "persona, memory, profile, client, summary, history, a kind of notes, "
                      "message, or template: the model's own marks around them."),
    NIMA_FIELD(INT, struct nima_context_section, tokens, .doc = "All of them sum up to tokens."),
    NIMA_FIELD(STR, struct nima_context_section, text, .doc = "As the model got it."),
    NIMA_FIELD(INT, struct nima_context_section, messages, .doc = "Of the history: how many."),
    NIMA_FIELD(LIST, struct nima_context_section, items, .shape = &item_shape,
               .doc = "What it lists."),
};
static const struct nima_shape section_shape = NIMA_SHAPE(
    "PromptSection", struct nima_context_section, section_fields, .doc = "A part of a prompt.");
static const struct nima_field prompt_message_fields[] = {
    NIMA_FIELD(STR, struct nima_llm_message, role, .required = true, .doc = "Its role."),
    NIMA_FIELD(STR, struct nima_llm_message, content, .required = true, .doc = "Its text."),
};
static const struct nima_shape prompt_message_shape =
    NIMA_SHAPE("PromptMessage", struct nima_llm_message, prompt_message_fields,
               .doc = "A message as the model got it.");
static const struct nima_field prompt_fields[] = {
    NIMA_FIELD(UUID, struct nima_context_prompt, message_id, .required = true,
               .doc = "The reply's id."),
    NIMA_FIELD(BOOL, struct nima_context_prompt, exact,
               .doc =
                   "Byte for byte what the model got; false when something was forgotten since."),
    NIMA_FIELD(INT, struct nima_context_prompt, forgotten,
               .doc = "Facts in it whose text is gone since."),
    NIMA_FIELD(INT, struct nima_context_prompt, tokens,
               .doc = "Of the whole prompt, by the tokenizer of the model that is loaded now."),
    NIMA_FIELD(LIST, struct nima_context_prompt, sections, .shape = &section_shape,
               .doc = "Its parts, in their order."),
    NIMA_FIELD(LIST, struct nima_context_prompt, messages, .shape = &prompt_message_shape,
               .doc = "The messages, before the model's template."),
    NIMA_FIELD(OBJECT, struct nima_context_prompt, context, .shape = &nima_turn_context_shape,
               .doc = "What the reply told of it."),
};
static const struct nima_shape prompt_shape = NIMA_SHAPE(
    "Prompt", struct nima_context_prompt, prompt_fields, .doc = "The prompt of a past reply.");

static nima_rc prompt_of(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                         void *out)
{
    const struct message_in *wanted = in;
    return nima_orchestrator_context(ctx, nima_api_of(exchange)->orchestrator, wanted->id,
                                     wanted->mid, out);
}

/* GET /v1/conversations/{id}/messages */
static const struct nima_field branch_message_fields[] = {
    MESSAGE_FIELDS,
    NIMA_FIELD(UUID, struct message_out, parent_id,
               .doc = "The message it follows; absent: the one before it, if any."),
    NIMA_FIELD(BOOL, struct message_out, active,
               .doc = "False: on a branch that was left by an edit or another reply."),
};
static const struct nima_shape branch_message_shape =
    NIMA_SHAPE("BranchMessage", struct message_out, branch_message_fields,
               .doc = "A stored message and where it stands.");
struct page_in {
    nima_str id;
    int64_t limit, cursor;
    bool branches;
};
static const struct nima_field page_fields[] = {
    NIMA_FIELD(UUID, struct page_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The conversation's id."),
    NIMA_FIELD(INT, struct page_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(INT, struct page_in, cursor, .place = NIMA_IN_QUERY, .min = 0, .max = INT32_MAX,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
    NIMA_FIELD(BOOL, struct page_in, branches, .place = NIMA_IN_QUERY,
               .doc = "With those on branches that were left."),
};
static const struct nima_shape page_shape = NIMA_SHAPE("MessagePage", struct page_in, page_fields);

static nima_rc messages(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    const struct page_in *wanted = in;
    struct nima_store *store = nima_api_of(exchange)->store;
    struct nima_conversation c;
    struct nima_message_rows rows;
    NIMA_TRY(nima_conversation_get(ctx, store, wanted->id, &c));
    NIMA_TRY(nima_messages_between(ctx, store, wanted->id, wanted->cursor, INT64_MAX,
                                   (int)wanted->limit + 1, &rows));
    size_t count = 0,
           most = rows.count < (size_t)wanted->limit ? rows.count : (size_t)wanted->limit;
    struct message_out *items = NIMA_NEW(ctx->arena, struct message_out, most);
    for (size_t i = 0; i < most; i++) {
        const struct nima_message_row *row = &rows.items[i];
        if (wanted->branches || !row->left) {
            items[count++] =
                (struct message_out){row->id,       row->role,      row->content,   row->name,
                                     row->metadata, row->timestamp, row->parent_id, !row->left};
        }
    }
    if (rows.count > most) {
        nima_exchange_next_cursor(exchange,
                                  nima_fmt(ctx, "%lld", (long long)rows.items[most].position));
    }
    *(struct nima_list *)out = (struct nima_list){items, count};
    return NIMA_OK;
}

struct status_out {
    nima_str status;
};
static const struct nima_field status_fields[] = {
    NIMA_FIELD(STR, struct status_out, status, .required = true, .doc = "What was done."),
};
static const struct nima_shape status_shape =
    NIMA_SHAPE("Status", struct status_out, status_fields, .doc = "What was done.");

static nima_rc delete (struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    NIMA_TRY(nima_conversation_delete(ctx, nima_api_of(exchange)->store, wanted->id));
    *(struct status_out *)out = (struct status_out){NIMA_STR("deleted")};
    return NIMA_OK;
}

static nima_rc activate(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    const struct message_in *wanted = in;
    NIMA_TRY(nima_orchestrator_activate(ctx, nima_api_of(exchange)->orchestrator, wanted->id,
                                        wanted->mid));
    *(struct status_out *)out = (struct status_out){NIMA_STR("active")};
    return NIMA_OK;
}

const struct nima_route nima_api_conversation_routes[] = {
    {.method = "POST",
     .path = "/v1/conversations",
     .call = create,
     .in = &import_shape,
     .out = &conversation_shape,
     .status = 201,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Takes in a conversation as it is; no reply is made.",
     .body_bytes_max = (size_t)64 << 20},
    {.method = "GET",
     .path = "/v1/conversations",
     .call = list,
     .kind = NIMA_ROUTE_LIST,
     .in = &list_in_shape,
     .out = &summary_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Conversations, last updated first."},
    {.method = "GET",
     .path = "/v1/conversations/{id}",
     .call = get,
     .in = &shown_shape,
     .out = &conversation_shape,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "conversations",
     .summary = "A conversation with its messages."},
    {.method = "PATCH",
     .path = "/v1/conversations/{id}",
     .call = patch,
     .in = &patch_shape,
     .out = &summary_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Changes title or metadata."},
    {.method = "DELETE",
     .path = "/v1/conversations/{id}",
     .call = delete,
     .in = &id_shape,
     .out = &status_shape,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Deletes a conversation and its messages."},
    {.method = "GET",
     .path = "/v1/conversations/{id}/messages",
     .call = messages,
     .kind = NIMA_ROUTE_LIST,
     .in = &page_shape,
     .out = &branch_message_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "conversations",
     .summary = "A conversation's messages, oldest first, a page at a time."},
    {.method = "POST",
     .path = "/v1/conversations/{id}/messages/{mid}/activate",
     .call = activate,
     .in = &message_in_shape,
     .out = &status_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(BUSY),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Goes on with the branch that this message is on."},
    {.method = "GET",
     .path = "/v1/conversations/{id}/messages/{mid}/context",
     .call = prompt_of,
     .in = &message_in_shape,
     .out = &prompt_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(UNAVAILABLE),
     .scope = "chat",
     .tag = "conversations",
     .summary = "The exact prompt of a reply, part by part, and why each part was in it."},
    {0},
};
