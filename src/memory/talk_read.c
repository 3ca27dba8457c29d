/* The index of what a person said, brought up to what the store has before it answers. */
#include "memory/memory_int.h"

enum { READ_TRIES = 16 };

struct taking_in {
    struct nima_talk *talk;
    struct nima_words *words;
};

static nima_rc take_in(struct nima_ctx *ctx, void *user, const struct nima_message_found *message)
{
    struct taking_in *in = user;
    nima_memory_talk_put(in->talk, in->words, message);
    return nima_ctx_stopped(ctx);
}

static nima_rc scan(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_talk *talk,
                    int64_t after, struct nima_messages_change *state)
{
    struct taking_in in = {.talk = talk, .words = nima_search_words_open()};
    nima_rc rc = nima_messages_scan(ctx, memory->store, after, take_in, &in, state);
    nima_memory_talk_settle(talk);
    nima_search_words_close(in.words);
    return rc;
}

/* All of it anew. person->talk_writing is held. */
static nima_rc load(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_person *person)
{
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    size_t dims = model.ptr != NULL ? (size_t)state.embedding_dims : 0;
    struct nima_talk *talk = nima_memory_talk_new(model.ptr != NULL ? model : NIMA_STR(""), dims);
    struct nima_messages_change seen;
    nima_rc rc = scan(ctx, memory, talk, -1, &seen);
    if (rc != NIMA_OK) {
        nima_memory_talk_free(talk);
        return rc;
    }
    pthread_rwlock_wrlock(&person->talk_lock);
    struct nima_talk *old = person->talk;
    person->talk = talk;
    person->talk_change = seen.change;
    pthread_rwlock_unlock(&person->talk_lock);
    nima_memory_talk_free(old);
    return NIMA_OK;
}

/* Just what was written since; *whole is false when that does not do. Rows taken in before a
 * failure are taken in again next time. */
static nima_rc catch_up(struct nima_ctx *ctx, struct nima_memory *memory,
                        struct nima_person *person, bool *whole)
{
    struct nima_messages_change seen;
    pthread_rwlock_wrlock(&person->talk_lock);
    nima_rc rc = scan(ctx, memory, person->talk, person->talk_change, &seen);
    *whole =
        rc == NIMA_OK && person->talk_change >= seen.gone && !nima_memory_talk_worn(person->talk);
    if (*whole) {
        person->talk_change = seen.change;
    }
    pthread_rwlock_unlock(&person->talk_lock);
    return rc;
}

static bool is_present(const struct nima_person *person, nima_str model)
{
    return person->talk != NULL && !nima_memory_talk_worn(person->talk) &&
           nima_str_eq(nima_memory_talk_model(person->talk),
                       model.ptr != NULL ? model : NIMA_STR(""));
}

static nima_rc refresh(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_person *person,
                       const struct nima_messages_change *now)
{
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    bool whole = false;
    nima_rc rc = NIMA_OK;
    pthread_mutex_lock(&person->talk_writing);
    pthread_rwlock_rdlock(&person->talk_lock);
    bool present = is_present(person, model);
    bool fresh = present && person->talk_change >= now->change;
    present = present && person->talk_change >= now->gone;
    pthread_rwlock_unlock(&person->talk_lock);
    if (present && !fresh) {
        rc = catch_up(ctx, memory, person, &whole);
    }
    if (rc == NIMA_OK && !fresh && !whole) {
        rc = load(ctx, memory, person);
    }
    pthread_mutex_unlock(&person->talk_writing);
    return rc;
}

nima_rc nima_memory_talk_read(struct nima_ctx *ctx, struct nima_memory *memory,
                              struct nima_person *person)
{
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    struct nima_messages_change now;
    NIMA_TRY(nima_messages_change(ctx, memory->store, &now));
    for (int i = 0; i < READ_TRIES; i++) {
        pthread_rwlock_rdlock(&person->talk_lock);
        /* It holds all that was there when we asked, perhaps more by now. */
        if (is_present(person, model) && person->talk_change >= now.change) {
            return NIMA_OK;
        }
        pthread_rwlock_unlock(&person->talk_lock);
        NIMA_TRY(refresh(ctx, memory, person, &now));
        model = nima_memory_model(memory, &state);
    }
    return nima_fail(ctx, NIMA_E_BUSY, "memory is changing too fast to be searched; try again");
}

void nima_memory_talk_read_end(struct nima_person *person)
{
    pthread_rwlock_unlock(&person->talk_lock);
}

void nima_memory_talk_unload(struct nima_person *person)
{
    pthread_rwlock_wrlock(&person->talk_lock);
    struct nima_talk *talk = person->talk;
    person->talk = NULL;
    pthread_rwlock_unlock(&person->talk_lock);
    nima_memory_talk_free(talk);
}
