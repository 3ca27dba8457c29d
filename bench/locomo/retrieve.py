#!/usr/bin/env python3
"""Reference of the message ranking: numpy, deterministic, no language model.

  LOCOMO=… python retrieve.py [--plain | --no-vectors | --english-off | --without FEATURE]

Needs bare.npy (one vector a turn: "Speaker: text; caption") and q.npy (one a question), made by
embed.py through POST /v1/embeddings. Constants were fitted on conversations 1-5 only (listwise softmax), then rounded by hand.
The server ranks by the same formulas (docs/memory.md); run.py measures it.
"""
import json, math, re, sys
import numpy as np
import snowballstemmer
import data

# ---- constants -------------------------------------------------------------------------------
K1, B_LEN = 0.9, 0.4            # BM25
CAPTION_TF = 0.5                # a caption's word counts half
BACK = (0.7, 0.5, 0.4, 0.3)     # a word said 1, 2, 3, 4 messages earlier answers so much
AHEAD = (0.5, 0.3, 0.2)         # ... 1, 2, 3 messages later
W = dict(words=0.42,            # words answered here or nearby (max per term)
         session=0.25,          # the best such score in this session
         vector=4.4, vector_prev=2.5, vector_next=1.6,   # cosines
         answers=0.17,          # own BM25 of the message before, if that one is a question
         speaker=1.0,           # said by somebody the query names
         date=3.5,              # month (1), its day too (2), year (0.3) named in the query
         question=-0.43,        # ends with a question mark
         content=0.8,           # ln(1 + sum of the idf of its distinct terms), capped
         self=0.6,              # speaks of the speaker (I, my, we, our ...)      English
         when=0.95)             # "when ..." asked: words of time in it (0..2)   English
CONTENT_CAP = 100.0             # idf mass; about 20 content words

STOP = set("""a about again ain't all also am an and any anything are as at be because been being but by can could did
do does doing don done each for from get give go good got had has have having he hello her here hers hey hi him his
how i if in into is isn it its just know let ll m me mine more my myself no nor not now of off ok okay on or our ours
out please re really remember s say she should so some something such t tell than thank thanks that the their them
then there these they thing things this those to too up us user ve very was we were what when where which who whom
whose why will with would you your yours yourself""".split())   # src/memory/words.c
SAME = """go went gone;make made;take took taken;come came;see saw seen;know knew known;give gave given;find found;
think thought;tell told;become became;leave left;feel felt;bring brought;begin began begun;keep kept;hold held;
write wrote written;stand stood;hear heard;mean meant;meet met;run ran;pay paid;sit sat;speak spoke spoken;lead led;
grow grew grown;lose lost;fall fell fallen;send sent;build built;understand understood;draw drew drawn;
break broke broken;spend spent;drive drove driven;buy bought;wear wore worn;choose chose chosen;eat ate eaten;
teach taught;sell sold;catch caught;fight fought;throw threw thrown;ride rode ridden;sing sang sung;win won;
swim swam swum;fly flew flown;sleep slept;forget forgot forgotten;drink drank drunk;steal stole stolen;
shake shook shaken;hide hid hidden;rise rose risen;lay laid;lie lain;seek sought;shoot shot;stick stuck;
strike struck;swear swore sworn;tear tore torn;wake woke woken;bite bit bitten;blow blew blown;deal dealt;dig dug;
feed fed;freeze froze frozen;hang hung;learn learnt;light lit;dream dreamt;bend bent;bind bound;bleed bled;
breed bred;kneel knelt;lend lent;shine shone;shrink shrank;sink sank sunk;slide slid;spin spun;spring sprang;
string strung;sweep swept;weep wept;child children kid kids;man men;woman women;person people;foot feet;tooth teeth;
mouse mice;goose geese;wife wives;life lives;knife knives;leaf leaves;shelf shelves;wolf wolves;half halves;
mom mum mother mama;dad father papa;grandma grandmother granny;grandpa grandfather;photo picture pic photograph;
tv television;movie film;bike bicycle;1 one;2 two;3 three;4 four;5 five;6 six;7 seven;8 eight;9 nine;10 ten;
11 eleven;12 twelve"""
CANON = {w: group.split()[0] for group in SAME.replace('\n', '').split(';') for w in group.split()}
SELF = set("i my we our me".split())
TIME = set("""yesterday today tomorrow tonight week weekend month year day monday tuesday wednesday thursday friday saturday
sunday january february march april may june july august september october november december ago last next morning
evening night recently since soon summer winter spring fall autumn date""".split())
MONTHS = [m.lower() for m in data.MONTHS]
WHEN = re.compile(r'^when|how long|(what|which) (month|year|date|day)')
BASIC = '--plain' in sys.argv
if '--no-vectors' in sys.argv: W.update(vector=0, vector_prev=0, vector_next=0)
if '--english-off' in sys.argv: W.update(self=0, when=0)
if '--without' in sys.argv: W[sys.argv[sys.argv.index('--without') + 1]] = 0
for a in sys.argv[1:]:
    if '=' in a: W[a.split('=')[0]] = float(a.split('=')[1])

