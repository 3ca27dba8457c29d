#include "tasks/words.h"

#include <ctype.h>
#include <string.h>

bool nima_task_is_path(nima_str text)
{
    static const char *const hosts[] = {".com", ".org", ".net", ".io", ".dev", ".eu", ".de", NULL};
    size_t dot = SIZE_MAX;
    bool slash = false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!isalnum(c) && strchr("._-/", c) == NULL) {
            return false;
        }
        dot = c == '.' ? i : dot;
        slash = slash || c == '/';
    }
    for (size_t i = 0; hosts[i] != NULL; i++) {
        if (nima_str_ends(text, nima_str_of(hosts[i]))) {
            return false;
        }
    }
    size_t ending = dot == SIZE_MAX ? 0 : text.len - dot - 1;
    return slash || (dot > 0 && ending >= 1 && ending <= 5);
}

/* Words */

static const struct {
    nima_str open, close;
} quotes[] = {
    {NIMA_STR_INIT("\""), NIMA_STR_INIT("\"")},
    {NIMA_STR_INIT("'"), NIMA_STR_INIT("'")},
    {NIMA_STR_INIT("\xe2\x80\x9c"), NIMA_STR_INIT("\xe2\x80\x9d")},
    {NIMA_STR_INIT("`"), NIMA_STR_INIT("`")},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_word(nima_str rest, size_t at)
{
    return at >= rest.len || is_blank(rest.ptr[at]) || strchr(".,;:!?", rest.ptr[at]) != NULL;
}

/* Something in quotes at the beginning of `rest`: a quote ends where a word may. */
static size_t read_quoted(nima_str rest, struct nima_task_word *out)
{
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        if (!nima_str_starts(rest, quotes[i].open)) {
            continue;
        }
        size_t from = quotes[i].open.len;
        size_t at = nima_str_find(rest, quotes[i].close, from);
        while (at != SIZE_MAX && !ends_word(rest, at + quotes[i].close.len)) {
            at = nima_str_find(rest, quotes[i].close, at + 1);
        }
        if (at == SIZE_MAX) {
            return 0;
        }
        *out = (struct nima_task_word){nima_str_sub(rest, from, at), true};
        return at + quotes[i].close.len;
    }
    return 0;
}

static size_t read_plain(nima_str rest, struct nima_task_word *out)
{
    size_t end = 0;
    while (end < rest.len && !is_blank(rest.ptr[end])) {
        end++;
    }
    size_t last = end;
    while (last > 0 && strchr(".,;:!?", rest.ptr[last - 1]) != NULL) {
        last--;
    }
    *out = (struct nima_task_word){nima_str_sub(rest, 0, last), false};
    return end;
}

bool nima_task_words_read(nima_str message, struct nima_task_words *out)
{
    nima_str rest = nima_str_trim(message);
    out->count = 0;
    out->after = (nima_str){NULL, 0};
    if (nima_str_find(rest, NIMA_STR("```"), 0) != SIZE_MAX ||
        nima_str_starts(rest, NIMA_STR(">"))) {
        return false;
    }
    while (rest.len > 0) {
        struct nima_task_word word;
        size_t used = read_quoted(rest, &word);
        used = used > 0 ? used : read_plain(rest, &word);
        if (word.text.len > 0 || word.quoted) {
            if (out->count == NIMA_TASK_WORDS_MAX) {
                return false;
            }
            out->items[out->count++] = word;
        }
        rest = nima_str_trim(nima_str_sub(rest, used, rest.len));
    }
    return out->count > 0;
}

nima_str nima_task_sentence(struct nima_ctx *ctx, nima_str text)
{
    nima_str copy = nima_str_copy(ctx->arena, text);
    if (copy.len > 0) {
        char *first = (char *)(uintptr_t)copy.ptr;
        *first = (char)toupper((unsigned char)*first);
    }
    return copy;
}

static bool is_choice(nima_str word, nima_str choices)
{
    nima_str choice;
    while (nima_str_next(&choices, '|', &choice)) {
        if (nima_str_eq_nocase(word, choice)) {
            return true;
        }
    }
    return false;
}

