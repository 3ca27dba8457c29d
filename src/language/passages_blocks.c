/* What stands in a shape of its own: blocks between marks, quoted lines, comments of code, mails,
 * lines of other speakers, role play. */
#include <ctype.h>
#include <string.h>

#include "language/passages_int.h"

enum {
    ROLE_PLAY_BYTES_MAX = 600,
    ROLE_PLAY_WORDS_MIN = 3,
    LABEL_BYTES_MAX = 32,
    LABEL_WORDS_MAX = 3,
    TAG_BYTES_MAX = 200,
    HEADERS_SPREAD_MAX = 400,
};

struct line {
    size_t from, end; /* without the line break */
    nima_str text;    /* trimmed */
};

/* False: there is none behind *at. */
static bool next_line(nima_str text, size_t *at, struct line *out)
{
    if (*at >= text.len) {
        return false;
    }
    const char *stop = memchr(text.ptr + *at, '\n', text.len - *at);
    out->from = *at;
    out->end = stop != NULL ? (size_t)(stop - text.ptr) : text.len;
    out->text = nima_str_trim(nima_str_sub(text, out->from, out->end));
    *at = out->end + 1;
    return true;
}

/* Fences: ``` ~~~ ''' """, and pairs of lines of = or - alone. */

static char fence_of(nima_str line)
{
    static const char signs[] = "`~'\"";
    for (const char *s = signs; *s != '\0'; s++) {
        if (line.len >= 3 && line.ptr[0] == *s && line.ptr[1] == *s && line.ptr[2] == *s) {
            return *s;
        }
    }
    for (size_t i = 0; i < line.len; i++) {
        if ((line.ptr[i] != '=' && line.ptr[i] != '-') || line.ptr[i] != line.ptr[0]) {
            return '\0';
        }
    }
    return line.len >= 3 ? line.ptr[0] : '\0';
}

static void mark_fences(struct nima_marked *m)
{
    size_t at = 0, opened = 0;
    char open = '\0';
    struct line line;
    while (next_line(m->text, &at, &line)) {
        char sign = fence_of(line.text);
        char marks[4] = {sign, sign, sign, '\0'};
        bool quotes = sign != '\0' && strchr("`~'\"", sign) != NULL;
        bool closed_here = quotes && line.text.len > 5 &&
                           nima_str_find(line.text, nima_str_of(marks), 3) != SIZE_MAX;
        bool ends = open != '\0' && quotes == (strchr("`~'\"", open) != NULL) &&
                    (sign == open ||
                     (line.text.len >= 3 && line.text.ptr[line.text.len - 1] == open && quotes));
        if (open == '\0' && closed_here) {
            nima_language_mark(m, line.from, line.end);
        } else if (ends) {
            nima_language_mark(m, opened, line.end);
            open = '\0';
        } else if (open == '\0' && sign != '\0') {
            open = sign;
            opened = line.from;
        }
    }
    if (open != '\0' && strchr("`~'\"", open) != NULL) {
        nima_language_mark(m, opened, m->text.len); /* one that never ends takes all the rest */
    }
}

/* <attached_files> … </attached_files>, [quote] … [/quote], [file content begin] … [… end] */

static bool tag_name(nima_str text, size_t at, char close, char *name, size_t room, size_t *end)
{
    size_t len = 0, i = at + 1;
    while (i < text.len && len + 1 < room &&
           (isalnum((unsigned char)text.ptr[i]) || text.ptr[i] == '_' || text.ptr[i] == '-')) {
        name[len++] = (char)tolower((unsigned char)text.ptr[i++]);
    }
    name[len] = '\0';
    size_t stop = i;
    while (stop < text.len && stop - at < TAG_BYTES_MAX && text.ptr[stop] != close &&
           text.ptr[stop] != '\n') {
        stop++;
    }
    bool spaced = i < text.len && (text.ptr[i] == close || text.ptr[i] == ' ');
    *end = stop + 1;
    return len > 0 && spaced && stop < text.len && text.ptr[stop] == close;
}

/* Each name's closing tag is looked for once from where it was found last, so that a text of
 * opening tags costs no more than its length for a handful of names. */
static void mark_tags(struct nima_marked *m)
{
    enum { MISSES_MAX = 16 };
    size_t misses = 0;
    for (size_t at = 0; at < m->text.len; at++) {
        char c = m->text.ptr[at];
        char name[NIMA_LEAD_WORD_CHARS];
        size_t end;
        if ((c != '<' && c != '[') || misses > MISSES_MAX ||
            !tag_name(m->text, at, c == '<' ? '>' : ']', name, sizeof(name), &end)) {
            continue;
        }
        char closing[NIMA_LEAD_WORD_CHARS + 4] = {c, '/', '\0'};
        strncat(closing, name, sizeof(closing) - 3);
        size_t close = nima_str_find_nocase(m->text, nima_str_of(closing), end);
        bool begins =
            c == '[' && nima_str_ends(nima_str_sub(m->text, at, end - 1), NIMA_STR(" begin"));
        if (close == SIZE_MAX && begins) {
            close = nima_str_find_nocase(m->text, NIMA_STR(" end]"), end);
        }
        bool known =
            c == '<' && nima_language_word_in(nima_language_word_lists()->block_tags, name);
        if (close != SIZE_MAX) {
            const char *stop =
                memchr(m->text.ptr + close, c == '<' ? '>' : ']', m->text.len - close);
            size_t to = stop != NULL ? (size_t)(stop - m->text.ptr) + 1 : m->text.len;
            nima_language_mark(m, at, to);
            at = to - 1;
        } else if (known || begins) {
            nima_language_mark(m, at, m->text.len);
            return;
        } else {
            misses++;
        }
    }
}

