/*
 * The title of a conversation, from its first message: the first line that says something, without
 * the greeting in front of it, cut at the end of a word. No model: it costs nothing, and no reply
 * waits for it.
 */
#include <ctype.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"

enum { TITLE_CHARS_MAX = 60 };

static const char *const greetings[] = {
    "good morning", "good afternoon", "good evening", "hello", "hey", "hi", "dear", NULL};
static const char *const names[] = {"there", "nima", "all", NULL};

static bool is_mark(char c)
{
    return c != '\0' && strchr(" ,.!:;-\t", c) != NULL;
}

static nima_str without_marks(nima_str text)
{
    size_t from = 0;
    while (from < text.len && is_mark(text.ptr[from])) {
        from++;
    }
    return nima_str_sub(text, from, text.len);
}

/* Without one of the words in front, where it is a whole one. */
static nima_str without(nima_str text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t len = strlen(words[i]);
        if (nima_str_starts_nocase(text, nima_str_of(words[i])) && len < text.len &&
            is_mark(text.ptr[len])) {
            return without_marks(nima_str_sub(text, len, text.len));
        }
    }
    return text;
}

/* What a line says: no signs of a heading, a list or a quotation, no greeting. */
static nima_str substance_of(nima_str line)
{
    nima_str text = nima_str_trim(line);
    size_t from = 0;
    while (from < text.len && strchr("#>*`-\"", text.ptr[from]) != NULL) {
        from++;
    }
    text = nima_str_trim(nima_str_sub(text, from, text.len));
    nima_str rest = without(text, greetings);
    return rest.len < text.len ? without(rest, names) : text;
}

static bool has_letter(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (isalnum((unsigned char)text.ptr[i]) || (unsigned char)text.ptr[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

static bool is_greeting(nima_str text)
{
    for (size_t i = 0; greetings[i] != NULL; i++) {
        nima_str word = nima_str_of(greetings[i]);
        if (nima_str_starts_nocase(text, word) &&
            without_marks(nima_str_sub(text, word.len, text.len)).len == 0) {
            return true;
        }
    }
    return false;
}

/* At most so many characters, to the end of a word where there is one in the second half. */
static nima_str cut(nima_str text)
{
    size_t bytes = 0, word = 0;
    uint32_t code_point;
    int chars = 0;
    for (; bytes < text.len && chars < TITLE_CHARS_MAX; chars++) {
        if (text.ptr[bytes] == ' ' && chars >= TITLE_CHARS_MAX / 2) {
            word = bytes;
        }
        bytes += (size_t)nima_utf8_decode(text, bytes, &code_point);
    }
    bool whole = bytes == text.len || text.ptr[bytes] == ' ';
    return nima_str_trim(nima_str_sub(text, 0, whole || word == 0 ? bytes : word));
}

nima_str nima_title_of(nima_str message)
{
    nima_str rest = nima_str_trim(message), line, first = {NULL, 0};
    while (nima_str_next(&rest, '\n', &line)) {
        nima_str says = substance_of(line);
        if (has_letter(says) && !is_greeting(says)) {
            return cut(says);
        }
        first = first.ptr == NULL ? nima_str_trim(line) : first;
    }
    return cut(first.ptr != NULL ? first : nima_str_trim(message));
}
