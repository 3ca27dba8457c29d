/* The rules, and the few lines that match them. */
#include "personality/rules.h"

#include <string.h>

#define TROUBLE  "(confusion|inconvenience|misunderstanding|mistake|error|oversight|delay)"
#define TROUBLED TROUBLE "( earlier| caused| this may have caused|)$"
#define ASK                                                                                        \
    "(please |)(let me know|feel free to ask|feel free to reach out|feel free to let me know|"     \
    "don't hesitate to ask|don't hesitate to reach out)"
#define QUESTIONS "(questions|issues|problems|doubts|concerns)"

const struct nima_rule nima_rules[] = {
    {"filler", NIMA_RULE_YES, "(sure thing|sure|certainly|of course|absolutely|definitely)", "",
     0.5},
    {"filler", NIMA_RULE_YES, "(no problem|okay|ok|alright|got it|understood)", "", 0.5},
    {"praise", NIMA_RULE_OPENING,
     "(that's a |that is a |what a |this is a |)(very |really |)(great|good|excellent|fantastic|"
     "wonderful) question",
     "", 0.5},
    {"praise", NIMA_RULE_OPENING,
     "(that's an |that is an |what an |this is an |)(excellent|interesting|amazing) question", "",
     0.5},
    {"filler", NIMA_RULE_OPENING,
     "i('d| would) be( more than|) (happy|glad|delighted|pleased) to (help|assist)( you|)( with "
     "that| with this|)",
     "", 0.5},
    {"filler", NIMA_RULE_OPENING, "(happy|glad) to (help|assist)( you|)( with that| with this|)",
     "", 0.5},
    {"filler", NIMA_RULE_OPENING, "(i'm|i am) here to (help|assist)( you|)", "", 0.5},
    {"filler", NIMA_RULE_OPENING,
     "(thanks|thank you) for (asking|your question|reaching out|the question)", "", 0.5},
    {"apology", NIMA_RULE_SENTENCE, "i apologize for (the|any) " TROUBLED, "", 0.5},
    {"apology", NIMA_RULE_SENTENCE,
     "(i'm sorry|i am sorry|sorry|my apologies|apologies) for (the|any) " TROUBLED, "", 0.5},
    {"apology", NIMA_RULE_SENTENCE, "(my apologies|sorry about that|i apologize|apologies)$", "",
     0.5},
    {"closing", NIMA_RULE_CLOSING,
     "(i |)hope (this|that|it) (helps|is helpful|was helpful|helps you|clarifies things)$", "",
     0.5},
    {"closing", NIMA_RULE_CLOSING, ASK "( anytime|)$", "", 0.5},
    {"closing", NIMA_RULE_CLOSING,
     ASK " if you (have|need|want) (any|more|further)( other| more| further| additional|) "
         "(questions|issues|problems|doubts|concerns|help|assistance|details|information|"
         "clarification|examples)*$",
     "", 0.5},
    {"closing", NIMA_RULE_CLOSING, ASK " if (you need|there's|there is) anything else*$", "", 0.5},
    {"closing", NIMA_RULE_CLOSING,
     "if you (have|have got) (any|more|further)( other| more| further|) " QUESTIONS
     ", (feel free|don't hesitate|please feel free|please don't hesitate|just|please) *$",
     "", 0.5},
    {"closing", NIMA_RULE_CLOSING,
     "(is there anything else|what else) (i can|can i) (help|assist|do)( you|)( with| for you|)?",
     "", 0.5},
    {"closing", NIMA_RULE_CLOSING, "happy (coding|learning|hacking|cooking|reading|travels)$", "",
     0.5},
    {"closing", NIMA_RULE_CLOSING, "have a (great|nice|good|wonderful|lovely) day$", "", 0.5},
    {"as-an-ai", NIMA_RULE_PREFIX,
     "as an (ai|artificial intelligence)( language model| assistant| model| language assistant|)"
     "( developed by alibaba cloud| created by alibaba cloud| trained by openai|), ",
     "", 1},
    {"as-an-ai", NIMA_RULE_PREFIX, "as a (large |)language model, ", "", 1},
    {"apology", NIMA_RULE_PREFIX, "(i'm sorry|i am sorry|sorry|i apologize|my apologies), but ", "",
     0.5},
    {"note-that", NIMA_RULE_PREFIX,
     "(it's|it is) (important|worth|essential|crucial) (to note|noting|mentioning|to mention|to "
     "remember) that ",
     "", 0.25},
    {"note-that", NIMA_RULE_PREFIX, "(please note|it should be noted) that ", "", 0.25},
    {"candour", NIMA_RULE_PREFIX, "(to be honest|honestly|simply put|to put it simply), ", "",
     0.25},
    {"wordy", NIMA_RULE_FIRST, "in order to ", "to ", 0.25},
    {"wordy", NIMA_RULE_WORDS, "due to the fact that", "because", 0.25},
    {"wordy", NIMA_RULE_WORDS, "despite the fact that", "although", 0.25},
    {"wordy", NIMA_RULE_WORDS, "in the event that", "if", 0.25},
    {"wordy", NIMA_RULE_WORDS, "at this point in time", "now", 0.25},
    {"superlative", NIMA_RULE_WORDS,
     "an (incredibly|insanely|unbelievably|amazingly|extraordinarily) ", "a very ", 0.5},
    {"superlative", NIMA_RULE_WORDS,
     "(incredibly|insanely|unbelievably|amazingly|ridiculously|extraordinarily) ", "very ", 0.5},
    {"superlative", NIMA_RULE_WORDS,
     "super (easy|simple|fast|quick|useful|helpful|important|handy|powerful|nice|clear|cool)",
     "very \\1", 0.5},
    {"superlative", NIMA_RULE_WORDS,
     "(is|are|was|were|be) absolutely (essential|crucial|vital|critical)", "\\1 \\2", 0.5},
    {"superlative", NIMA_RULE_NOTE, "(amazing|awesome|fantastic|incredible|mind-blowing)", NULL,
     0.5},
    {"superlative", NIMA_RULE_NOTE,
     "(game-changing|game-changer|revolutionary|world-class|cutting-edge|unparalleled)", NULL, 0.5},
    {"as-an-ai", NIMA_RULE_NOTE, "as an (ai|artificial intelligence)", NULL, 1},
};
const size_t nima_rule_count = sizeof(nima_rules) / sizeof(nima_rules[0]);

