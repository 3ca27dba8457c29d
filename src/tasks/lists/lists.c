/*
 * Lists: finding their files by name, and changing them under the folder's lock.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "language/language.h"
#include "tasks/file/file_int.h"
#include "tasks/lists/lists_int.h"
#include "util/digest.h"

enum { PERSON_CHARS_MAX = 64 };

static const nima_str suffix = NIMA_STR_INIT(".md");
static const nima_str shopping = NIMA_STR_INIT("shopping"), to_do = NIMA_STR_INIT("to-do");

/* Names */

/* What people call the two lists that everybody has, folded, in the languages of src/language. */
static const struct {
    const char *said, *name;
} known[] = {{"grocery", "shopping"},
             {"groceries", "shopping"},
             {"shop", "shopping"},
             {"food", "shopping"},
             {"supermarket", "shopping"},
             {"einkaufs", "shopping"},
             {"einkaufsliste", "shopping"},
             {"einkauf", "shopping"},
             {"courses", "shopping"},
             {"compra", "shopping"},
             {"compras", "shopping"},
             {"spesa", "shopping"},
             {"boodschappen", "shopping"},
             {"boodschappenlijst", "shopping"},
             {"todo", "to-do"},
             {"to do", "to-do"},
             {"to-do", "to-do"},
             {"todos", "to-do"},
             {"to dos", "to-do"},
             {"to-dos", "to-do"},
             {"task", "to-do"},
             {"tasks", "to-do"},
             {"things to do", "to-do"},
             {"aufgaben", "to-do"},
             {"aufgabenliste", "to-do"},
             {"taches", "to-do"},
             {"tareas", "to-do"},
             {"tarefas", "to-do"},
             {"attivita", "to-do"},
             {"taken", "to-do"},
             {"takenlijst", "to-do"},
             {NULL, NULL}};

static const char *const fillers[] = {"my",    "the",   "our",   "a",      "list",  "lists",
                                      "meine", "die",   "der",   "ma",     "la",    "liste",
                                      "lista", "mi",    "de",    "del",    "des",   "of",
                                      "mijn",  "lijst", "minha", "called", "named", NULL};

static bool is_filler(nima_str word)
{
    for (size_t i = 0; fillers[i] != NULL; i++) {
        if (nima_str_eq(word, nima_str_of(fillers[i]))) {
            return true;
        }
    }
    return false;
}

nima_str nima_lists_key(struct nima_ctx *ctx, nima_str name)
{
    nima_str folded = nima_language_fold(ctx, name), word, key = NIMA_STR("");
    char *plain = nima_alloc(ctx->arena, folded.len + 1);
    for (size_t i = 0; i < folded.len; i++) { /* "to-do" and "to do" read the same */
        bool apart = strchr("-_/\\.", folded.ptr[i]) != NULL || (unsigned char)folded.ptr[i] < ' ';
        plain[i] = apart ? ' ' : folded.ptr[i];
    }
    nima_str rest = {plain, folded.len};
    nima_str spaced = rest;
    while (nima_str_next(&rest, ' ', &word)) {
        if (word.len > 0 && !is_filler(word)) {
            key = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(key), key.len > 0 ? " " : "",
                           NIMA_ARG(word));
        }
    }
    key = key.len > 0 ? key : nima_str_trim(spaced);
    for (size_t i = 0; known[i].said != NULL; i++) {
        if (nima_str_eq(key, nima_str_of(known[i].said))) {
            return nima_str_of(known[i].name);
        }
    }
    return key;
}

