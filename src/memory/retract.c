/* Taking back what was just remembered or recalled: "forget that", "that's wrong", "that's not true
 * any more". Nothing is taken back that is not clearly meant: who merely disagrees with a reply
 * must lose nothing. */
#include "memory/decide.h"
#include "memory/first.h"
#include "memory/learner.h"
#include "memory/profile.h"
#include "memory/said.h"
#include "util/buf.h"

enum { PHRASE_BYTES_MAX = 200, TOLD_TERMS_MAX = 512, FACT_TERMS_MAX = 64 };

/* Of a fact's words, those that a reply has which states it; of a reply's words, those that facts
 * have when it speaks of little else. */
static const double states = 0.6, little_else = 0.5;
static const double ended_confidence = 0.9;

struct phrase {
    enum nima_retraction kind;
    const char *text;
};
/* As `plain` writes them. */
static const struct phrase phrases[] = {
    {NIMA_RETRACT_FORGET, "forget that"},
    {NIMA_RETRACT_FORGET, "forget that again"},
    {NIMA_RETRACT_FORGET, "forget about that"},
    {NIMA_RETRACT_FORGET, "forget what i said"},
    {NIMA_RETRACT_FORGET, "forget what i just said"},
    {NIMA_RETRACT_FORGET, "forget what i told you"},
    {NIMA_RETRACT_FORGET, "forget what i just told you"},
    {NIMA_RETRACT_FORGET, "do not remember that"},
    {NIMA_RETRACT_FORGET, "do not keep that"},
    {NIMA_RETRACT_FORGET, "do not save that"},
    {NIMA_RETRACT_FORGET, "delete that from your memory"},
    {NIMA_RETRACT_FORGET, "remove that from your memory"},
    {NIMA_RETRACT_UNDO, "undo that"},
    {NIMA_RETRACT_UNDO, "undo"},
    {NIMA_RETRACT_UNDO, "undo it"},
    {NIMA_RETRACT_UNDO, "bring it back"},
    {NIMA_RETRACT_UNDO, "bring that back"},
    {NIMA_RETRACT_UNDO, "restore that"},
    {NIMA_RETRACT_UNDO, "restore it"},
    {NIMA_RETRACT_UNDO, "take that back"},
    {NIMA_RETRACT_WRONG, "that is wrong"},
    {NIMA_RETRACT_WRONG, "that was wrong"},
    {NIMA_RETRACT_WRONG, "that is false"},
    {NIMA_RETRACT_WRONG, "that is untrue"},
    {NIMA_RETRACT_WRONG, "that is incorrect"},
    {NIMA_RETRACT_WRONG, "that is not true"},
    {NIMA_RETRACT_WRONG, "that was not true"},
    {NIMA_RETRACT_WRONG, "that is not right"},
    {NIMA_RETRACT_WRONG, "that is not correct"},
    {NIMA_RETRACT_WRONG, "that is not the case"},
    {NIMA_RETRACT_WRONG, "not true"},
    {NIMA_RETRACT_WRONG, "you are wrong about that"},
    {NIMA_RETRACT_ENDED, "that is not true any more"},
    {NIMA_RETRACT_ENDED, "that is not true any longer"},
    {NIMA_RETRACT_ENDED, "that is not right any more"},
    {NIMA_RETRACT_ENDED, "that is not correct any more"},
    {NIMA_RETRACT_ENDED, "that is not the case any more"},
    {NIMA_RETRACT_ENDED, "that is no longer true"},
    {NIMA_RETRACT_ENDED, "that is no longer right"},
    {NIMA_RETRACT_ENDED, "that is no longer correct"},
    {NIMA_RETRACT_ENDED, "that is no longer the case"},
    {NIMA_RETRACT_ENDED, "that is outdated"},
    {NIMA_RETRACT_ENDED, "that is out of date"},
    {NIMA_RETRACT_ENDED, "that has changed"},
    {NIMA_RETRACT_ENDED, "that is changed"},
    {NIMA_RETRACT_ENDED, "not true any more"},
    {NIMA_RETRACT_ENDED, "no longer true"},
    {NIMA_RETRACT_ENDED, "not any more"},
};

static const char *plain_word(const struct nima_said_word *t)
{
    return nima_memory_token_in(t, " that's thats this's it's ") ? "that is"
           : nima_memory_token_is(t, "this")                     ? "that"
           : nima_memory_token_is(t, "anymore")                  ? "any more"
                                                                 : t->low;
}

