/*
 * The words of a fact against the words of the message, both stemmed: each word of the fact must
 * have been said, but for a few that only join ("lives", "called"). The message is cut into
 * fragments at commas and joining words, since a "not" or a "my sister" belongs to its fragment.
 */
#include "memory/ground.h"

#include <stdlib.h>
#include <string.h>

#include "memory/lexicon.h"
#include "search/words.h"
#include "util/buf.h"

enum {
    TERMS_MAX = 160,
    FACT_TERMS_MAX = 32,
    FRAGMENTS_MAX = 24,
    GLUE_MAX = 2,
    FACT_BYTES_MAX = 220
};

/* confidence = base * (0.8 + 0.2 * share of the fragments' words in the fact) - 0.05 * joining
 * words */
static const double base_said = 0.85;
static const double base_inferred = 0.65;
static const double least_confidence = 0.5;

struct terms {
    uint64_t items[TERMS_MAX];
    size_t count;
};

struct fragment {
    struct nima_said_word t[NIMA_TOKENS_MAX];
    size_t count;
    struct terms terms;
    bool denied, hedged, ended;
};

struct nima_grounds {
    struct nima_words *words;
    struct fragment fragments[FRAGMENTS_MAX];
    size_t count;
    struct terms all, glue;
};

/* A fact may spell out what was said short. */
static const struct {
    const char *said, *meant;
} same_words[] = {
    {"mum", "mother"},
    {"mom", "mother"},
    {"dad", "father"},
    {"bro", "brother"},
    {"sis", "sister"},
    {"uni", "university"},
    {"gf", "girlfriend"},
    {"bf", "boyfriend"},
    {"hubby", "husband"},
    {"kid", "child"},
    {"kids", "children"},
    {"grandpa", "grandfather"},
    {"grandma", "grandmother"},
    {"gran", "grandmother"},
    {"lil", "little younger"},
    {"prof", "professor"},
    {"app", "application"},
    {"coz", "because"},
    {"mums", "mother"},
    {"dads", "father"},
    {"moms", "mother"},
    {"phd", "doctorate"},
    {"adhd", "ADHD"},
    {"celiac", "coeliac"},
    {"coeliac", "celiac"},
    {"maths", "mathematics math"},
    {"cant", "can"},
    {"terrify", "afraid"},
    {"theres", "there"},
    {"hes", "he"},
    {"shes", "she"},
    {"atm", "moment"},
};

static const char glue_words[] =
    "has lives works likes owns keeps name called named years old user "
    "user's their currently is are was";

static void take_terms(struct nima_words *words, nima_str text, struct terms *out)
{
    struct nima_terms terms = nima_search_words_of(words, text, (nima_str){0});
    for (size_t i = 0; i < terms.count && out->count < TERMS_MAX; i++) {
        out->items[out->count++] = terms.items[i];
    }
}

static bool has_term(const struct terms *terms, uint64_t term)
{
    for (size_t i = 0; i < terms->count; i++) {
        if (terms->items[i] == term) {
            return true;
        }
    }
    return false;
}

static bool denies(const struct nima_said_word *t)
{
    return nima_memory_token_in(t, " not no never none without cannot nobody nothing neither nor"
                                   " hardly isnt arent wasnt doesnt didnt wont havent hasnt"
                                   " couldn't couldnt shouldn't wouldn't weren't ");
}

/* The token without "'s", or the "s" that stands for it in haste. */
static void stem_of(const struct nima_said_word *t, char out[NIMA_TOKEN_CHARS])
{
    size_t len = strlen(t->low);
    memcpy(out, t->low, len + 1);
    if (len > 2 && strcmp(out + len - 2, "'s") == 0) {
        out[len - 2] = '\0';
    }
}

static void add_token(struct nima_grounds *g, struct fragment *fragment,
                      const struct nima_said_word *t)
{
    char low[NIMA_TOKEN_CHARS];
    stem_of(t, low);
    fragment->t[fragment->count++] = *t;
    take_terms(g->words, nima_str_of(low), &fragment->terms);
    for (size_t i = 0; i < sizeof(same_words) / sizeof(same_words[0]); i++) {
        if (strcmp(low, same_words[i].said) == 0) {
            take_terms(g->words, nima_str_of(same_words[i].meant), &g->all);
        }
    }
    const struct nima_said_word *last = fragment->count > 1 ? t - 1 : NULL;
    fragment->denied = fragment->denied || denies(t);
    fragment->hedged =
        fragment->hedged ||
        nima_memory_token_in(t, " want wants plan plans planning hope hoping wish thinking think"
                                " trying saving guess suppose wanna aim aiming dream dreaming ");
    fragment->ended =
        fragment->ended ||
        nima_memory_token_in(t, " quit stopped former formerly ex anymore gave longer ") ||
        (last != NULL && nima_memory_token_is(t, "to") && nima_memory_token_is(last, "used"));
}