const struct nima_rule nima_rule_exclamation = {"exclamation", NIMA_RULE_CODED, NULL, NULL, 0.5};
const struct nima_rule nima_rule_repeat = {"repeat", NIMA_RULE_CODED, NULL, NULL, 0.5};
const struct nima_rule nima_rule_language = {"code-language", NIMA_RULE_CODED, NULL, NULL, 0.25};
const struct nima_rule nima_rule_steps = {"steps", NIMA_RULE_CODED, NULL, NULL, 0.25};
const struct nima_rule nima_rule_emoji = {"emoji", NIMA_RULE_CODED, NULL, NULL, 0.5};
const struct nima_rule nima_rule_forbidden = {"forbidden", NIMA_RULE_CODED, NULL, NULL, 0.5};

/* Each with what any rule makes of it, so that a second pass decides alike. */
const char *const nima_rule_offers[] = {"here('s| is| are) ",
                                        "below ",
                                        "let('s| us| me) ",
                                        "i('ll| will| can|'d| would) ",
                                        "to ",
                                        "in order to ",
                                        "follow ",
                                        "the following ",
                                        "you can ",
                                        "you('ll| will) ",
                                        "yes, ",
                                        NULL};

const char *const nima_rule_capitals[] = {
    "a",     "all",   "an",     "any",    "as",  "at",     "below",  "by",      "each",
    "every", "first", "follow", "for",    "he",  "here",   "here's", "how",     "i",
    "i'll",  "i'd",   "i'm",    "if",     "in",  "it",     "it's",   "its",     "let",
    "let's", "many",  "most",   "my",     "no",  "not",    "on",     "one",     "our",
    "she",   "some",  "that",   "that's", "the", "their",  "there",  "there's", "these",
    "they",  "this",  "those",  "to",     "use", "we",     "what",   "when",    "where",
    "which", "while", "with",   "yes",    "you", "you'll", "your",   NULL};

const char *const nima_rule_shouts[] = {"world",    "yahoo", "jeopardy", "oklahoma", "println",
                                        "eprintln", "vec",   "format",   "panic",    "assert",
                                        "macro",    "dbg",   "todo",     "write",    NULL};

const struct nima_rule_language nima_rule_languages[] = {
    {"python", "#!/usr/bin/env python", NULL},
    {"python", "def ", ":"},
    {"python", "async def ", ":"},
    {"python", "class ", ":"},
    {"python", "if __name__", NULL},
    {"python", "from __future__ import ", NULL},
    {"python", "import numpy", NULL},
    {"python", "import pandas", NULL},
    {"python", "import os", "import os"},
    {"python", "import sys", "import sys"},
    {"python", "import re", "import re"},
    {"python", "import json", "import json"},
    {"python", "import math", "import math"},
    {"python", "import random", "import random"},
    {"python", "import asyncio", "import asyncio"},
    {"python", "import requests", "import requests"},
    {"c", "#include <", ".h>"},
    {"c", "#include \"", ".h\""},
    {"cpp", "#include <iostream>", NULL},
    {"cpp", "#include <vector>", NULL},
    {"cpp", "#include <string>", NULL},
    {"bash", "#!/bin/bash", NULL},
    {"bash", "#!/bin/sh", NULL},
    {"bash", "#!/usr/bin/env bash", NULL},
    {"bash", "sudo ", NULL},
    {"bash", "apt install ", NULL},
    {"bash", "apt-get ", NULL},
    {"bash", "pip install ", NULL},
    {"bash", "pip3 install ", NULL},
    {"bash", "npm install", NULL},
    {"bash", "npm run ", NULL},
    {"bash", "git clone ", NULL},
    {"bash", "git checkout ", NULL},
    {"bash", "git commit ", NULL},
    {"bash", "git rebase ", NULL},
    {"bash", "git reset ", NULL},
    {"bash", "curl ", NULL},
    {"bash", "docker ", NULL},
    {"bash", "kubectl ", NULL},
    {"javascript", "console.log(", NULL},
    {"javascript", "document.", NULL},
    {"json", "{\"", NULL},
    {"json", "[{\"", NULL},
    {"html", "<!DOCTYPE html", NULL},
    {"html", "<html", NULL},
    {"xml", "<?xml", NULL},
    {"php", "<?php", NULL},
    {"sql", "SELECT ", NULL},
    {"sql", "INSERT INTO ", NULL},
    {"sql", "CREATE TABLE ", NULL},
    {"sql", "DELETE FROM ", NULL},
    {"go", "package main", NULL},
    {"rust", "fn main()", NULL},
    {"rust", "use std::", NULL},
    {"java", "public class ", NULL},
    {"java", "import java.", NULL},
    {"diff", "diff --git ", NULL},
    {0},
};