/* The name of a new list as it was said, without what only says that it is one. */
static nima_rc plain_name(struct nima_ctx *ctx, const char *field, nima_str said, nima_str *out)
{
    nima_str key = nima_lists_key(ctx, said);
    bool common = nima_str_eq(key, shopping) || nima_str_eq(key, to_do);
    nima_str name = common ? key : nima_str_trim(said);
    static const nima_str ends[] = {NIMA_STR_INIT(" list"), NIMA_STR_INIT(" liste"),
                                    NIMA_STR_INIT(" lista")};
    static const nima_str starts[] = {NIMA_STR_INIT("my "), NIMA_STR_INIT("the "),
                                      NIMA_STR_INIT("our ")};
    for (size_t i = 0; i < 3 && !common; i++) {
        if (name.len > ends[i].len &&
            nima_str_eq_nocase(nima_str_sub(name, name.len - ends[i].len, name.len), ends[i])) {
            name = nima_str_trim(nima_str_sub(name, 0, name.len - ends[i].len));
        }
        if (nima_str_starts_nocase(name, starts[i])) {
            name = nima_str_trim(nima_str_sub(name, starts[i].len, name.len));
        }
    }
    if (name.len == 0 || !nima_utf8_valid(name) ||
        nima_utf8_count(name) > NIMA_LIST_NAME_CHARS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "a list's name has 1..%d characters",
                               NIMA_LIST_NAME_CHARS_MAX);
    }
    char *copy = nima_cstr(ctx, name);
    for (size_t i = 0; i < name.len; i++) { /* what no file name may hold, or hides a file */
        bool bad = copy[i] == '/' || copy[i] == '\\' || (unsigned char)copy[i] < 0x20 ||
                   copy[i] == 0x7F || (i == 0 && copy[i] == '.');
        copy[i] = bad ? '-' : copy[i];
    }
    *out = (nima_str){copy, name.len};
    return NIMA_OK;
}

static nima_str folder_of(struct nima_ctx *ctx)
{
    nima_str person = ctx->user_id;
    if (person.len == 0 || nima_str_eq(person, NIMA_STR("default"))) {
        return NIMA_STR("lists");
    }
    bool plain = person.len <= PERSON_CHARS_MAX && person.ptr[0] != '.';
    for (size_t i = 0; i < person.len && plain; i++) {
        plain = isalnum((unsigned char)person.ptr[i]) || strchr("-_.@", person.ptr[i]) != NULL;
    }
    nima_str name = plain ? person : nima_sha256_hex(ctx, person);
    return nima_fmt(ctx, "people/" NIMA_FMT "/lists", NIMA_ARG(name));
}

static nima_str path_of(struct nima_ctx *ctx, nima_str name)
{
    nima_str folder = folder_of(ctx);
    return nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT ".md", NIMA_ARG(folder), NIMA_ARG(name));
}

/* The folder, its lock and the file */

static const struct nima_action lists_action = {.name = "lists", .doc = "Changes a list."};

static nima_rc check_policy(struct nima_ctx *ctx, const struct nima_tasks *tasks)
{
    struct nima_policy policy;
    NIMA_TRY(nima_policy_decide(ctx, tasks, &nima_integration_file, &lists_action, NULL, &policy));
    if (tasks->roots.count == 0) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         "there is no folder for files: set tasks.file_roots");
    }
    bool ruled = !nima_str_starts(policy.row, NIMA_STR("tasks.file_permission"));
    if (policy.verdict == NIMA_DENY || (policy.verdict != NIMA_ALLOW && ruled)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "lists are not changed here (" NIMA_FMT ")",
                         NIMA_ARG(policy.row));
    }
    return NIMA_OK;
}

