#include "util/choice.h"

nima_str nima_choice_core(struct nima_ctx *ctx, nima_str answer)
{
    static const char *const around[] = {"the",    "one", "please", "number", "no",
                                         "option", "i",   "mean",   "that",   "it's",
                                         "it",     "is",  "goal",   "with",   "yes"};
    nima_str word, core = {NULL, 0};
    answer = nima_str_trim(answer);
    nima_str only = {NULL, 0};
    while (nima_str_next(&answer, ' ', &word)) {
        while (word.len > 0 && (word.ptr[0] == '#' || word.ptr[0] == '"' || word.ptr[0] == '(')) {
            word = nima_str_sub(word, 1, word.len);
        }
        while (word.len > 0 &&
               nima_str_find(NIMA_STR(".,!)\""), nima_str_sub(word, word.len - 1, word.len), 0) !=
                   SIZE_MAX) {
            word.len--;
        }
        bool dropped = word.len == 0;
        for (size_t i = 0; i < sizeof(around) / sizeof(around[0]) && !dropped; i++) {
            dropped = nima_str_eq_nocase(word, nima_str_of(around[i]));
        }
        only = word.len > 0 ? word : only;
        if (!dropped) {
            core = core.ptr == NULL
                       ? word
                       : nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(core), NIMA_ARG(word));
        }
    }
    return core.ptr != NULL ? core : only; /* "one" alone is a number */
}

size_t nima_choice_number(nima_str core, size_t count)
{
    static const char *const names[][2] = {
        {"one", "first"},  {"two", "second"}, {"three", "third"},   {"four", "fourth"},
        {"five", "fifth"}, {"six", "sixth"},  {"seven", "seventh"}, {"eight", "eighth"},
        {"nine", "ninth"}, {"ten", "tenth"},
    };
    int64_t number;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_str_eq_nocase(core, nima_str_of(names[i][0])) ||
            nima_str_eq_nocase(core, nima_str_of(names[i][1]))) {
            return i + 1;
        }
    }
    if (nima_str_eq_nocase(core, NIMA_STR("last"))) {
        return count;
    }
    return nima_str_to_i64(core, &number) && number >= 1 && number <= (int64_t)count
               ? (size_t)number
               : 0;
}

nima_str nima_choice_line(struct nima_ctx *ctx, nima_str question, size_t number)
{
    nima_str line, start = nima_fmt(ctx, "%zu. ", number);
    while (nima_str_next(&question, '\n', &line)) {
        if (nima_str_starts(line, start)) {
            return nima_str_sub(line, start.len, line.len);
        }
    }
    return (nima_str){NULL, 0};
}
