/*
 * Which messages go into the prompt. A stored conversation is a window over its last messages; its
 * start is on record in the last reply's context, so it stays where it is from turn to turn.
 */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "util/buf.h"

enum {
    LOAD_MAX = 200, /* messages looked at; the window never holds more */
    LOAD_STEP = 50, /* when it would, it moves on by so many at once */
    LEAVES_PERCENT =
        40, /* of the window's text surely leaves when its tokens are too many: half does */
};

static bool is_role(nima_str role, const char *name)
{
    return nima_str_eq(role, nima_str_of(name));
}

/* The client's own system messages, joined by blank lines. */
static nima_str join_system(struct nima_ctx *ctx, nima_str so_far, nima_str more)
{
    if (so_far.ptr == NULL) {
        return more;
    }
    return nima_fmt(ctx, NIMA_FMT "\n\n" NIMA_FMT, NIMA_ARG(so_far), NIMA_ARG(more));
}

static struct nima_window_message *add_message(struct nima_history *history, nima_str role,
                                               nima_str content, int64_t position)
{
    struct nima_window_message *m = &history->items[history->count++];
    *m = (struct nima_window_message){.role = role, .content = content, .position = position};
    return m;
}

static nima_str request_system(struct nima_ctx *ctx, const struct nima_turn *turn)
{
    nima_str joined = {NULL, 0};
    for (size_t i = 0; i < turn->count; i++) {
        if (is_role(turn->messages[i].role, "system")) {
            joined = join_system(ctx, joined, turn->messages[i].content);
        }
    }
    return joined;
}

/* All of the request's messages but the last. */
static void from_request(struct nima_ctx *ctx, const struct nima_turn *turn,
                         struct nima_history *out)
{
    out->system = request_system(ctx, turn);
    out->items = NIMA_NEW(ctx->arena, struct nima_window_message, turn->count);
    for (size_t i = 0; i + 1 < turn->count; i++) {
        const struct nima_llm_message *m = &turn->messages[i];
        if (!is_role(m->role, "system") && m->content.len > 0) {
            (void)add_message(out, m->role, m->content, (int64_t)i);
        }
    }
}

/* What the last reply's context says of the window. A context we cannot read says nothing. */
static void read_reply_meta(struct nima_ctx *ctx, nima_str metadata, struct nima_history *out)
{
    struct nima_reply_meta meta = {0};
    if (nima_json_decode(ctx, &nima_reply_meta_shape, metadata, &meta) != NIMA_OK) {
        return;
    }
    out->last_actions = meta.actions;
    out->last_asked = meta.asked;
    if (meta.context == NULL) {
        return;
    }
    out->trimmed = meta.context->trimmed_messages;
    out->facts_change = meta.facts_change;
    out->has_facts_change = meta.has_facts_change;
    out->system_hash = meta.system_hash;
    /* Without a count of the prompt (a server that tells none, a command) nothing is known. */
    if (meta.context->tokens != NULL && meta.context->tokens->prompt > 0) {
        out->tokens = meta.context->tokens->prompt + meta.context->tokens->completion;
    }
}

static void read_window_start(struct nima_ctx *ctx, const struct nima_message_rows *rows,
                              struct nima_history *out)
{
    for (size_t i = rows->count; i > 0; i--) {
        if (is_role(rows->items[i - 1].role, "assistant")) {
            read_reply_meta(ctx, rows->items[i - 1].metadata, out);
            out->last_actions = i == rows->count ? out->last_actions : (nima_str){NULL, 0};
            out->last_asked = i == rows->count ? out->last_asked : (nima_str){NULL, 0};
            break;
        }
    }
    int64_t first = rows->count > 0 ? rows->items[0].position : 0;
    if (out->trimmed < first) {
        out->trimmed = (first + LOAD_STEP - 1) / LOAD_STEP * LOAD_STEP;
        out->tokens = 0;
    }
}

void nima_history_read_user(struct nima_ctx *ctx, nima_str metadata, struct nima_window_message *m)
{
    struct nima_user_meta meta = {0};
    if (nima_json_decode(ctx, &nima_user_meta_shape, metadata, &meta) != NIMA_OK) {
        return;
    }
    m->notes = meta.notes;
    if (nima_cut_fits(m->content, meta.cut)) {
        m->content = nima_prompt_cut(ctx, m->content, meta.cut);
    }
}

static int by_fact_id(const void *a, const void *b)
{
    const struct nima_fact *left = a;
    const struct nima_fact *right = b;
    return nima_str_cmp(left->id, right->id);
}

static int by_id(const void *a, const void *b)
{
    return nima_str_cmp(*(const nima_str *)a, *(const nima_str *)b);
}

/* Leaves out what was forgotten, superseded or reworded since; false when anything was. The prompt
 * then differs from what the model has cached, as it must. */
static bool keep_true_notes(const struct nima_fact_rows *sorted, struct nima_history *history,
                            struct nima_window_message *m)
{
    struct nima_notes *notes = &m->notes;
    size_t kept = 0;
    for (size_t i = 0; i < notes->count; i++) {
        struct nima_fact key = {.id = notes->items[i].id};
        const struct nima_fact *fact =
            bsearch(&key, sorted->items, sorted->count, sizeof(key), by_fact_id);
        if (!nima_note_is(&notes->items[i], NIMA_SECTION_FACTS) ||
            (fact != NULL && is_role(fact->status, "active") &&
             nima_str_eq(fact->fact, notes->items[i].fact))) {
            notes->items[kept++] = notes->items[i];
        } else {
            history->without.items[history->without.count++] =
                (struct nima_left_out){m->position, notes->items[i].id};
        }
    }
    bool all = kept == notes->count;
    notes->count = kept;
    return all;
}

