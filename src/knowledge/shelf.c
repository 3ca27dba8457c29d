/*
 * What is in the packs' folders. A look compares sizes, times and inodes with those of the last
 * one: what did not change is taken over, the rest is read anew. Only real folders one level below
 * are packs: a link could lead anywhere, or round in a circle.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "util/clock.h"

enum { FOLDERS_MAX = 256, LOOK_MS = 1000, NS_PER_S = 1000000000 };

static struct nima_shelf *shelf_new(void)
{
    struct nima_shelf *shelf = NIMA_XNEW(struct nima_shelf, 1);
    atomic_init(&shelf->users, 1);
    nima_ctx_init(&shelf->keep);
    shelf->entries = NIMA_NEW(shelf->keep.arena, struct nima_shelf_entry, 2 * FOLDERS_MAX);
    return shelf;
}

void nima_shelf_release(struct nima_shelf *shelf)
{
    if (shelf == NULL || atomic_fetch_sub(&shelf->users, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        nima_pack_release(shelf->entries[i].pack);
    }
    nima_ctx_done(&shelf->keep);
    free(shelf);
}

static void stamp_files(int folder_fd, struct nima_pack_stamp stamps[NIMA_PACK_FILES])
{
    for (int i = 0; i < NIMA_PACK_FILES; i++) {
        struct stat info;
        stamps[i] = (struct nima_pack_stamp){.size = -1};
        if (fstatat(folder_fd, nima_pack_files[i], &info, AT_SYMLINK_NOFOLLOW) == 0) {
            stamps[i] = (struct nima_pack_stamp){
                .size = info.st_size,
                .mtime_ns = (int64_t)info.st_mtim.tv_sec * NS_PER_S + info.st_mtim.tv_nsec,
                .inode = info.st_ino};
        }
    }
}

static bool same_stamps(const struct nima_pack_stamp *a, const struct nima_pack_stamp *b)
{
    for (int i = 0; i < NIMA_PACK_FILES; i++) {
        if (a[i].size != b[i].size || a[i].mtime_ns != b[i].mtime_ns || a[i].inode != b[i].inode) {
            return false;
        }
    }
    return true;
}

static const struct nima_shelf_entry *known(const struct nima_shelf *last,
                                            const struct nima_shelf_entry *entry)
{
    for (size_t i = 0; last != NULL && i < last->count; i++) {
        const struct nima_shelf_entry *e = &last->entries[i];
        if (e->shipped == entry->shipped && nima_str_eq(e->folder, entry->folder) &&
            same_stamps(e->stamps, entry->stamps)) {
            return e;
        }
    }
    return NULL;
}

static void read_entry(struct nima_knowledge *k, int fd, nima_str shown, struct nima_shelf *shelf,
                       struct nima_shelf_entry *entry)
{
    struct nima_ctx work;
    nima_ctx_init(&work);
    if (nima_pack_read(&work, fd, shown, &entry->pack) != NIMA_OK) {
        entry->problem = nima_str_copy(shelf->keep.arena, nima_str_of(work.error.message));
    } else {
        entry->pack->shipped = entry->shipped;
        (void)nima_pack_vectors_load(fd, nima_str_of(k->cache), k->llm, entry->pack);
    }
    nima_ctx_done(&work);
}

/* One folder below `root`; a plain file is no pack and no problem. */
static void look_at(struct nima_knowledge *k, int root_fd, const char *root, const char *name,
                    const struct nima_shelf *last, struct nima_shelf *shelf, bool shipped)
{
    struct stat info;
    nima_str shown = nima_fmt(&shelf->keep, "%s/%s", root, name);
    struct nima_shelf_entry entry = {.shipped = shipped,
                                     .folder = nima_str_copy(shelf->keep.arena, nima_str_of(name))};
    if (fstatat(root_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !(S_ISDIR(info.st_mode) || S_ISLNK(info.st_mode))) {
        return;
    }
    int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        entry.problem = nima_fmt(&shelf->keep, NIMA_FMT ": %s", NIMA_ARG(shown),
                                 S_ISLNK(info.st_mode) ? "is a link; a pack must be a folder here"
                                                       : strerror(errno));
        shelf->entries[shelf->count++] = entry;
        return;
    }
    stamp_files(fd, entry.stamps);
    const struct nima_shelf_entry *before = known(last, &entry);
    if (before != NULL) {
        entry.pack = before->pack;
        entry.problem = before->pack == NULL ? nima_str_copy(shelf->keep.arena, before->problem)
                                             : (nima_str){NULL, 0};
        if (entry.pack != NULL) {
            nima_pack_hold(entry.pack);
        }
    } else {
        read_entry(k, fd, shown, shelf, &entry);
    }
    close(fd);
    shelf->entries[shelf->count++] = entry;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void look_into(struct nima_knowledge *k, const char *root, const struct nima_shelf *last,
                      struct nima_shelf *shelf, bool shipped)
{
    char *names[FOLDERS_MAX];
    size_t count = 0, first = shelf->count;
    DIR *dir = root != NULL ? opendir(root) : NULL;
    if (dir == NULL) {
        return;
    }
    bool more = false;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        bool fits = count < FOLDERS_MAX;
        if (fits && e->d_name[0] != '.') {
            names[count++] = nima_arena_cstr(shelf->keep.arena, nima_str_of(e->d_name));
        }
        more = more || (!fits && e->d_name[0] != '.');
    }
    *(shipped ? &shelf->more_shipped : &shelf->more_own) = more;
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count && shelf->count - first < FOLDERS_MAX; i++) {
        look_at(k, dirfd(dir), root, names[i], last, shelf, shipped);
    }
    closedir(dir);
}