bool nima_task_word_is(const struct nima_task_word *word, const char *choices)
{
    return !word->quoted && is_choice(word->text, nima_str_of(choices));
}

/* Politeness */

static const char *const before[] = {
    "please|hey|hi|hello|nima|just|now|ok|okay|so|also|thanks",
    "thank you",
    "can|could|would|will you",
    "i'd like|love you to",
    "i want|need you to",
    "i would like you to",
    "go ahead and",
    "have a look at",
};
static const char *const behind[] = {
    "please|now|thanks|again",
    "for me",
    "thank you",
    "if you can",
    "and tell me what it says",
    "and show it to me",
    "i don't need it any more|anymore",
};

static size_t words_in(const char *pattern)
{
    size_t count = 1;
    for (; *pattern != '\0'; pattern++) {
        count += *pattern == ' ';
    }
    return count;
}

void nima_task_words_polite(const struct nima_task_words *words, size_t *from, size_t *end)
{
    struct nima_task_match match;
    bool found = true;
    while (found) {
        found = false;
        for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
            size_t count = words_in(before[i]);
            if (*from + count < *end &&
                nima_task_pattern(before[i], words, *from, *from + count, &match)) {
                *from += count;
                found = true;
            }
        }
        for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
            size_t count = words_in(behind[i]);
            if (*from + count < *end &&
                nima_task_pattern(behind[i], words, *end - count, *end, &match)) {
                *end -= count;
                found = true;
            }
        }
    }
}

/* Patterns */

static bool is_plain_name(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!isalnum(c) && strchr("._-/", c) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_number(nima_str text)
{
    int64_t value;
    return nima_str_to_i64(text, &value) && value > 0;
}

/* "owner/name" */
static bool is_repo(nima_str text)
{
    size_t slash = nima_str_find(text, NIMA_STR("/"), 0);
    return is_plain_name(text) && slash != SIZE_MAX && slash > 0 && slash + 1 < text.len &&
           isalnum((unsigned char)text.ptr[0]) &&
           nima_str_find(text, NIMA_STR("/"), slash + 1) == SIZE_MAX;
}

/* "owner/name#12" */
static bool is_issue(nima_str text)
{
    size_t hash = nima_str_find(text, NIMA_STR("#"), 0);
    return hash != SIZE_MAX && is_repo(nima_str_sub(text, 0, hash)) &&
           is_number(nima_str_sub(text, hash + 1, text.len));
}

/* "#12", "12" */
static bool is_issue_number(nima_str text)
{
    size_t from = nima_str_starts(text, NIMA_STR("#")) ? 1 : 0;
    return is_number(nima_str_sub(text, from, text.len));
}

bool nima_task_number(nima_str text, int64_t *out)
{
    static const char *const names[] = {"zero", "one",   "two",   "three", "four", "five",
                                        "six",  "seven", "eight", "nine",  "ten"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_str_eq_nocase(text, nima_str_of(names[i]))) {
            *out = (int64_t)i;
            return true;
        }
    }
    return nima_str_to_i64(text, out) && *out >= 0;
}

/* As Kubernetes has it: "web-1". */
static bool is_object_name(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool inside = i > 0 && i + 1 < text.len && strchr("-.", c) != NULL;
        if (!islower(c) && !isdigit(c) && !inside) {
            return false;
        }
    }
    return text.len > 0;
}

