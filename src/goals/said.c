/*
 * What a message asks of goals. The whole message must be the wish: one sentence that fits one of
 * the patterns below from its first word to its last. What merely speaks of goals fits none, or
 * names a goal that is not there (chat.c).
 *
 * A pattern is words between blanks: "a|b" one of them, "a|b?" one of them or none, ":" the word
 * before ends in a colon, and slots: X what is meant, T a new title, D a day, P a share.
 */
#include "goals/said_int.h"

#include <ctype.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 400, TOKEN_CHARS = 96 };

struct pattern {
    enum nima_wish_kind kind;
    const char *text;
};
static const struct pattern patterns[] = {
    {NIMA_WISH_UNDO, "undo that|it|this?"},
    {NIMA_WISH_UNDO, "undo the last change"},
    {NIMA_WISH_UNDO, "take|revert that|it back?"},
    {NIMA_WISH_LIST, "how am i doing with|on? my? goals?"},
    {NIMA_WISH_LIST, "how are my goals going|doing|coming? along?"},
    {NIMA_WISH_LIST, "what|which are my current|active|open? goals"},
    {NIMA_WISH_LIST, "what's|which on? my list? of? goals"},
    {NIMA_WISH_LIST, "list|show me? all? of? my goals"},
    {NIMA_WISH_LIST, "what|which goals do i have"},
    {NIMA_WISH_LIST, "do i have any goals"},
    {NIMA_WISH_LIST, "where do i stand with|on my goals"},
    {NIMA_WISH_ASK, "how is|are X going|coming|progressing|doing on|along?"},
    {NIMA_WISH_ASK, "how's X going|coming|progressing|doing on|along?"},
    {NIMA_WISH_ASK, "how am i doing|getting along|on? with|on|in|at X"},
    {NIMA_WISH_ASK, "how far along? am i along? with|in|on|into X"},
    {NIMA_WISH_ASK, "how far along? is X"},
    {NIMA_WISH_ASK, "what is the|my status|state|progress of|on|with|in X"},
    {NIMA_WISH_ASK, "what's the|my status|state|progress of|on|with|in X"},
    {NIMA_WISH_ASK, "am i on track with|for|to X"},
    {NIMA_WISH_ASK, "where do|am i stand? with|on|in X"},
    {NIMA_WISH_MILESTONE, "add a|another|the new? milestone|step : T to|for X"},
    {NIMA_WISH_MILESTONE, "add a|another|the new? milestone|step to|for X : T"},
    {NIMA_WISH_MILESTONE, "add a|another|the? new? milestone|step T to|for X"},
    {NIMA_WISH_MILESTONE, "add T as a|another? new? milestone|step to|for|of X"},
    {NIMA_WISH_MILESTONE, "new|another milestone|step to|for X : T"},
    {NIMA_WISH_MILESTONE, "add a|another|the? new? milestone|step :? T"},
    {NIMA_WISH_DUE, "X is due by|on|in? D"},
    {NIMA_WISH_DUE, "set|move|change|extend the? deadline|date of|for X to D"},
    {NIMA_WISH_DUE, "the deadline|date of|for X is now? D"},
    {NIMA_WISH_DUE, "move|postpone X to|until D"},
    {NIMA_WISH_PROGRESS, "X is|are now? at? P done|complete|completed|finished|through?"},
    {NIMA_WISH_PROGRESS, "i'm|i've now|about? at? P done|through? with|on|of|in|into? X"},
    {NIMA_WISH_PROGRESS, "i am now|about? at? P done|through? with|on|of|in|into? X"},
    {NIMA_WISH_PROGRESS, "set|update|put|move X to|at P"},
    {NIMA_WISH_PAUSE, "pause X"},
    {NIMA_WISH_PAUSE, "put X on hold|ice|pause"},
    {NIMA_WISH_PAUSE, "take a break from X"},
    {NIMA_WISH_PAUSE, "i|i'd want|need|like to pause X"},
    {NIMA_WISH_PAUSE, "i'm pausing X"},
    {NIMA_WISH_RESUME, "resume|unpause|reopen|restart|reactivate X"},
    {NIMA_WISH_RESUME, "continue with X"},
    {NIMA_WISH_RESUME, "pick|take X up"},
    {NIMA_WISH_RESUME, "pick|take up X"},
    {NIMA_WISH_RESUME, "i|i'd want|need|like to resume X"},
    {NIMA_WISH_RESUME, "i'm back on|at X"},
    {NIMA_WISH_DROP, "drop|delete|abandon|cancel|remove X"},
    {NIMA_WISH_DROP, "forget my|the goal X"},
    {NIMA_WISH_DROP, "i give up on? X"},
    {NIMA_WISH_DROP, "i'm giving up on? X"},
    {NIMA_WISH_DROP, "i am giving up on? X"},
    {NIMA_WISH_FINISH, "i? just|finally? finished|completed|reached|achieved|accomplished with? X"},
    {NIMA_WISH_FINISH, "i've just|finally? finished|completed|reached|achieved|done with? X"},
    {NIMA_WISH_FINISH, "i have just|finally? finished|completed|reached|achieved|done with? X"},
    {NIMA_WISH_FINISH, "i'm finally? done|finished|through with X"},
    {NIMA_WISH_FINISH, "i am finally? done|finished|through with X"},
    {NIMA_WISH_FINISH, "X is|are finally? done|finished|completed|complete|reached"},
    {NIMA_WISH_FINISH, "mark X as? done|finished|completed|complete|reached"},
    {NIMA_WISH_FINISH, "tick|check off X"},
    {NIMA_WISH_FINISH, "tick|check X off"},
    {NIMA_WISH_ADD, "my new? goal is to? T"},
    {NIMA_WISH_ADD, "my goal for D is to? T"},
    {NIMA_WISH_ADD, "a? new goal : to? T"},
    {NIMA_WISH_ADD, "set|add|create|make a|another|the? new? goal of|to|: to? T"},
    {NIMA_WISH_ADD, "i've|i set|have set? myself the|a goal of|to|: to? T"},
    {NIMA_WISH_ADD, "i've|i have? set myself a|the goal of|to T"},
    {NIMA_WISH_ADD_BY, "i|i'd want|plan|aim|intend|hope|like to T"},
    {NIMA_WISH_ADD_BY, "i would like|love to T"},
    {NIMA_WISH_ADD_BY, "i'm going|planning|aiming|hoping|trying to T"},
    {NIMA_WISH_ADD_BY, "i am going|planning|aiming|hoping|trying to T"},
    {NIMA_WISH_DID, "i have|just|finally? just|finally? X"},
    {NIMA_WISH_DID, "i've just|finally? X"},
};