/* The open folder, locked; -1 when there is none and it is not to be made. */
static nima_rc lock_folder(struct nima_ctx *ctx, struct nima_tasks *tasks, bool make, int *fd_out)
{
    struct nima_place place;
    nima_str probe = path_of(ctx, NIMA_STR("x"));
    nima_rc rc = nima_place_open(ctx, &tasks->roots, (nima_str){0}, probe, make, &place);
    *fd_out = -1;
    if (rc == NIMA_E_NOT_FOUND && !make) {
        ctx->error = (struct nima_error){0};
        nima_place_done(&place);
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    int fd = openat(place.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int locked = -1;
    while (fd >= 0 && (locked = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
    }
    nima_place_done(&place);
    if (fd < 0 || locked != 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return nima_place_fail(ctx, folder_of(ctx), error);
    }
    *fd_out = fd;
    return NIMA_OK;
}

static void unlock_folder(int fd)
{
    if (fd >= 0) {
        close(fd); /* the lock goes with it */
    }
}

/* The file name (without .md) of the list that reads the same; absent: there is none. */
static nima_str find_file(struct nima_ctx *ctx, int folder, nima_str name)
{
    nima_str found = {NULL, 0}, key = nima_lists_key(ctx, name);
    int fd = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return found;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        nima_str file = nima_str_of(entry->d_name);
        if (file.ptr[0] == '.' || !nima_str_ends(file, suffix)) {
            continue;
        }
        nima_str stem = nima_str_sub(file, 0, file.len - suffix.len);
        if (nima_str_eq(nima_lists_key(ctx, stem), key)) {
            found = nima_str_copy(ctx->arena, stem);
            break;
        }
    }
    closedir(dir);
    return found;
}

static nima_rc read_file(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str stem,
                         nima_str *content, struct stat *info)
{
    struct nima_place place;
    NIMA_TRY(nima_place_open(ctx, &tasks->roots, (nima_str){0}, path_of(ctx, stem), false, &place));
    nima_rc rc = nima_place_content(ctx, &place, NIMA_LIST_BYTES_MAX, content, info);
    nima_place_done(&place);
    return rc;
}

static nima_rc write_file(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str stem,
                          nima_str content, const struct stat *old)
{
    struct nima_place place;
    if (content.len > NIMA_LIST_BYTES_MAX) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "a list holds at most %d bytes",
                         NIMA_LIST_BYTES_MAX);
    }
    NIMA_TRY(nima_place_open(ctx, &tasks->roots, (nima_str){0}, path_of(ctx, stem), true, &place));
    nima_rc rc = nima_place_write(ctx, &place, content, old, old == NULL, NULL);
    nima_place_done(&place);
    return rc;
}

static nima_rc remove_file(struct nima_ctx *ctx, int folder, nima_str stem)
{
    const char *name = nima_fmt(ctx, NIMA_FMT ".md", NIMA_ARG(stem)).ptr;
    return unlinkat(folder, name, 0) == 0 && fsync(folder) == 0
               ? NIMA_OK
               : nima_place_fail(ctx, path_of(ctx, stem), errno);
}

/* Looking */

static void view_of(struct nima_ctx *ctx, nima_str name, const struct nima_lists_file *file,
                    const struct stat *info, struct nima_lists_view *out)
{
    *out = (struct nima_lists_view){.name = name};
    out->items.items = NIMA_NEW(ctx->arena, struct nima_lists_item, file->count);
    for (size_t i = 0; i < file->count; i++) {
        const struct nima_lists_line *line = &file->lines[i];
        if (line->is_item) {
            out->items.items[out->items.count++] = (struct nima_lists_item){line->item, line->done};
            out->open += !line->done;
        }
    }
    out->updated_at = info != NULL ? (int64_t)info->st_mtim.tv_sec * 1000 : 0;
}

static bool always_there(struct nima_ctx *ctx, nima_str name, nima_str *out)
{
    nima_str key = nima_lists_key(ctx, name);
    *out = key;
    return nima_str_eq(key, shopping) || nima_str_eq(key, to_do);
}

static nima_rc get_locked(struct nima_ctx *ctx, struct nima_tasks *tasks, int folder, nima_str name,
                          struct nima_lists_view *out)
{
    struct nima_lists_file file = {0};
    struct stat info;
    nima_str content, common, stem = find_file(ctx, folder, name);
    if (stem.ptr == NULL && always_there(ctx, name, &common)) {
        view_of(ctx, common, &file, NULL, out);
        return NIMA_OK;
    }
    if (stem.ptr == NULL) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no list called \"" NIMA_FMT "\"",
                         NIMA_ARG(nima_utf8_prefix(name, NIMA_LIST_NAME_CHARS_MAX)));
    }
    NIMA_TRY(read_file(ctx, tasks, stem, &content, &info));
    nima_lists_parse(ctx, content, 0, &file);
    view_of(ctx, stem, &file, &info, out);
    return NIMA_OK;
}

nima_rc nima_lists_get(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str name,
                       struct nima_lists_view *out)
{
    int folder;
    NIMA_TRY(lock_folder(ctx, tasks, false, &folder));
    nima_rc rc = get_locked(ctx, tasks, folder, name, out);
    unlock_folder(folder);
    return rc;
}

