#include "memory/left.h"

#include <string.h>

#include "memory/lexicon.h"
#include "util/buf.h"

enum { WORDS_MIN = 3, WORDS_MAX = 60 };

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
        bool elsewhere = i > 0 && i <= 3 && nima_memory_token_is(&t[0], "in") &&
                         nima_memory_listed_noun(NIMA_LIST_FICTION, t[i].low);
        bool doubt = i > 0 && nima_memory_token_is(&t[i - 1], "not") &&
                     nima_memory_token_in(&t[i], " think believe sure know ");
        if (elsewhere || doubt) {
            return true;
        }
        if (i + 1 < count && nima_memory_token_in(&t[i], " can could will do did ") &&
            nima_memory_token_in(&t[i + 1], " you i we ")) {
            return true;
        }
    }
    return false;
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