/* Comments of code, and lines that are quoted. */

static void mark_spans(struct nima_marked *m, const char *open, const char *close)
{
    size_t at = 0;
    while ((at = nima_str_find(m->text, nima_str_of(open), at)) != SIZE_MAX) {
        size_t end = nima_str_find(m->text, nima_str_of(close), at + strlen(open));
        if (end == SIZE_MAX) {
            return;
        }
        nima_language_mark(m, at, end + strlen(close));
        at = end + strlen(close);
    }
}

/* Where a comment behind code begins; line.end: there is none. */
static size_t comment_behind(nima_str text, const struct line *line)
{
    for (size_t at = line->from + 1; at + 1 < line->end; at++) {
        bool slashes = text.ptr[at] == '/' && text.ptr[at + 1] == '/';
        bool hash = text.ptr[at] == '#' && text.ptr[at + 1] == ' ';
        size_t before = at;
        while (before > line->from && text.ptr[before - 1] == ' ') {
            before--;
        }
        bool code =
            before > line->from && before < at && strchr(";{})],'\"", text.ptr[before - 1]) != NULL;
        if ((slashes || hash) && code) {
            return at;
        }
    }
    return line->end;
}

static void mark_lines(struct nima_marked *m)
{
    static const char *const starts[] = {">", "//", "# ", "#!", "-- ", ";; ", "|"};
    size_t at = 0;
    struct line line;
    while (next_line(m->text, &at, &line)) {
        bool other = false;
        for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]) && !other; i++) {
            other = nima_str_starts(line.text, nima_str_of(starts[i]));
        }
        size_t from = other ? line.from : comment_behind(m->text, &line);
        nima_language_mark(m, from, line.end);
    }
}

/* Mails */

static bool starts_with_one(nima_str line, const char *list)
{
    nima_str rest = nima_str_of(list), phrase;
    while (nima_str_next(&rest, '|', &phrase)) {
        if (phrase.len > 0 && nima_str_starts_nocase(line, phrase)) {
            return true;
        }
    }
    return false;
}

static bool wrote_line(nima_str line)
{
    return (nima_str_starts_nocase(line, NIMA_STR("on ")) &&
            nima_str_ends(line, NIMA_STR("wrote:"))) ||
           (nima_str_starts_nocase(line, NIMA_STR("am ")) &&
            nima_str_find_nocase(line, NIMA_STR("schrieb"), 0) != SIZE_MAX &&
            nima_str_ends(line, NIMA_STR(":")));
}

static void mark_mails(struct nima_marked *m)
{
    const struct nima_word_lists *words = nima_language_word_lists();
    size_t at = 0, headers = 0, first = 0;
    struct line line;
    while (next_line(m->text, &at, &line)) {
        bool header = starts_with_one(line.text, words->mail_headers);
        first = header && headers == 0 ? line.from : first;
        headers = header ? headers + 1 : (line.text.len == 0 ? headers : 0);
        bool subject = line.from == 0 && nima_str_starts(line.text, NIMA_STR("Subject: "));
        bool begins =
            subject || starts_with_one(line.text, words->mail_begins) || wrote_line(line.text);
        if (begins || headers >= 2) {
            nima_language_mark(m, begins ? line.from : first, m->text.len);
            return;
        }
    }
    /* "From: … Subject: …" within a line */
    size_t from = nima_str_find(m->text, NIMA_STR("From: "), 0);
    size_t subject =
        from != SIZE_MAX ? nima_str_find(m->text, NIMA_STR("Subject: "), from) : SIZE_MAX;
    if (subject != SIZE_MAX && subject - from < HEADERS_SPREAD_MAX) {
        nima_language_mark(m, from, m->text.len);
    }
}

/* "*I walk into the tavern*": where a sentence would begin, and longer than an emphasis. */
static void mark_role_play(struct nima_marked *m)
{
    nima_str t = m->text;
    for (size_t at = 0; at < t.len; at++) {
        size_t before = at;
        while (before > 0 && t.ptr[before - 1] == ' ') {
            before--;
        }
        bool begins = before == 0 || strchr("\n.!?*\"", t.ptr[before - 1]) != NULL;
        bool opens = t.ptr[at] == '*' && begins && at + 1 < t.len && t.ptr[at + 1] != '*' &&
                     !isspace((unsigned char)t.ptr[at + 1]) && (at == 0 || t.ptr[at - 1] != '*');
        size_t end = at + 1;
        while (opens && end < t.len && end - at < ROLE_PLAY_BYTES_MAX && t.ptr[end] != '*' &&
               t.ptr[end] != '\n') {
            end++;
        }
        if (!opens || end >= t.len || t.ptr[end] != '*') {
            at = opens && end > at + 1 ? end - 1 : at;
            continue;
        }
        struct nima_lead_words words;
        nima_language_lead_words(nima_str_sub(t, at, end), &words);
        if (words.count >= ROLE_PLAY_WORDS_MIN) {
            nima_language_mark(m, at, end + 1);
        }
        at = end;
    }
}