# ---- words -----------------------------------------------------------------------------------
_stemmer, _stems = snowballstemmer.stemmer('english'), {}
def words(text): return re.findall(r"[^\W_]+", text.lower().replace('’', "'"))
def term(word):
    if word not in _stems: _stems[word] = _stemmer.stemWord(CANON.get(word, word))
    return _stems[word]
def terms(text): return [term(w) for w in words(text) if w not in STOP]

# ---- what is stored of a message -------------------------------------------------------------
def quantise(x):
    s = np.abs(x).max(1, keepdims=True) / 127
    return np.round(x / s) * s
class Index:
    def __init__(self, turns, vectors):
        self.n = n = len(turns)
        self.session = np.array([t['s'] for t in turns])
        self.speaker = [t['speaker'].lower() for t in turns]
        self.vectors = quantise(vectors)
        self.postings, lengths = {}, np.zeros(n)
        for i, t in enumerate(turns):
            tf = {}
            for w in terms(t['text']): tf[w] = tf.get(w, 0) + 1.0
            for w in terms(t['cap']): tf[w] = tf.get(w, 0) + CAPTION_TF
            lengths[i] = sum(tf.values())
            for w, f in tf.items(): self.postings.setdefault(w, []).append((i, f))
        self.norm = K1 * (1 - B_LEN + B_LEN * lengths / lengths.mean())
        self.idf = {w: math.log(1 + (n - len(p) + .5) / (len(p) + .5)) for w, p in self.postings.items()}
        mass = np.zeros(n)
        for w, p in self.postings.items():
            for i, _ in p: mass[i] += self.idf[w]
        low = [set(words(t['text'])) for t in turns]
        self.question = np.array([t['text'].rstrip().endswith('?') for t in turns], float)
        self.time = np.array([min(2, len(TIME & w)) for w in low], float)
        self.prior = (W['question'] * self.question + W['content'] * np.log1p(np.minimum(mass, CONTENT_CAP)) +
                      W['self'] * np.array([bool(SELF & w) for w in low]))
        self.dates = []
        for t in turns:
            d, m, y = data.day(t['date']).lower().split()
            self.dates.append((int(d), MONTHS.index(m) + 1, int(y)))
    def near(self, x, d):
        """x of the message d places on; 0 across a session's border"""
        out = np.zeros_like(x); s = self.session
        if d > 0: out[:-d] = x[d:] * (s[:-d] == s[d:])
        else: out[-d:] = x[:d] * (s[-d:] == s[:d])
        return out
    def near_or_own(self, x, d):
        out = x.copy(); s = self.session
        if d > 0: out[:-d] = np.where(s[:-d] == s[d:], x[d:], x[:-d])
        else: out[-d:] = np.where(s[-d:] == s[:d], x[:d], x[-d:])
        return out

