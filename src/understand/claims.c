/*
 * Claims while they stream. What has come is a row of units: a unit begins at the start of a clause
 * and is judged together with all that follows it up to the end of the sentence, since "I've added
 * milk, eggs and bread to your list" is one claim. While it may become a claim it is held; when it
 * cannot, it goes out up to where the next clause begins, and that is judged anew.
 */
#include "understand/claims.h"

#include <stdlib.h>
#include <string.h>

#include "understand/claims_int.h"
#include "util/buf.h"

enum { OUT_BYTES_MAX = 1 << 20, INSTEAD_BYTES_MAX = 2000 };

struct nima_claims {
    const struct nima_claim_table *table;
    bool ordered;
    nima_str instead;
    char instead_text[INSTEAD_BYTES_MAX];
    struct nima_ctx ctx;  /* scratch of judgements */
    struct nima_buf held; /* from the start of a unit on */
    struct nima_buf out;
    size_t taken, caught;
    bool fence, ticks; /* in a code block, between backticks */
    bool free;         /* the unit cannot be a claim: it goes out up to the next clause */
    bool told;         /* `instead` stands in the reply */
    bool ended;
    char last; /* the last byte that went out; 0: none */
};

struct nima_claims *nima_claims_new(const struct nima_claims_options *options)
{
    struct nima_claims *claims = NIMA_XNEW(struct nima_claims, 1);
    claims->table = nima_claim_table(options->language);
    claims->ordered = options->ordered;
    nima_str instead = options->instead.ptr != NULL
                           ? nima_utf8_prefix(options->instead, INSTEAD_BYTES_MAX)
                           : claims->table->instead;
    memcpy(claims->instead_text, instead.ptr, instead.len);
    claims->instead = (nima_str){claims->instead_text, instead.len};
    nima_ctx_init(&claims->ctx);
    nima_buf_init(&claims->held, OUT_BYTES_MAX);
    nima_buf_init(&claims->out, OUT_BYTES_MAX);
    return claims;
}

void nima_claims_free(struct nima_claims *claims)
{
    if (claims == NULL) {
        return;
    }
    nima_buf_done(&claims->held);
    nima_buf_done(&claims->out);
    nima_ctx_done(&claims->ctx);
    free(claims);
}

size_t nima_claims_caught(const struct nima_claims *claims)
{
    return claims->caught;
}

bool nima_claims_is(const struct nima_language *language, bool ordered, nima_str clause)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    enum nima_claim_verdict verdict =
        nima_claim_judge(&ctx, nima_claim_table(language), ordered, clause, false);
    nima_ctx_done(&ctx);
    return verdict == NIMA_CLAIM_YES && !nima_str_ends(nima_str_trim(clause), NIMA_STR("?"));
}

/* Where the text at `at` ends a sentence (or a line), behind its sign; 0: nowhere yet. */
static size_t sentence_end(nima_str text, size_t at, bool ended)
{
    for (size_t i = at; i < text.len; i++) {
        char c = text.ptr[i];
        bool last = i + 1 == text.len;
        if (c == '\n' || c == '`') {
            return c == '\n' ? i + 1 : i > at ? i : 0;
        }
        if (c == '.' || c == '!' || c == '?') {
            if (last && !ended) {
                return 0; /* "3." may go on as "3.5" */
            }
            if (last || strchr(" \n\"')*", text.ptr[i + 1]) != NULL) {
                return i + 1;
            }
        }
    }
    return ended ? text.len : 0;
}

/* Where the next clause begins, `before` being what stands in front; SIZE_MAX: not in what has
 * come. */
static size_t next_clause(char before, nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = i > 0 ? text.ptr[i - 1] : before;
        bool blank = text.ptr[i] == ' ' || text.ptr[i] == '\n';
        bool sign = c != '\0' && strchr(",;:.!?", c) != NULL;
        if ((c == '\n' && i > 0) || (sign && blank) || text.ptr[i] == '`') {
            return i;
        }
    }
    return SIZE_MAX;
}

static void put_text(struct nima_claims *claims, nima_str text)
{
    nima_buf_add(&claims->out, text);
    claims->last = text.len > 0 ? text.ptr[text.len - 1] : claims->last;
}

static void put_out(struct nima_claims *claims, size_t bytes)
{
    put_text(claims, nima_str_sub(nima_buf_view(&claims->held), 0, bytes));
    nima_buf_drop(&claims->held, bytes);
}

