/*
 * What a message asks of schedules. The whole message must be the wish: "remind me" stands at its
 * beginning, after a time or a polite word at most, and one sentence is all there is. What is
 * merely about reminding ("remind me what she said", "that reminds me") is nobody's wish here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "schedules/said_int.h"

enum { MESSAGE_BYTES_MAX = 400, LIST_WORDS_MAX = 9 };

bool nima_said_is(const struct nima_said_words *words, size_t at, const char *low)
{
    return at < words->count && strcmp(words->items[at].low, low) == 0;
}

bool nima_said_in(const struct nima_said_words *words, size_t at, const char *list)
{
    char wanted[NIMA_SAID_WORD_CHARS + 3];
    if (at >= words->count || words->items[at].low[0] == '\0') {
        return false;
    }
    snprintf(wanted, sizeof(wanted), " %s ", words->items[at].low);
    return strstr(list, wanted) != NULL;
}

size_t nima_said_begins(const struct nima_said_words *words, size_t at, const char *phrase)
{
    nima_str rest = nima_str_of(phrase), word;
    size_t used = 0;
    while (nima_str_next(&rest, ' ', &word)) {
        if (at + used >= words->count ||
            !nima_str_eq(word, nima_str_of(words->items[at + used].low))) {
            return 0;
        }
        used++;
    }
    return used;
}

static bool is_edge(char c)
{
    return strchr(".,!?;:()[]", c) != NULL && c != '\0';
}

/* Words between blanks, punctuation off their ends. False for what is too long to be a wish. */
static bool cut(nima_str message, struct nima_said_words *out)
{
    size_t at = 0;
    out->count = 0;
    while (at < message.len) {
        while (at < message.len && isspace((unsigned char)message.ptr[at])) {
            at++;
        }
        size_t from = at;
        while (at < message.len && !isspace((unsigned char)message.ptr[at])) {
            at++;
        }
        size_t end = at;
        if (from == end) {
            break;
        }
        if (out->count == NIMA_SAID_WORDS_MAX) {
            return false;
        }
        struct nima_said_word *word = &out->items[out->count++];
        *word = (struct nima_said_word){.from = from, .end = end};
        while (end > from && is_edge(message.ptr[end - 1])) {
            char c = message.ptr[--end];
            word->stop = word->stop || c == '.' || c == '!' || c == '?' || c == ';';
            word->comma = word->comma || c == ',' || c == ':';
        }
        while (from < end && is_edge(message.ptr[from])) {
            from++;
        }
        for (size_t i = 0; from + i < end && i < sizeof(word->low) - 1; i++) {
            word->low[i] = (char)tolower((unsigned char)message.ptr[from + i]);
        }
    }
    return out->count > 0;
}

/* U+2019 as people's keyboards write it. */
static nima_str plain_apostrophes(struct nima_ctx *ctx, nima_str text)
{
    char *out = nima_alloc(ctx->arena, text.len + 1);
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.len - i >= 3 && memcmp(text.ptr + i, "\xe2\x80\x99", 3) == 0) {
            out[used++] = '\'';
            i += 2;
        } else {
            out[used++] = text.ptr[i];
        }
    }
    return (nima_str){out, used};
}

static size_t skip_polite(const struct nima_said_words *words, size_t at)
{
    static const char *const phrases[] = {"can you",
                                          "could you",
                                          "would you",
                                          "will you",
                                          "i want you to",
                                          "i'd like you to",
                                          "i need you to",
                                          "i would like you to",
                                          "please",
                                          "hey",
                                          "hi",
                                          "hello",
                                          "ok",
                                          "okay",
                                          "nima",
                                          "also",
                                          "and",
                                          "just",
                                          "kindly",
                                          "so",
                                          "oh",
                                          "yes",
                                          "great",
                                          "thanks"};
    size_t used;
    do {
        used = 0;
        for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]) && used == 0; i++) {
            used = nima_said_begins(words, at, phrases[i]);
        }
        at += used;
    } while (used > 0);
    return at;
}

/* Behind "remind me" or "set a reminder"; 0: it begins otherwise. */
static size_t trigger(const struct nima_said_words *words, size_t at, bool *reminder)
{
    static const char *const verbs[] = {"set",     "set up",   "create", "make",   "add",
                                        "give me", "schedule", "i need", "put in", "set me"};
    size_t used = nima_said_begins(words, at, "remind me");
    used = used == 0 ? nima_said_begins(words, at, "send me a reminder") : used;
    used = used == 0 ? nima_said_begins(words, at, "don't let me forget") : used;
    *reminder = false;
    if (used > 0) {
        return at + used;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        size_t verb = nima_said_begins(words, at, verbs[i]);
        size_t next = at + verb;
        if (verb == 0 || !nima_said_in(words, next, " a another one ")) {
            continue;
        }
        next += nima_said_in(words, next + 1, " daily weekly monthly yearly ") ? 2 : 1;
        if (nima_said_is(words, next, "reminder")) {
            *reminder = true;
            return next + 1;
        }
    }
    return 0;
}

