/*
 * A persona to its system prompt: pieces in a fixed order, each with an importance. When they are
 * more than the budget the least important go first, among equals the last.
 */
#include "personality/personality_int.h"

#include "util/buf.h"

enum {
    TEXT_BYTES_MAX = 1 << 20,
    PIECES_MAX = 8 * NIMA_PERSONA_ITEMS_MAX + NIMA_PERSONA_PROMPT_BYTES_MAX,
    CALIBRE = 7, /* bytes of two tokens, where nobody can count them */
    /* How dear a piece is: the higher, the longer it stays. */
    ALWAYS = 1000,
    PROMPT = 100,
    TONE = 80,
    STYLE = 75,
    RULE = 70,
    VALUE = 60,
    FORMAT = 50,
    FORBIDDEN = 40,
    EXAMPLE = 30
};

/* Known words have a sentence each; others are put in as they are, so that a person can write
 * their own. */
static const struct {
    const char *word;
    const char *sentence;
} sentences[] = {
    {"be_concise", "Answer in a few sentences; leave out filler and apologies."},
    {"show_code_examples", "Show a short code example only when the user asks about code."},
    {"think_step_by_step",
     "When the user asks how to do something, give the steps as a short numbered list."},
    {"direct", "Be direct: the answer comes first, then the reason."},
    {"warm", "Be warm and patient."},
    {"neutral", "Be neutral and factual."},
};

struct piece {
    const char *what; /* "rules[2]" */
    const char *head; /* of the group it opens when it is the first that stays */
    const char *join; /* before it when it is not */
    const char *tail; /* after the group */
    nima_str text;
    int importance;
    bool dropped;
};

struct pieces {
    struct nima_ctx *ctx;
    struct piece *items;
    size_t count;
};

static nima_str sentence_of(nima_str word)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (nima_str_eq(word, nima_str_of(sentences[i].word))) {
            return nima_str_of(sentences[i].sentence);
        }
    }
    return word;
}

static struct piece *add(struct pieces *pieces, const char *what, int importance, nima_str text)
{
    nima_assert(pieces->count < PIECES_MAX);
    struct piece *piece = &pieces->items[pieces->count++];
    *piece = (struct piece){what, "\n", "\n", "", text, importance, false};
    return piece;
}

static const char *numbered(struct nima_ctx *ctx, const char *key, size_t at)
{
    return nima_fmt(ctx, "%s[%zu]", key, at).ptr;
}

static void add_prompt(struct pieces *pieces, nima_str text)
{
    nima_str line;
    for (size_t at = 0; nima_str_next(&text, '\n', &line); at++) {
        const char *what = nima_fmt(pieces->ctx, "system_prompt, line %zu", at + 1).ptr;
        struct piece *piece = add(pieces, what, at == 0 ? ALWAYS : PROMPT, line);
        piece->head = at == 0 ? "" : "\n";
    }
}

static void add_sentences(struct pieces *pieces, const char *key, int importance,
                          const struct nima_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        add(pieces, numbered(pieces->ctx, key, i), importance, sentence_of(texts->items[i]));
    }
}

/* "Values: a (what it means); b." */
static void add_group(struct pieces *pieces, const char *key, size_t at, int importance,
                      nima_str text, const char *head)
{
    struct piece *piece = add(pieces, numbered(pieces->ctx, key, at), importance, text);
    piece->head = head;
    piece->join = "; ";
    piece->tail = ".";
}

static void add_values(struct pieces *pieces, const struct nima_persona *persona)
{
    for (size_t i = 0; i < persona->values.count; i++) {
        const struct nima_persona_value *value = &persona->values.items[i];
        nima_str text = value->name;
        if (value->description.ptr != NULL) {
            text = nima_fmt(pieces->ctx, NIMA_FMT " (" NIMA_FMT ")", NIMA_ARG(value->name),
                            NIMA_ARG(value->description));
        }
        add_group(pieces, "values", i, VALUE, text, "\nYou value: ");
    }
}

static void add_forbidden(struct pieces *pieces, const struct nima_persona *persona)
{
    for (size_t i = 0; i < persona->forbidden.count; i++) {
        nima_str text =
            nima_fmt(pieces->ctx, "\"" NIMA_FMT "\"", NIMA_ARG(persona->forbidden.items[i]));
        add_group(pieces, "forbidden", i, FORBIDDEN, text, "\nNever say: ");
    }
}

/* Without names in front of what is said: a small model would put its own in front of replies. */
static void add_examples(struct pieces *pieces, const struct nima_persona *persona)
{
    for (size_t i = 0; i < persona->examples.count; i++) {
        const struct nima_persona_example *example = &persona->examples.items[i];
        nima_str text = nima_fmt(pieces->ctx, "Asked \"" NIMA_FMT "\", you say: " NIMA_FMT,
                                 NIMA_ARG(example->user), NIMA_ARG(example->reply));
        struct piece *piece = add(pieces, numbered(pieces->ctx, "examples", i), EXAMPLE, text);
        piece->head = "\nThis is how you sound:\n";
    }
}

/* The order in which they stand; it never depends on what else is there. */
static void collect(struct pieces *pieces, const struct nima_persona *persona)
{
    add_prompt(pieces, persona->system_prompt);
    if (persona->tone.ptr != NULL) {
        nima_str tone = sentence_of(persona->tone);
        bool known = tone.ptr != persona->tone.ptr;
        add(pieces, "tone", TONE,
            known ? tone : nima_fmt(pieces->ctx, "Tone: " NIMA_FMT ".", NIMA_ARG(tone)));
    }
    add_sentences(pieces, "style", STYLE, &persona->style);
    add_sentences(pieces, "rules", RULE, &persona->rules);
    add_values(pieces, persona);
    add_sentences(pieces, "format", FORMAT, &persona->format);
    add_forbidden(pieces, persona);
    add_examples(pieces, persona);
}

