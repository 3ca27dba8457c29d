/* What was just remembered, or stated in the last reply, is taken back by a word, without the
 * model: memory says which fact is meant, here stands what is answered. */
#include "orchestrator/orchestrator_int.h"
#include "search/words.h"
#include "util/buf.h"
#include "util/choice.h"

enum { ASKED_MAX = 5, REPLY_BYTES_MAX = 64 * 1024, ANSWER_BYTES_MAX = 80, ANSWER_TERMS_MAX = 16 };
/* What was told, what the person said to it, and what was asked back. */
enum { TOLD, SAID, ASKED, ROUND };

static const char which[] = "Which of these do you mean?";

/* Facts that came of the turn; what it superseded or forgot is none of them. */
static void read_told(struct nima_ctx *ctx, const struct nima_message_row *row,
                      struct nima_last_reply *out)
{
    struct nima_reply_meta meta = {0};
    *out = (struct nima_last_reply){.reply = row->content};
    if (nima_json_decode(ctx, &nima_reply_meta_shape, row->metadata, &meta) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return;
    }
    nima_str *added = NIMA_NEW(ctx->arena, nima_str, meta.remembered.count);
    for (size_t i = 0; i < meta.remembered.count; i++) {
        nima_str event = meta.remembered.items[i].event;
        if (!nima_str_eq(event, NIMA_STR("superseded")) &&
            !nima_str_eq(event, NIMA_STR("forgotten"))) {
            added[out->added_count++] = meta.remembered.items[i].id;
        }
    }
    out->added = added;
    size_t count = meta.context != NULL ? meta.context->facts.count : 0;
    nima_str *recalled = NIMA_NEW(ctx->arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        recalled[i] = meta.context->facts.items[i].id;
    }
    out->recalled = recalled;
    out->recalled_count = count;
}

/* The facts that were forgotten in the turn. */
static nima_rc forgotten_in(struct nima_ctx *ctx, const struct nima_message_row *row,
                            struct nima_retract *out)
{
    struct nima_reply_meta meta = {0};
    if (nima_json_decode(ctx, &nima_reply_meta_shape, row->metadata, &meta) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return NIMA_OK;
    }
    out->restore = NIMA_NEW(ctx->arena, nima_str, meta.remembered.count);
    for (size_t i = 0; i < meta.remembered.count; i++) {
        if (nima_str_eq(meta.remembered.items[i].event, NIMA_STR("forgotten"))) {
            out->restore[out->restore_count++] = meta.remembered.items[i].id;
        }
    }
    return NIMA_OK;
}

static bool has_all(struct nima_words *words, nima_str text, const uint64_t *terms, size_t count)
{
    struct nima_terms own = nima_search_words_of(words, text, (nima_str){NULL, 0});
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        bool has = false;
        for (size_t n = 0; n < own.count && !has; n++) {
            has = own.items[n] == terms[i];
        }
        found += has;
    }
    return found == count;
}

/* Which of the facts on the question's lines the answer names; NULL: none, or several. */
static const struct nima_fact *chosen(struct nima_ctx *ctx, const struct nima_fact_rows *facts,
                                      nima_str question, nima_str answer)
{
    const struct nima_fact *meant = NULL;
    size_t asked = facts->count < ASKED_MAX ? facts->count : ASKED_MAX, fitting = 0;
    nima_str core = nima_choice_core(ctx, answer);
    size_t number = nima_choice_number(core, asked);
    nima_str line = nima_choice_line(ctx, question, number);
    struct nima_words *words = nima_search_words_open();
    struct nima_terms said = nima_search_words_of(words, core, (nima_str){NULL, 0});
    uint64_t terms[ANSWER_TERMS_MAX];
    size_t count = said.count < ANSWER_TERMS_MAX ? said.count : 0;
    for (size_t i = 0; i < count; i++) {
        terms[i] = said.items[i];
    }
    for (size_t i = 0; i < asked; i++) {
        const struct nima_fact *fact = &facts->items[i];
        bool fits = number > 0 ? nima_str_eq(fact->fact, line)
                               : count > 0 && has_all(words, fact->fact, terms, count);
        meant = fits ? fact : meant;
        fitting += fits;
    }
    nima_search_words_close(words);
    return fitting == 1 ? meant : NULL;
}

