#pragma once
/*
 * json_int: what the files of the JSON engine share. json.c holds the operations, json_load.c
 * reads the tables' files, json_save.c writes them, util/npy.h knows NumPy's format, and
 * json_files.c sees to it that a commit reaches all of its files or none.
 */
#include <sys/stat.h>

#include "store/sqlite_int.h"
#include "store/tables.h"
#include "util/buf.h"

enum { NIMA_JSON_FILES_MAX = 40, NIMA_JSON_TABLES_MAX = 32, NIMA_JSON_GROUPS_MAX = 4 };
#define NIMA_JSON_BYTES_MAX ((size_t)1 << 30) /* of one file */

/* A file as it was last read or written, to notice when somebody else has changed it. */
struct nima_json_file {
    char *path; /* below the folder */
    bool there;
    struct stat info;
    unsigned char hash[32];
};

/* db->shared */
struct nima_json_dir {
    char *folder;
    int lock;                /* descriptor of .lock; -1: only looking */
    char name[64];           /* of the database in memory */
    struct nima_db *keeper;  /* keeps that in being */
    atomic_bool out_of_step; /* the files are newer than the tables in memory */
    /* Below: owned by whoever is within a transaction that writes, of which there is one. */
    bool dirty[NIMA_JSON_TABLES_MAX]; /* tables changed in this transaction, by their number */
    struct nima_json_file files[NIMA_JSON_FILES_MAX];
    size_t file_count;
    bool saves;      /* from the end of loading on */
    bool unfinished; /* a commit that stands in the journal is not yet in its files */
    struct nima_buf notes;
};

/* One file of a commit. */
struct nima_json_change {
    const char *path;
    struct nima_buf data;
    bool gone; /* to be removed */
};
struct nima_json_commit {
    struct nima_json_change items[NIMA_JSON_FILES_MAX];
    size_t count;
};
void nima_json_commit_init(struct nima_json_commit *commit);
void nima_json_commit_done(struct nima_json_commit *commit);
struct nima_json_change *nima_json_commit_add(struct nima_json_commit *commit, const char *path);

/* Takes the lock and completes what a crash left. LOOK: does neither. */
NIMA_MUST_USE nima_rc nima_json_files_open(struct nima_ctx *ctx, struct nima_json_dir *dir,
                                           enum nima_db_mode mode);
void nima_json_files_close(struct nima_json_dir *dir);
/* NOT_FOUND when there is none; remembers what it was like. */
NIMA_MUST_USE nima_rc nima_json_files_read(struct nima_ctx *ctx, struct nima_json_dir *dir,
                                           const char *path, nima_str *out);
/* On disk, all of it, when this returns NIMA_OK; else none. */
NIMA_MUST_USE nima_rc nima_json_files_commit(struct nima_ctx *ctx, struct nima_json_dir *dir,
                                             struct nima_json_commit *commit);

/* The tables that have files: those of nima_tables, and schema_migrations. NULL at the end. */
const struct nima_table *nima_json_table(size_t number);
NIMA_MUST_USE nima_rc nima_json_load(struct nima_ctx *ctx, struct nima_db *db,
                                     enum nima_db_mode mode);
/* Writes the files of dirty tables. */
NIMA_MUST_USE nima_rc nima_json_save(struct nima_ctx *ctx, struct nima_db *db);
