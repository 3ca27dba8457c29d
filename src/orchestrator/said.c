/*
 * What was said in other conversations, or before the window of this one, as notes: a few short
 * quotations with date and speaker. They are one line each and hold no quotation mark, so a text
 * cannot get out of its place.
 */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "util/buf.h"
#include "util/clock.h"

enum {
    LOOK_MAX = 6, /* some of them say what the model sees already */
    EXCERPT_BYTES = 280,
    NAME_BYTES = 60,
    DATE_CHARS = 10,
    SENTENCES_MAX = 64,
};

/* Up to `max` bytes on one line; what would end the quotation is put otherwise. */
static void add_quoted(struct nima_buf *out, nima_str text, size_t max)
{
    nima_str part = nima_utf8_prefix(text, max);
    bool space = false;
    for (size_t at = 0; at < part.len;) {
        uint32_t c;
        size_t bytes = (size_t)nima_utf8_decode(part, at, &c);
        bool blank = c <= ' ' || c == 0x7F || c == 0x85 || c == 0x2028 || c == 0x2029;
        if (!blank) {
            nima_buf_add(out, space ? NIMA_STR(" ") : NIMA_STR(""));
            nima_buf_add(out, c == '"' ? NIMA_STR("'") : nima_str_sub(part, at, at + bytes));
        }
        space = blank;
        at += bytes;
    }
    nima_buf_add(out, part.len < text.len ? NIMA_STR(" …") : NIMA_STR(""));
}

static size_t end_of_sentence(nima_str text, size_t from)
{
    for (size_t at = from; at < text.len; at++) {
        char c = text.ptr[at];
        bool last = at + 1 == text.len || text.ptr[at + 1] == ' ' || text.ptr[at + 1] == '\n';
        if (c == '\n' || ((c == '.' || c == '!' || c == '?') && last)) {
            return at + 1;
        }
    }
    return text.len;
}

/* How many of the question's longer words the sentence has. */
static int shared_words(nima_str sentence, nima_str question)
{
    int shared = 0;
    nima_str word;
    while (nima_str_next(&question, ' ', &word)) {
        enum { LONG = 4 };
        while (word.len > 0 && strchr("?!.,;:\"'", word.ptr[word.len - 1]) != NULL) {
            word.len--;
        }
        shared += word.len >= LONG && nima_str_find_nocase(sentence, word, 0) != SIZE_MAX;
    }
    return shared;
}

/* Of a long message, from the sentence on that has most to do with the question. */
static nima_str best_part(nima_str content, nima_str question)
{
    size_t from = 0, best = 0;
    int most = 0;
    for (int i = 0; content.len > EXCERPT_BYTES && from < content.len && i < SENTENCES_MAX; i++) {
        size_t end = end_of_sentence(content, from);
        int shared = shared_words(nima_str_sub(content, from, end), question);
        if (shared > most) {
            most = shared;
            best = from;
        }
        from = end;
    }
    return nima_str_trim(nima_str_sub(content, best, content.len));
}

static nima_str excerpt(struct nima_ctx *ctx, const struct nima_message_row *row, nima_str question)
{
    char date[NIMA_TIME_CHARS + 1];
    struct nima_buf text;
    nima_time_write(row->timestamp, date);
    nima_buf_init(&text, (size_t)4 * EXCERPT_BYTES);
    nima_buf_add(&text, (nima_str){date, DATE_CHARS});
    bool user = nima_str_eq(row->role, NIMA_STR("user"));
    if (row->name.len > 0) {
        nima_buf_add_char(&text, ' ');
        add_quoted(&text, row->name, NAME_BYTES);
    } else {
        nima_buf_add(&text, user ? NIMA_STR(" the user") : NIMA_STR(" you"));
    }
    nima_buf_add(&text, NIMA_STR(" said: \""));
    add_quoted(&text, best_part(row->content, question), EXCERPT_BYTES);
    nima_buf_add_char(&text, '"');
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

/* The messages that the recalled facts were learned from. */
static nima_rc sources_of(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_memory_hits *facts, struct nima_message_rows *out)
{
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, facts->count);
    size_t count = 0;
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->items[i].fact.message_id.len > 0) {
            ids[count++] = facts->items[i].fact.message_id;
        }
    }
    *out = (struct nima_message_rows){0};
    return count > 0 ? nima_messages_get_many(ctx, o->store, ids, count, out) : NIMA_OK;
}