static bool in_time(const struct nima_said_words *words, size_t at, const struct nima_when *when)
{
    for (size_t i = 0; at < words->count && i < when->spans.count; i++) {
        size_t from = words->items[at].from;
        if (from >= when->spans.items[i].from && from < when->spans.items[i].end) {
            return true;
        }
    }
    return false;
}

/* Behind the words of time that begin at `at`. */
static size_t skip_times(const struct nima_said_words *words, size_t at,
                         const struct nima_when *when)
{
    while (in_time(words, at, when) || (in_time(words, at + 1, when) &&
                                        nima_said_in(words, at, " for starting from on at , "))) {
        at++;
    }
    return at;
}

/* The time that is meant. Of two that do not go together the one before "about" is, and the other
 * is told of: "on Friday about the party on Saturday". */
static void find_time(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                      nima_str message, const struct nima_said_words *words, struct nima_when *out)
{
    struct nima_whens all;
    nima_when_find_one(ctx, setting, message, out);
    bool clash = !out->whole && out->unread.ptr == message.ptr && out->spans.count > 1;
    if (!clash) {
        return;
    }
    size_t about = 0;
    while (about < words->count && !nima_said_in(words, about, " about that of ")) {
        about++;
    }
    nima_when_find(ctx, setting, message, &all);
    bool apart = about < words->count && all.count > 1;
    for (size_t i = 0; i < all.count && apart; i++) {
        bool before = all.items[i].spans.items[0].from < words->items[about].from;
        apart = before == (i == 0) && all.items[i].whole;
    }
    *out = apart ? all.items[0] : *out;
}

static bool has_time(const struct nima_when *when)
{
    return when->unread.ptr != NULL || when->problem.ptr != NULL ||
           (when->kind != NIMA_WHEN_NONE && when->kind != NIMA_WHEN_DURATION);
}

static size_t without_thanks(const struct nima_said_words *words, size_t end)
{
    while (end > 0 && (nima_said_in(words, end - 1, " please thanks thx cheers ") ||
                       (end > 1 && nima_said_begins(words, end - 2, "thank you") > 0))) {
        end -= nima_said_is(words, end - 1, "you") ? 2 : 1;
    }
    return end;
}

/* The words as they were written, without punctuation at the ends. */
static nima_str text_of(const struct nima_said_words *words, nima_str message, size_t from,
                        size_t end)
{
    if (from >= end) {
        return (nima_str){NULL, 0};
    }
    nima_str text = nima_str_sub(message, words->items[from].from, words->items[end - 1].end);
    while (text.len > 0 && strchr(".,!?;: ", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    while (text.len > 0 && strchr(",:; ", text.ptr[0]) != NULL) {
        text = nima_str_sub(text, 1, text.len);
    }
    return text.len > 0 ? text : (nima_str){NULL, 0};
}

/* Words [from, end) without those of time. */
static nima_str text_without(struct nima_ctx *ctx, const struct nima_said_words *words,
                             nima_str message, size_t from, size_t end,
                             const struct nima_when *when)
{
    nima_str text = {NULL, 0};
    while (from < end) {
        size_t start = skip_times(words, from, when), stop = start;
        while (stop < end && skip_times(words, stop, when) == stop) {
            stop++;
        }
        nima_str piece = text_of(words, message, start, stop);
        text = text.ptr == NULL ? piece
               : piece.ptr == NULL
                   ? text
                   : nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(text), NIMA_ARG(piece));
        from = stop > from ? stop : from + 1;
    }
    return text;
}

/* One sentence, apart from abbreviations such as "a.m." in it. */
static bool is_one_sentence(const struct nima_said_words *words, nima_str message, size_t end)
{
    for (size_t i = 0; i + 1 < end; i++) {
        char next = message.ptr[words->items[i + 1].from];
        if (words->items[i].stop && isupper((unsigned char)next)) {
            return false;
        }
    }
    return true;
}

static bool asks_back(const struct nima_said_words *words, size_t at)
{
    return nima_said_in(words, at,
                        " what who whom whose where when why how which if whether again "
                        "what's who's where's when's how's ");
}

static enum nima_said_kind kind_of(const struct nima_said *said, bool timed, bool reminder)
{
    if (timed && (!said->when.whole || said->when.unread.ptr != NULL)) {
        return NIMA_SAID_HALF;
    }
    if (said->text.len == 0) {
        return timed || reminder ? NIMA_SAID_WHAT : NIMA_SAID_NOTHING;
    }
    return timed ? NIMA_SAID_REMIND : NIMA_SAID_WHEN;
}

static void read_rest(struct nima_ctx *ctx, const struct nima_said_words *words, nima_str message,
                      size_t at, bool reminder, struct nima_said *out)
{
    size_t end = without_thanks(words, words->count), start = at;
    if (asks_back(words, at) || !is_one_sentence(words, message, end)) {
        return;
    }
    at = skip_times(words, at, &out->when);
    bool timed = has_time(&out->when);
    bool early = timed && (at > start || in_time(words, 0, &out->when) ||
                           in_time(words, start - 2, &out->when));
    bool link = nima_said_in(words, at, " to that about of i i'm it's ");
    bool to = nima_said_is(words, at, "to");
    bool colon = at > 0 && words->items[at - 1].comma;
    if (asks_back(words, at + (link ? 1 : 0)) && !early) {
        return;
    }
    at += link && !nima_said_in(words, at, " i i'm it's ") ? 1 : 0;
    if ((!link && !colon && !early) || (!timed && !to && !reminder)) {
        return;
    }
    out->text = text_without(ctx, words, message, at, end, &out->when);
    out->kind = kind_of(out, timed, reminder);
}

/* "what reminders do I have?" */
static bool is_list(const struct nima_said_words *words)
{
    static const char *const starts[] = {"what reminders",
                                         "which reminders",
                                         "what are my reminders",
                                         "what's in my reminders",
                                         "list reminders",
                                         "list my reminders",
                                         "list all my reminders",
                                         "list all reminders",
                                         "show reminders",
                                         "show my reminders",
                                         "show me my reminders",
                                         "show all my reminders",
                                         "show me all my reminders",
                                         "do i have any reminders",
                                         "do i have reminders",
                                         "are there any reminders",
                                         "my reminders",
                                         "tell me my reminders",
                                         "list the reminders",
                                         "show the reminders",
                                         "what will you remind me of",
                                         "what will you remind me about",
                                         "how many reminders do i have",
                                         "what reminder do i have"};
    size_t at = skip_polite(words, 0);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        size_t used = nima_said_begins(words, at, starts[i]);
        if (used > 0 && words->count - at <= LIST_WORDS_MAX) {
            bool more = at + used == words->count ||
                        nima_said_in(words, at + used,
                                     " do are have i set for today tomorrow this please now ");
            return more;
        }
    }
    return false;
}

