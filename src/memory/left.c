#include "memory/left.h"

#include <string.h>

#include "memory/lexicon.h"
#include "util/buf.h"

enum { WORDS_MIN = 3, WORDS_MAX = 60, TOLD_BYTES_MAX = 400 };

/* Words that make a sentence one about the person, and beginnings that leave the "I" out. */
static const char own_words[] = " i me my mine myself we us our ours i'm im i've ive id i'd ";
static const char bare_starts[] =
    " been got moved started finally just trying born turned usually never used saving quit grew"
    " spent went had working living studying learning married diagnosed originally allergic"
    " vegetarian vegan mostly always rarely mainly finished stopped lost bought adopted joined"
    " left became retired engaged divorced expecting raised teaching playing training ";
static const char orders[] =
    " explain help show give tell write fix make list describe compare find"
    " check look let please stop try use add remove change convert run ";
static const char followers[] = " he she they he's she's they're hes shes theyre his her their it"
                                " it's its ";

static bool own(const struct nima_said_word *t, size_t count)
{
    if (nima_memory_token_in(&t[0], bare_starts) ||
        nima_memory_listed_noun(NIMA_LIST_FAMILY, t[0].low)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (nima_memory_token_in(&t[i], own_words)) {
            return true;
        }
    }
    return false;
}

/* A supposition, an order, a question without its mark. */
static bool no_statement(const struct nima_said_word *t, size_t count)
{
    if (nima_memory_listed(NIMA_LIST_ASKING, t[0].low) || nima_memory_token_in(&t[0], orders)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (nima_memory_listed(NIMA_LIST_UNREAL, t[i].low) ||
            nima_memory_token_in(&t[i], " wonder wondering kidding joking heard apparently"
                                        " hero heroine protagonist villain plot says said told"
                                        " claims according ")) {
            return true;
        }
        bool argued = i + 3 < count && nima_memory_token_is(&t[i], "sake") &&
                      nima_memory_token_in(&t[i + 3], " argument discussion example ");
        bool machine = i + 2 < count && nima_memory_token_is(&t[i], "as") &&
                       nima_memory_token_in(&t[i + 2], " ai language machine robot ");
        bool elsewhere = i > 0 && i <= 3 && nima_memory_token_is(&t[0], "in") &&
                         nima_memory_listed_noun(NIMA_LIST_FICTION, t[i].low);
        bool doubt = i > 0 && nima_memory_token_is(&t[i - 1], "not") &&
                     nima_memory_token_in(&t[i], " think believe sure know ");
        if (argued || machine || elsewhere || doubt) {
            return true;
        }
        if (i + 1 < count && nima_memory_token_in(&t[i], " can could will do did ") &&
            nima_memory_token_in(&t[i + 1], " you i we ")) {
            return true;
        }
    }
    return false;
}

/* Who speaks of these waits for help, or for an answer. */
static bool wants_help(const struct nima_said_word *t, size_t count)
{
    static const char openers[] =
        " read open create send search find delete remind suggest recommend"
        " translate summarize summarise review imagine how why what who"
        " when where thanks hello hi hey yes no ok okay sure / ";
    static const char troubles[] =
        " slow broken fail fails failed failing error errors crash crashes"
        " crashed wrong stuck problem problems issue bug bugs cannot can't"
        " won't doesn't isn't help need needs want wants wonder wondering looking"
        " trying lost confused unsure idea advice tired sad angry"
        " worried anxious lonely ";
    for (size_t i = 0; i < count; i++) {
        bool cannot = i + 1 < count && nima_memory_token_in(&t[i], " can do does is will ") &&
                      nima_memory_token_is(&t[i + 1], "not");
        if (cannot || nima_memory_token_in(&t[i], troubles)) {
            return true;
        }
    }
    return nima_memory_token_in(&t[0], openers);
}