# ---- the query -------------------------------------------------------------------------------
def named_date(query):
    tokens = re.findall(r"[^\W_]+", query)
    months = [MONTHS.index(w.lower()) + 1 for k, w in enumerate(tokens) if w.lower() in MONTHS and
              (w.lower() not in ('may', 'march') or (k > 0 and w[0].isupper()))]
    years = [int(w) for w in tokens if re.fullmatch(r'(19|20)\d\d', w)]
    days = [int(m.group(1)) for w in tokens if (m := re.fullmatch(r'(\d{1,2})(th|st|nd|rd)?', w.lower()))]
    return months, days, years
def search(ix, query, vector, names):
    said = set(words(query))
    asked = {n for n in names if n in said}          # participants the query names
    words_, own = np.zeros(ix.n), np.zeros(ix.n)
    for t in dict.fromkeys(terms(query)):
        if t not in ix.postings or t in {term(n) for n in names}: continue
        x = np.zeros(ix.n)
        for i, f in ix.postings[t]: x[i] = ix.idf[t] * f * (K1 + 1) / (f + ix.norm[i])
        own += x
        best = x.copy()                              # a term answers once: here, or nearby at a discount
        for d, w in enumerate(BACK): best = np.maximum(best, w * ix.near(x, -1 - d))
        for d, w in enumerate(AHEAD): best = np.maximum(best, w * ix.near(x, 1 + d))
        words_ += best
    top = {s: words_[ix.session == s].max() for s in set(ix.session)}
    cosine = ix.vectors @ vector
    if BASIC:                                        # the naive reference
        zs = lambda v: (v - v.mean()) / (v.std() + 1e-9)
        return zs(own) + zs(cosine)
    score = ix.prior + W['words'] * words_ + W['session'] * np.array([top[s] for s in ix.session])
    score += W['vector'] * cosine + W['vector_prev'] * ix.near_or_own(cosine, -1) + W['vector_next'] * ix.near_or_own(cosine, 1)
    score += W['answers'] * ix.near(own * ix.question, -1)
    score += W['speaker'] * np.array([s in asked for s in ix.speaker])
    months, days, years = named_date(query)
    if months or years:
        score += W['date'] * np.array([(0 if m not in months or (years and y not in years) else 2 if d in days else 1)
                                       + .3 * (y in years) for d, m, y in ix.dates])
    if WHEN.search(query.lower()): score += W['when'] * ix.time
    return score

# ---- measuring -------------------------------------------------------------------------------
def main():
    V, Q = np.load('bare.npy'), np.load('q.npy')
    rows, vo, qo = [], 0, 0
    for ci, c in enumerate(data.load()):
        ix = Index(c['turns'], V[vo:vo + len(c['turns'])]); vo += len(c['turns'])
        names = [n.lower() for n in c['names']]
        for q in c['qs']:
            s = search(ix, q['q'], Q[qo], names); qo += 1
            hit = [i in q['ev'] for i in np.argsort(-s, kind='stable')[:10]]
            ideal = sum(1 / math.log2(k + 2) for k in range(min(10, len(q['ev']))))
            rows.append((ci, q['cat'], any(hit[:5]), any(hit), sum(h / math.log2(k + 2) for k, h in enumerate(hit)) / ideal if ideal else 0))
    R = np.array(rows, float)
    def show(name, m): print(f"{name:22s} {m.sum():5d}  {100*R[m,2].mean():5.1f} {100*R[m,3].mean():5.1f} {R[m,4].mean():6.3f}")
    print(' '.join(sys.argv[1:]) or 'full'); print(f"{'':22s} {'n':>5s}  any@5 any@10 NDCG@10")
    show('all', R[:, 0] >= 0); show('conversations 1-5', R[:, 0] < 5); show('conversations 6-10', R[:, 0] >= 5)
    if '-q' in sys.argv: return
    for k, n in ((1, 'multi-hop'), (2, 'temporal'), (3, 'open domain'), (4, 'single-hop'), (5, 'adversarial')): show(f'{k} {n}', R[:, 1] == k)
    for k in range(10): show(f'conversation {k+1}', R[:, 0] == k)
if __name__ == '__main__': main()
