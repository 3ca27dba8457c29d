#pragma once
/*
 * Private to src/llm/scripted*.c.
 */
#include "llm/llm_int.h"

/* The next token: blanks, then a word; empty at the end. */
nima_str nima_scripted_token(nima_str *rest);

/* scripted_slots.c: any thread may call. */
struct nima_scripted_slots;
struct nima_scripted_slots *nima_scripted_slots_new(void);
void nima_scripted_slots_free(struct nima_scripted_slots *slots);
/* The words of the prompt that the conversation's slot holds already; from now on it holds this
 * prompt and the reply to it. 0 for a request without a conversation. */
int nima_scripted_slots_take(struct nima_scripted_slots *slots,
                             const struct nima_llm_request *request, nima_str reply);
