/*
 * What of a conversation fits: each section within its budget, the rest of the room for history.
 * Tokens are the model's own; the usual turn counts only what is new.
 */
#include "orchestrator/orchestrator_int.h"

enum {
    CONTEXT_TOKENS_ASSUMED = 8192, /* for servers that do not tell */
    TEMPLATE_TOKENS = 8,           /* around each message */
    MARGIN_TOKENS = 64,
    CUT_MARK_TOKENS = 16,
    MESSAGE_TOKENS_MIN = 64, /* shorter ones are not cut: too little would be left */
    CUT_TRIES = 12
};

void nima_fit_room(struct nima_orchestrator *o, int max_tokens, struct nima_room *out)
{
    struct nima_llm_state state;
    nima_llm_state(o->llm, &state);
    int64_t context = state.context_tokens > 0 ? state.context_tokens : CONTEXT_TOKENS_ASSUMED;
    bool given = max_tokens > 0 && max_tokens <= context / 2;
    out->max_tokens = given ? max_tokens : (int)(context / 2);
    out->tokens = context - out->max_tokens - MARGIN_TOKENS;
}

bool nima_cut_fits(nima_str content, const struct nima_cut *cut)
{
    return cut != NULL && cut->head >= 0 && cut->tail >= 0 && (size_t)cut->head <= content.len &&
           (size_t)cut->tail <= content.len && (size_t)cut->head + (size_t)cut->tail < content.len;
}

/* So many bytes of both ends, two thirds of them of the beginning, no character cut. */
static struct nima_cut cut_at(nima_str content, size_t bytes)
{
    struct nima_cut cut = {.head = (int64_t)nima_utf8_prefix(content, bytes * 2 / 3).len};
    size_t from = content.len - bytes / 3;
    while (from < content.len && ((unsigned char)content.ptr[from] & 0xc0) == 0x80) {
        from++;
    }
    cut.tail = (int64_t)(content.len - from);
    return cut;
}

/* How long the message may be beside the instructions. */
static nima_rc message_budget(struct nima_ctx *ctx, struct nima_orchestrator *o,
                              const struct nima_room *room, const struct nima_fit *fit,
                              int64_t *out)
{
    int64_t most = nima_section_budget(NIMA_SECTION_MESSAGE, room->tokens);
    if ((int64_t)fit->message.len > most / 2) {
        int64_t fixed = 3 * TEMPLATE_TOKENS + CUT_MARK_TOKENS;
        NIMA_TRY(nima_count_tokens(ctx, o, fit->system, &fixed));
        int64_t left = room->tokens - fixed;
        most = left >= MESSAGE_TOKENS_MIN && left < most ? left : most;
    }
    *out = most;
    return NIMA_OK;
}

/* Cuts the message in its middle when it has more than `tokens_max` tokens. */
static nima_rc cut_message(struct nima_ctx *ctx, struct nima_orchestrator *o, int64_t tokens_max,
                           struct nima_fit *fit)
{
    nima_str whole = fit->message;
    int64_t tokens = 0;
    if ((int64_t)whole.len <= tokens_max) {
        return NIMA_OK; /* a token has a byte at least */
    }
    NIMA_TRY(nima_count_tokens(ctx, o, whole, &tokens));
    size_t bytes = whole.len;
    for (int i = 0; tokens > tokens_max && i < CUT_TRIES; i++) {
        bytes = (size_t)((double)bytes * (double)(tokens_max - CUT_MARK_TOKENS) / (double)tokens);
        struct nima_cut *cut = NIMA_NEW(ctx->arena, struct nima_cut, 1);
        *cut = cut_at(whole, bytes);
        fit->cut = cut;
        fit->message = nima_prompt_cut(ctx, whole, cut);
        tokens = 0;
        NIMA_TRY(nima_count_tokens(ctx, o, fit->message, &tokens));
    }
    if (fit->cut != NULL) {
        size_t kept = (size_t)(fit->cut->head + fit->cut->tail);
        nima_str gone =
            nima_str_sub(whole, (size_t)fit->cut->head, (size_t)fit->cut->head + whole.len - kept);
        fit->cut_characters = (int64_t)nima_utf8_count(gone);
    }
    return NIMA_OK;
}

static nima_rc count_message(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str content,
                             const struct nima_notes *notes, int64_t *total)
{
    *total += TEMPLATE_TOKENS;
    NIMA_TRY(nima_count_tokens(ctx, o, content, total));
    if (notes->count > 0) {
        *total += TEMPLATE_TOKENS;
        NIMA_TRY(nima_count_tokens(ctx, o, nima_prompt_notes(ctx, notes), total));
    }
    return NIMA_OK;
}

