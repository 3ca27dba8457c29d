/*
 * Patterns of claims: read once from data/claims.yaml, matched against the words of a clause.
 */
#include <pthread.h>
#include <string.h>

#include "understand/claims_int.h"
#include "util/embed.h"
#include "util/log.h"
#include "util/yaml.h"

NIMA_EMBEDDED(understand);

enum { TABLES_MAX = NIMA_LANGUAGES, ANY = -1, UNKNOWN = -2 };

static struct nima_claim_table tables[TABLES_MAX];
static size_t table_count;

/* Reading the tables */

static int class_of(const struct nima_claim_table *table, nima_str name)
{
    for (size_t i = 0; i < table->class_count; i++) {
        if (nima_str_eq(table->classes[i].name, name)) {
            return (int)i;
        }
    }
    return nima_str_eq(name, NIMA_STR("any")) ? ANY : UNKNOWN;
}

static void read_words(struct nima_ctx *ctx, const struct nima_yaml *words,
                       struct nima_claim_table *table)
{
    for (const struct nima_yaml *row = words->first; row != NULL; row = row->next) {
        nima_assert(table->class_count < NIMA_CLAIM_CLASSES_MAX);
        struct nima_claim_class *made = &table->classes[table->class_count++];
        made->name = row->key;
        made->words = NIMA_NEW(ctx->arena, nima_str, row->count);
        for (const struct nima_yaml *word = row->first; word != NULL; word = word->next) {
            made->words[made->count++] = nima_yaml_str(word);
        }
    }
}

static void read_pattern(const struct nima_claim_table *table, nima_str text, bool ordered,
                         struct nima_claim_pattern *out)
{
    nima_str rest = text, word;
    *out = (struct nima_claim_pattern){.ordered = ordered};
    while (nima_str_next(&rest, ' ', &word)) {
        nima_assert(out->count < NIMA_CLAIM_ELEMENTS_MAX && word.len > 0);
        char last = word.ptr[word.len - 1];
        nima_str name = last == '?' || last == '*' ? nima_str_sub(word, 0, word.len - 1) : word;
        struct nima_claim_element *element = &out->items[out->count++];
        element->word_class = class_of(table, name);
        element->optional = last == '?' || last == '*';
        element->repeated = last == '*';
        nima_assert(element->word_class != UNKNOWN); /* the file is part of the build */
    }
}

static void read_patterns(const struct nima_yaml *list, bool ordered,
                          struct nima_claim_table *table)
{
    for (const struct nima_yaml *row = list->first; row != NULL; row = row->next) {
        nima_assert(table->pattern_count < NIMA_CLAIM_PATTERNS_MAX);
        read_pattern(table, nima_yaml_str(row), ordered, &table->patterns[table->pattern_count++]);
    }
}

static void read_table(struct nima_ctx *ctx, const struct nima_yaml *node,
                       struct nima_claim_table *table)
{
    table->language = node->key;
    read_words(ctx, nima_yaml_get(node, "words"), table);
    read_patterns(nima_yaml_get(node, "always"), false, table);
    read_patterns(nima_yaml_get(node, "ordered"), true, table);
    table->instead = nima_yaml_str(nima_yaml_get(node, "instead"));
    table->lead = class_of(table, NIMA_STR("lead"));
    table->negation = class_of(table, NIMA_STR("negation"));
}

static void read_tables(void)
{
    static struct nima_ctx ctx; /* its arena lives as long as the process */
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_understand, NIMA_STR("claims.yaml"));
    const struct nima_yaml *root = NULL;
    nima_ctx_init(&ctx);
    nima_rc rc = nima_yaml_parse(&ctx, "claims.yaml", nima_embedded_data(file), &root);
    if (rc != NIMA_OK) {
        nima_log_error("%s", ctx.error.message);
    }
    nima_assert(rc == NIMA_OK);
    for (const struct nima_yaml *row = root->first; row != NULL; row = row->next) {
        nima_assert(table_count < TABLES_MAX);
        read_table(&ctx, row, &tables[table_count++]);
    }
}

const struct nima_claim_table *nima_claim_table(const struct nima_language *language)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct nima_claim_table *english = NULL;
    pthread_once(&once, read_tables);
    nima_str code = language != NULL ? nima_language_code(language) : NIMA_STR("en");
    for (size_t i = 0; i < table_count; i++) {
        if (nima_str_eq(tables[i].language, code)) {
            return &tables[i];
        }
        english = nima_str_eq(tables[i].language, NIMA_STR("en")) ? &tables[i] : english;
    }
    return english;
}

/* Matching */

struct clause {
    const struct nima_claim_table *table;
    nima_str words[NIMA_CLAIM_WORDS_MAX];
    size_t count;
    bool open;    /* more words may come */
    bool partial; /* the last word may still become a longer one */
};