static void add_sentence(struct nima_ctx *ctx, struct nima_grounds *g, nima_str sentence)
{
    struct nima_said_word tokens[NIMA_TOKENS_MAX];
    size_t count = nima_memory_said_tokens(ctx, sentence, tokens);
    bool fresh = true;
    for (size_t i = 0; i < count; i++) {
        bool joins = nima_memory_token_in(&tokens[i], " and but so because coz cause cuz though ");
        if ((fresh || joins) && g->count < FRAGMENTS_MAX) {
            g->count++;
        }
        fresh = tokens[i].comma;
        add_token(g, &g->fragments[g->count - 1], &tokens[i]);
    }
}

struct nima_grounds *nima_memory_grounds_new(struct nima_ctx *ctx, nima_str said)
{
    struct nima_grounds *g = NIMA_XNEW(struct nima_grounds, 1);
    g->words = nima_search_words_open();
    struct nima_sentence sentences[NIMA_SENTENCES_MAX];
    size_t count = nima_memory_said_sentences(said, sentences);
    for (size_t i = 0; i < count && g->count < FRAGMENTS_MAX; i++) {
        add_sentence(ctx, g, sentences[i].text);
    }
    for (size_t i = 0; i < g->count; i++) {
        for (size_t k = 0; k < g->fragments[i].terms.count && g->all.count < TERMS_MAX; k++) {
            g->all.items[g->all.count++] = g->fragments[i].terms.items[k];
        }
    }
    take_terms(g->words, nima_str_of(glue_words), &g->glue);
    return g;
}

void nima_memory_grounds_free(struct nima_grounds *grounds)
{
    if (grounds == NULL) {
        return;
    }
    nima_search_words_close(grounds->words);
    free(grounds);
}

/* What the fact says, and how much of it each fragment said. */
struct fitting {
    struct nima_said_word t[NIMA_TOKENS_MAX];
    size_t count;
    struct terms terms;
    size_t glue, said;
    const struct fragment *main; /* said most of it */
    bool denied, some_denied;
    size_t said_there, words_there; /* over the fragments that said some of it */
};

static size_t overlap(const struct terms *fragment, const struct terms *fact)
{
    size_t count = 0;
    for (size_t i = 0; i < fragment->count; i++) {
        count += has_term(fact, fragment->items[i]);
    }
    return count;
}

static bool fit(struct nima_ctx *ctx, const struct nima_grounds *g, nima_str fact,
                struct fitting *out)
{
    out->count = nima_memory_said_tokens(ctx, fact, out->t);
    take_terms(g->words, fact, &out->terms);
    if (out->count < 3 || out->terms.count > FACT_TERMS_MAX) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        out->denied = out->denied || denies(&out->t[i]);
    }
    for (size_t i = 0; i < out->terms.count; i++) {
        bool said = has_term(&g->all, out->terms.items[i]);
        bool glue = has_term(&g->glue, out->terms.items[i]);
        if (!said && !glue) {
            return false;
        }
        out->said += said;
        out->glue += !said;
    }
    size_t most = 0;
    for (size_t i = 0; i < g->count; i++) {
        size_t here = overlap(&g->fragments[i].terms, &out->terms);
        if (here == 0) {
            continue;
        }
        out->some_denied = out->some_denied || g->fragments[i].denied;
        out->said_there += here;
        out->words_there += g->fragments[i].terms.count;
        if (here > most) {
            most = here;
            out->main = &g->fragments[i];
        }
    }
    return out->main != NULL && out->said > 0 && out->glue <= GLUE_MAX;
}

/* "is at work", "is crying": of somebody else, of now. */
static bool of_the_moment(const struct fitting *f, size_t i)
{
    if (i + 1 >= f->count || !nima_memory_token_is(&f->t[i], "is")) {
        return false;
    }
    const struct nima_said_word *next = &f->t[i + 1];
    size_t len = strlen(next->low);
    bool doing = len > 4 && strcmp(next->low + len - 3, "ing") == 0;
    bool lasts = nima_memory_token_in(next, " living working learning studying getting moving "
                                            "expecting teaching training building doing ");
    bool somebody = nima_memory_token_is(&f->t[1], "user's");
    bool mood = somebody && i + 2 == f->count && !next->capital &&
                !nima_memory_token_number(next) &&
                !nima_memory_listed(NIMA_LIST_STATES, next->low) &&
                !nima_memory_listed_noun(NIMA_LIST_PERSON, next->low);
    return mood || (somebody && doing && !lasts) ||
           nima_memory_token_in(next, " at out asleep sick away ill due ");
}

/* "was in Paris", "met a woman", "my endpoint returns 500": over, or how something runs just now.
 * "was born", "was a nurse" stay true. */
static bool happened(const struct fitting *f)
{
    if (nima_memory_token_is(&f->t[1], "user's")) {
        size_t verb = f->count > 4 ? 3 : 2;
        return nima_memory_token_in(&f->t[verb], " returns fails crashes throws hangs prints "
                                                 "breaks compiles times ");
    }
    bool was = f->count > 3 && nima_memory_token_in(&f->t[2], " was were ") &&
               nima_memory_token_in(&f->t[3], " in at to on there ");
    return was || nima_memory_token_in(&f->t[2], " turned met worked went saw ");
}