/* Whether a recalled fact tells it: learned from it, or from the message it replies to. */
static bool told_by_fact(const struct nima_message_rows *sources,
                         const struct nima_message_row *row)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct nima_message_row *source = &sources->items[i];
        int64_t behind = row->position - source->position;
        bool reply = behind == 1 && nima_str_eq(row->role, NIMA_STR("assistant"));
        if (nima_str_eq(source->conversation_id, row->conversation_id) && (behind == 0 || reply)) {
            return true;
        }
    }
    return false;
}

/* The client may send earlier turns itself, of a conversation that it does not name. */
static bool in_window(const struct nima_history *history, const struct nima_message_row *row)
{
    for (size_t i = 0; i < history->count; i++) {
        if (nima_str_eq(history->items[i].content, row->content)) {
            return true;
        }
        for (size_t n = 0; n < history->items[i].notes.count; n++) {
            if (nima_str_eq(history->items[i].notes.items[n].id, row->id)) {
                return true;
            }
        }
    }
    return false;
}

nima_rc nima_said_recall(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_turn *turn, const struct nima_history *history,
                         const struct nima_memory_hits *facts, struct nima_notes *notes,
                         struct nima_context_messages *out)
{
    struct nima_said_query query = {.message = turn->messages[turn->count - 1].content,
                                    .conversation_id = turn->conversation_id,
                                    .from_position = history->trimmed,
                                    .limit = LOOK_MAX};
    struct nima_said_hits hits;
    struct nima_message_rows sources;
    NIMA_TRY(nima_memory_recall_said(ctx, o->memory, &query, &hits));
    *out = (struct nima_context_messages){0};
    if (hits.count == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(sources_of(ctx, o, facts, &sources));
    out->items = NIMA_NEW(ctx->arena, struct nima_context_message, NIMA_SAID_MAX);
    for (size_t i = 0; i < hits.count && out->count < NIMA_SAID_MAX; i++) {
        const struct nima_message_row *row = &hits.items[i].message;
        if (told_by_fact(&sources, row) || in_window(history, row) || row->withheld.ptr != NULL) {
            continue;
        }
        out->items[out->count++] =
            (struct nima_context_message){row->id, row->conversation_id, hits.items[i].score};
        notes->items[notes->count++] =
            (struct nima_note){.id = row->id,
                               .fact = excerpt(ctx, row, query.message),
                               .kind = nima_str_of(nima_sections[NIMA_SECTION_SAID].kind),
                               .score = hits.items[i].score,
                               .vector = hits.items[i].vector,
                               .keyword = hits.items[i].keyword};
    }
    return NIMA_OK;
}

static bool is_there(const struct nima_message_rows *rows, nima_str id)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (nima_str_eq(rows->items[i].id, id)) {
            return rows->items[i].withheld.ptr == NULL;
        }
    }
    return false;
}

static void keep_there(const struct nima_message_rows *rows, struct nima_history *history,
                       struct nima_window_message *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->notes.count; i++) {
        const struct nima_note *note = &m->notes.items[i];
        if (!nima_note_is(note, NIMA_SECTION_SAID) || is_there(rows, note->id)) {
            m->notes.items[kept++] = *note;
        } else {
            history->without.items[history->without.count++] =
                (struct nima_left_out){m->position, note->id};
            history->notes_true = false;
        }
    }
    m->notes.count = kept;
}

nima_rc nima_said_check(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        struct nima_history *history)
{
    size_t room = 0, count = 0;
    for (size_t i = 0; i < history->count; i++) {
        room += history->items[i].notes.count;
    }
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, room);
    for (size_t i = 0; i < history->count; i++) {
        const struct nima_notes *notes = &history->items[i].notes;
        for (size_t n = 0; n < notes->count; n++) {
            if (nima_note_is(&notes->items[n], NIMA_SECTION_SAID)) {
                ids[count++] = notes->items[n].id;
            }
        }
    }
    if (count == 0) {
        return NIMA_OK;
    }
    struct nima_message_rows rows;
    NIMA_TRY(nima_messages_get_many(ctx, o->store, ids, count, &rows));
    for (size_t i = 0; i < history->count; i++) {
        keep_there(&rows, history, &history->items[i]);
    }
    return NIMA_OK;
}