/* Own packs before shipped ones, so that of two of one version a person's own is served. */
static int by_rank(const void *a, const void *b)
{
    const struct nima_shelf_entry *left = *(struct nima_shelf_entry *const *)a;
    const struct nima_shelf_entry *right = *(struct nima_shelf_entry *const *)b;
    int order = nima_str_cmp(left->pack->id, right->pack->id);
    order = order != 0 ? order : nima_version_compare(&right->pack->number, &left->pack->number);
    order = order != 0 ? order : (int)left->shipped - (int)right->shipped;
    return order != 0 ? order : nima_str_cmp(left->folder, right->folder);
}

static void add_problem(struct nima_shelf *shelf, nima_str problem)
{
    shelf->problems[shelf->problem_count++] = problem;
}

/* Puts the packs in order and says which are not served and why. */
static void arrange(struct nima_knowledge *k, struct nima_shelf *shelf)
{
    struct nima_arena *arena = shelf->keep.arena;
    struct nima_shelf_entry **good = NIMA_NEW(arena, struct nima_shelf_entry *, shelf->count);
    size_t count = 0;
    shelf->packs = NIMA_NEW(arena, struct nima_pack *, shelf->count);
    shelf->problems = NIMA_NEW(arena, nima_str, shelf->count + 2);
    if (shelf->more_own || shelf->more_shipped) {
        add_problem(shelf, nima_fmt(&shelf->keep,
                                    "%s: holds more than %d entries; those beyond are left out",
                                    shelf->more_own ? k->own : k->shipped, (int)FOLDERS_MAX));
    }
    for (size_t i = 0; i < shelf->count; i++) {
        if (shelf->entries[i].pack == NULL) {
            add_problem(shelf, shelf->entries[i].problem);
        } else {
            good[count++] = &shelf->entries[i];
        }
    }
    qsort(good, count, sizeof(struct nima_shelf_entry *), by_rank);
    for (size_t i = 0; i < count; i++) {
        const struct nima_shelf_entry *before = i > 0 ? good[i - 1] : NULL;
        struct nima_pack *pack = good[i]->pack;
        bool twice = before != NULL && nima_str_eq(before->pack->id, pack->id) &&
                     nima_version_compare(&before->pack->number, &pack->number) == 0;
        if (twice) {
            const char *root = good[i]->shipped ? k->shipped : k->own;
            const char *other = before->shipped ? k->shipped : k->own;
            add_problem(shelf, nima_fmt(&shelf->keep,
                                        "%s/" NIMA_FMT ": is " NIMA_FMT " " NIMA_FMT
                                        " again; %s/" NIMA_FMT " is served",
                                        root, NIMA_ARG(good[i]->folder), NIMA_ARG(pack->id),
                                        NIMA_ARG(pack->version), other, NIMA_ARG(before->folder)));
            good[i] = good[i - 1];
            continue;
        }
        shelf->packs[shelf->pack_count++] = pack;
    }
}

