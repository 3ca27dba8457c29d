/*
 * What the scripted model has evaluated: for each conversation the words of its last prompt and
 * reply, as a real model's slot holds their tokens. So a test sees in `cached_tokens` whether a
 * prompt goes on where the last one was.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "llm/scripted_int.h"

enum { SLOTS = 32, WORDS_MAX = 200000 };

struct slot {
    uint64_t key; /* 0: empty */
    uint64_t used;
    uint64_t *words;
    size_t count;
};

struct nima_scripted_slots {
    pthread_mutex_t lock; /* guards all of it: any worker generates */
    uint64_t clock;
    struct slot slots[SLOTS];
};

struct nima_scripted_slots *nima_scripted_slots_new(void)
{
    struct nima_scripted_slots *slots = NIMA_XNEW(struct nima_scripted_slots, 1);
    pthread_mutex_init(&slots->lock, NULL);
    return slots;
}

void nima_scripted_slots_free(struct nima_scripted_slots *slots)
{
    if (slots == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(slots->slots[i].words);
    }
    pthread_mutex_destroy(&slots->lock);
    free(slots);
}

/* A word is another one under another role, and at the beginning of a message. */
static size_t add_words(uint64_t *words, size_t count, nima_str role, nima_str text)
{
    uint64_t mark = nima_str_hash(role) * 31 + 1;
    nima_str word;
    while (count < WORDS_MAX && (word = nima_scripted_token(&text)).len > 0) {
        if (nima_str_trim(word).len > 0) {
            words[count++] = nima_str_hash(nima_str_trim(word)) ^ mark;
            mark = nima_str_hash(role);
        }
    }
    return count;
}

static struct slot *slot_of(struct nima_scripted_slots *slots, uint64_t key)
{
    struct slot *found = &slots->slots[0];
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots->slots[i];
        if (slot->key == key) {
            return slot;
        }
        found = slot->used < found->used ? slot : found;
    }
    found->key = key;
    found->count = 0;
    return found;
}

int nima_scripted_slots_take(struct nima_scripted_slots *slots,
                             const struct nima_llm_request *request, nima_str reply)
{
    if (request->slot_key.ptr == NULL) {
        return 0;
    }
    uint64_t *words = NIMA_XNEW(uint64_t, WORDS_MAX);
    size_t count = 0, same = 0;
    for (size_t i = 0; i < request->count; i++) {
        count = add_words(words, count, request->messages[i].role, request->messages[i].content);
    }
    size_t prompt = count;
    count = add_words(words, count, NIMA_STR("assistant"), reply);
    pthread_mutex_lock(&slots->lock);
    struct slot *slot = slot_of(slots, nima_str_hash(request->slot_key) | 1);
    /* As with a real model, one token at least is evaluated. */
    while (same < slot->count && same + 1 < prompt && slot->words[same] == words[same]) {
        same++;
    }
    uint64_t *kept = realloc(words, (count > 0 ? count : 1) * sizeof(*words));
    free(slot->words);
    slot->words = kept != NULL ? kept : words;
    slot->count = count;
    slot->used = ++slots->clock;
    pthread_mutex_unlock(&slots->lock);
    return (int)same;
}
