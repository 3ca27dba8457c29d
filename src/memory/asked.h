#pragma once
/*
 * asked: what a question says beside its words: dates it names, whether it asks when, and of whom.
 * And of a message: whether it is a question, speaks of its speaker, tells a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "search/words.h"

enum { NIMA_ASKED_YEARS_MAX = 8 };
struct nima_asked {
    uint32_t months, days; /* bit n: month or day n is named */
    uint16_t years[NIMA_ASKED_YEARS_MAX];
    int year_count;
    bool when;            /* asks for a time */
    bool user, assistant; /* says "I", "you" */
};
void nima_memory_asked(struct nima_words *words, nima_str question, struct nima_asked *out);

struct nima_day {
    uint16_t year;
    uint8_t month, day;
};
struct nima_day nima_memory_day(int64_t unix_ms); /* in UTC */
/* 0: the question names no date, or another; up to 2.3 for the very day. */
float nima_memory_asked_date(const struct nima_asked *asked, struct nima_day day);

struct nima_told {
    bool question; /* its last sentence is one */
    bool self;     /* I, my, we, our, me */
    uint8_t times; /* words of time: 0, 1, 2 or more */
};
struct nima_told nima_memory_told(struct nima_words *words, nima_str text);
