/*
 * Reading a message: its sentences, each as a whole and clause by clause; which clauses are acts of
 * their own, and what they say.
 */
#include <string.h>

#include "language/passages.h"
#include "understand/understand_int.h"

enum { CLAUSES_MAX = 12, SENTENCES_MAX = NIMA_READ_PARTS_MAX };

/* Shares of all kinds that ask for something, and how they bear on a cut. */
static const double clause_act = 0.55, clause_statement = 0.6, whole_may_act = 0.15,
                    best_of_acts = 0.45, family_lean = 0.4, answer_lean = 1.0, same_family = 0.85,
                    whole_sure = 0.97, part_sure = 0.7, near_example = 0.9, example_lean = 2.5;

struct part {            /* a sentence or clause */
    size_t from, end;    /* bytes */
    size_t first, last;  /* tokens [first, last) */
    const float *vector; /* NULL: by words alone */
    struct nima_shares shares;
    double act;          /* share of all kinds that are acts */
    enum nima_kind kind; /* what it is, for the cut; NONE: nothing by itself */
};

struct reading {
    struct nima_understand *u;
    const struct nima_read_query *query;
    const struct nima_language *language;
    struct nima_tokens tokens;
    float lean[NIMA_KINDS];
    struct nima_reading out;
};

static bool is_act(enum nima_kind kind)
{
    return nima_kind_row(kind)->effect != NIMA_EFFECT_TALK;
}

/* Context */

static nima_str family_of(enum nima_kind kind)
{
    nima_str name = nima_kind_row(kind)->name;
    return nima_str_sub(name, 0, nima_str_find(name, NIMA_STR("."), 0));
}

/* What was done or asked last makes its family likelier, and an answer where something was asked.
 */
static void lean_by_context(struct reading *r)
{
    const struct nima_read_query *q = r->query;
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        bool same = q->recent_count > 0 && is_act((enum nima_kind)kind) &&
                    nima_str_eq(family_of((enum nima_kind)kind), family_of(q->recent[0]));
        r->lean[kind] = same ? (float)family_lean : 0;
    }
    float answer = q->asked != NIMA_KIND_NONE ? (float)answer_lean : 0;
    r->lean[NIMA_KIND_YES] += answer;
    r->lean[NIMA_KIND_NO] += answer;
    r->lean[NIMA_KIND_LATER] += answer;
}

static double cosine(const float *a, const float *b, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++) {
        sum += (double)a[i] * b[i];
    }
    return sum;
}

/* What the person corrected before weighs in where the text is nearly the same. */
static void lean_by_examples(const struct reading *r, const struct part *part, nima_str text,
                             float lean[NIMA_KINDS])
{
    const struct nima_read_query *q = r->query;
    size_t count = q->example_count < NIMA_EXAMPLES_MAX ? q->example_count : NIMA_EXAMPLES_MAX;
    memcpy(lean, r->lean, sizeof(r->lean));
    for (size_t i = 0; i < count; i++) {
        const struct nima_example *e = &q->examples[i];
        bool near = e->vector != NULL && part->vector != NULL && e->dims == r->u->weights.dims
                        ? cosine(e->vector, part->vector, e->dims) > near_example
                        : nima_str_eq_nocase(nima_str_trim(e->text), nima_str_trim(text));
        if (near) {
            lean[e->kind] += (float)(e->wrong ? -example_lean : example_lean);
        }
    }
}

/* Classifying */

/* Of the likeliest family of acts: reminder.set and reminder.ask count together. Rows of one family
 * stand side by side in the table. */
static double family_share(const struct nima_shares *shares)
{
    double best = 0, sum = 0;
    nima_str family = NIMA_STR("");
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        if (!is_act((enum nima_kind)kind)) {
            continue;
        }
        nima_str own = family_of((enum nima_kind)kind);
        sum = nima_str_eq(own, family) ? sum + shares->of[kind] : shares->of[kind];
        family = own;
        best = sum > best ? sum : best;
    }
    return best;
}

