/* doctor: what a server needs beside its models: a folder, a store, a port, a persona. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/app.h"
#include "app/client.h"
#include "app/doctor.h"
#include "app/files.h"
#include "knowledge/knowledge.h"
#include "personality/personality.h"
#include "store/people.h"
#include "util/json.h"

enum { FREE_MIB_LEAST = 64, FREE_MIB_WARN = 1024, HEALTH_MS = 3000 };

/* The folder itself, or the nearest one above it that is there. */
static char *existing_folder(struct nima_ctx *ctx, nima_str folder)
{
    char *path = nima_cstr(ctx, folder);
    while (access(path, F_OK) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            return nima_cstr(ctx, NIMA_STR("."));
        }
        slash[slash == path] = '\0';
    }
    return path;
}

void nima_doctor_data(struct nima_doctor *doctor)
{
    nima_str folder = doctor->config.store.data;
    char *path = existing_folder(doctor->ctx, folder);
    struct stat info;
    struct statvfs disk;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        nima_doctor_tell(doctor, NIMA_ILL, "data folder",
                         "%s is no folder; name another with --data", path);
        return;
    }
    if (access(path, W_OK | X_OK) != 0 || statvfs(path, &disk) != 0) {
        nima_doctor_tell(doctor, NIMA_ILL, "data folder",
                         "%s cannot be written (%s); give this user the right to, or name another "
                         "folder with --data",
                         path, strerror(errno));
        return;
    }
    unsigned long long free_mib = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
    bool there = access(nima_cstr(doctor->ctx, folder), F_OK) == 0;
    enum nima_health health = free_mib < FREE_MIB_LEAST  ? NIMA_ILL
                              : free_mib < FREE_MIB_WARN ? NIMA_WARN
                                                         : NIMA_WELL;
    nima_doctor_tell(doctor, health, "data folder", NIMA_FMT "%s, %llu MiB free%s",
                     NIMA_ARG(folder), there ? "" : " (made at the first start)", free_mib,
                     health == NIMA_WELL ? "" : "; make room on this disk, or move the folder");
}

/* Beyond loopback the server starts only when somebody has a token. */
static void check_tokens(struct nima_doctor *doctor, struct nima_store *store)
{
    bool any = false;
    nima_str host = doctor->config.server.host;
    if (nima_is_loopback(host)) {
        return;
    }
    if (store != NULL && nima_tokens_any(doctor->ctx, store, &any) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "tokens", "%s", doctor->ctx->error.message);
    } else if (!any) {
        nima_doctor_tell(doctor, NIMA_ILL, "tokens",
                         "server.host is " NIMA_FMT " and nobody has a token; make one with: nima "
                         "token create --user NAME",
                         NIMA_ARG(host));
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "tokens", "needed and made");
    }
}

static void open_store(struct nima_doctor *doctor, size_t migrations)
{
    struct nima_store_options options = {.address = doctor->config.store.address, .readers = 1};
    struct nima_store *store = NULL;
    nima_rc rc = nima_store_open(doctor->ctx, &options, &store);
    if (rc == NIMA_OK) {
        rc = nima_store_ping(doctor->ctx, store);
    }
    if (rc == NIMA_E_BUSY && doctor->running) {
        nima_doctor_tell(doctor, NIMA_WELL, "store",
                         NIMA_FMT " is in use by the Nima that runs; stop it to have what is in "
                                  "the store looked through",
                         NIMA_ARG(nima_store_address_shown(doctor->ctx, options.address)));
    } else if (rc != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "store", "%s", doctor->ctx->error.message);
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "store", NIMA_FMT ", %zu of %zu migrations applied",
                         NIMA_ARG(nima_store_address_shown(doctor->ctx, options.address)),
                         migrations, migrations);
        nima_doctor_integrity(doctor, store);
        nima_doctor_vectors(doctor, store);
        check_tokens(doctor, store);
    }
    nima_store_close(store);
}

/* Looked at first without being opened for writing: opening applies what is missing. */
void nima_doctor_store(struct nima_doctor *doctor)
{
    struct nima_store_options options = {.address = doctor->config.store.address};
    struct nima_migration_states states;
    if (nima_store_migrations(doctor->ctx, &options, &states) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "store", "%s", doctor->ctx->error.message);
        return;
    }
    size_t applied = 0;
    for (size_t i = 0; i < states.count; i++) {
        applied += states.items[i].applied;
    }
    if (applied == states.count) {
        open_store(doctor, applied);
        return;
    }
    if (applied == 0) {
        nima_doctor_tell(doctor, NIMA_WELL, "store", NIMA_FMT " (made at the first start)",
                         NIMA_ARG(nima_store_address_shown(doctor->ctx, options.address)));
    } else {
        nima_doctor_tell(doctor, NIMA_WARN, "store",
                         NIMA_FMT ": %zu of %zu migrations applied; nima migrate up, or start the "
                                  "server",
                         NIMA_ARG(nima_store_address_shown(doctor->ctx, options.address)), applied,
                         states.count);
    }
    check_tokens(doctor, NULL);
}