static bool says_one_of(nima_str answer, const char *const *words, size_t count)
{
    answer = nima_str_trim(answer);
    while (answer.len > 0 &&
           (answer.ptr[answer.len - 1] == '.' || answer.ptr[answer.len - 1] == '!')) {
        answer.len--;
    }
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq_nocase(answer, nima_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* "Yes", when one fact was asked about; "both", "all of them", when several were. */
static bool means_all(nima_str answer, size_t asked)
{
    static const char *const yes[] = {"yes",     "yes please", "yes, please", "yep",
                                      "exactly", "that one",   "right",       "yeah"};
    static const char *const all[] = {"all",       "both",         "all of them", "both of them",
                                      "every one", "all of these", "all please",  "both please"};
    return asked == 1 ? says_one_of(answer, yes, sizeof(yes) / sizeof(yes[0]))
                      : says_one_of(answer, all, sizeof(all) / sizeof(all[0]));
}

/* "The second", when it was asked which fact is meant: what was to be done is done to that one. The
 * facts are looked for again, as before the question. */
static nima_rc find_chosen(struct nima_ctx *ctx, struct nima_orchestrator *o,
                           const struct nima_message_rows *rows, nima_str message,
                           struct nima_retract *out)
{
    struct nima_last_reply told;
    struct nima_fact_rows facts;
    if (message.len > ANSWER_BYTES_MAX || rows->count < 2 ||
        !nima_str_starts(rows->items[rows->count - 1].content, nima_str_of(which))) {
        return NIMA_OK;
    }
    nima_str said = rows->items[rows->count - 2].content;
    enum nima_retraction kind = nima_memory_retraction(ctx, said);
    if (kind == NIMA_RETRACT_NOTHING) {
        NIMA_TRY(nima_memory_forget_candidates(ctx, o->memory, said, &facts));
        kind = NIMA_RETRACT_FORGET;
    } else if (rows->count < ROUND) {
        return NIMA_OK;
    } else {
        read_told(ctx, &rows->items[TOLD], &told);
        NIMA_TRY(nima_memory_retracts(ctx, o->memory, kind, &told, &facts));
    }
    if (kind != NIMA_RETRACT_ENDED && facts.count > 0 && facts.count <= ASKED_MAX &&
        means_all(message, facts.count)) {
        out->kind = kind;
        out->answered = out->all = true;
        out->meant = facts;
        return NIMA_OK;
    }
    const struct nima_fact *fact =
        chosen(ctx, &facts, rows->items[rows->count - 1].content, message);
    if (fact != NULL) {
        out->kind = kind;
        out->answered = true;
        out->meant =
            (struct nima_fact_rows){.items = NIMA_NEW(ctx->arena, struct nima_fact, 1), .count = 1};
        out->meant.items[0] = *fact;
    }
    return NIMA_OK;
}

nima_rc nima_retract_find(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, nima_str message, int64_t before,
                          struct nima_retract *out)
{
    *out = (struct nima_retract){.kind = NIMA_RETRACT_NOTHING};
    bool may = turn->use_memory && turn->learn != NIMA_LEARN_OFF && turn->again.ptr == NULL &&
               !turn->stateless && turn->conversation_id.ptr != NULL;
    enum nima_retraction kind = may ? nima_memory_retraction(ctx, message) : NIMA_RETRACT_NOTHING;
    struct nima_message_rows rows;
    struct nima_last_reply told;
    if (!may || (kind == NIMA_RETRACT_NOTHING && message.len > ANSWER_BYTES_MAX)) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_messages_before(ctx, o->store, turn->conversation_id, before, ROUND, &rows));
    const struct nima_message_row *last = rows.count > 0 ? &rows.items[rows.count - 1] : NULL;
    if (last == NULL || !nima_str_eq(last->role, NIMA_STR("assistant"))) {
        return NIMA_OK;
    }
    if (kind == NIMA_RETRACT_NOTHING) {
        return find_chosen(ctx, o, &rows, message, out);
    }
    if (kind == NIMA_RETRACT_UNDO) {
        out->kind = kind;
        NIMA_TRY(forgotten_in(ctx, last, out));
        out->answered = out->restore_count > 0;
        return NIMA_OK;
    }
    read_told(ctx, last, &told);
    NIMA_TRY(nima_memory_retracts(ctx, o->memory, kind, &told, &out->meant));
    out->kind = kind;
    out->answered = out->meant.count > 0 || kind == NIMA_RETRACT_FORGET;
    return NIMA_OK;
}

void nima_retract_ask(const struct nima_fact_rows *meant, struct nima_buf *text)
{
    nima_buf_add(text, nima_str_of(which));
    for (size_t i = 0; i < meant->count && i < ASKED_MAX; i++) {
        nima_buf_fmt(text, "\n%zu. " NIMA_FMT, i + 1, NIMA_ARG(meant->items[i].fact));
    }
    nima_buf_add(text, NIMA_STR("\nSay its number or some of its words."));
}

static void confirm(enum nima_retraction kind, const struct nima_learned_list *done,
                    struct nima_buf *text)
{
    const struct nima_learned *last = &done->items[done->count - 1];
    bool gone = last->event == NIMA_LEARNED_FORGOTTEN;
    nima_buf_fmt(text, "%s: " NIMA_FMT, gone ? "Forgotten" : "I will remember",
                 NIMA_ARG(last->fact.fact));
    if (kind == NIMA_RETRACT_WRONG) {
        nima_buf_add(text, NIMA_STR("\nTell me how it is, and I will remember that."));
    }
}

static nima_rc bring_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_retract *retract, nima_str *reply,
                          struct nima_learned_list *out)
{
    struct nima_learned_list back = {
        .items = NIMA_NEW(ctx->arena, struct nima_learned, retract->restore_count)};
    *reply = NIMA_STR("That is gone for good: what was forgotten can be brought back for ten "
                      "minutes.");
    for (size_t i = 0; i < retract->restore_count; i++) {
        struct nima_learned *one = &back.items[back.count];
        nima_rc rc = nima_memory_restore(ctx, o->memory, (nima_str){NULL, 0}, retract->restore[i],
                                         &one->fact);
        if (rc == NIMA_E_NOT_FOUND) {
            ctx->error = (struct nima_error){0};
            continue;
        }
        NIMA_TRY(rc);
        one->event = NIMA_LEARNED_ADDED;
        *reply = nima_fmt(ctx, NIMA_FMT "%sI remember again: " NIMA_FMT,
                          NIMA_ARG(back.count > 0 ? *reply : NIMA_STR("")),
                          back.count > 0 ? "\n" : "", NIMA_ARG(one->fact.fact));
        back.count++;
    }
    *out = back;
    return NIMA_OK;
}