/* Words */

bool nima_wish_in(const struct nima_wish_words *words, size_t at, const char *list)
{
    if (at >= words->count) {
        return false;
    }
    size_t len = strlen(words->items[at].low);
    for (const char *p = list; *p != '\0';) {
        size_t one = strcspn(p, "|");
        if (one == len && memcmp(p, words->items[at].low, len) == 0) {
            return true;
        }
        p += one + (p[one] == '|');
    }
    return false;
}

/* U+2019 and U+201C to U+201E, as people's keyboards write them. */
static nima_str plain_quotes(struct nima_ctx *ctx, nima_str text)
{
    char *out = nima_alloc(ctx->arena, text.len + 1);
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char third = i + 2 < text.len ? (unsigned char)text.ptr[i + 2] : 0;
        bool quote = third != 0 && memcmp(text.ptr + i, "\xe2\x80", 2) == 0;
        if (quote && (third == 0x99 || (third >= 0x9C && third <= 0x9E))) {
            out[used++] = third == 0x99 ? '\'' : '"';
            i += 2;
        } else {
            out[used++] = text.ptr[i];
        }
    }
    return (nima_str){out, used};
}

static bool is_around(char c)
{
    return c != '\0' && strchr(".,!?;:()[]\"", c) != NULL;
}

static void add_word(nima_str message, size_t from, size_t end, struct nima_wish_words *out)
{
    struct nima_wish_word *word = &out->items[out->count++];
    *word = (struct nima_wish_word){.from = from, .end = end};
    for (size_t i = 0; from + i < end && i < sizeof(word->low) - 1; i++) {
        word->low[i] = (char)tolower((unsigned char)message.ptr[from + i]);
    }
}

/* One word between blanks; "40%" is two. False where a sentence ends in the middle. */
static bool cut_word(nima_str message, size_t from, size_t end, struct nima_wish_words *out)
{
    bool stop = false, colon = false,
         last = nima_str_trim(nima_str_sub(message, end, message.len)).len == 0;
    while (end > from && is_around(message.ptr[end - 1])) {
        char c = message.ptr[--end];
        stop = stop || c == '.' || c == '!' || c == '?' || c == ';';
        colon = colon || c == ':';
    }
    while (from < end && is_around(message.ptr[from])) {
        from++;
    }
    bool share = end > from + 1 && message.ptr[end - 1] == '%';
    if (end > from) {
        add_word(message, from, end - share, out);
        out->items[out->count - 1].colon = colon;
    }
    if (share) {
        add_word(message, end - 1, end, out);
    }
    return last || !stop;
}