/* A name is what somebody says is one: "I'm Batman" is not for the model to decide. */
static bool named(const struct fitting *f)
{
    bool name = false;
    for (size_t i = 0; i < f->count; i++) {
        name = name || nima_memory_token_is(&f->t[i], "name");
    }
    for (size_t i = 0; name && i < f->main->count; i++) {
        if (nima_memory_token_in(&f->main->t[i], " name names named call called calls ")) {
            return true;
        }
    }
    return !name;
}

/* Says something outside its conversation, and is not of the moment. */
static bool lasting(const struct fitting *f)
{
    bool dated = false;
    bool passing = false;
    for (size_t i = 2; i < f->count; i++) {
        const struct nima_said_word *t = &f->t[i];
        if (nima_memory_token_in(t, " this that these those it its you your here something someone"
                                    " stuff thing things user asked asks asking wonders wondering"
                                    " confused frustrated tired bored hungry busy late kidding"
                                    " joking stuck sorry ready ")) {
            return false;
        }
        bool wish = nima_memory_token_is(t, "wants") && i + 1 < f->count &&
                    !nima_memory_token_is(t + 1, "to");
        bool search =
            nima_memory_token_in(t, " looking reading watching waiting listening debugging"
                                    " writing ") &&
            nima_memory_token_is(&f->t[2], "is");
        bool no_name = nima_memory_token_is(t, "name") && f->denied;
        if (wish || search || no_name || of_the_moment(f, i)) {
            return false;
        }
        dated = dated || nima_memory_listed(NIMA_LIST_MONTHS, t->low);
        passing = passing || nima_memory_listed_noun(NIMA_LIST_PASSING, t->low);
    }
    bool wants_now = nima_memory_token_in(&f->t[2], " needs thinks guesses knows says means feels"
                                                    " sees heard tried laughed ");
    return !wants_now && !happened(f) && named(f) && (!passing || dated);
}

/* A fact of "The user …" must not come from a fragment about somebody else. */
static bool about_the_same(const struct fitting *f)
{
    const struct fragment *m = f->main;
    bool user_himself = !nima_memory_token_is(&f->t[1], "user's");
    bool mine = false;
    for (size_t i = 0; i < m->count; i++) {
        mine = mine || nima_memory_token_in(&m->t[i], " i me my we our us myself mine ");
    }
    bool other = nima_memory_token_in(&m->t[0], " he she it they hes shes he's she's you that this"
                                                " someone somebody people everyone who ");
    bool with_and = m->count > 1 && nima_memory_token_in(&m->t[0], " and but so ") &&
                    nima_memory_token_in(&m->t[1], " he she it they hes shes he's she's you ");
    if (user_himself && !mine && (other || with_and)) {
        return false;
    }
    size_t who = nima_memory_token_in(&m->t[0], " my our and but so the ") ? 1 : 0;
    char noun[NIMA_TOKEN_CHARS];
    for (size_t i = who; user_himself && i < m->count && i <= who + 1; i++) {
        stem_of(&m->t[i], noun);
        bool kin = nima_memory_listed_noun(NIMA_LIST_FAMILY, noun) ||
                   nima_memory_listed_noun(NIMA_LIST_PEOPLE, noun);
        if (kin && !(m->count > i + 2 && nima_memory_token_in(&m->t[i + 1], " and i "))) {
            return false;
        }
    }
    return true;
}

static bool still_ended(const struct fitting *f)
{
    if (!f->main->ended) {
        return true;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (nima_memory_token_in(&f->t[i], " quit stopped former formerly ex used anymore longer"
                                           " gave ") ||
            denies(&f->t[i])) {
            return true;
        }
    }
    return false;
}

bool nima_memory_grounded(struct nima_ctx *ctx, const struct nima_grounds *grounds,
                          struct nima_candidate *candidate)
{
    nima_str text = candidate->text;
    bool of_user = nima_str_starts(text, NIMA_STR("The user ")) ||
                   nima_str_starts(text, NIMA_STR("The user's "));
    if (!of_user || text.len > FACT_BYTES_MAX || !nima_utf8_valid(text) ||
        nima_memory_secret(text) != NULL) {
        return false;
    }
    struct fitting *f = NIMA_NEW(ctx->arena, struct fitting, 1);
    if (!fit(ctx, grounds, text, f) || !lasting(f) || !about_the_same(f) || !still_ended(f)) {
        return false;
    }
    if (f->denied ? !f->some_denied : f->main->denied) {
        return false;
    }
    bool inferred = f->main->hedged || f->glue > 0;
    double share = (double)f->said_there / (double)f->words_there;
    double confidence =
        (inferred ? base_inferred : base_said) * (0.8 + 0.2 * share) - 0.05 * (double)f->glue;
    candidate->inferred = inferred;
    candidate->confidence = confidence;
    return confidence >= least_confidence;
}

bool nima_memory_says_already(nima_str known, nima_str fact)
{
    struct nima_words *words = nima_search_words_open();
    struct terms have = {0};
    struct terms wanted = {0};
    take_terms(words, known, &have);
    take_terms(words, fact, &wanted);
    nima_search_words_close(words);
    return wanted.count == 0 || 3 * overlap(&wanted, &have) >= 2 * wanted.count;
}