static nima_rc join(const struct pieces *pieces, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, TEXT_BYTES_MAX);
    const struct piece *last = NULL;
    for (size_t i = 0; i < pieces->count; i++) {
        const struct piece *piece = &pieces->items[i];
        if (piece->dropped) {
            continue;
        }
        bool same = last != NULL && last->importance == piece->importance &&
                    nima_str_eq(nima_str_of(last->head), nima_str_of(piece->head));
        if (last != NULL && !same) {
            nima_buf_add(&buf, nima_str_of(last->tail));
        }
        nima_buf_add(&buf, nima_str_of(same ? piece->join : piece->head));
        nima_buf_add(&buf, piece->text);
        last = piece;
    }
    nima_buf_add(&buf, nima_str_of(last != NULL ? last->tail : ""));
    nima_rc rc = nima_buf_take(pieces->ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc count(struct nima_ctx *ctx, struct nima_llm *llm, bool counted, nima_str text,
                     int *out)
{
    if (!counted) {
        *out = (int)(text.len * 2 / CALIBRE) + 1;
        return NIMA_OK;
    }
    return nima_llm_count_tokens(ctx, llm, text, out);
}

static struct piece *least_important(const struct pieces *pieces)
{
    struct piece *least = NULL;
    for (size_t i = 0; i < pieces->count; i++) {
        struct piece *piece = &pieces->items[i];
        bool may_go = !piece->dropped && piece->importance < ALWAYS;
        if (may_go && (least == NULL || piece->importance <= least->importance)) {
            least = piece;
        }
    }
    return least;
}

/* A small model says an example's reply word for word where it knows nothing better: what one such
 * is asked and told is in docs/personality.md. */
static const int64_t repeats_parameters = 3000000000;

static bool repeats_examples(struct nima_llm *llm)
{
    if (llm == NULL) {
        return false;
    }
    struct nima_llm_state state;
    nima_llm_state(llm, &state);
    return state.chat_parameters > 0 && state.chat_parameters < repeats_parameters;
}

static void drop(struct piece *piece, struct nima_persona_prompt *out)
{
    piece->dropped = true;
    out->dropped.items[out->dropped.count++] = nima_str_of(piece->what);
}

/* Its own window is the budget's other bound: half of it is for the conversation. */
static bool llm_counts(struct nima_llm *llm, int *tokens_max)
{
    if (llm == NULL) {
        return false;
    }
    struct nima_llm_state state;
    nima_llm_state(llm, &state);
    if (state.context_tokens > 0 && *tokens_max > state.context_tokens / 2) {
        *tokens_max = state.context_tokens / 2;
    }
    return state.chat_loaded;
}

/* Drops pieces until the sum of the rest fits. Each is counted alone, and once: a persona of a
 * thousand lines must not be counted a thousand times. */
static nima_rc drop_to(struct pieces *pieces, struct nima_llm *llm, struct nima_persona_prompt *out)
{
    int *tokens = NIMA_NEW(pieces->ctx->arena, int, pieces->count);
    int64_t total = 0;
    for (size_t i = 0; i < pieces->count; i++) {
        NIMA_TRY(count(pieces->ctx, llm, out->counted, pieces->items[i].text, &tokens[i]));
        total += pieces->items[i].dropped ? 0 : tokens[i];
    }
    struct piece *least = least_important(pieces);
    while (total > out->tokens_max && least != NULL) {
        total -= tokens[least - pieces->items];
        drop(least, out);
        least = least_important(pieces);
    }
    return NIMA_OK;
}

nima_rc nima_persona_write(struct nima_ctx *ctx, const struct nima_persona *persona,
                           struct nima_llm *llm, int tokens_max, struct nima_persona_prompt *out)
{
    struct pieces pieces = {.ctx = ctx, .items = NIMA_NEW(ctx->arena, struct piece, PIECES_MAX)};
    collect(&pieces, persona);
    struct nima_persona_prompt prompt = {.id = persona->id, .tokens_max = tokens_max};
    prompt.counted = llm_counts(llm, &prompt.tokens_max);
    prompt.dropped.items = NIMA_NEW(ctx->arena, nima_str, pieces.count);
    for (size_t i = pieces.count; i > 0 && repeats_examples(llm); i--) {
        if (pieces.items[i - 1].importance == EXAMPLE) {
            drop(&pieces.items[i - 1], &prompt);
        }
    }
    NIMA_TRY(join(&pieces, &prompt.text));
    NIMA_TRY(count(ctx, llm, prompt.counted, prompt.text, &prompt.tokens));
    if (prompt.tokens > prompt.tokens_max) {
        NIMA_TRY(drop_to(&pieces, llm, &prompt));
    }
    /* What stands between the pieces counts too: a few more may have to go. */
    for (;;) {
        NIMA_TRY(join(&pieces, &prompt.text));
        NIMA_TRY(count(ctx, llm, prompt.counted, prompt.text, &prompt.tokens));
        struct piece *least = least_important(&pieces);
        if (prompt.tokens <= prompt.tokens_max || least == NULL) {
            break;
        }
        drop(least, &prompt);
    }
    *out = prompt;
    return NIMA_OK;
}
