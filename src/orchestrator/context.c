/*
 * The prompt of a past reply, put together again from what is stored, section by section. What was
 * forgotten since is not shown, and the hash then says that the text is not the one of then.
 */
#include "orchestrator/orchestrator_int.h"
#include "store/facts.h"

enum { WINDOW_MAX = 2000 };

struct replay {
    struct nima_orchestrator *o;
    nima_str conversation_id;
    struct nima_record record;
    nima_str system;
    struct nima_history history; /* the window, the person's message as its last */
    struct nima_context_prompt *out;
};

static nima_rc read_record(struct nima_ctx *ctx, struct replay *r, nima_str message_id)
{
    nima_str text;
    NIMA_TRY(nima_prompt_get(ctx, r->o->store, r->conversation_id, message_id, &text));
    NIMA_TRY(nima_json_decode(ctx, &nima_record_shape, text, &r->record));
    return nima_prompt_text(ctx, r->o->store, r->conversation_id, r->record.system, &r->system);
}

static const struct nima_message_row *find_row(const struct nima_message_rows *rows, nima_str id)
{
    for (size_t i = rows->count; i > 0; i--) {
        if (nima_str_eq(rows->items[i - 1].id, id)) {
            return &rows->items[i - 1];
        }
    }
    return NULL;
}

/* The path that led to the message, however the conversation went on since: from the message back
 * by what each one follows. */
static size_t walk_back(struct nima_ctx *ctx, const struct nima_message_rows *rows,
                        const struct nima_message_row ***out)
{
    const struct nima_message_row **path =
        NIMA_NEW(ctx->arena, const struct nima_message_row *, rows->count);
    size_t count = 0;
    const struct nima_message_row *at = rows->count > 0 ? &rows->items[rows->count - 1] : NULL;
    while (at != NULL && count < rows->count) {
        path[count++] = at;
        if (at->parent_id.ptr != NULL) {
            at = find_row(rows, at->parent_id);
        } else {
            at = at > rows->items ? at - 1 : NULL; /* a row from before there were branches */
        }
    }
    *out = path;
    return count;
}

static void leave_out(const struct nima_record *record, struct nima_window_message *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->notes.count; i++) {
        bool out = false;
        for (size_t n = 0; n < record->without.count; n++) {
            out = out || (record->without.items[n].at == m->position &&
                          nima_str_eq(record->without.items[n].id, m->notes.items[i].id));
        }
        if (!out) {
            m->notes.items[kept++] = m->notes.items[i];
        }
    }
    m->notes.count = kept;
}

static nima_rc read_window(struct nima_ctx *ctx, struct replay *r)
{
    struct nima_message_rows rows;
    if (r->record.from > r->record.to || r->record.to - r->record.from > WINDOW_MAX) {
        return nima_fail(ctx, NIMA_E_STORE, "what is kept of this prompt cannot be read");
    }
    NIMA_TRY(nima_messages_between(ctx, r->o->store, r->conversation_id, r->record.from,
                                   r->record.to + 1, 0, &rows));
    const struct nima_message_row **path;
    size_t count = walk_back(ctx, &rows, &path);
    r->history.items = NIMA_NEW(ctx->arena, struct nima_window_message, count);
    for (size_t i = count; i > 0; i--) {
        const struct nima_message_row *row = path[i - 1];
        if (nima_str_eq(row->role, NIMA_STR("system")) || row->content.len == 0) {
            continue;
        }
        struct nima_window_message *m = &r->history.items[r->history.count++];
        *m = (struct nima_window_message){
            .role = row->role, .content = row->content, .position = row->position};
        if (nima_str_eq(row->role, NIMA_STR("user"))) {
            nima_history_read_user(ctx, row->metadata, m);
            leave_out(&r->record, m);
        }
    }
    if (r->history.count == 0) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "the message of this prompt is gone");
    }
    return NIMA_OK;
}

static nima_rc add_section(struct nima_ctx *ctx, struct replay *r, nima_str name, nima_str text)
{
    struct nima_context_section *section = &r->out->sections.items[r->out->sections.count++];
    *section = (struct nima_context_section){.name = name, .text = text};
    return nima_count_tokens(ctx, r->o, text, &section->tokens);
}

static nima_rc add_system(struct nima_ctx *ctx, struct replay *r)
{
    size_t at = 0;
    for (size_t i = 0; i < r->record.sections.count; i++) {
        const struct nima_record_section *section = &r->record.sections.items[i];
        size_t end = at + (size_t)section->bytes;
        NIMA_TRY(add_section(ctx, r, section->name, nima_str_sub(r->system, at, end)));
        at = end;
    }
    return NIMA_OK;
}