/* Fills up to `room` tokens from the newest message back; cuts the rest off the front. */
static nima_rc keep_newest(struct nima_ctx *ctx, struct nima_orchestrator *o, int64_t room,
                           struct nima_history *history)
{
    size_t keep = history->count;
    int64_t used = 0;
    while (keep > 0) {
        const struct nima_window_message *m = &history->items[keep - 1];
        NIMA_TRY(count_message(ctx, o, m->content, &m->notes, &used));
        if (used > room) {
            break;
        }
        keep--;
    }
    while (keep < history->count && nima_str_eq(history->items[keep].role, NIMA_STR("assistant"))) {
        keep++; /* a reply without its question would begin the window */
    }
    if (keep > 0) {
        /* A position, not a count: system messages stand among them, and the next turn must find
         * the window where this one left it. */
        history->trimmed = history->items[keep - 1].position + 1;
    }
    history->items += keep;
    history->count -= keep;
    return NIMA_OK;
}

nima_rc nima_fit_count(struct nima_ctx *ctx, struct nima_orchestrator *o,
                       const struct nima_fit *fit, const struct nima_history *history, int64_t *out)
{
    struct nima_arena_mark mark = nima_scratch(ctx);
    struct nima_prompt prompt;
    nima_prompt_render(ctx, fit->system, history, &fit->notes, fit->message, &prompt);
    int tokens;
    NIMA_TRY(nima_llm_count_prompt(ctx, o->llm, prompt.items, prompt.count, &tokens));
    nima_scratch_end(ctx, mark);
    *out = tokens;
    return NIMA_OK;
}

static nima_rc too_long(struct nima_ctx *ctx, int64_t fixed, const struct nima_room *room)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "messages",
                           "the message with its instructions has %lld tokens; the model takes "
                           "%lld beside a reply of %d: shorten it, or ask for a shorter reply",
                           (long long)fixed, (long long)room->tokens, room->max_tokens);
}

static nima_rc choose_notes(struct nima_ctx *ctx, struct nima_orchestrator *o, int64_t room,
                            struct nima_notes *notes)
{
    for (int section = 0; section < NIMA_SECTIONS && notes->count > 0; section++) {
        NIMA_TRY(nima_section_choose(ctx, o, (enum nima_section)section,
                                     nima_section_budget((enum nima_section)section, room), notes));
    }
    return NIMA_OK;
}

/* What cannot be left out, then the history that fits beside it. */
static nima_rc fit_all(struct nima_ctx *ctx, struct nima_orchestrator *o,
                       const struct nima_room *room, struct nima_fit *fit,
                       struct nima_history *history)
{
    struct nima_history nothing = {0};
    int64_t fixed, total = 0;
    NIMA_TRY(nima_fit_count(ctx, o, fit, &nothing, &fixed));
    if (fixed > room->tokens && fit->notes.count > 0) {
        fit->notes.count = 0;
        NIMA_TRY(nima_fit_count(ctx, o, fit, &nothing, &fixed));
    }
    if (fixed > room->tokens) {
        return too_long(ctx, fixed, room);
    }
    for (size_t i = 0; i < history->count && fixed + total <= room->tokens; i++) {
        const struct nima_window_message *m = &history->items[i];
        NIMA_TRY(count_message(ctx, o, m->content, &m->notes, &total));
    }
    int64_t left = room->tokens - fixed;
    if (total > left) {
        NIMA_TRY(keep_newest(ctx, o, left / 2, history));
    }
    /* The sum of the parts is an estimate: a template may want more around them. */
    NIMA_TRY(nima_fit_count(ctx, o, fit, history, &total));
    for (; total > room->tokens && history->count > 0; left /= 2) {
        NIMA_TRY(keep_newest(ctx, o, left / 4, history));
        NIMA_TRY(nima_fit_count(ctx, o, fit, history, &total));
    }
    return NIMA_OK;
}

nima_rc nima_fit(struct nima_ctx *ctx, struct nima_orchestrator *o, const struct nima_room *room,
                 struct nima_fit *fit, struct nima_history *history)
{
    int64_t fresh = 0;
    NIMA_TRY(choose_notes(ctx, o, room->tokens, &fit->notes));
    int64_t most;
    NIMA_TRY(message_budget(ctx, o, room, fit, &most));
    NIMA_TRY(cut_message(ctx, o, most, fit));
    NIMA_TRY(count_message(ctx, o, fit->message, &fit->notes, &fresh));
    bool known = history->tokens > 0 && nima_str_eq(history->system_hash, fit->system_hash);
    if (known && history->tokens + fresh <= room->tokens) {
        return NIMA_OK; /* the usual turn: nothing else needs to be counted */
    }
    return fit_all(ctx, o, room, fit, history);
}
