#include "store/support_store.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"

struct world world_folder(void)
{
    struct world w = {.folder = "/tmp/nima-store-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.path, sizeof(w.path), "%s/nima.db", w.folder);
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    return w;
}

nima_rc world_try_open(struct world *w)
{
    nima_str address = nima_fmt(&w->ctx, "sqlite:%s", w->path);
    struct nima_store_options options = {.address = address};
    return nima_store_open(&w->ctx, &options, &w->store);
}

struct world world_open(void)
{
    struct world w = world_folder();
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    return w;
}

void world_reopen(struct world *w)
{
    nima_store_close(w->store);
    w->store = NULL;
    ASSERT_OK_CTX(&w->ctx, world_try_open(w));
}

void world_close(struct world *w)
{
    nima_store_close(w->store);
    nima_ctx_done(&w->ctx);
    DIR *dir = opendir(w->folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(w->folder);
}

static sqlite3 *raw_open(struct world *w)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    return db;
}

void world_sql(struct world *w, const char *sql)
{
    sqlite3 *db = raw_open(w);
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", sql, error);
    }
    sqlite3_close(db);
}

int64_t world_number(struct world *w, const char *sql)
{
    sqlite3 *db = raw_open(w);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

bool world_has_bytes(struct world *w, const char *needle)
{
    enum { FILE_MAX = 1 << 28 };
    bool found = false;
    DIR *dir = opendir(w->folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        nima_str data;
        const char *path = nima_fmt(&w->ctx, "%s/%s", w->folder, entry->d_name).ptr;
        ASSERT_OK_CTX(&w->ctx, nima_file_read(&w->ctx, path, FILE_MAX, &data));
        found = found || nima_str_find(data, nima_str_of(needle), 0) != SIZE_MAX;
    }
    closedir(dir);
    return found;
}

struct nima_fact a_fact(const char *text)
{
    return (struct nima_fact){
        .fact = nima_str_of(text),
        .category = NIMA_STR("personal"),
        .source = NIMA_STR("explicit"),
        .confidence = 0.8,
    };
}

struct nima_fact put_fact(struct world *w, const char *text)
{
    struct nima_fact fact = a_fact(text), row;
    bool created;
    int64_t change;
    ASSERT_OK_CTX(&w->ctx, nima_facts_put(&w->ctx, w->store, &fact, &row, &created, &change));
    return row;
}

size_t count_facts(struct world *w)
{
    struct nima_fact_stats stats;
    ASSERT_OK_CTX(&w->ctx, nima_facts_stats(&w->ctx, w->store, &stats));
    return (size_t)stats.active;
}