static void classify(struct nima_ctx *ctx, struct reading *r, struct part *part)
{
    struct nima_features features;
    float lean[NIMA_KINDS];
    struct nima_arena_mark mark = nima_scratch(ctx);
    nima_understand_features(ctx, &r->tokens, part->first, part->last, &features);
    lean_by_examples(r, part, nima_str_sub(r->query->text, part->from, part->end), lean);
    nima_understand_classify(ctx, &r->u->weights, &features, part->vector, lean, &part->shares);
    nima_scratch_end(ctx, mark);
    part->act = family_share(&part->shares);
}

/* The act that is likeliest, whatever else is. */
static enum nima_kind best_act(const struct part *part)
{
    enum nima_kind best = NIMA_KIND_NONE;
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        bool act = is_act((enum nima_kind)kind);
        best = act && (best == NIMA_KIND_NONE || part->shares.of[kind] > part->shares.of[best])
                   ? (enum nima_kind)kind
                   : best;
    }
    return best;
}

static void place_tokens(const struct reading *r, struct part *part, size_t from_token)
{
    size_t at = from_token;
    while (at < r->tokens.count && r->tokens.items[at].from < part->from) {
        at++;
    }
    part->first = at;
    while (at < r->tokens.count && r->tokens.items[at].from < part->end) {
        at++;
    }
    part->last = at;
}

/* Vectors of several parts in one batch; none where there is no model of the right size. */
static nima_rc embed(struct nima_ctx *ctx, struct reading *r, struct part *parts, size_t count)
{
    struct nima_vectors vectors = {0};
    nima_str texts[SENTENCES_MAX];
    struct nima_error before = ctx->error;
    if (r->query->words_only || count == 0 || !nima_understand_has_vectors(r->u)) {
        return NIMA_OK;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = nima_str_sub(r->query->text, parts[i].from, parts[i].end);
    }
    nima_rc rc = nima_llm_embed(ctx, r->u->llm, texts, count, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    ctx->error = rc == NIMA_OK ? ctx->error : before;
    for (size_t i = 0; i < count && rc == NIMA_OK && vectors.dims == r->u->weights.dims; i++) {
        parts[i].vector = vectors.items + i * vectors.dims;
    }
    return NIMA_OK;
}

/* Acts */

static enum nima_sureness sureness(const struct reading *r, const struct part *part,
                                   enum nima_kind kind)
{
    const struct nima_weights *w = &r->u->weights;
    double sure = part->vector != NULL ? w->with_do : w->without_do;
    double unsure = part->vector != NULL ? w->with_ask : w->without_ask;
    double share = is_act(kind) ? part->act : part->shares.of[kind];
    bool one = !is_act(kind) || part->shares.of[kind] >= best_of_acts * part->act;
    return share >= sure && one ? NIMA_SURE_DO : share >= unsure ? NIMA_SURE_ASK : NIMA_SURE_TALK;
}

static void add_act(struct nima_ctx *ctx, struct reading *r, const struct part *part,
                    enum nima_kind kind)
{
    struct nima_act *act = &r->out.acts[r->out.act_count];
    if (kind == NIMA_KIND_NONE || r->out.act_count >= NIMA_READ_PARTS_MAX) {
        return;
    }
    *act = (struct nima_act){.kind = kind,
                             .share = is_act(kind) ? part->act : part->shares.of[kind],
                             .sure = sureness(r, part, kind),
                             .from = part->from,
                             .end = part->end,
                             .text = nima_str_sub(r->query->text, part->from, part->end)};
    nima_understand_slots(ctx, &r->u->weights, r->language, r->query->text, &r->tokens, part->first,
                          part->last, act);
    r->out.act_count++;
}

static enum nima_kind kind_of(const struct part *part, const struct reading *r)
{
    const struct nima_weights *w = &r->u->weights;
    double unsure = part->vector != NULL ? w->with_ask : w->without_ask;
    return part->act >= unsure ? best_act(part) : part->shares.best;
}

/* Cutting a sentence into acts */

static bool timed(struct nima_ctx *ctx, const struct reading *r, const struct part *part)
{
    const uint8_t *typed = nima_understand_typed(ctx, r->language, r->query->text, &r->tokens,
                                                 part->first, part->last);
    for (size_t i = 0; i < part->last - part->first; i++) {
        if (typed[i] == 1) {
            return true;
        }
    }
    return false;
}

/* Whether a clause of a kind begins something new behind a part of another. "Milk and eggs" are one
 * act, two timers of two lengths are two. */
static bool begins(struct nima_ctx *ctx, const struct reading *r, const struct part *before,
                   const struct part *clause)
{
    if (clause->kind == NIMA_KIND_NONE) {
        return false;
    }
    if (clause->kind != before->kind) {
        bool list = nima_str_eq(family_of(clause->kind), NIMA_STR("list")) &&
                    clause->kind != NIMA_KIND_LIST_ASK; /* "… and foundation to my reading list" */
        return list || !nima_str_eq(family_of(clause->kind), family_of(before->kind));
    }
    return is_act(clause->kind) && !nima_str_eq(family_of(clause->kind), NIMA_STR("list")) &&
           timed(ctx, r, before) && timed(ctx, r, clause);
}

static size_t cut(struct nima_ctx *ctx, struct reading *r, struct part *clauses, size_t count,
                  struct part *segments)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        struct part *clause = &clauses[i];
        bool act =
            clause->act >= clause_act && clause->act > clause->shares.of[NIMA_KIND_STATEMENT];
        bool told = clause->shares.of[NIMA_KIND_STATEMENT] >= clause_statement;
        clause->kind = act ? best_act(clause) : told ? NIMA_KIND_STATEMENT : NIMA_KIND_NONE;
        if (made == 0 || begins(ctx, r, &segments[made - 1], clause)) {
            bool empty = made > 0 && segments[made - 1].kind == NIMA_KIND_NONE;
            if (!empty) {
                segments[made++] = *clause;
                continue;
            }
            size_t from = segments[made - 1].from, first = segments[made - 1].first;
            segments[made - 1] = *clause;
            segments[made - 1].from = from;
            segments[made - 1].first = first;
            continue;
        }
        segments[made - 1].end = clause->end;
        segments[made - 1].last = clause->last;
    }
    return made;
}