nima_rc nima_lists_text(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str name,
                        nima_str *out)
{
    int folder;
    struct stat info;
    NIMA_TRY(lock_folder(ctx, tasks, false, &folder));
    nima_str stem = find_file(ctx, folder, name), text = {NULL, 0};
    nima_rc rc = stem.ptr != NULL ? read_file(ctx, tasks, stem, &text, &info) : NIMA_OK;
    unlock_folder(folder);
    NIMA_TRY(rc);
    *out = text;
    return NIMA_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct nima_lists_view *x = a, *y = b;
    return nima_str_cmp(x->name, y->name);
}

nima_rc nima_lists_all(struct nima_ctx *ctx, struct nima_tasks *tasks, struct nima_lists_views *out)
{
    int folder;
    struct nima_lists_views views = {NIMA_NEW(ctx->arena, struct nima_lists_view, NIMA_LISTS_MAX),
                                     0};
    NIMA_TRY(lock_folder(ctx, tasks, false, &folder));
    int fd = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    nima_rc rc = NIMA_OK;
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL;
         entry != NULL && views.count < NIMA_LISTS_MAX && rc == NIMA_OK; entry = readdir(dir)) {
        nima_str file = nima_str_of(entry->d_name);
        if (file.ptr[0] != '.' && nima_str_ends(file, suffix)) {
            nima_str stem = nima_str_copy(ctx->arena, nima_str_sub(file, 0, file.len - suffix.len));
            rc = get_locked(ctx, tasks, folder, stem, &views.items[views.count]);
            views.count += rc == NIMA_OK;
            rc = rc == NIMA_E_NOT_FOUND || rc == NIMA_E_INVALID ? NIMA_OK : rc;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    unlock_folder(folder);
    NIMA_TRY(rc);
    qsort(views.items, views.count, sizeof(views.items[0]), by_name);
    *out = views;
    return NIMA_OK;
}

/* Changing */

struct change {
    struct nima_tasks *tasks;
    const struct nima_lists_change *asked;
    struct nima_lists_outcome *out;
    struct nima_lists_file file;
    struct stat info;
    nima_str stem; /* absent: the file is not there */
    int folder;
};

static void add_text(struct nima_lists_texts *texts, nima_str text)
{
    texts->items[texts->count++] = text;
}

static nima_rc check_items(struct nima_ctx *ctx, const struct nima_lists_change *asked)
{
    if (asked->count > NIMA_LIST_ITEMS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "items", "at most %d items at once",
                               NIMA_LIST_ITEMS_MAX);
    }
    for (size_t i = 0; i < asked->count; i++) {
        nima_str item = nima_str_trim(asked->items[i]);
        bool lines = nima_str_find(item, NIMA_STR("\n"), 0) != SIZE_MAX ||
                     nima_str_find(item, NIMA_STR("\r"), 0) != SIZE_MAX;
        if (item.len == 0 || lines || !nima_utf8_valid(item) ||
            nima_utf8_count(item) > NIMA_LIST_ITEM_CHARS_MAX) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "items",
                                   "an item is one line of 1..%d characters",
                                   NIMA_LIST_ITEM_CHARS_MAX);
        }
    }
    return NIMA_OK;
}

static nima_rc add_items(struct nima_ctx *ctx, struct change *job)
{
    size_t there = 0;
    for (size_t i = 0; i < job->file.count; i++) {
        there += job->file.lines[i].is_item;
    }
    if (there + job->asked->count > NIMA_LIST_ITEMS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "items", "a list holds at most %d items",
                               NIMA_LIST_ITEMS_MAX);
    }
    for (size_t i = 0; i < job->asked->count; i++) {
        nima_str item = nima_str_trim(job->asked->items[i]);
        size_t line = SIZE_MAX;
        for (size_t n = 0; n < job->file.count && line == SIZE_MAX; n++) {
            bool same = job->file.lines[n].is_item &&
                        nima_lists_same_item(ctx, item, job->file.lines[n].item);
            line = same ? n : SIZE_MAX;
        }
        if (line == SIZE_MAX) {
            nima_lists_append(ctx, &job->file, item);
            add_text(&job->out->changed, item);
        } else if (job->file.lines[line].done) {
            nima_lists_mark(ctx, &job->file, line, false);
            add_text(&job->out->changed, job->file.lines[line].item);
        } else {
            add_text(&job->out->already, job->file.lines[line].item);
        }
    }
    return NIMA_OK;
}