/* "registry.example.com:5000/team/web:1.2@sha256:…" */
static bool is_image(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!isalnum(c) && (i == 0 || strchr("._-/:@", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool fits(char kind, const struct nima_task_word *word)
{
    switch (kind) {
    case 'p':
        return nima_task_is_path(word->text);
    case 'd':
        return is_plain_name(word->text);
    case 'q':
        return word->quoted;
    case 'u':
        return nima_str_starts_nocase(word->text, NIMA_STR("http://")) ||
               nima_str_starts_nocase(word->text, NIMA_STR("https://"));
    case 'n':
        return !word->quoted && is_number(word->text);
    case 'h':
        return !word->quoted && is_issue_number(word->text);
    case 'k':
        return is_object_name(word->text);
    case 'i':
        return is_image(word->text);
    case 'c':
        return !word->quoted && nima_task_number(word->text, &(int64_t){0});
    case 'm':
        return nima_task_word_is(word, "GET|HEAD|POST|PUT|PATCH|DELETE");
    case 'r':
    case 'R':
        return !word->quoted && is_repo(word->text);
    case 'g':
    case 'G':
        return !word->quoted && is_issue(word->text);
    default:
        return false;
    }
}

struct state {
    const struct nima_task_words *words;
    size_t end;
    struct nima_task_match *out;
};

static bool go(const struct state *s, nima_str pattern, size_t at);

/* "<w:content>": as few words as will do. */
static bool any_words(const struct state *s, struct nima_task_slot *slot, nima_str rest, size_t at)
{
    for (size_t to = at + 1; to <= s->end; to++) {
        const struct nima_task_word *first = &s->words->items[at], *last = &s->words->items[to - 1];
        if (last->quoted || nima_task_word_is(last, "then") || nima_task_is_path(last->text)) {
            return false; /* another thing begins */
        }
        slot->value = (nima_str){first->text.ptr,
                                 (size_t)(last->text.ptr + last->text.len - first->text.ptr)};
        if (go(s, rest, to)) {
            return true;
        }
    }
    return false;
}

/* "<t:body>": all that is left, which does not begin with something in quotes. */
static bool all_words(const struct state *s, struct nima_task_slot *slot, nima_str rest, size_t at)
{
    const struct nima_task_word *first = &s->words->items[at], *last = &s->words->items[s->end - 1];
    slot->value =
        (nima_str){first->text.ptr, (size_t)(last->text.ptr + last->text.len - first->text.ptr)};
    return rest.len == 0 && !first->quoted;
}

/* Whether there is a colon between this word and the next. */
static bool before_colon(const struct state *s, size_t at)
{
    nima_str text = s->words->items[at].text;
    return at + 1 < s->end && text.ptr[text.len] == ':';
}

static bool take_slot(const struct state *s, nima_str item, nima_str rest, size_t at)
{
    char kind = item.ptr[1];
    if (at >= s->end) {
        return false;
    }
    nima_assert(s->out->count < NIMA_TASK_SLOTS_MAX);
    struct nima_task_slot *slot = &s->out->slots[s->out->count++];
    slot->field = nima_str_sub(item, 3, item.len - 1);
    slot->value = s->words->items[at].text;
    bool colon = (kind != 'R' && kind != 'G') || before_colon(s, at);
    bool found = kind == 'w'   ? any_words(s, slot, rest, at)
                 : kind == 't' ? all_words(s, slot, rest, at)
                               : colon && fits(kind, &s->words->items[at]) && go(s, rest, at + 1);
    s->out->count -= found ? 0 : 1;
    return found;
}

static bool go(const struct state *s, nima_str pattern, size_t at)
{
    nima_str item;
    if (!nima_str_next(&pattern, ' ', &item)) {
        return at == s->end;
    }
    if (item.ptr[0] == '<') {
        return take_slot(s, item, pattern, at);
    }
    bool optional = item.ptr[0] == '[';
    nima_str choices = optional ? nima_str_sub(item, 1, item.len - 1) : item;
    const struct nima_task_word *word = at < s->end ? &s->words->items[at] : NULL;
    if (word != NULL && !word->quoted && is_choice(word->text, choices) && go(s, pattern, at + 1)) {
        return true;
    }
    return optional && go(s, pattern, at);
}

bool nima_task_pattern(const char *pattern, const struct nima_task_words *words, size_t from,
                       size_t end, struct nima_task_match *out)
{
    struct state s = {words, end, out};
    out->count = 0;
    return go(&s, nima_str_of(pattern), from);
}
