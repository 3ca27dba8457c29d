#pragma once
/*
 * hints: words that people ask with and facts are not told with. "What's my job?" shares no word
 * with "The user builds compilers"; the fact's category knows the word.
 */
#include "util/str.h"

/* Words to count with a fact of this category and attribute (may be absent), or absent. */
nima_str nima_memory_hint(nima_str category, nima_str attribute);
/* Whether the fact, whoever wrote it, says what must not be eaten. */
bool nima_memory_limits_food(nima_str fact);
/* The same for a fact, whose own words may say more: what must not be eaten answers to "a snack".
 */
nima_str nima_memory_fact_hint(nima_str fact, nima_str category, nima_str attribute);
/* What of a fact is embedded: without "The user" in front, which all of them share and no question
 * has. Measured in docs/memory.md. */
nima_str nima_memory_meaning_text(nima_str fact);
/* Small talk that asks for nothing: "good morning", "thanks, that was helpful". */
bool nima_memory_small_talk(nima_str text);
/* Asks for the whole of it: "what do you remember about me?", "who am I?". */
bool nima_memory_asks_overview(nima_str text);