/* The ids of all notes of the window, each once. */
static size_t note_ids(struct nima_ctx *ctx, struct nima_history *history, nima_str **out)
{
    size_t total = 0;
    for (size_t i = 0; i < history->count; i++) {
        total += history->items[i].notes.count;
    }
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, total);
    history->without.items = NIMA_NEW(ctx->arena, struct nima_left_out, total);
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct nima_notes *notes = &history->items[i].notes;
        for (size_t n = 0; n < notes->count; n++) {
            const struct nima_note *note = &notes->items[n];
            bool of_pack = nima_note_is(note, NIMA_SECTION_PACKS) ||
                           nima_note_is(note, NIMA_SECTION_PACK_RULES);
            if (!of_pack &&
                !nima_note_is(note, NIMA_SECTION_MANNER)) { /* theirs are no ids of the store */
                ids[count++] = note->id;
            }
        }
    }
    qsort(ids, count, sizeof(*ids), by_id);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || !nima_str_eq(ids[distinct - 1], ids[i])) {
            ids[distinct++] = ids[i];
        }
    }
    *out = ids;
    return distinct;
}

/* The usual turn finds that no fact of the person changed since the last reply, and is done. What
 * takes messages out of recall counts as a change of facts. */
static nima_rc check_notes(struct nima_ctx *ctx, struct nima_orchestrator *o,
                           struct nima_history *history)
{
    int64_t change;
    NIMA_TRY(nima_facts_change(ctx, o->store, &change));
    bool unchanged = history->has_facts_change && history->facts_change == change;
    history->facts_change = change;
    history->notes_true = true;
    if (unchanged) {
        return NIMA_OK;
    }
    nima_str *ids;
    size_t count = note_ids(ctx, history, &ids);
    if (count == 0) {
        return NIMA_OK;
    }
    struct nima_fact_rows facts;
    NIMA_TRY(nima_facts_get_many(ctx, o->store, ids, count, &facts));
    qsort(facts.items, facts.count, sizeof(*facts.items), by_fact_id);
    for (size_t i = 0; i < history->count; i++) {
        history->notes_true &= keep_true_notes(&facts, history, &history->items[i]);
    }
    return nima_said_check(ctx, o, history);
}

/* The client's own words stand in front of everything, however long ago they were sent. */
static nima_rc add_old_system(struct nima_ctx *ctx, struct nima_orchestrator *o,
                              nima_str conversation_id, const struct nima_message_rows *rows,
                              struct nima_history *out)
{
    struct nima_message_rows old = {0};
    if (rows->count == LOAD_MAX) {
        NIMA_TRY(
            nima_messages_system(ctx, o->store, conversation_id, rows->items[0].position, &old));
    }
    for (size_t i = 0; i < old.count; i++) {
        out->system = join_system(ctx, out->system, old.items[i].content);
    }
    return NIMA_OK;
}

static nima_rc from_store(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, int64_t before, struct nima_history *out)
{
    struct nima_message_rows rows;
    NIMA_TRY(nima_messages_before(ctx, o->store, turn->conversation_id, before, LOAD_MAX, &rows));
    read_window_start(ctx, &rows, out);
    NIMA_TRY(add_old_system(ctx, o, turn->conversation_id, &rows, out));
    out->items = NIMA_NEW(ctx->arena, struct nima_window_message, rows.count + 1);
    for (size_t i = 0; i < rows.count; i++) {
        const struct nima_message_row *row = &rows.items[i];
        if (is_role(row->role, "system")) {
            out->system = join_system(ctx, out->system, row->content);
        } else if (row->position >= out->trimmed && row->content.len > 0) {
            struct nima_window_message *m =
                add_message(out, row->role, row->content, row->position);
            if (is_role(row->role, "user")) {
                nima_history_read_user(ctx, row->metadata, m);
            }
        }
    }
    nima_str sent = request_system(ctx, turn);
    if (sent.ptr != NULL) {
        out->system = sent; /* the client's newest word on it */
    }
    NIMA_TRY(turn->use_memory ? check_notes(ctx, o, out) : NIMA_OK);
    return nima_turn_goals_check(ctx, o, out);
}

nima_rc nima_history_load(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, int64_t before, struct nima_history *out)
{
    struct nima_history history = {.has_conversation = turn->conversation_id.ptr != NULL};
    if (!history.has_conversation) {
        from_request(ctx, turn, &history);
    } else {
        struct nima_conversation conversation;
        NIMA_TRY(nima_conversation_get(ctx, o->store, turn->conversation_id, &conversation));
        history.metadata = conversation.metadata;
        history.title = conversation.title;
        if (conversation.summary_position <= before && conversation.next_position <= before) {
            history.summary = conversation.context_summary;
            history.summary_position = conversation.summary_position;
            history.next_summary = conversation.next_summary;
            history.next_position = conversation.next_position;
        }
        NIMA_TRY(from_store(ctx, o, turn, before, &history));
    }
    *out = history;
    return NIMA_OK;
}

int64_t nima_history_leaves(const struct nima_history *history, int64_t tokens, int64_t room)
{
    if (history->count + LOAD_STEP / 2 >= LOAD_MAX) { /* so many are looked at: a step is next */
        return (history->trimmed + LOAD_STEP) / LOAD_STEP * LOAD_STEP;
    }
    if (tokens * 2 < room) {
        return 0;
    }
    size_t bytes = 0, before = 0;
    for (size_t i = 0; i < history->count; i++) {
        bytes += history->items[i].content.len;
    }
    for (size_t i = 0; i < history->count; i++) {
        before += history->items[i].content.len;
        if (before * 100 > bytes * LEAVES_PERCENT) {
            return history->items[i].position;
        }
    }
    return 0;
}
