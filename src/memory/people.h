#pragma once
/*
 * people: one index for each person who was asked about lately.
 *
 * Threads    Any. Four locks, always taken in this order:
 *              people->lock    the table of persons; held for moments
 *              person->deciding  who compares what was said with what is known, until it is
 *                              written: two statements of one person never decide at once
 *              person->writing one writer of this person at a time, from the store's write until
 *                              its change is in the index
 *              person->lock    the index and its change number; readers together
 *            and, apart from the last two, for what was said:
 *              person->talk_writing  who brings it up to date
 *              person->talk_lock     the index and its change number; readers together
 * Truth      The index stands for the store's state number `change`. A read asks the store for its
 *            number first: equal, and the index may answer; otherwise it is built anew. A write of
 *            ours that moved the number by one puts just its own change in. So whatever another
 *            process or a crash did, an index that has not seen it never answers. Messages are
 *            written by other rooms too, so their index reads from the store what it has not seen.
 */
#include <pthread.h>

#include "memory/index.h"
#include "memory/talk.h"

enum nima_delta_kind { NIMA_DELTA_PUT, NIMA_DELTA_TOUCH, NIMA_DELTA_RENEW, NIMA_DELTA_DROP };
struct nima_delta {
    enum nima_delta_kind kind;
    const struct nima_fact *fact; /* DROP: only its id counts */
};

struct nima_person {
    struct nima_person *next;
    char *user_id;
    int refs;        /* people->lock */
    int64_t used_ms; /* people->lock; monotonic */
    pthread_mutex_t deciding, writing;
    pthread_rwlock_t lock;    /* guards what follows */
    struct nima_index *index; /* NULL: not loaded */
    int64_t change;
    int64_t waiting; /* facts without a vector of the present model */
    pthread_mutex_t talk_writing;
    pthread_rwlock_t talk_lock; /* guards what follows */
    struct nima_talk *talk;     /* NULL: not loaded */
    int64_t talk_change;
};

enum { NIMA_PEOPLE_BUCKETS = 1024 };
struct nima_people {
    pthread_mutex_t lock;
    struct nima_person *buckets[NIMA_PEOPLE_BUCKETS];
};

void nima_memory_people_init(struct nima_people *people);
void nima_memory_people_done(struct nima_people *people);

/* ctx->user_id's entry; give it back. */
struct nima_person *nima_memory_person_take(struct nima_ctx *ctx, struct nima_memory *memory);
void nima_memory_person_give(struct nima_memory *memory, struct nima_person *person);
/* Locks for reading an index that stands for the store as it is now. */
NIMA_MUST_USE nima_rc nima_memory_person_read(struct nima_ctx *ctx, struct nima_memory *memory,
                                              struct nima_person *person);
void nima_memory_person_read_end(struct nima_person *person);
/* Around a write: begin, the store's write, apply when it succeeded, end. */
void nima_memory_person_write(struct nima_person *person);
void nima_memory_person_apply(struct nima_person *person, int64_t change,
                              const struct nima_delta *deltas, size_t count);
void nima_memory_person_unload(struct nima_person *person);
void nima_memory_person_write_end(struct nima_person *person);
/* Locks for reading an index of what was said that stands for the store as it is now. */
NIMA_MUST_USE nima_rc nima_memory_talk_read(struct nima_ctx *ctx, struct nima_memory *memory,
                                            struct nima_person *person);
void nima_memory_talk_read_end(struct nima_person *person);
void nima_memory_talk_unload(struct nima_person *person);
/* Unloads what nobody used for idle_ms and forgets the entries that nobody holds. */
void nima_memory_people_sweep(struct nima_people *people, int64_t idle_ms);
