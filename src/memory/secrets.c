/* Texts that must never be remembered: keys, tokens, passwords, numbers of cards and accounts. When
 * in doubt it is one: a fact not kept can be told again. */
#include <ctype.h>
#include <string.h>

#include "memory/rules.h"

enum { CARD_DIGITS_MIN = 13, CARD_DIGITS_MAX = 19, IBAN_MIN = 15, IBAN_MAX = 34, RANDOM_MIN = 24 };

static bool luhn(const char *digits, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digits[count - 1 - i] - '0';
        if (i % 2 == 1) {
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        }
        sum += digit;
    }
    return sum % 10 == 0;
}

/* 13 to 19 digits, single blanks and hyphens between them, whose check digit is right. */
static bool card_number(nima_str text)
{
    for (size_t from = 0; from < text.len; from++) {
        if (!isdigit((unsigned char)text.ptr[from]) ||
            (from > 0 && isalnum((unsigned char)text.ptr[from - 1]))) {
            continue;
        }
        char digits[CARD_DIGITS_MAX + 1];
        size_t count = 0;
        for (size_t at = from; at < text.len && count <= CARD_DIGITS_MAX; at++) {
            char c = text.ptr[at];
            bool gap = (c == ' ' || c == '-') && at + 1 < text.len &&
                       isdigit((unsigned char)text.ptr[at + 1]);
            if (isdigit((unsigned char)c) && count < CARD_DIGITS_MAX) {
                digits[count++] = c;
            } else if (!gap) {
                break;
            }
        }
        if (count >= CARD_DIGITS_MIN && luhn(digits, count)) {
            return true;
        }
    }
    return false;
}

/* Two letters, two check digits, and the rest modulo 97 (ISO 13616). */
static bool iban_at(nima_str text, size_t from)
{
    char code[IBAN_MAX + 1];
    size_t count = 0;
    for (size_t at = from; at < text.len && count < IBAN_MAX; at++) {
        if (isalnum((unsigned char)text.ptr[at])) {
            code[count++] = (char)toupper((unsigned char)text.ptr[at]);
        } else if (text.ptr[at] != ' ') {
            break;
        }
    }
    bool shape = count >= IBAN_MIN && isalpha((unsigned char)code[0]) &&
                 isalpha((unsigned char)code[1]) && isdigit((unsigned char)code[2]) &&
                 isdigit((unsigned char)code[3]);
    for (size_t len = count; shape && len >= IBAN_MIN; len--) {
        unsigned rest = 0;
        for (size_t i = 0; i < len; i++) {
            char c = code[(i + 4) % len];
            rest = isdigit((unsigned char)c) ? (rest * 10 + (unsigned)(c - '0')) % 97
                                             : (rest * 100 + (unsigned)(c - 'A' + 10)) % 97;
        }
        if (rest == 1) {
            return true;
        }
    }
    return false;
}

static bool iban(nima_str text)
{
    for (size_t at = 0; at + IBAN_MIN <= text.len; at++) {
        bool starts = at == 0 || !isalnum((unsigned char)text.ptr[at - 1]);
        if (starts && iban_at(text, at)) {
            return true;
        }
    }
    return false;
}

struct format {
    const char *prefix; /* letter case counts */
    size_t more;        /* key characters that must follow */
};

/* Formats of keys and tokens as their issuers print them. */
static bool known_key(nima_str text)
{
    static const struct format formats[] = {
        {"sk-", 16},      {"sk_live_", 10},    {"sk_test_", 10},    {"rk_live_", 10},
        {"pk_live_", 10}, {"ghp_", 20},        {"gho_", 20},        {"ghu_", 20},
        {"ghs_", 20},     {"ghr_", 20},        {"github_pat_", 20}, {"glpat-", 12},
        {"AKIA", 12},     {"ASIA", 12},        {"xoxb-", 10},       {"xoxp-", 10},
        {"xoxa-", 10},    {"xoxr-", 10},       {"xoxs-", 10},       {"xapp-", 10},
        {"AIza", 25},     {"ya29.", 15},       {"hf_", 20},         {"npm_", 20},
        {"pypi-", 16},    {"SG.", 16},         {"key-", 24},        {"dop_v1_", 20},
        {"shpat_", 16},   {"eyJ", 20},         {"whsec_", 16},      {"AGE-SECRET-KEY-", 10},
        {"nima_", 20},    {"ssh-rsa AAAA", 8}, {"-----BEGIN ", 4},  {"Bearer ", 20},
    };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        nima_str prefix = nima_str_of(formats[i].prefix);
        for (size_t at = nima_str_find(text, prefix, 0); at != SIZE_MAX;
             at = nima_str_find(text, prefix, at + 1)) {
            size_t more = at + prefix.len;
            while (more < text.len &&
                   (isalnum((unsigned char)text.ptr[more]) || strchr("-_.=+/", text.ptr[more]))) {
                more++;
            }
            bool starts = at == 0 || !isalnum((unsigned char)text.ptr[at - 1]);
            if (starts && more - at - prefix.len >= formats[i].more) {
                return true;
            }
        }
    }
    return false;
}