bool nima_memory_only_tells(struct nima_ctx *ctx, nima_str message)
{
    message = nima_memory_said_normal(ctx, message);
    nima_str plain = nima_memory_said_plain(ctx, message);
    struct nima_sentence *sentences =
        NIMA_NEW(ctx->arena, struct nima_sentence, NIMA_SENTENCES_MAX);
    struct nima_said_word *tokens = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    bool mine = false;
    if (message.len > TOLD_BYTES_MAX || plain.len < message.len) {
        return false; /* something is quoted */
    }
    size_t count = nima_memory_said_sentences(plain, sentences);
    for (size_t i = 0; i < count; i++) {
        size_t words = nima_memory_said_tokens(ctx, sentences[i].text, tokens);
        if (sentences[i].question || words == 0 || words > WORDS_MAX ||
            no_statement(tokens, words) || wants_help(tokens, words)) {
            return false;
        }
        mine = mine || own(tokens, words);
    }
    return mine;
}

enum nima_asked nima_memory_asks_of_person(struct nima_ctx *ctx, nima_str message)
{
    struct nima_sentence *sentences =
        NIMA_NEW(ctx->arena, struct nima_sentence, NIMA_SENTENCES_MAX);
    struct nima_said_word *tokens = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    size_t count = nima_memory_said_sentences(nima_memory_said_plain(ctx, message), sentences);
    if (count != 1 || !sentences[0].question) {
        return NIMA_ASKED_ELSE;
    }
    size_t words = nima_memory_said_tokens(ctx, sentences[0].text, tokens);
    bool mine = false;
    for (size_t i = 0; i < words; i++) {
        if (nima_memory_token_in(&tokens[i], " should could can would may might must need shall"
                                             " better best ")) {
            return NIMA_ASKED_ELSE;
        }
        mine = mine || nima_memory_token_in(&tokens[i], " i my me mine ");
    }
    if (!mine || !nima_memory_token_in(&tokens[0], " what which where when who whose how do am is"
                                                   " are does did have has ")) {
        return NIMA_ASKED_ELSE;
    }
    bool how = nima_memory_token_is(&tokens[0], "how") && words > 1 &&
               !nima_memory_token_in(&tokens[1], " old tall long many much often ");
    return how ? NIMA_ASKED_HOW : NIMA_ASKED_PERSON;
}

/* "I am the walrus", "I have 3 servers": what the rules know well and did not want. */
static bool rejected(const struct nima_said_word *t, size_t count)
{
    size_t i = 0;
    while (i < count && nima_memory_token_in(&t[i], " well so and but ok yes no also ")) {
        i++;
    }
    if (i + 2 >= count || !nima_memory_token_in(&t[i], " i we ")) {
        return false;
    }
    size_t len = strlen(t[i + 2].low);
    bool doing = len > 4 && strcmp(t[i + 2].low + len - 3, "ing") == 0;
    bool being = nima_memory_token_in(&t[i + 1], " am are ");
    bool having =
        nima_memory_token_is(&t[i + 1], "have") && !nima_memory_token_is(&t[i + 2], "been");
    return (being && !doing) || having;
}

static void add(struct nima_left *left, nima_str text)
{
    bool again = left->count > 0 && left->items[left->count - 1].ptr == text.ptr;
    if (left->count < NIMA_LEFT_MAX && !again) {
        left->items[left->count++] = text;
    }
}

void nima_memory_left_note(struct nima_left *left, const struct nima_sentence *sentence,
                           const struct nima_said_word *tokens, size_t count, bool understood)
{
    nima_str before = left->before;
    left->before = (nima_str){0};
    if (sentence->question || count > WORDS_MAX || no_statement(tokens, count)) {
        return;
    }
    bool follows = before.ptr != NULL && nima_memory_token_in(&tokens[0], followers);
    bool mine = own(tokens, count);
    if (mine || follows) {
        left->before = sentence->text;
    }
    if (follows && !mine) {
        add(left, before); /* says who "she" is */
        add(left, sentence->text);
    } else if (mine && !understood && count >= WORDS_MIN && !rejected(tokens, count)) {
        add(left, sentence->text);
    }
}

nima_str nima_memory_left_text(struct nima_ctx *ctx, const struct nima_left *left)
{
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_LEFT_BYTES_MAX);
    for (size_t i = 0; i < left->count; i++) {
        nima_str text = left->items[i];
        if (buf.len + text.len + 2 < NIMA_LEFT_BYTES_MAX) {
            nima_buf_add(&buf, buf.len > 0 ? NIMA_STR(". ") : NIMA_STR(""));
            nima_buf_add(&buf, text);
        }
    }
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return copy.ptr != NULL ? copy : NIMA_STR("");
}