/* Folded words; "I've" is two of them: "i" and "'ve". Signs between them are none. */
static void read_clause(struct nima_ctx *ctx, nima_str text, struct clause *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    for (size_t i = 0; i < tokens.count && out->count + 2 <= NIMA_CLAIM_WORDS_MAX; i++) {
        const struct nima_token *token = &tokens.items[i];
        if (token->kind == NIMA_TOKEN_PUNCT || token->kind == NIMA_TOKEN_EMOJI) {
            continue;
        }
        size_t cut = nima_str_find(token->fold, NIMA_STR("'"), 0);
        bool apart = cut != SIZE_MAX && cut > 0;
        bool denied = apart && token->fold.ptr[cut - 1] == 'n' &&
                      nima_str_eq(nima_str_sub(token->fold, cut, token->fold.len), NIMA_STR("'t"));
        size_t head = denied ? cut - 1 : cut;
        out->words[out->count++] = apart ? nima_str_sub(token->fold, 0, head) : token->fold;
        if (apart) {
            out->words[out->count++] = nima_str_sub(token->fold, cut, token->fold.len);
        }
    }
    out->open = out->open && tokens.count > 0;
}

static bool is_in(const struct clause *clause, int word_class, size_t at)
{
    if (word_class == ANY) {
        return true;
    }
    const struct nima_claim_class *words = &clause->table->classes[word_class];
    nima_str word = clause->words[at];
    bool partial = clause->partial && at + 1 == clause->count;
    for (size_t i = 0; i < words->count; i++) {
        if (partial ? nima_str_starts(words->words[i], word) : nima_str_eq(words->words[i], word)) {
            return true;
        }
    }
    return false;
}

static enum nima_claim_verdict better(enum nima_claim_verdict a, enum nima_claim_verdict b)
{
    return a > b ? a : b;
}

/* The pattern's rest, from element `at`, against the clause's words from `word`. */
static enum nima_claim_verdict match(const struct clause *clause,
                                     const struct nima_claim_pattern *pattern, size_t at,
                                     size_t word, int repeated)
{
    if (at == pattern->count) {
        return clause->partial && word == clause->count ? NIMA_CLAIM_MAYBE : NIMA_CLAIM_YES;
    }
    const struct nima_claim_element *element = &pattern->items[at];
    enum nima_claim_verdict best = NIMA_CLAIM_NO;
    if (element->optional) {
        best = match(clause, pattern, at + 1, word, 0);
    }
    if (best == NIMA_CLAIM_YES) {
        return best;
    }
    if (word == clause->count) {
        return better(best, clause->open ? NIMA_CLAIM_MAYBE : NIMA_CLAIM_NO);
    }
    if (!is_in(clause, element->word_class, word)) {
        return best;
    }
    if (element->repeated && repeated < NIMA_CLAIM_ANY_MAX) {
        best = better(best, match(clause, pattern, at, word + 1, repeated + 1));
    } else if (!element->repeated) {
        best = better(best, match(clause, pattern, at + 1, word + 1, 0));
    }
    return best;
}

/* "Done." is all there is; "done with you" claims nothing. */
static bool whole_only(const struct nima_claim_pattern *pattern)
{
    return pattern->count == 1;
}

static enum nima_claim_verdict match_from(const struct clause *clause, bool ordered, size_t from)
{
    enum nima_claim_verdict best = NIMA_CLAIM_NO;
    for (size_t i = 0; i < clause->table->pattern_count && best != NIMA_CLAIM_YES; i++) {
        const struct nima_claim_pattern *pattern = &clause->table->patterns[i];
        if (pattern->ordered && !ordered) {
            continue;
        }
        enum nima_claim_verdict verdict = match(clause, pattern, 0, from, 0);
        if (verdict == NIMA_CLAIM_YES && whole_only(pattern)) {
            bool alone = clause->count == from + 1;
            verdict = !alone ? NIMA_CLAIM_NO : clause->open ? NIMA_CLAIM_MAYBE : NIMA_CLAIM_YES;
        }
        best = better(best, verdict);
    }
    return best;
}

enum nima_claim_verdict nima_claim_judge(struct nima_ctx *ctx, const struct nima_claim_table *table,
                                         bool ordered, nima_str text, bool open)
{
    struct clause clause = {.table = table, .open = open};
    clause.partial = open && text.len > 0 && text.ptr[text.len - 1] != ' ';
    read_clause(ctx, text, &clause);
    size_t whole = clause.count - (clause.partial && clause.count > 0);
    for (size_t i = 0; table->negation >= 0 && i < whole; i++) {
        if (is_in(&clause, table->negation, i)) {
            return NIMA_CLAIM_NO;
        }
    }
    size_t from = 0;
    enum nima_claim_verdict best = match_from(&clause, ordered, 0);
    while (best != NIMA_CLAIM_YES && table->lead >= 0 && from < clause.count &&
           is_in(&clause, table->lead, from)) {
        best = better(best, match_from(&clause, ordered, ++from));
    }
    return clause.count == 0 && open ? NIMA_CLAIM_MAYBE : best;
}
