/*
 * Which conversation's evaluated tokens are kept where.
 *
 * A slot is one sequence of the KV cache and the tokens in it. A new job goes to the slot of its
 * conversation, else to the idle one used longest ago; whatever slot has the longest beginning in
 * common with the prompt (the persona, mostly) lends it, which costs nothing: in a unified cache a
 * second sequence is just named on the same cells.
 *
 * "In common" is by text. A reply that the model wrote token by token comes back in the next prompt
 * as text, and may be tokenized otherwise; where both spell the same, the tokens that are evaluated
 * already are kept and take the place of the prompt's.
 */
#include <string.h>

#include "llm/local_int.h"

enum { PIECE_BYTES_MAX = 256 };

struct match {
    int cached; /* tokens of the slot that stay */
    int prompt; /* tokens of the prompt that they stand for */
};

/* The token's bytes; absent for control tokens, which are only ever equal to themselves. */
static nima_str piece_of(const struct llama_vocab *vocab, llama_token token,
                         char room[PIECE_BYTES_MAX])
{
    if (llama_vocab_is_control(vocab, token) || llama_vocab_is_eog(vocab, token)) {
        return (nima_str){0};
    }
    int len = llama_token_to_piece(vocab, token, room, PIECE_BYTES_MAX, 0, true);
    return len > 0 ? (nima_str){room, (size_t)len} : (nima_str){0};
}

/* From two tokens that differ, walks on to where both sides have spelled the same bytes. */
static bool resync(const struct llama_vocab *vocab, const llama_token *cached, int cached_count,
                   const llama_token *prompt, int prompt_count, struct match *at)
{
    char cached_room[PIECE_BYTES_MAX], prompt_room[PIECE_BYTES_MAX];
    nima_str a = {0}, b = {0};
    int i = at->cached, j = at->prompt;
    do {
        if (a.len == 0) {
            a = i < cached_count ? piece_of(vocab, cached[i++], cached_room) : a;
        }
        if (b.len == 0) {
            b = j < prompt_count ? piece_of(vocab, prompt[j++], prompt_room) : b;
        }
        size_t len = a.len < b.len ? a.len : b.len;
        if (len == 0 || memcmp(a.ptr, b.ptr, len) != 0) {
            return false;
        }
        a = nima_str_sub(a, len, a.len);
        b = nima_str_sub(b, len, b.len);
    } while (a.len > 0 || b.len > 0);
    *at = (struct match){i, j};
    return true;
}

static struct match match_slot(const struct llama_vocab *vocab, const struct nima_local_slot *slot,
                               const struct nima_local_job *job)
{
    struct match at = {0, 0};
    /* Other tokens for the same text may be more of them: no further than there is room for. */
    int slack = job->room - job->max;
    for (;;) {
        while (at.cached < slot->count && at.prompt < job->count &&
               slot->tokens[at.cached] == job->tokens[at.prompt]) {
            at.cached++;
            at.prompt++;
        }
        struct match next = at;
        if (at.cached == slot->count || at.prompt == job->count ||
            !resync(vocab, slot->tokens, slot->count, job->tokens, job->count, &next) ||
            next.cached - next.prompt > slack) {
            return at;
        }
        at = next;
    }
}

void nima_local_slot_clear(struct nima_local *engine, struct nima_local_slot *slot)
{
    llama_memory_seq_rm(llama_get_memory(engine->chat.llama), slot->seq, -1, -1);
    slot->count = 0;
    slot->key = 0;
    slot->kept = false;
}

/* Whether a slot goes before the other: kept ones last, then who was used longest ago. */
static bool goes_before(const struct nima_local_slot *a, const struct nima_local_slot *b)
{
    return a->kept != b->kept ? b->kept : a->used < b->used;
}

bool nima_local_slot_evict(struct nima_local *engine)
{
    struct nima_local_slot *oldest = NULL;
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        struct nima_local_slot *slot = &engine->chat.slots[i];
        if (slot->job == NULL && slot->count > 0 && (oldest == NULL || goes_before(slot, oldest))) {
            oldest = slot;
        }
    }
    if (oldest != NULL) {
        nima_local_slot_clear(engine, oldest);
    }
    return oldest != NULL;
}

/* A few are kept; a further one takes the place of the one used longest ago. */
static void unkeep_oldest(struct nima_local *engine)
{
    struct nima_local_slot *oldest = NULL;
    int kept = 0;
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        struct nima_local_slot *slot = &engine->chat.slots[i];
        kept += slot->kept;
        if (slot->kept && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    if (kept > NIMA_LOCAL_KEPT_MAX) {
        oldest->kept = false;
    }
}

/* The conversation's own, else an empty one, else the one used longest ago. */
static struct nima_local_slot *choose(struct nima_local *engine, const struct nima_local_job *job)
{
    struct nima_local_slot *best = NULL;
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        struct nima_local_slot *slot = &engine->chat.slots[i];
        if (slot->job != NULL) {
            continue;
        }
        if (job->slot_key != 0 && slot->key == job->slot_key) {
            return slot;
        }
        if (best == NULL || (best->count > 0 && (slot->count == 0 || goes_before(slot, best)))) {
            best = slot;
        }
    }
    return best;
}

/* Puts the tokens that are evaluated already in the place of the prompt's own. */
static void adopt(struct nima_local_job *job, const struct nima_local_slot *slot,
                  struct match match)
{
    int rest = job->count - match.prompt;
    int moved = match.cached - match.prompt;
    memmove(job->tokens + match.cached, job->tokens + match.prompt,
            (size_t)rest * sizeof(*job->tokens));
    memcpy(job->tokens, slot->tokens, (size_t)match.cached * sizeof(*job->tokens));
    job->count += moved;
    job->prompt_count += moved;
    job->max += moved;
}

bool nima_local_slot_take(struct nima_local *engine, struct nima_local_job *job)
{
    struct nima_local_chat *chat = &engine->chat;
    llama_memory_t memory = llama_get_memory(chat->llama);
    struct nima_local_slot *slot = choose(engine, job);
    if (slot == NULL) {
        return false;
    }
    struct nima_local_slot *lender = slot;
    struct match best = match_slot(chat->vocab, slot, job);
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        struct match match = match_slot(chat->vocab, &chat->slots[i], job);
        if (match.prompt > best.prompt) {
            lender = &chat->slots[i];
            best = match;
        }
    }
    adopt(job, lender, best);
    /* One token at least must be evaluated, or there are no logits to go on from. */
    int kept = best.cached < job->count ? best.cached : job->count - 1;
    if (lender != slot && kept > 0) {
        nima_local_slot_clear(engine, slot);
        llama_memory_seq_cp(memory, lender->seq, slot->seq, 0, kept);
    }
    if (!llama_memory_seq_rm(memory, slot->seq, kept, -1)) {
        /* A model whose state cannot be cut (recurrent, sliding window) starts again. */
        nima_local_slot_clear(engine, slot);
        kept = 0;
    }
    memcpy(slot->tokens, job->tokens, (size_t)kept * sizeof(*slot->tokens));
    slot->count = kept;
    slot->key = job->slot_key;
    slot->job = job;
    job->slot = slot;
    job->cached_count = job->cached_count > 0 ? job->cached_count : kept;
    return true;
}

void nima_local_slot_release(struct nima_local *engine, struct nima_local_job *job)
{
    if (job->slot != NULL) {
        job->slot->job = NULL;
        job->slot->used = ++engine->clock;
        job->slot = NULL;
        unkeep_oldest(engine);
    }
}