static nima_rc take_all(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        const struct nima_retract *retract, const struct nima_utterance *said,
                        nima_str *reply, struct nima_learned_list *out)
{
    struct nima_learned_list all = {
        .items = NIMA_NEW(ctx->arena, struct nima_learned, 2 * retract->meant.count)};
    *reply = NIMA_STR("");
    for (size_t i = 0; i < retract->meant.count; i++) {
        struct nima_learned_list done;
        NIMA_TRY(nima_memory_retract(ctx, o->memory, retract->kind, &retract->meant.items[i], said,
                                     &done));
        for (size_t k = 0; k < done.count; k++) {
            all.items[all.count++] = done.items[k];
        }
        *reply = nima_fmt(ctx, NIMA_FMT "%sForgotten: " NIMA_FMT, NIMA_ARG(*reply),
                          i > 0 ? "\n" : "", NIMA_ARG(retract->meant.items[i].fact));
    }
    *out = all;
    return NIMA_OK;
}

nima_rc nima_retract_run(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_retract *retract, const struct nima_utterance *said,
                         nima_str *reply, struct nima_learned_list *out)
{
    struct nima_buf text;
    struct nima_learned_list done = {0};
    if (retract->kind == NIMA_RETRACT_UNDO) {
        return bring_back(ctx, o, retract, reply, out);
    }
    if (retract->all && retract->meant.count > 1) {
        return take_all(ctx, o, retract, said, reply, out);
    }
    if (retract->meant.count == 1) {
        NIMA_TRY(nima_memory_retract(ctx, o->memory, retract->kind, &retract->meant.items[0], said,
                                     &done));
    }
    nima_buf_init(&text, REPLY_BYTES_MAX);
    if (done.count > 0) {
        confirm(retract->kind, &done, &text);
    } else if (retract->meant.count > 1) {
        nima_retract_ask(&retract->meant, &text);
    } else {
        nima_buf_add(&text, NIMA_STR("I kept nothing of what was said last. The list of what I "
                                     "know is on the page under Memory."));
    }
    *reply = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    *out = done;
    return NIMA_OK;
}