static bool cut(nima_str message, struct nima_wish_words *out)
{
    out->count = 0;
    for (size_t at = 0; at < message.len;) {
        while (at < message.len && message.ptr[at] == ' ') {
            at++;
        }
        size_t from = at;
        while (at < message.len && message.ptr[at] != ' ') {
            at++;
        }
        if (from < at &&
            (out->count + 2 > NIMA_WISH_WORDS_MAX || !cut_word(message, from, at, out))) {
            return false;
        }
    }
    return out->count > 0;
}

static void drop_first(struct nima_wish_words *words, size_t count)
{
    memmove(words->items, words->items + count, (words->count - count) * sizeof(words->items[0]));
    words->count -= count;
}

/* "Please", "can you", "I did it," in front and "for now", "please" behind. True when it was asked
 * as a question would be. */
static bool drop_manners(struct nima_wish_words *words)
{
    static const char *const fillers =
        "please|hey|hi|hello|nima|ok|okay|so|also|and|well|yes|yay|hooray|great|oh|let's|lets|"
        "now|finally|today|just";
    bool asked = false;
    for (bool more = true; more && words->count > 1;) {
        more = true;
        if (nima_wish_in(words, 0, fillers)) {
            drop_first(words, 1);
        } else if (nima_wish_in(words, 0, "can|could|would|will") &&
                   nima_wish_in(words, 1, "you")) {
            drop_first(words, 2);
            asked = true;
        } else if (words->count > 3 && nima_wish_in(words, 0, "i") &&
                   nima_wish_in(words, 1, "did|made") && nima_wish_in(words, 2, "it")) {
            drop_first(words, 3);
        } else {
            more = false;
        }
    }
    while (words->count > 1 &&
           nima_wish_in(words, words->count - 1,
                        "please|today|now|already|finally|yesterday|again|thanks|nima|for|while")) {
        bool pair = nima_wish_in(words, words->count - 1, "while") &&
                    nima_wish_in(words, words->count - 2, "a");
        words->count -= pair ? 2 : 1;
    }
    return asked;
}

/* Patterns */

struct slots {
    struct nima_ctx *ctx;
    nima_str message;
    const struct nima_wish_words *words;
    size_t from[3], end[3]; /* X, T, D */
    struct nima_due due;
    double share;
};

static nima_str next_token(const char **pattern)
{
    while (**pattern == ' ') {
        (*pattern)++;
    }
    nima_str token = {*pattern, strcspn(*pattern, " ")};
    *pattern += token.len;
    return token;
}

/* "40 %", "40 percent", "halfway": how many words. */
static size_t share_at(const struct nima_wish_words *words, size_t at, double *out)
{
    int64_t whole;
    if (nima_wish_in(words, at, "halfway|half")) {
        *out = 0.5;
        return 1;
    }
    if (at >= words->count || !nima_wish_in(words, at + 1, "%|percent") ||
        !nima_str_to_i64(nima_str_of(words->items[at].low), &whole) || whole < 0 || whole > 100) {
        return 0;
    }
    *out = (double)whole / 100;
    return 2;
}

static bool fits(struct slots *slots, size_t at, const char *pattern);

static bool read_due(const struct slots *slots, size_t from, size_t end, bool whole,
                     struct nima_due *out)
{
    const struct nima_wish_words *words = slots->words;
    return from < end && end <= words->count &&
           nima_due_read(
               slots->ctx,
               nima_str_sub(slots->message, words->items[from].from, words->items[end - 1].end),
               whole, out);
}

static bool fits_slot(struct slots *slots, size_t at, char slot, const char *rest)
{
    size_t index = slot == 'X' ? 0 : (slot == 'T' ? 1 : 2);
    if (slot == 'P') {
        size_t used = share_at(slots->words, at, &slots->share);
        return used > 0 && fits(slots, at + used, rest);
    }
    for (size_t end = at + 1; end <= slots->words->count; end++) {
        struct nima_due due;
        if ((slot != 'D' || read_due(slots, at, end, false, &due)) && fits(slots, end, rest)) {
            slots->from[index] = at;
            slots->end[index] = end;
            slots->due = slot == 'D' ? due : slots->due;
            return true;
        }
    }
    return false;
}

/* Words from `at` on are the whole pattern. As many ways are tried as there are slots: two at most.
 */