static void change_items(struct nima_ctx *ctx, struct change *job)
{
    bool tick = job->asked->what == NIMA_LISTS_TICK;
    for (size_t i = 0; i < job->asked->count; i++) {
        size_t line = nima_lists_find(ctx, &job->file, job->asked->items[i]);
        if (line == SIZE_MAX) {
            add_text(&job->out->missing, job->asked->items[i]);
            continue;
        }
        nima_str item = job->file.lines[line].item;
        if (job->asked->what == NIMA_LISTS_REMOVE) {
            nima_lists_drop(&job->file, line);
        } else if (job->file.lines[line].done == tick) {
            add_text(&job->out->already, item);
            continue;
        } else {
            nima_lists_mark(ctx, &job->file, line, tick);
        }
        add_text(&job->out->changed, item);
    }
}

static void move_item(struct nima_ctx *ctx, struct change *job)
{
    size_t line =
        job->asked->count == 1 ? nima_lists_find(ctx, &job->file, job->asked->items[0]) : SIZE_MAX;
    if (line == SIZE_MAX) {
        if (job->asked->count > 0) {
            add_text(&job->out->missing, job->asked->items[0]);
        }
        return;
    }
    struct nima_lists_line moved = job->file.lines[line];
    nima_lists_drop(&job->file, line);
    size_t at = 0, items = 0;
    while (at < job->file.count &&
           (!job->file.lines[at].is_item || (int64_t)items < job->asked->position)) {
        items += job->file.lines[at].is_item;
        at++;
    }
    memmove(&job->file.lines[at + 1], &job->file.lines[at],
            (job->file.count - at) * sizeof(job->file.lines[0]));
    job->file.lines[at] = moved;
    job->file.count++;
    add_text(&job->out->changed, moved.item);
}

static void clear_items(struct change *job)
{
    size_t kept = 0;
    for (size_t i = 0; i < job->file.count; i++) {
        if (job->file.lines[i].is_item) {
            add_text(&job->out->changed, job->file.lines[i].item);
        } else {
            job->file.lines[kept++] = job->file.lines[i];
        }
    }
    job->file.count = kept;
}

static nima_rc rename_list(struct nima_ctx *ctx, struct change *job)
{
    nima_str name;
    NIMA_TRY(plain_name(ctx, "new_name", job->asked->new_name, &name));
    nima_str other = find_file(ctx, job->folder, name);
    if (other.ptr != NULL && !nima_str_eq(other, job->stem)) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "there is a list \"" NIMA_FMT "\" already",
                         NIMA_ARG(other));
    }
    const char *from = nima_fmt(ctx, NIMA_FMT ".md", NIMA_ARG(job->stem)).ptr;
    const char *to = nima_fmt(ctx, NIMA_FMT ".md", NIMA_ARG(name)).ptr;
    if (renameat(job->folder, from, job->folder, to) != 0 || fsync(job->folder) != 0) {
        return nima_place_fail(ctx, path_of(ctx, name), errno);
    }
    job->stem = name;
    return NIMA_OK;
}

static nima_rc apply(struct nima_ctx *ctx, struct change *job)
{
    switch (job->asked->what) {
    case NIMA_LISTS_CREATE:
    case NIMA_LISTS_ADD:
        return add_items(ctx, job);
    case NIMA_LISTS_CLEAR:
        clear_items(job);
        return NIMA_OK;
    case NIMA_LISTS_MOVE:
        move_item(ctx, job);
        return NIMA_OK;
    case NIMA_LISTS_RENAME:
        return rename_list(ctx, job);
    case NIMA_LISTS_DELETE:
        return remove_file(ctx, job->folder, job->stem);
    default:
        change_items(ctx, job);
        return NIMA_OK;
    }
}