static bool same_shelf(const struct nima_shelf *a, const struct nima_shelf *b)
{
    if (a == NULL || a->count != b->count || a->more_own != b->more_own ||
        a->more_shipped != b->more_shipped) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->entries[i].pack != b->entries[i].pack ||
            !nima_str_eq(a->entries[i].folder, b->entries[i].folder) ||
            !nima_str_eq(a->entries[i].problem, b->entries[i].problem)) {
            return false;
        }
    }
    return true;
}

static void look(struct nima_knowledge *k)
{
    pthread_mutex_lock(&k->lock);
    struct nima_shelf *last = k->shelf; /* replaced below alone, where `looking` is held */
    pthread_mutex_unlock(&k->lock);
    struct nima_shelf *made = shelf_new();
    look_into(k, k->own, last, made, false);
    look_into(k, k->shipped, last, made, true);
    if (same_shelf(last, made)) {
        nima_shelf_release(made);
        made = NULL;
    } else {
        arrange(k, made);
    }
    pthread_mutex_lock(&k->lock);
    k->looked_ms = nima_mono_ms();
    if (made != NULL) {
        k->shelf = made;
    }
    pthread_mutex_unlock(&k->lock);
    if (made != NULL) {
        nima_shelf_release(last);
    }
}

struct nima_shelf *nima_shelf_last(struct nima_knowledge *k)
{
    pthread_mutex_lock(&k->lock);
    struct nima_shelf *shelf = k->shelf;
    if (shelf != NULL) {
        atomic_fetch_add(&shelf->users, 1);
    }
    pthread_mutex_unlock(&k->lock);
    return shelf;
}

struct nima_shelf *nima_shelf_take(struct nima_knowledge *k, bool now)
{
    pthread_mutex_lock(&k->lock);
    bool due = now || k->shelf == NULL || nima_mono_ms() - k->looked_ms >= LOOK_MS;
    bool none = k->shelf == NULL;
    pthread_mutex_unlock(&k->lock);
    /* Whoever finds somebody looking already goes on with what is known, if anything is. */
    if (due && (now || none)) {
        pthread_mutex_lock(&k->looking);
        look(k);
        pthread_mutex_unlock(&k->looking);
    } else if (due && pthread_mutex_trylock(&k->looking) == 0) {
        look(k);
        pthread_mutex_unlock(&k->looking);
    }
    return nima_shelf_last(k);
}

struct nima_pack *nima_shelf_served(const struct nima_shelf *shelf, size_t *at)
{
    for (; *at < shelf->pack_count; ++*at) {
        struct nima_pack *pack = shelf->packs[*at];
        bool enabled_above = false;
        for (size_t i = *at; i > 0 && nima_str_eq(shelf->packs[i - 1]->id, pack->id); i--) {
            enabled_above = enabled_above || shelf->packs[i - 1]->enabled;
        }
        if (pack->enabled && !enabled_above) {
            ++*at;
            return pack;
        }
    }
    return NULL;
}

struct nima_pack *nima_shelf_find(const struct nima_shelf *shelf, nima_str wanted)
{
    size_t sign = nima_str_find(wanted, NIMA_STR("@"), 0);
    nima_str id = nima_str_sub(wanted, 0, sign);
    nima_str version = nima_str_sub(wanted, sign == SIZE_MAX ? wanted.len : sign + 1, wanted.len);
    for (size_t i = 0; i < shelf->pack_count; i++) {
        struct nima_pack *pack = shelf->packs[i];
        bool right = sign == SIZE_MAX ? pack->enabled : nima_str_eq(pack->version, version);
        if (right && nima_str_eq(pack->id, id)) {
            return pack;
        }
    }
    return NULL;
}