static bool fits(struct slots *slots, size_t at, const char *pattern)
{
    nima_str token = next_token(&pattern);
    char list[TOKEN_CHARS];
    if (token.len == 0) {
        return at == slots->words->count;
    }
    bool maybe = token.ptr[token.len - 1] == '?';
    if (token.len == 1 && strchr("XTDP", token.ptr[0]) != NULL) {
        return fits_slot(slots, at, token.ptr[0], pattern);
    }
    if (token.ptr[0] == ':') {
        bool colon = at > 0 && slots->words->items[at - 1].colon;
        return (colon || maybe) && fits(slots, at, pattern);
    }
    size_t len = token.len - maybe;
    nima_assert(len < sizeof(list));
    memcpy(list, token.ptr, len);
    list[len] = '\0';
    bool colon = len >= 2 && strcmp(list + len - 2, "|:") == 0 && at > 0 &&
                 slots->words->items[at - 1].colon;
    return (nima_wish_in(slots->words, at, list) && fits(slots, at + 1, pattern)) ||
           ((maybe || colon) && fits(slots, at, pattern));
}

static nima_str text_of(nima_str message, const struct slots *slots, size_t index)
{
    if (slots->end[index] == slots->from[index]) {
        return (nima_str){NULL, 0};
    }
    return nima_str_sub(message, slots->words->items[slots->from[index]].from,
                        slots->words->items[slots->end[index] - 1].end);
}

/* New goals */

/* "Run a half marathon by May" is a title and a day. */
static void split_day(struct slots *slots, struct nima_wish *out)
{
    const struct nima_wish_words *words = slots->words;
    for (size_t at = slots->from[1] + 1; at < slots->end[1]; at++) {
        bool by = nima_wish_in(words, at, "by|before|until|till|on");
        bool in = nima_wish_in(words, at, "in|within|during");
        bool bare = nima_wish_in(words, at, "this|next");
        struct nima_due due;
        if ((by || in || bare) && read_due(slots, at + !bare, slots->end[1], in || bare, &due)) {
            out->due = due;
            slots->end[1] = at;
            return;
        }
    }
}

/* "I want to know …", "I want to talk to you …" are no goals, whatever the day. */
static bool is_talk(const struct slots *slots)
{
    bool talk = nima_wish_in(slots->words, slots->from[1],
                             "know|ask|see|hear|talk|tell|say|understand|thank|think|eat|drink");
    for (size_t i = slots->from[1]; i < slots->end[1]; i++) {
        talk = talk || nima_wish_in(slots->words, i, "you|your");
    }
    return talk;
}

/* "Run a half marathon": as a title begins. */
static nima_str as_title(struct nima_ctx *ctx, nima_str text)
{
    char *copy = nima_alloc(ctx->arena, text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[0] = (char)toupper((unsigned char)copy[0]);
    return (nima_str){copy, text.len};
}

static void take(struct nima_ctx *ctx, nima_str message, struct slots *slots, struct nima_wish *out)
{
    bool add = out->kind == NIMA_WISH_ADD || out->kind == NIMA_WISH_ADD_BY;
    out->due = slots->due;
    if (add) {
        split_day(slots, out);
    }
    if (out->kind == NIMA_WISH_ADD_BY && (is_talk(slots) || out->due.kind == NIMA_DUE_NONE)) {
        out->kind = NIMA_WISH_NONE;
        return;
    }
    out->topic = text_of(message, slots, 0);
    out->text = text_of(message, slots, 1);
    out->text = out->text.ptr != NULL ? as_title(ctx, out->text) : out->text;
    out->progress = slots->share;
}

void nima_wish_read(struct nima_ctx *ctx, nima_str message, struct nima_wish *out)
{
    struct nima_wish_words words;
    nima_str text = nima_str_trim(message);
    *out = (struct nima_wish){.kind = NIMA_WISH_NONE};
    if (text.len == 0 || text.len > MESSAGE_BYTES_MAX ||
        nima_str_find(text, NIMA_STR("\n"), 0) != SIZE_MAX) {
        return;
    }
    text = plain_quotes(ctx, text);
    bool question = text.ptr[text.len - 1] == '?';
    if (!cut(text, &words)) {
        return;
    }
    bool asked = drop_manners(&words);
    question = question && !asked;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct slots slots = {.ctx = ctx, .message = text, .words = &words};
        bool asks = patterns[i].kind == NIMA_WISH_LIST || patterns[i].kind == NIMA_WISH_ASK;
        if ((!question || asks) && fits(&slots, 0, patterns[i].text)) {
            out->kind = patterns[i].kind;
            take(ctx, text, &slots, out);
            return;
        }
    }
}