/* What is true stands where the clause was, once. */
static void replace(struct nima_claims *claims, size_t bytes)
{
    bool line = claims->held.ptr[bytes - 1] == '\n';
    claims->caught++;
    nima_buf_drop(&claims->held, bytes);
    if (!claims->told) {
        bool apart = claims->last != '\0' && strchr(" \n", claims->last) == NULL;
        put_text(claims, apart ? NIMA_STR(" ") : NIMA_STR(""));
        put_text(claims, claims->instead);
        claims->told = true;
    }
    put_text(claims, line ? NIMA_STR("\n") : NIMA_STR(""));
}

/* Code is passed on as it is, up to the sign that ends it. True: something was passed on. */
static bool pass_code(struct nima_claims *claims)
{
    nima_str held = nima_buf_view(&claims->held);
    nima_str fence = NIMA_STR("```");
    if (held.len == 0 || (!claims->fence && !claims->ticks && held.ptr[0] != '`')) {
        return false;
    }
    if (!claims->ended && held.len < fence.len && !claims->ticks) {
        return false; /* one tick or three: the next bytes tell */
    }
    bool starts = !claims->fence && !claims->ticks;
    if (starts) {
        claims->fence = nima_str_starts(held, fence);
        claims->ticks = !claims->fence;
        put_out(claims, claims->fence ? fence.len : 1);
        return true;
    }
    size_t at = nima_str_find(held, claims->fence ? fence : NIMA_STR("`"), 0);
    size_t close = claims->fence ? fence.len : 1;
    if (at != SIZE_MAX) {
        put_out(claims, at + close);
        claims->fence = claims->ticks = false;
        return true;
    }
    size_t keep = claims->fence && !claims->ended ? fence.len - 1 : 0;
    size_t bytes = held.len > keep ? held.len - keep : 0;
    put_out(claims, bytes);
    return bytes > 0;
}

/* Lines that are over go out; blanks, list marks and bold signs in front of a clause are held with
 * it. *marks_out: how many bytes they are. */
static void pass_marks(struct nima_claims *claims, size_t *marks_out)
{
    nima_str held = nima_buf_view(&claims->held);
    size_t bytes = 0, lines = 0;
    while (bytes < held.len && strchr(" \n\t-*#>_\"'", held.ptr[bytes]) != NULL) {
        bytes++;
        lines = held.ptr[bytes - 1] == '\n' ? bytes : lines;
    }
    put_out(claims, lines);
    *marks_out = bytes - lines;
}

/* The unit is no claim: it goes out, and the clause behind it begins another. */
static bool release(struct nima_claims *claims, size_t marks)
{
    nima_str held = nima_buf_view(&claims->held);
    nima_str rest = nima_str_sub(held, marks, held.len);
    size_t next = next_clause(marks > 0 ? '\0' : claims->last, rest);
    claims->free = next == SIZE_MAX;
    put_out(claims, claims->free ? held.len : marks + next);
    return !claims->free;
}

static bool step(struct nima_claims *claims)
{
    size_t marks = 0;
    nima_str held = nima_buf_view(&claims->held);
    if (held.len == 0) {
        return false;
    }
    if (claims->fence || claims->ticks || held.ptr[0] == '`') {
        claims->free = false;
        return pass_code(claims);
    }
    if (claims->free) {
        return release(claims, 0);
    }
    pass_marks(claims, &marks);
    held = nima_buf_view(&claims->held);
    nima_str rest = nima_str_sub(held, marks, held.len);
    if (rest.len > 0 && rest.ptr[0] == '`') {
        put_out(claims, marks);
        return true;
    }
    size_t end = sentence_end(rest, 0, claims->ended);
    nima_str unit = nima_str_sub(rest, 0, end > 0 ? end : rest.len);
    struct nima_arena_mark mark = nima_scratch(&claims->ctx);
    enum nima_claim_verdict verdict =
        nima_claim_judge(&claims->ctx, claims->table, claims->ordered, unit, end == 0);
    nima_scratch_end(&claims->ctx, mark);
    if (end > 0 && verdict == NIMA_CLAIM_YES && unit.ptr[unit.len - 1] != '?') {
        nima_buf_drop(&claims->held, marks);
        replace(claims, end);
        return true;
    }
    bool hold = end == 0 && !claims->ended && verdict != NIMA_CLAIM_NO &&
                held.len < NIMA_CLAIMS_HOLD_BYTES_MAX;
    return !hold && held.len > 0 && release(claims, marks);
}

void nima_claims_add(struct nima_claims *claims, nima_str piece)
{
    nima_buf_add(&claims->held, piece);
    while (step(claims)) {
    }
}

void nima_claims_end(struct nima_claims *claims)
{
    claims->ended = true;
    while (step(claims)) {
    }
    put_out(claims, claims->held.len);
}

nima_str nima_claims_take(struct nima_claims *claims)
{
    nima_buf_drop(&claims->out, claims->taken);
    claims->taken = claims->out.len;
    return nima_buf_view(&claims->out);
}
