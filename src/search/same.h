#pragma once
/*
 * same: English words that mean one thing and share no stem: irregular forms (went is go), and a
 * few plain equivalents (kids are children, a photo is a picture). A general list, written by hand.
 */

/* The word that stands for this folded one: itself when it is in no list. */
const char *nima_search_same(const char *word);