void nima_language_mark_blocks(struct nima_marked *m)
{
    mark_fences(m);
    mark_tags(m);
    mark_spans(m, "/*", "*/");
    mark_spans(m, "<!--", "-->");
    mark_lines(m);
    mark_mails(m);
    mark_role_play(m);
}

/* Speakers */

/* A time in brackets before a label: "[10:42] ". */
static size_t past_time(nima_str line)
{
    size_t at = 0;
    while (at < line.len &&
           (isdigit((unsigned char)line.ptr[at]) || strchr("[](): -/.,", line.ptr[at]) != NULL)) {
        at++;
    }
    bool time = false;
    for (size_t i = 0; i < at; i++) {
        time = time || isdigit((unsigned char)line.ptr[i]);
    }
    return time ? at : 0;
}

static bool is_label(nima_str label, bool timed, nima_str content)
{
    const struct nima_word_lists *lists = nima_language_word_lists();
    struct nima_lead_words words, said;
    char whole[LABEL_BYTES_MAX + 4];
    nima_language_lead_words(label, &words);
    nima_language_lead_words(content, &said);
    if (words.count == 0 || words.cut || words.count > LABEL_WORDS_MAX) {
        return false;
    }
    size_t len = 0;
    bool names = true, role = false;
    for (size_t i = 0; i < words.count; i++) {
        for (const char *c = words.items[i]; *c != '\0' && len + 2 < sizeof(whole); c++) {
            whole[len++] = *c;
        }
        whole[len++] = i + 1 < words.count ? ' ' : '\0';
        names = names && words.capital[i];
        role = role || nima_language_word_in(lists->roles, words.items[i]);
    }
    whole[sizeof(whole) - 1] = '\0';
    const char *last = words.items[words.count - 1];
    bool own = nima_language_word_in(lists->own_labels, whole) ||
               nima_language_word_in(lists->own_labels, last) ||
               nima_language_word_in(" my our the a an one two three this that these what why how ",
                                     words.items[0]);
    bool leads = nima_language_any_in(lists->reports, &words) ||
                 nima_language_any_in(lists->texts, &words) ||
                 nima_language_any_in(lists->orders_strict, &words);
    if (own || leads) { /* of lead-ins passages_leads.c knows more */
        return false;
    }
    bool speaks = nima_language_any_in(lists->speaking, &said);
    return timed || label.ptr[0] == '@' || (role && words.count <= 2) || (names && speaks);
}

/* Where what a speaker says begins in the line; 0: no speaker is named. */
static size_t said_from(nima_str line)
{
    if (line.len > 3 && line.ptr[0] == '<') { /* "<bob> …" of a chat's log */
        const char *stop = memchr(line.ptr, '>', line.len);
        size_t end = stop != NULL ? (size_t)(stop - line.ptr) : 0;
        bool nick = end > 1 && end < LABEL_BYTES_MAX && end + 1 < line.len &&
                    line.ptr[end + 1] == ' ' && memchr(line.ptr, '/', end) == NULL &&
                    memchr(line.ptr, ' ', end) == NULL;
        return nick ? end + 2 : 0;
    }
    size_t time = past_time(line);
    nima_str rest = nima_str_sub(line, time, line.len);
    while (rest.len > 0 && strchr("*-_ ", rest.ptr[0]) != NULL) {
        rest = nima_str_sub(rest, 1, rest.len);
    }
    const char *stop = rest.len > 0 ? memchr(rest.ptr, ':', rest.len) : NULL;
    size_t colon = stop != NULL ? (size_t)(stop - rest.ptr) : 0;
    if (colon == 0 || colon > LABEL_BYTES_MAX) {
        return 0;
    }
    size_t from = colon + 1;
    while (from < rest.len && rest.ptr[from] == '*') {
        from++;
    }
    bool spaced = from < rest.len && rest.ptr[from] == ' ';
    bool fits = spaced && is_label(nima_str_sub(rest, 0, colon), time > 0,
                                   nima_str_sub(rest, from, rest.len));
    return fits ? from : 0;
}

void nima_language_mark_speakers(struct nima_marked *m)
{
    size_t at = 0, spoke_to = 0;
    bool spoke = false;
    struct line line;
    while (next_line(m->text, &at, &line)) {
        if (line.text.len == 0) {
            spoke = false;
        } else if (said_from(line.text) > 0) {
            /* what stands between two speakers' lines goes on with the first one's */
            nima_language_mark(m, spoke ? spoke_to : line.from, line.end);
            spoke = true;
            spoke_to = line.end;
        }
    }
}