static nima_rc read_clauses(struct nima_ctx *ctx, struct reading *r, const struct part *sentence,
                            struct part *segments, size_t *count_out)
{
    struct nima_passages found;
    struct part clauses[CLAUSES_MAX] = {0};
    nima_str text = nima_str_sub(r->query->text, sentence->from, sentence->end);
    *count_out = 0;
    nima_language_clauses(ctx, r->language, text, &found);
    size_t count = found.count < CLAUSES_MAX ? found.count : CLAUSES_MAX;
    if (count < 2 || found.count > CLAUSES_MAX || sentence->act < whole_may_act) {
        return NIMA_OK;
    }
    for (size_t i = 0; i < count; i++) {
        clauses[i].from = sentence->from + found.items[i].from;
        clauses[i].end = sentence->from + found.items[i].end;
        place_tokens(r, &clauses[i], sentence->first);
    }
    NIMA_TRY(embed(ctx, r, clauses, count));
    for (size_t i = 0; i < count; i++) {
        classify(ctx, r, &clauses[i]);
    }
    *count_out = cut(ctx, r, clauses, count, segments);
    return NIMA_OK;
}

/* Whether each part says all that its kind needs; where one does not, the sentence is one act whose
 * words stand apart ("every Monday at 9, remind me to …"). Parts of one family must be surer, as
 * lists of things are cut at their commas, too. */
static bool stand_alone(struct nima_ctx *ctx, struct reading *r, const struct part *sentence,
                        const struct part *segments, size_t count)
{
    bool alone = true;
    for (size_t i = 0; i < count && alone; i++) {
        struct nima_act act = {.kind = segments[i].kind};
        if (!is_act(act.kind)) {
            continue;
        }
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_understand_slots(ctx, &r->u->weights, r->language, r->query->text, &r->tokens,
                              segments[i].first, segments[i].last, &act);
        nima_scratch_end(ctx, mark);
        bool again = i > 0 && is_act(segments[i - 1].kind) &&
                     nima_str_eq(family_of(act.kind), family_of(segments[i - 1].kind));
        alone = act.missing_count == 0 && (!again || segments[i].act >= same_family) &&
                (sentence->act < whole_sure || segments[i].act >= part_sure);
    }
    return alone;
}