/* Matching */
#define NONE SIZE_MAX

struct matcher {
    nima_rule_byte byte;
    void *user;
    struct nima_rule_group *groups;
    size_t group_count;
};

static int lower_at(const struct matcher *m, size_t at)
{
    int c = m->byte(m->user, at);
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* An apostrophe of either kind: its bytes, else 0. */
static size_t apostrophe(const struct matcher *m, size_t at)
{
    if (m->byte(m->user, at) == '\'') {
        return 1;
    }
    bool curly = m->byte(m->user, at) == 0xE2 && m->byte(m->user, at + 1) == 0x80 &&
                 m->byte(m->user, at + 2) == 0x99;
    return curly ? 3 : 0;
}

static size_t match_here(struct matcher *m, const char *p, const char *p_end, size_t at);

/* (a|b|) then what follows it. */
static size_t match_group(struct matcher *m, const char *p, const char *p_end, size_t at)
{
    const char *close = strchr(p, ')');
    nima_assert(close != NULL);
    size_t group = m->group_count++;
    for (const char *from = p + 1; from <= close;) {
        const char *end = from;
        while (*end != '|' && *end != ')') {
            end++;
        }
        size_t inner = match_here(m, from, end, at);
        if (inner != NONE && group < NIMA_RULE_GROUPS_MAX) {
            m->groups[group] = (struct nima_rule_group){at, inner - at};
        }
        size_t whole = inner != NONE ? match_here(m, close + 1, p_end, inner) : NONE;
        if (whole != NONE) {
            return whole;
        }
        m->group_count = group + 1;
        from = end + 1;
    }
    return NONE;
}

static size_t match_star(struct matcher *m, const char *p, const char *p_end, size_t at)
{
    for (size_t used = 0; used <= NIMA_RULE_STAR_MAX; used++) {
        size_t whole = match_here(m, p + 1, p_end, at + used);
        if (whole != NONE) {
            return whole;
        }
        int c = lower_at(m, at + used);
        if (!((c >= 'a' && c <= 'z') || c == ' ' || c == ',' || c == '\'')) {
            return NONE;
        }
    }
    return NONE;
}

static size_t match_end(const struct matcher *m, size_t at)
{
    size_t end = at;
    while (end < at + NIMA_RULE_MARKS_MAX &&
           (m->byte(m->user, end) == '.' || m->byte(m->user, end) == '!')) {
        end++;
    }
    return end - at;
}

/* "?", also with "!" around it. */
static size_t match_question(const struct matcher *m, size_t at)
{
    size_t end = at;
    bool asks = false;
    while (end < at + NIMA_RULE_MARKS_MAX &&
           (m->byte(m->user, end) == '?' || m->byte(m->user, end) == '!')) {
        asks = asks || m->byte(m->user, end) == '?';
        end++;
    }
    return asks ? end - at : 0;
}

static size_t match_here(struct matcher *m, const char *p, const char *p_end, size_t at)
{
    for (; p < p_end; p++) {
        size_t wide;
        if (*p == '(') {
            return match_group(m, p, p_end, at);
        }
        if (*p == '*') {
            return match_star(m, p, p_end, at);
        }
        if (*p == '$') {
            wide = match_end(m, at);
        } else if (*p == '?') {
            wide = match_question(m, at);
        } else if (*p == '\'') {
            wide = apostrophe(m, at);
        } else {
            wide = lower_at(m, at) == *p ? 1 : 0;
        }
        if (wide == 0) {
            return NONE;
        }
        at += wide;
    }
    return at;
}

size_t nima_rule_match(const char *pattern, nima_rule_byte byte, void *user, size_t at,
                       struct nima_rule_group groups[NIMA_RULE_GROUPS_MAX])
{
    struct nima_rule_group unused[NIMA_RULE_GROUPS_MAX];
    struct matcher m = {byte, user, groups != NULL ? groups : unused, 0};
    size_t end = match_here(&m, pattern, pattern + strlen(pattern), at);
    return end == NONE ? 0 : end;
}