/* 0 when the port could be listened on, else errno; -1: no such address. */
static int try_port(struct nima_ctx *ctx, nima_str host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char *service = nima_cstr(ctx, nima_fmt(ctx, "%d", port));
    if (getaddrinfo(nima_cstr(ctx, host), service, &hints, &found) != 0) {
        return -1;
    }
    int problem = 0, yes = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        problem = errno;
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        /* Listening too: two may be bound with SO_REUSEADDR, but only one may listen. */
        if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0) {
            problem = errno;
        }
        close(fd);
    }
    freeaddrinfo(found);
    return problem;
}

/* The port is taken: by a Nima? */
static void ask_who(struct nima_doctor *doctor, int port)
{
    struct nima_ctx *ctx = doctor->ctx;
    nima_str url = nima_client_url(ctx, doctor->config.server.host, port);
    struct nima_client_call call = {.url = nima_fmt(ctx, NIMA_FMT "/health", NIMA_ARG(url)),
                                    .connect_ms = HEALTH_MS,
                                    .total_ms = HEALTH_MS};
    struct nima_client_reply reply;
    const struct nima_json *health = NULL;
    nima_rc rc = nima_client_run(ctx, &call, &reply);
    if (rc == NIMA_OK) {
        rc = nima_json_parse(ctx, reply.body, &health);
    }
    nima_str version = {NULL, 0};
    if (rc == NIMA_OK && nima_json_get(health, "embeddings_loaded") != NULL) {
        version = nima_json_str(nima_json_get(health, "version"));
    }
    if (version.len == 0) {
        nima_doctor_tell(doctor, NIMA_ILL, "port",
                         "%d is taken by another program; take another with --port, or see whose "
                         "it is: ss -ltnp 'sport = :%d'",
                         port, port);
        return;
    }
    doctor->running = true;
    doctor->running_chat = nima_json_bool(nima_json_get(health, "model_loaded"), false);
    doctor->running_embeddings = nima_json_bool(nima_json_get(health, "embeddings_loaded"), false);
    nima_doctor_tell(doctor, NIMA_WELL, "port", "Nima " NIMA_FMT " runs at " NIMA_FMT " already",
                     NIMA_ARG(version), NIMA_ARG(url));
}

void nima_doctor_port(struct nima_doctor *doctor)
{
    nima_str host = doctor->config.server.host;
    int port = (int)doctor->config.server.port;
    int problem = try_port(doctor->ctx, host, port);
    if (problem == EADDRINUSE) {
        ask_who(doctor, port);
    } else if (problem == -1 || problem == EADDRNOTAVAIL) {
        nima_doctor_tell(doctor, NIMA_ILL, "port",
                         NIMA_FMT " is no address of this machine; set server.host or --host",
                         NIMA_ARG(host));
    } else if (problem == EACCES) {
        nima_doctor_tell(doctor, NIMA_ILL, "port",
                         "this user may not listen on %d; take one from 1024 on with --port", port);
    } else if (problem != 0) {
        nima_doctor_tell(doctor, NIMA_ILL, "port", NIMA_FMT ":%d: %s; set server.host or --host",
                         NIMA_ARG(host), port, strerror(problem));
    } else if (port == 0) {
        nima_doctor_tell(doctor, NIMA_WELL, "port", "any free one");
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "port", NIMA_FMT ":%d is free", NIMA_ARG(host), port);
    }
}

void nima_doctor_persona(struct nima_doctor *doctor)
{
    struct nima_ctx *ctx = doctor->ctx;
    struct nima_personality_options options = {.file = doctor->config.personality.file,
                                               .folder = doctor->config.personality.folder,
                                               .persona = doctor->config.personality.persona};
    struct nima_personality *personality;
    if (nima_personality_open(ctx, &options, &personality) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "persona", "%s", ctx->error.message);
        return;
    }
    nima_str problem = nima_personality_problem(ctx, personality);
    struct nima_texts names;
    nima_personality_names(ctx, personality, &names);
    struct nima_persona persona;
    if (problem.ptr != NULL) {
        nima_doctor_tell(doctor, NIMA_WARN, "persona",
                         NIMA_FMT "; it is left out until that is mended", NIMA_ARG(problem));
    } else if (nima_personality_get(ctx, personality, (nima_str){NULL, 0}, &persona) == NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_WELL, "persona", NIMA_FMT " in " NIMA_FMT ", one of %zu",
                         NIMA_ARG(persona.id), NIMA_ARG(persona.file), names.count);
    }
    nima_personality_close(personality);
}

void nima_doctor_packs(struct nima_doctor *doctor)
{
    struct nima_pack_folders folders = nima_app_packs(doctor->ctx, &doctor->config);
    struct nima_knowledge_options options = {.shipped = folders.shipped, .own = folders.own};
    struct nima_knowledge *knowledge = nima_knowledge_new(&options);
    struct nima_pack_state state;
    nima_knowledge_tick(doctor->ctx, knowledge);
    nima_knowledge_state(doctor->ctx, knowledge, &state);
    if (state.problems.count > 0) {
        nima_doctor_tell(
            doctor, NIMA_WARN, "packs", NIMA_FMT "; %zu left out, %lld served: mend or remove it",
            NIMA_ARG(state.problems.items[0]), state.problems.count, (long long)state.count);
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "packs", "%lld knowledge packs",
                         (long long)state.count);
    }
    nima_knowledge_free(knowledge);
}