static nima_rc read_sentence(struct nima_ctx *ctx, struct reading *r, struct part *sentence)
{
    struct part segments[CLAUSES_MAX];
    size_t count = 0, acts = 0;
    struct nima_sentence *row = &r->out.sentences[r->out.sentence_count++];
    *row =
        (struct nima_sentence){.from = sentence->from,
                               .end = sentence->end,
                               .text = nima_str_sub(r->query->text, sentence->from, sentence->end),
                               .act_from = r->out.act_count};
    bool readable = sentence->end - sentence->from <= NIMA_READ_PART_BYTES_MAX &&
                    sentence->last > sentence->first;
    if (readable) {
        classify(ctx, r, sentence);
        NIMA_TRY(read_clauses(ctx, r, sentence, segments, &count));
    }
    for (size_t i = 0; i < count; i++) {
        acts += segments[i].kind != NIMA_KIND_NONE;
    }
    if (acts >= 2 && stand_alone(ctx, r, sentence, segments, count)) {
        for (size_t i = 0; i < count; i++) {
            add_act(ctx, r, &segments[i], segments[i].kind);
        }
    } else if (readable) {
        add_act(ctx, r, sentence, kind_of(sentence, r));
    }
    row->act_count = r->out.act_count - row->act_from;
    return NIMA_OK;
}

/* Only what the person says themselves asks for anything. */
static bool is_own(const struct nima_own_ranges *own, size_t from, size_t end)
{
    for (size_t i = 0; i < own->count; i++) {
        if (from >= own->items[i].from && end <= own->items[i].end) {
            return true;
        }
    }
    return own->whole;
}

static nima_rc read_sentences(struct nima_ctx *ctx, struct reading *r)
{
    struct nima_passages found;
    struct nima_own_ranges own;
    nima_language_own_ranges(ctx, r->query->text, &own);
    nima_language_sentences(ctx, r->query->text, &found);
    struct part *parts = NIMA_NEW(ctx->arena, struct part, SENTENCES_MAX);
    size_t count = 0, readable = 0;
    for (size_t i = 0; i < found.count && count < SENTENCES_MAX; i++) {
        if (is_own(&own, found.items[i].from, found.items[i].end)) {
            parts[count++] = (struct part){.from = found.items[i].from, .end = found.items[i].end};
        }
    }
    r->out.cut = found.count > SENTENCES_MAX || r->tokens.cut;
    for (size_t i = 0; i < count; i++) {
        place_tokens(r, &parts[i], i > 0 ? parts[i - 1].last : 0);
        readable += parts[i].end - parts[i].from <= NIMA_READ_PART_BYTES_MAX;
    }
    if (readable == count) { /* a message of essays is read by words alone */
        NIMA_TRY(embed(ctx, r, parts, count));
    }
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(read_sentence(ctx, r, &parts[i]));
    }
    return NIMA_OK;
}

nima_rc nima_understand_read(struct nima_ctx *ctx, struct nima_understand *understand,
                             const struct nima_read_query *query, struct nima_reading *out)
{
    struct reading r = {.u = understand, .query = query};
    if (query->text.len > NIMA_READ_BYTES_MAX || !nima_utf8_valid(query->text)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text",
                               "text must be UTF-8 of at most %d bytes", NIMA_READ_BYTES_MAX);
    }
    const struct nima_language *before =
        query->language.len > 0 ? nima_language_get(query->language) : NULL;
    r.language = nima_language_identify(ctx, query->text, before);
    r.out.language = nima_language_code(r.language);
    r.out.sentences = NIMA_NEW(ctx->arena, struct nima_sentence, SENTENCES_MAX);
    r.out.acts = NIMA_NEW(ctx->arena, struct nima_act, NIMA_READ_PARTS_MAX);
    if (understand->ready) {
        nima_language_tokens(ctx, query->text, &r.tokens);
        lean_by_context(&r);
        NIMA_TRY(read_sentences(ctx, &r));
    }
    *out = r.out;
    return NIMA_OK;
}
