/*
 * The vectors of texts seen before: a query typed a second time costs no model. Keyed by SHA-256,
 * so that no text of a person's is kept, and a clash is out of the question.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "llm/llm_int.h"
#include "util/digest.h"

struct entry {
    unsigned char key[NIMA_SHA256_BYTES];
    float *vector;
    size_t dims;
    struct entry *next;          /* in its bucket */
    struct entry *older, *newer; /* by last use */
};

struct nima_embed_cache {
    pthread_mutex_t lock; /* guards everything below */
    struct entry **buckets;
    size_t bucket_count;
    struct entry *entries; /* all of them, used from the front */
    size_t used, max;
    struct entry *newest, *oldest;
};

struct nima_embed_cache *nima_embed_cache_new(size_t entries_max)
{
    nima_assert(entries_max > 0);
    struct nima_embed_cache *cache = NIMA_XNEW(struct nima_embed_cache, 1);
    pthread_mutex_init(&cache->lock, NULL);
    cache->max = entries_max;
    cache->bucket_count = entries_max * 2;
    cache->buckets = NIMA_XNEW(struct entry *, cache->bucket_count);
    cache->entries = NIMA_XNEW(struct entry, entries_max);
    return cache;
}

void nima_embed_cache_free(struct nima_embed_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->used; i++) {
        free(cache->entries[i].vector);
    }
    free(cache->entries);
    free(cache->buckets);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct entry **bucket_of(struct nima_embed_cache *cache, const unsigned char *key)
{
    uint64_t hash;
    memcpy(&hash, key, sizeof(hash));
    return &cache->buckets[hash % cache->bucket_count];
}

static struct entry *find(struct nima_embed_cache *cache, const unsigned char *key)
{
    struct entry *entry = *bucket_of(cache, key);
    while (entry != NULL && memcmp(entry->key, key, NIMA_SHA256_BYTES) != 0) {
        entry = entry->next;
    }
    return entry;
}

static void unlink_use(struct nima_embed_cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct nima_embed_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

/* An unused entry, or the one whose last use is longest ago. */
static struct entry *take_entry(struct nima_embed_cache *cache)
{
    if (cache->used < cache->max) {
        return &cache->entries[cache->used++];
    }
    struct entry *entry = cache->oldest;
    unlink_use(cache, entry);
    struct entry **link = bucket_of(cache, entry->key);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    return entry;
}

bool nima_embed_cache_get(struct nima_embed_cache *cache, nima_str text, size_t dims, float *out)
{
    unsigned char key[NIMA_SHA256_BYTES];
    nima_sha256(text, key);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, key);
    bool found = entry != NULL && entry->dims == dims;
    if (found) {
        memcpy(out, entry->vector, dims * sizeof(*out));
        unlink_use(cache, entry);
        link_newest(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void nima_embed_cache_put(struct nima_embed_cache *cache, nima_str text, size_t dims,
                          const float *vector)
{
    unsigned char key[NIMA_SHA256_BYTES];
    nima_sha256(text, key);
    pthread_mutex_lock(&cache->lock);
    if (find(cache, key) == NULL) {
        struct entry *entry = take_entry(cache);
        if (entry->dims != dims) {
            entry->vector = nima_xrealloc(entry->vector, dims * sizeof(*vector));
        }
        memcpy(entry->vector, vector, dims * sizeof(*vector));
        memcpy(entry->key, key, sizeof(key));
        entry->dims = dims;
        struct entry **bucket = bucket_of(cache, key);
        entry->next = *bucket;
        *bucket = entry;
        link_newest(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
}