static nima_rc add_history(struct nima_ctx *ctx, struct replay *r)
{
    struct nima_context_section *section = &r->out->sections.items[r->out->sections.count++];
    *section = (struct nima_context_section){.name = NIMA_STR("history")};
    for (size_t i = 0; i + 1 < r->history.count; i++) {
        const struct nima_window_message *m = &r->history.items[i];
        NIMA_TRY(nima_count_tokens(ctx, r->o, m->content, &section->tokens));
        if (m->notes.count > 0) {
            NIMA_TRY(
                nima_count_tokens(ctx, r->o, nima_prompt_notes(ctx, &m->notes), &section->tokens));
        }
        section->messages++;
    }
    return NIMA_OK;
}

/* The notes of the message itself, with why each of them was there. */
static nima_rc add_notes(struct nima_ctx *ctx, struct replay *r, const struct nima_notes *notes)
{
    for (int s = 0; s < NIMA_SECTIONS; s++) {
        struct nima_notes own = {NIMA_NEW(ctx->arena, struct nima_note, notes->count), 0};
        for (size_t i = 0; i < notes->count; i++) {
            if (nima_note_is(&notes->items[i], (enum nima_section)s)) {
                own.items[own.count++] = notes->items[i];
            }
        }
        if (own.count > 0) {
            nima_str text = nima_prompt_list(ctx, (enum nima_section)s, &own);
            NIMA_TRY(add_section(ctx, r, nima_str_of(nima_sections[s].name), text));
            struct nima_context_section *section =
                &r->out->sections.items[r->out->sections.count - 1];
            section->items.items = own.items;
            section->items.count = own.count;
        }
    }
    return NIMA_OK;
}

static int64_t count_forgotten(const struct replay *r)
{
    int64_t count = 0;
    for (size_t i = 0; i < r->history.count; i++) {
        const struct nima_notes *notes = &r->history.items[i].notes;
        for (size_t n = 0; n < notes->count; n++) {
            count += nima_str_eq(notes->items[n].fact, NIMA_STR(NIMA_FORGOTTEN_TEXT));
        }
    }
    return count;
}

/* What the template puts around it all is the rest: the parts sum up to the whole. */
static nima_rc add_template(struct nima_ctx *ctx, struct replay *r,
                            const struct nima_prompt *prompt)
{
    int whole;
    NIMA_TRY(nima_llm_count_prompt(ctx, r->o->llm, prompt->items, prompt->count, &whole));
    int64_t parts = 0;
    for (size_t i = 0; i < r->out->sections.count; i++) {
        parts += r->out->sections.items[i].tokens;
    }
    r->out->sections.items[r->out->sections.count++] =
        (struct nima_context_section){.name = NIMA_STR("template"), .tokens = whole - parts};
    r->out->tokens = whole;
    return NIMA_OK;
}

static nima_rc fill(struct nima_ctx *ctx, struct replay *r)
{
    const struct nima_window_message *last = &r->history.items[r->history.count - 1];
    struct nima_history before = {.items = r->history.items, .count = r->history.count - 1};
    struct nima_prompt prompt;
    nima_prompt_render(ctx, r->system, &before, &last->notes, last->content, &prompt);
    r->out->sections.items = NIMA_NEW(ctx->arena, struct nima_context_section,
                                      r->record.sections.count + NIMA_SECTIONS + 3);
    NIMA_TRY(add_system(ctx, r));
    NIMA_TRY(add_history(ctx, r));
    NIMA_TRY(add_notes(ctx, r, &last->notes));
    NIMA_TRY(add_section(ctx, r, NIMA_STR("message"), last->content));
    NIMA_TRY(add_template(ctx, r, &prompt));
    r->out->messages.items = prompt.items;
    r->out->messages.count = prompt.count;
    r->out->exact = nima_str_eq(nima_record_hash(ctx, &prompt), r->record.hash);
    r->out->forgotten = count_forgotten(r);
    return NIMA_OK;
}

nima_rc nima_orchestrator_context(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                  nima_str conversation_id, nima_str message_id,
                                  struct nima_context_prompt *out)
{
    struct nima_message_row reply;
    struct nima_context_prompt found = {0};
    struct replay r = {.o = orchestrator, .conversation_id = conversation_id, .out = &found};
    NIMA_TRY(nima_message_get(ctx, orchestrator->store, conversation_id, message_id, &reply));
    NIMA_TRY(read_record(ctx, &r, message_id));
    NIMA_TRY(read_window(ctx, &r));
    NIMA_TRY(nima_llm_wait(ctx, orchestrator->llm));
    NIMA_TRY(fill(ctx, &r));
    struct nima_reply_meta meta = {0};
    NIMA_TRY(nima_json_decode(ctx, &nima_reply_meta_shape, reply.metadata, &meta));
    found.message_id = reply.id;
    found.context = meta.context;
    *out = found;
    return NIMA_OK;
}
