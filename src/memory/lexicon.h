#pragma once
/*
 * lexicon: the word lists that the rules of learning ask. Words are lower case; a list is one text
 * of words between blanks, since a sentence asks a handful of times and a list fits a cache.
 */
#include <stdbool.h>

enum nima_word_list {
    NIMA_LIST_FAMILY,      /* wife, son, grandmother */
    NIMA_LIST_PEOPLE,      /* friend, colleague, boss */
    NIMA_LIST_PETS,        /* dog, cat */
    NIMA_LIST_POSSESSIONS, /* car, house, guitar */
    NIMA_LIST_WORK,        /* job, company, office: after "my" */
    NIMA_LIST_PROJECTS,    /* project, thesis, blog: after "my" */
    NIMA_LIST_EDUCATION,   /* degree, university */
    NIMA_LIST_HEALTH,      /* asthma, allergy: after "have" and "my" */
    NIMA_LIST_GOALS,       /* goal, resolution */
    NIMA_LIST_TOOLS,       /* editor, stack */
    NIMA_LIST_HOBBIES,     /* hobby, passion */
    NIMA_LIST_PERSON,      /* nurse, engineer, vegetarian: "I am a …" */
    NIMA_LIST_NOT_PERSON,  /* ends like one and is none, or says nothing: beginner's traps */
    NIMA_LIST_NATIONS,     /* portuguese, catholic: written with a capital, and no name */
    NIMA_LIST_STATES,      /* lasting adjectives: married, retired, left-handed */
    NIMA_LIST_DIETS,       /* vegan, vegetarian */
    NIMA_LIST_MARITAL,     /* married, single */
    NIMA_LIST_DEICTIC,     /* this, it, your: says nothing outside its conversation */
    NIMA_LIST_PASSING,     /* question, bug, email: had or made for the moment */
    NIMA_LIST_UNREAL,      /* if, would, imagine: the sentence is not about what is */
    NIMA_LIST_ASKING,      /* what, do, can: begins a question */
    NIMA_LIST_SUBORDINATE, /* because, which: a clause that is cut off */
    NIMA_LIST_PREPOSITIONS,
    NIMA_LIST_ADVERBS,   /* between subject and verb; of no weight, dropped */
    NIMA_LIST_FREQUENCY, /* usually, never, often: kept */
    NIMA_LIST_LANGUAGES,
    NIMA_LIST_OFTEN,   /* every, daily, weekends: makes a habit of a verb */
    NIMA_LIST_FICTION, /* story, game, scene */
    NIMA_LIST_THE,     /* "the" before these still says something: sea, mountains */
    NIMA_LIST_MONTHS,
    NIMA_LIST_COUNT
};
bool nima_memory_listed(enum nima_word_list list, const char *word);
/* One word for those that mean the same person or are spelled in two ways: "mum" is mother,
 * "colour" is color; others are as they were. */
const char *nima_memory_one_word(const char *word);
/* Also its singular, when the word ends in s. */
bool nima_memory_listed_noun(enum nima_word_list list, const char *word);