/* "cancel the reminder about plants", "stop reminding me to …". */
static bool is_cancel(const struct nima_said_words *words, nima_str message, struct nima_said *out)
{
    static const char *const stops[] = {"stop reminding me", "you don't need to remind me",
                                        "you don't have to remind me", "don't remind me anymore",
                                        "no need to remind me"};
    size_t at = skip_polite(words, 0), end = without_thanks(words, words->count), used = 0;
    while (end > 0 && nima_said_in(words, end - 1, " anymore more any ")) {
        end--;
    }
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]) && used == 0; i++) {
        used = nima_said_begins(words, at, stops[i]);
    }
    if (used > 0) {
        at += used;
    } else {
        used = nima_said_in(words, at, " cancel delete remove drop stop clear ") ? 1 : 0;
        used = used == 0 ? nima_said_begins(words, at, "turn off") : used;
        used = used == 0 ? nima_said_begins(words, at, "forget the reminder") / 3 : used;
        size_t from = at + used, noun = from;
        while (noun < end && noun < from + 6 &&
               !nima_said_in(words, noun, " reminder reminders ")) {
            noun++;
        }
        if (used == 0 || noun >= end || !nima_said_in(words, noun, " reminder reminders ")) {
            return false;
        }
        out->all = nima_said_in(words, from, " all every ") || (noun == from && noun + 1 == end);
        while (from < noun && nima_said_in(words, from, " all every the my that this of a last ")) {
            from++;
        }
        out->text = text_of(words, message, from, noun);
        at = noun + 1;
    }
    at += nima_said_in(words, at, " about to for of that at on ") ? 1 : 0;
    if (!is_one_sentence(words, message, end)) {
        return false;
    }
    nima_str about = at < end ? text_of(words, message, at, end) : (nima_str){NULL, 0};
    out->text = about.ptr != NULL ? about : out->text;
    out->all = out->all && out->text.ptr == NULL;
    return true;
}

void nima_said_read(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str message,
                    struct nima_said *out)
{
    struct nima_said_words *words = NIMA_NEW(ctx->arena, struct nima_said_words, 1);
    bool reminder;
    *out = (struct nima_said){.kind = NIMA_SAID_NOTHING};
    message = nima_str_trim(message);
    if (message.len > MESSAGE_BYTES_MAX || nima_str_find(message, NIMA_STR("\n"), 0) != SIZE_MAX ||
        (nima_str_find_nocase(message, NIMA_STR("remind"), 0) == SIZE_MAX &&
         nima_str_find_nocase(message, NIMA_STR("let me forget"), 0) == SIZE_MAX)) {
        return;
    }
    message = plain_apostrophes(ctx, message);
    if (!cut(message, words)) {
        return;
    }
    if (is_list(words)) {
        out->kind = NIMA_SAID_LIST;
        return;
    }
    struct nima_said cancel = *out;
    if (is_cancel(words, message, &cancel)) {
        *out = cancel;
        out->kind = NIMA_SAID_CANCEL;
        return;
    }
    find_time(ctx, setting, message, words, &out->when);
    size_t at = skip_polite(words, 0);
    size_t rest = trigger(words, at, &reminder);
    if (rest == 0) {
        size_t behind = skip_times(words, at, &out->when);
        rest = behind > at ? trigger(words, skip_polite(words, behind), &reminder) : 0;
    }
    if (rest > 0) {
        read_rest(ctx, words, message, rest, reminder, out);
    }
}