/* One long word of letters of both cases and digits: nobody talks like that but keys. */
static bool random_word(nima_str text)
{
    size_t length = 0;
    int upper = 0;
    int lower = 0;
    int digits = 0;
    for (size_t at = 0; at <= text.len; at++) {
        unsigned char c = at < text.len ? (unsigned char)text.ptr[at] : ' ';
        if (isalnum(c) || c == '_' || c == '+' || c == '=') {
            length++;
            upper += isupper(c) != 0;
            lower += islower(c) != 0;
            digits += isdigit(c) != 0;
            continue;
        }
        bool hex = length >= 32 && digits >= 6 && (upper == 0 || lower == 0);
        if ((length >= RANDOM_MIN && upper >= 3 && lower >= 3 && digits >= 3) || hex) {
            return true;
        }
        length = 0;
        upper = lower = digits = 0;
    }
    return false;
}

static bool word_at(nima_str text, size_t at, size_t len)
{
    bool starts = at == 0 || !isalpha((unsigned char)text.ptr[at - 1]);
    bool ends = at + len >= text.len || !isalpha((unsigned char)text.ptr[at + len]) ||
                text.ptr[at + len] == 's';
    return starts && ends;
}

/* Words that announce a secret: the sentence goes, whatever stands behind them. */
static const char *announced(nima_str text)
{
    static const struct {
        const char *word, *what;
    } words[] = {
        {"password", "a password"},
        {"passwort", "a password"},
        {"passphrase", "a passphrase"},
        {"passcode", "a passcode"},
        {"passwd", "a password"},
        {"api key", "an API key"},
        {"apikey", "an API key"},
        {"api-key", "an API key"},
        {"secret key", "a key"},
        {"private key", "a private key"},
        {"access key", "a key"},
        {"access token", "a token"},
        {"auth token", "a token"},
        {"bearer token", "a token"},
        {"pin code", "a PIN"},
        {"my pin", "a PIN"},
        {"pin is", "a PIN"},
        {"cvv", "a card's code"},
        {"cvc", "a card's code"},
        {"security code", "a security code"},
        {"ssn", "a social security number"},
        {"social security", "a social security number"},
        {"credit card", "a card number"},
        {"debit card", "a card number"},
        {"card number", "a card number"},
        {"seed phrase", "a seed phrase"},
        {"recovery phrase", "a recovery phrase"},
        {"recovery code", "a recovery code"},
        {"2fa code", "a code"},
        {"one-time code", "a code"},
        {"login code", "a code"},
        {"wifi key", "a key"},
        {"aws key", "a key"},
        {"door code", "a door code"},
        {"alarm code", "an alarm code"},
        {"account number", "an account number"},
        {"routing number", "an account number"},
        {"passport number", "a passport number"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        nima_str word = nima_str_of(words[i].word);
        for (size_t at = nima_str_find_nocase(text, word, 0); at != SIZE_MAX;
             at = nima_str_find_nocase(text, word, at + 1)) {
            if (word_at(text, at, word.len)) {
                return words[i].what;
            }
        }
    }
    return NULL;
}

/* 078-05-1120 */
static bool social_security(nima_str text)
{
    for (size_t at = 0; at + 11 <= text.len; at++) {
        bool shape = at == 0 || !isalnum((unsigned char)text.ptr[at - 1]);
        for (size_t i = 0; shape && i < 11; i++) {
            char c = text.ptr[at + i];
            shape = i == 3 || i == 6 ? c == '-' : isdigit((unsigned char)c) != 0;
        }
        if (shape && (at + 11 == text.len || !isalnum((unsigned char)text.ptr[at + 11]))) {
            return true;
        }
    }
    return false;
}

const char *nima_memory_secret(nima_str text)
{
    const char *what = announced(text);
    if (what != NULL) {
        return what;
    }
    return known_key(text) || random_word(text) ? "a key or token"
           : card_number(text)                  ? "a card number"
           : iban(text)                         ? "a bank account number"
           : social_security(text)              ? "a social security number"
                                                : NULL;
}