/* The message in lower case, one way of writing for several, without what stands around it. */
static nima_str plain(struct nima_ctx *ctx, nima_str message)
{
    static const char before[] = " no nope nima sorry wait hm hmm oh ah um well actually please ok"
                                 " okay but and hey ";
    static const char after[] = " please nima sorry thanks though actually either ";
    struct nima_said_word t[NIMA_TOKENS_MAX];
    size_t count = nima_memory_said_tokens(ctx, message, t);
    size_t at = 0;
    while (at < count && nima_memory_token_in(&t[at], before)) {
        at++;
    }
    while (count > at && nima_memory_token_in(&t[count - 1], after)) {
        count--;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, PHRASE_BYTES_MAX);
    for (size_t i = at; i < count; i++) {
        nima_buf_fmt(&buf, "%s%s", i > at ? " " : "", plain_word(&t[i]));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

enum nima_retraction nima_memory_retraction(struct nima_ctx *ctx, nima_str message)
{
    message = nima_str_trim(nima_memory_said_normal(ctx, message));
    if (message.len == 0 || message.len > PHRASE_BYTES_MAX / 2 || !nima_utf8_valid(message) ||
        nima_str_ends(message, NIMA_STR("?"))) {
        return NIMA_RETRACT_NOTHING;
    }
    nima_str said = plain(ctx, message);
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (nima_str_eq(said, nima_str_of(phrases[i].text))) {
            return phrases[i].kind;
        }
    }
    return NIMA_RETRACT_NOTHING;
}

/* What is meant */

struct telling {
    uint64_t terms[TOLD_TERMS_MAX]; /* of the reply */
    bool known[TOLD_TERMS_MAX];     /* a fact that it states has this one, too */
    size_t count;
    uint64_t user; /* the term that all facts have */
};

static void read_reply(struct nima_words *words, nima_str reply, struct telling *out)
{
    struct nima_terms terms = nima_search_words_of(words, NIMA_STR("user"), (nima_str){0});
    *out = (struct telling){.user = terms.count > 0 ? terms.items[0] : 0};
    terms = nima_search_words_of(words, reply, (nima_str){0});
    for (size_t i = 0; i < terms.count && i < TOLD_TERMS_MAX; i++) {
        out->terms[out->count++] = terms.items[i];
    }
}

static bool has_term(const struct telling *told, uint64_t term, bool mark, bool *known)
{
    bool found = false;
    for (size_t i = 0; i < told->count; i++) {
        if (told->terms[i] == term) {
            found = true;
            known[i] = known[i] || mark;
        }
    }
    return found;
}

/* Whether the reply states the fact; if so, the words they share are marked. */
static bool is_stated(struct nima_words *words, struct telling *told, nima_str fact)
{
    struct nima_terms terms = nima_search_words_of(words, fact, (nima_str){0});
    size_t count = 0, shared = 0;
    for (size_t i = 0; i < terms.count && i < FACT_TERMS_MAX; i++) {
        bool tells = terms.items[i] != told->user;
        count += tells;
        shared += tells && has_term(told, terms.items[i], false, told->known);
    }
    bool stated = count > 0 && (double)shared >= states * (double)count;
    for (size_t i = 0; stated && i < terms.count && i < FACT_TERMS_MAX; i++) {
        (void)has_term(told, terms.items[i], true, told->known);
    }
    return stated;
}

static bool says_little_else(const struct telling *told)
{
    size_t known = 0;
    for (size_t i = 0; i < told->count; i++) {
        known += told->known[i];
    }
    return (double)known >= little_else * (double)told->count;
}

static bool is_among(const struct nima_fact_rows *rows, nima_str id)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (nima_str_eq(rows->items[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* Those of the facts that are still there, and stated when `told` is given, go behind *out. */
static nima_rc collect(struct nima_ctx *ctx, struct nima_memory *memory, const nima_str *ids,
                       size_t count, struct telling *told, struct nima_fact_rows *out)
{
    struct nima_fact_rows rows = {0};
    if (count > 0) {
        NIMA_TRY(nima_facts_get_many(ctx, memory->store, ids, count, &rows));
    }
    struct nima_words *words = nima_search_words_open();
    for (size_t i = 0; i < rows.count; i++) {
        const struct nima_fact *fact = &rows.items[i];
        bool active = nima_str_eq(fact->status, NIMA_STR("active"));
        if (active && !is_among(out, fact->id) &&
            (told == NULL || is_stated(words, told, fact->fact))) {
            out->items[out->count++] = *fact;
        }
    }
    nima_search_words_close(words);
    return NIMA_OK;
}

nima_rc nima_memory_retracts(struct nima_ctx *ctx, struct nima_memory *memory,
                             enum nima_retraction kind, const struct nima_last_reply *told,
                             struct nima_fact_rows *out)
{
    struct nima_fact_rows meant = {
        .items = NIMA_NEW(ctx->arena, struct nima_fact, told->added_count + told->recalled_count)};
    struct telling *reply = NIMA_NEW(ctx->arena, struct telling, 1);
    struct nima_words *words = nima_search_words_open();
    read_reply(words, told->reply, reply);
    nima_search_words_close(words);
    bool forget = kind == NIMA_RETRACT_FORGET;
    NIMA_TRY(collect(ctx, memory, told->added, told->added_count, forget ? NULL : reply, &meant));
    if (!forget || meant.count == 0) {
        NIMA_TRY(collect(ctx, memory, told->recalled, told->recalled_count, reply, &meant));
    }
    if (kind == NIMA_RETRACT_WRONG && !says_little_else(reply)) {
        meant.count = 0;
    }
    if (kind == NIMA_RETRACT_ENDED && meant.count == 0) {
        NIMA_TRY(collect(ctx, memory, told->added, told->added_count, NULL, &meant));
    }
    *out = meant;
    return NIMA_OK;
}

/* Taking it back */

/* "The user no longer lives in Lisbon"; "" when the fact is of another form. */
static nima_str no_longer(struct nima_ctx *ctx, nima_str fact)
{
    static const char never[] = " was were is has does did had can could will would no not never"
                                " also still currently ";
    nima_str lead = NIMA_STR("The user ");
    if (!nima_str_starts(fact, lead) ||
        nima_str_find(fact, NIMA_STR(" no longer "), 0) < fact.len) {
        return NIMA_STR("");
    }
    nima_str rest = nima_str_sub(fact, lead.len, fact.len);
    struct nima_said_word t[NIMA_TOKENS_MAX];
    size_t count = nima_memory_said_tokens(ctx, rest, t);
    if (count < 2 || nima_memory_token_in(&t[1], " not no never ")) {
        return NIMA_STR("");
    }
    if (nima_str_starts(rest, NIMA_STR("is "))) {
        return nima_fmt(ctx, "The user is no longer " NIMA_FMT,
                        NIMA_ARG(nima_str_sub(rest, strlen("is "), rest.len)));
    }
    size_t len = strlen(t[0].low);
    bool third = len > 1 && t[0].low[len - 1] == 's';
    bool has = nima_memory_token_is(&t[0], "has");
    if (!has && (!third || nima_memory_token_in(&t[0], never))) {
        return NIMA_STR("");
    }
    return nima_fmt(ctx, "The user no longer " NIMA_FMT, NIMA_ARG(rest));
}

static nima_rc end_fact(struct nima_ctx *ctx, struct nima_memory *memory,
                        const struct nima_fact *known, nima_str text,
                        const struct nima_utterance *said, struct nima_learned_list *out)
{
    struct nima_candidate about = {.text = known->fact, .value = NIMA_STR("")};
    NIMA_TRY(nima_memory_name_attribute(ctx, &about));
    about.ended = true;
    struct nima_fact fact = {.fact = text,
                             .category = known->category,
                             .source = NIMA_STR("conversation"),
                             .confidence = ended_confidence,
                             .metadata = nima_memory_candidate_metadata(ctx, &about),
                             .conversation_id = said->conversation_id,
                             .message_id = said->message_id};
    struct nima_fact stored, old = *known;
    NIMA_TRY(nima_memory_embed_facts(ctx, memory, &fact, 1));
    NIMA_TRY(nima_memory_supersede(ctx, memory, known->id, &fact, &stored));
    old.status = NIMA_STR("superseded");
    old.superseded_by = stored.id;
    out->items[out->count++] = (struct nima_learned){.fact = old, .event = NIMA_LEARNED_SUPERSEDED};
    out->items[out->count++] = (struct nima_learned){.fact = stored, .event = NIMA_LEARNED_ADDED};
    return nima_memory_profile_learn(ctx, memory, out);
}

nima_rc nima_memory_retract(struct nima_ctx *ctx, struct nima_memory *memory,
                            enum nima_retraction kind, const struct nima_fact *fact,
                            const struct nima_utterance *said, struct nima_learned_list *out)
{
    struct nima_learned_list done = {.items = NIMA_NEW(ctx->arena, struct nima_learned, 2)};
    nima_str text = kind == NIMA_RETRACT_ENDED ? no_longer(ctx, fact->fact) : NIMA_STR("");
    nima_memory_learner_drop(memory->learner, ctx->user_id);
    if (text.len > 0) {
        NIMA_TRY(end_fact(ctx, memory, fact, text, said, &done));
    } else {
        nima_str token;
        NIMA_TRY(nima_memory_forget_fact(ctx, memory, fact->id, &token));
        done.items[done.count++] =
            (struct nima_learned){.fact = *fact, .event = NIMA_LEARNED_FORGOTTEN};
    }
    *out = done;
    return NIMA_OK;
}