static nima_rc read_before(struct nima_ctx *ctx, struct change *job)
{
    nima_str common;
    enum nima_lists_do what = job->asked->what;
    bool makes = what == NIMA_LISTS_CREATE || what == NIMA_LISTS_ADD;
    job->stem = find_file(ctx, job->folder, job->asked->name);
    if (job->stem.ptr != NULL) {
        if (what == NIMA_LISTS_CREATE && job->asked->count == 0) {
            return nima_fail(ctx, NIMA_E_CONFLICT, "there is a list \"" NIMA_FMT "\" already",
                             NIMA_ARG(job->stem));
        }
        job->out->before_name = job->stem;
        return read_file(ctx, job->tasks, job->stem, &job->out->before, &job->info);
    }
    bool common_one = always_there(ctx, job->asked->name, &common);
    if (!makes && (!common_one || what == NIMA_LISTS_RENAME || what == NIMA_LISTS_DELETE)) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no list called \"" NIMA_FMT "\"",
                         NIMA_ARG(nima_utf8_prefix(job->asked->name, NIMA_LIST_NAME_CHARS_MAX)));
    }
    NIMA_TRY(plain_name(ctx, "name", job->asked->name, &job->out->before_name));
    job->out->made = makes;
    return NIMA_OK;
}

static nima_rc change_locked(struct nima_ctx *ctx, struct change *job)
{
    struct nima_lists_outcome *out = job->out;
    NIMA_TRY(read_before(ctx, job));
    nima_lists_parse(ctx, out->before, job->asked->count + 1, &job->file);
    size_t room = job->file.count + job->asked->count + 1;
    out->changed.items = NIMA_NEW(ctx->arena, nima_str, room);
    out->missing.items = NIMA_NEW(ctx->arena, nima_str, room);
    out->already.items = NIMA_NEW(ctx->arena, nima_str, room);
    NIMA_TRY(apply(ctx, job));
    bool there = job->stem.ptr != NULL;
    nima_str name = there ? job->stem : out->before_name;
    bool writes = out->changed.count > 0 || out->made;
    if (writes && job->asked->what != NIMA_LISTS_RENAME && job->asked->what != NIMA_LISTS_DELETE) {
        NIMA_TRY(write_file(ctx, job->tasks, name, nima_lists_write(ctx, &job->file),
                            there ? &job->info : NULL));
    }
    view_of(ctx, name, &job->file, NULL, &out->list);
    out->list.updated_at = nima_ctx_now(ctx);
    return NIMA_OK;
}

nima_rc nima_lists_change(struct nima_ctx *ctx, struct nima_tasks *tasks,
                          const struct nima_lists_change *change, struct nima_lists_outcome *out)
{
    struct nima_lists_outcome made = {0};
    struct change job = {.tasks = tasks, .asked = change, .out = &made};
    NIMA_TRY(check_policy(ctx, tasks));
    NIMA_TRY(check_items(ctx, change));
    NIMA_TRY(lock_folder(ctx, tasks, true, &job.folder));
    nima_rc rc = change_locked(ctx, &job);
    unlock_folder(job.folder);
    NIMA_TRY(rc);
    *out = made;
    return NIMA_OK;
}

static nima_rc restore_locked(struct nima_ctx *ctx, struct nima_tasks *tasks, int folder,
                              nima_str name, nima_str after, nima_str before_name, nima_str before)
{
    struct stat info;
    nima_str now = {NULL, 0}, stem = find_file(ctx, folder, name);
    if (stem.ptr != NULL) {
        NIMA_TRY(read_file(ctx, tasks, stem, &now, &info));
    }
    if ((now.ptr == NULL) != (after.ptr == NULL) || !nima_str_eq(now, after)) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "the list has been changed since");
    }
    if (stem.ptr != NULL && (before.ptr == NULL || !nima_str_eq(stem, before_name))) {
        NIMA_TRY(remove_file(ctx, folder, stem));
        stem = (nima_str){NULL, 0};
    }
    return before.ptr != NULL
               ? write_file(ctx, tasks, before_name, before, stem.ptr != NULL ? &info : NULL)
               : NIMA_OK;
}

nima_rc nima_lists_restore(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str name,
                           nima_str after, nima_str before_name, nima_str before)
{
    int folder;
    NIMA_TRY(check_policy(ctx, tasks));
    NIMA_TRY(lock_folder(ctx, tasks, true, &folder));
    nima_rc rc = restore_locked(ctx, tasks, folder, name, after, before_name, before);
    unlock_folder(folder);
    return rc;
}
