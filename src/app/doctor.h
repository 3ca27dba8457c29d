#pragma once
/*
 * doctor: the checks of `nima doctor`. Each reports one line: how it is, what, and what to do.
 * Nothing here changes anything: no folder is made, no migration applied, no server disturbed.
 */
#include "app/config.h"
#include "util/buf.h"

enum nima_health { NIMA_WELL, NIMA_WARN, NIMA_ILL };

struct nima_doctor {
    struct nima_ctx *ctx;
    struct nima_config config;
    bool json;
    struct nima_buf lines; /* JSON: the checks so far */
    int warned, failed;
    /* What the server that already runs on our port says; it need not be loaded twice. */
    bool running, running_chat, running_embeddings;
};

/* One line. What to do is part of the text, behind a semicolon. */
void nima_doctor_tell(struct nima_doctor *doctor, enum nima_health health, const char *check,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

void nima_doctor_data(struct nima_doctor *doctor);
void nima_doctor_store(struct nima_doctor *doctor);
struct nima_store;
/* Rows about an open store. */
void nima_doctor_integrity(struct nima_doctor *doctor, struct nima_store *store);
void nima_doctor_vectors(struct nima_doctor *doctor, struct nima_store *store);
void nima_doctor_port(struct nima_doctor *doctor);
void nima_doctor_persona(struct nima_doctor *doctor);
void nima_doctor_packs(struct nima_doctor *doctor);
void nima_doctor_programs(struct nima_doctor *doctor);
void nima_doctor_models(struct nima_doctor *doctor);
